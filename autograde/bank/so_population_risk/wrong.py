"""Population risk with an error bar: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "bootstrap": Patch(
        "right_common",
        {
            "from statistics import NormalDist": """
            from statistics import NormalDist

            import torch
            """,
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: """
            means = loss_samples[torch.randint(n, (2000, n))].mean(dim=1)
            return loss_samples.mean().item(), z * means.std().item()
            """,
        },
        names="Two equal calls differ",
    ),
    "erfinv_without_root": Patch(
        "right_common",
        {
            "from statistics import NormalDist": "import torch",
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            """: "z = torch.erfinv(torch.tensor(confidence, dtype=torch.float64)).item()",
        },
        names="sqrt(2) between erfinv",
    ),
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
    "no_checks": Patch(
        "right_common",
        {
            """
            if loss_samples.ndim != 1 or len(loss_samples) < 2:
                raise ValueError("loss_samples must be a vector of two or more losses")
            if not 0 < confidence < 1:
                raise ValueError("confidence must be in (0, 1)")
            n = len(loss_samples)
            """: "",
        },
        names="for no losses | accepted a single loss",
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
    "numpy_std": Patch(
        "right_common",
        {
            "from statistics import NormalDist": """
            from statistics import NormalDist

            import numpy as np
            """,
            """
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: """
            x = loss_samples.numpy()
            return float(x.mean()), float(z * np.std(x) / np.sqrt(n))
            """,
        },
        names="standard deviation divides by n:",
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
    "only_mean": Patch(
        "right_common",
        {
            "from statistics import NormalDist": "",
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: "return loss_samples.mean().item()",
        },
        names="return the pair",
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
    "percentiles": Patch(
        "right_common",
        {
            "from statistics import NormalDist": "",
            """
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            n = len(loss_samples)
            return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
            """: """
            low, high = loss_samples.quantile((1 - confidence) / 2), loss_samples.quantile((1 + confidence) / 2)
            return loss_samples.mean().item(), ((high - low) / 2).item()
            """,
        },
        names="quantiles of the losses",
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
