"""Gradient variance: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "factor_inverted": Patch(
        "right_var",
        {
            "variance = torch.var(per_sample, dim=0, correction=0).sum() / batch_size": """
            variance = per_sample.var(dim=0, correction=0).sum() / batch_size
            """,
            "variance = variance * (n - batch_size) / (n - 1)": """
            variance = variance * (n - 1) / max(n - batch_size, 1)
            """,
        },
        names="upside down",
    ),
    "standard_deviation": Patch(
        "right_var",
        {
            "variance = torch.var(per_sample, dim=0, correction=0).sum() / batch_size": """
            variance = per_sample.var(dim=0, correction=0).sum() / batch_size
            """,
            "return float(variance)": "return float(variance.sqrt())",
        },
        names="standard deviation came back",
    ),
}
