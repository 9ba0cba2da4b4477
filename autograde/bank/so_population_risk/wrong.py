"""Population risk with an error bar: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "error_probability": Patch(
        "right_common",
        {
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            """: "z = NormalDist().inv_cdf(1 - confidence / 2)",
        },
        names="as if `confidence` were the error probability",
    ),
    "fixed_196": Patch(
        "right_common",
        {
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.mean().item(), 1.96 * loss_samples.std().item() / n**0.5",
        },
        names="1.96 is",
    ),
    "fixed_quantile": Patch(
        "right_common",
        {
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            """: "z = NormalDist().inv_cdf(0.975)",
        },
        names="quantile for 0.95 is used",
    ),
    "interval": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: """
            mean, half = loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            return mean - half, mean + half
            """,
        },
        names="end of the interval",
    ),
    "median": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.median().item(), z * loss_samples.std().item() / n**0.5",
        },
        names="median stands where",
    ),
    "negative": Patch(
        "right_common",
        {
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            """: "z = NormalDist().inv_cdf((1 - confidence) / 2)",
        },
        names="quantile is taken at (1 - confidence)/2",
    ),
    "no_root_n": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.mean().item(), z * loss_samples.std().item()",
        },
        names="division by sqrt(n) is missing",
    ),
    "one_sided": Patch(
        "right_common",
        {
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            """: "z = NormalDist().inv_cdf(confidence)",
        },
        names="quantile is one-sided",
    ),
    "over_n": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.mean().item(), z * loss_samples.std().item() / n",
        },
        names="standard deviation is divided by n: a standard error",
    ),
    "root_of_n_minus_one": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.mean().item(), z * loss_samples.std().item() / (n - 1) ** 0.5",
        },
        names="divided by sqrt(n - 1)",
    ),
    "rounded": Patch(
        "right_common",
        {
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            """: "z = round(NormalDist().inv_cdf((1 + confidence) / 2), 2)",
        },
        names="is rounded",
    ),
    "standard_error": Patch(
        "right_common",
        {
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.mean().item(), loss_samples.std().item() / n**0.5",
        },
        names="bare standard error",
    ),
    "swapped": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return z * loss_samples.std().item() / n**0.5, loss_samples.mean().item()",
        },
        names="wrong way round",
    ),
    "table": Patch(
        "right_common",
        {
            "from statistics import NormalDist": "",
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            """: "z = {0.9: 1.645, 0.95: 1.96, 0.99: 2.576}[confidence]",
        },
        names="raised KeyError | rounded to | 1.96 is rounded",
    ),
    "uncentred": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: """
            s2 = (loss_samples**2).sum().item() / (n - 1)
            return loss_samples.mean().item(), z * (s2 / n) ** 0.5
            """,
        },
        names="not centred",
    ),
    "variance": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.mean().item(), z * loss_samples.var().item() / n",
        },
        names="without its square root",
    ),
    "whole_width": Patch(
        "right_common",
        {
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.mean().item(), 2 * z * loss_samples.std().item() / n**0.5",
        },
        names="whole width",
    ),
}
