"""The knee: critical batch size: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "inverted": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            return (mean.square().sum() / per_sample.var(dim=0, correction=0).sum()).item()
            """,
        },
        names="upside down",
    ),
    "largest_ratio": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            return (per_sample.var(dim=0, correction=0) / mean.square()).max().item()
            """,
        },
        names="largest ratio of a coordinate",
    ),
    "mean_of_ratios": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            return (per_sample.var(dim=0, correction=0) / mean.square()).mean().item()
            """,
        },
        names="each coordinate and averaged",
    ),
    "norm_not_squared": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            return (per_sample.var(dim=0, correction=0).sum() / mean.norm()).item()
            """,
        },
        names="not squared",
    ),
    "norms_of_rows": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            noise = (per_sample - mean).square().sum(dim=1).mean()
            return (noise / per_sample.norm(dim=1).square().mean()).item()
            """,
        },
        names="single gradients",
    ),
    "not_centred": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            return (per_sample.square().sum(dim=1).mean() / mean.square().sum()).item()
            """,
        },
        names="second moment is not centred",
    ),
    "per_coordinate": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            return per_sample.var(dim=0, correction=0) / mean.square()
            """,
        },
        names="one ratio a coordinate",
    ),
    "sample_covariance": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            return (per_sample.var(dim=0).sum() / mean.square().sum()).item()
            """,
        },
        names="N - 1 (sample covariance)",
    ),
    "trace_averaged": Patch(
        "right_any",
        {
            "return (per_sample.var(dim=0, correction=0).sum() / mean.square().sum()).item()": """
            return (per_sample.var(dim=0, correction=0).mean() / mean.square().sum()).item()
            """,
        },
        names="trace is averaged",
    ),
}
