"""The best control variate: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "broadcast": Patch(
        "right_numpy_cov",
        {
            "if f.ndim != 1 or h.ndim != 1 or len(f) != len(h):": "if len(f) != len(h):",
            "C = np.cov(f.double().numpy(), h.double().numpy())": """
            C = np.cov(f.double().numpy().ravel(), h.double().numpy().ravel())
            """,
        },
        names="(n, 1)",
    ),
    "centred_at_known_mean": Patch(
        "right_common",
        {
            "b = h - h.mean()": "b = h - h_mean",
            "ratio = 1 - (a * b).mean() ** 2 / ((a * a).mean() * (b * b).mean())": """
            ratio = (f - c * h).var() / f.var()
            """,
        },
        names="centred at h_mean",
    ),
    "coefficient_one": Patch(
        "right_common",
        {
            "c = (a * b).mean() / (b * b).mean()": "c = 1.0",
        },
        names="The coefficient is 1",
    ),
    "constant_h": Patch(
        "right_common",
        {
            """
            if len(h) < 2 or h.max() == h.min():
                raise ValueError("h is constant")
            """: "",
        },
        names="for a constant h | accepted a constant h",
    ),
    "correlation_as_coefficient": Patch(
        "right_common",
        {
            "c = (a * b).mean() / (b * b).mean()": "c = torch.corrcoef(torch.stack([f, h]))[0, 1]",
        },
        names="The coefficient is the correlation",
    ),
    "divided_by_var_f": Patch(
        "right_common",
        {
            "c = (a * b).mean() / (b * b).mean()": "c = (a * b).mean() / (a * a).mean()",
        },
        names="divided by Var(f)",
    ),
    "mean_not_added_back": Patch(
        "right_common",
        {
            "estimate = f.mean() - c * (h.mean() - h_mean)": "estimate = f.mean() - c * h.mean()",
        },
        names="h_mean is not added back",
    ),
    "mixed_divisors": Patch(
        "right_common",
        {
            "c = (a * b).mean() / (b * b).mean()": """
            covariance = torch.cov(torch.stack([f, h]))[0, 1]
            c = covariance / h.var(correction=0)
            """,
        },
        names="Mixed divisors",
    ),
    "mixed_in_ratio": Patch(
        "right_common",
        {
            "ratio = 1 - (a * b).mean() ** 2 / ((a * a).mean() * (b * b).mean())": """
            ratio = 1 - (a * b).mean() ** 2 / (f.var() * h.var())
            """,
        },
        names="Mixed divisors",
    ),
    "not_centred": Patch(
        "right_common",
        {
            "c = (a * b).mean() / (b * b).mean()": "c = (f * h).mean() / (h * h).mean()",
        },
        names="Neither f nor h is centred",
    ),
    "ratio_inverted": Patch(
        "right_common",
        {
            "ratio = 1 - (a * b).mean() ** 2 / ((a * a).mean() * (b * b).mean())": """
            ratio = f.var() / (f - c * h).var()
            """,
        },
        names="The ratio is upside down",
    ),
    "ratio_of_means": Patch(
        "right_numpy_cov",
        {
            "c = C[0, 1] / C[1, 1]": "c = (f.mean() / h.mean()).item()",
        },
        names="ratio of the means",
    ),
    "rho_not_squared": Patch(
        "right_common",
        {
            "ratio = 1 - (a * b).mean() ** 2 / ((a * a).mean() * (b * b).mean())": """
            ratio = 1 - (a * b).mean().abs() / ((a * a).mean() * (b * b).mean()).sqrt()
            """,
        },
        names="square the correlation",
    ),
    "rho_squared": Patch(
        "right_common",
        {
            "ratio = 1 - (a * b).mean() ** 2 / ((a * a).mean() * (b * b).mean())": """
            ratio = (a * b).mean() ** 2 / ((a * a).mean() * (b * b).mean())
            """,
        },
        names="the share that is removed",
    ),
    "sample_mean_of_h": Patch(
        "right_numpy_cov",
        {
            "est = f.mean().item() - c * (h.mean().item() - h_mean)": """
            est = f.mean().item() - c * (h - h.mean()).mean().item()
            """,
        },
        names="plain mean of f",
    ),
    "samples_returned": Patch(
        "right_common",
        {
            "estimate = f.mean() - c * (h.mean() - h_mean)": "estimate = f - c * (h - h_mean)",
            "return estimate.item(), ratio.item()": "return estimate, ratio.item()",
        },
        names="All corrected samples came back",
    ),
    "sign": Patch(
        "right_common",
        {
            "estimate = f.mean() - c * (h.mean() - h_mean)": "estimate = f.mean() + c * (h.mean() - h_mean)",
        },
        names="Wrong sign",
    ),
    "swapped_order": Patch(
        "right_common",
        {
            "return estimate.item(), ratio.item()": "return ratio.item(), estimate.item()",
        },
        names="The order is (estimate, variance ratio)",
    ),
    "variance_after": Patch(
        "right_common",
        {
            "ratio = 1 - (a * b).mean() ** 2 / ((a * a).mean() * (b * b).mean())": "ratio = (f - c * h).var()",
        },
        names="divide it by the variance of f",
    ),
}
