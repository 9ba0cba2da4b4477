"""Gradient variance: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "b_squared": Patch(
        "right_float",
        {
            "variance = per_sample.var(dim=0, correction=0).sum() / batch_size": """
            variance = per_sample.var(dim=0, correction=0).sum() / batch_size**2
            """,
        },
        names="twice (B^2)",
    ),
    "factor_inverted": Patch(
        "right_method",
        {
            "variance = variance * (n - batch_size) / (n - 1)": """
            variance = variance * (n - 1) / max(n - batch_size, 1)
            """,
        },
        names="upside down",
    ),
    "factor_missing": Patch(
        "right_common",
        {
            """
            variance = per_sample.var(dim=0, correction=0).sum().item() / batch_size
            return variance if replacement else variance * (n - batch_size) / (n - 1)
            """: "return float(per_sample.var(dim=0, correction=0).sum() / batch_size)",
        },
        names="(N - B)/(N - 1) for draws without replacement is missing",
    ),
    "factor_over_n": Patch(
        "right_float",
        {
            "return float(variance if replacement else variance * (n - batch_size) / (n - 1))": """
            return float(variance if replacement else variance * (1 - batch_size / n))
            """,
        },
        names="(N - B)/N here",
    ),
    "mean_over_coordinates": Patch(
        "right_float",
        {
            "variance = per_sample.var(dim=0, correction=0).sum() / batch_size": """
            variance = per_sample.var(dim=0, correction=0).mean() / batch_size
            """,
        },
        names="averaged over the d coordinates",
    ),
    "not_centred": Patch(
        "right_float",
        {
            """
            variance = per_sample.var(dim=0, correction=0).sum() / batch_size
            return float(variance if replacement else variance * (n - batch_size) / (n - 1))
            """: """
            moment = per_sample.square().sum(dim=1).mean() / batch_size
            return float(moment if replacement else moment * (n - batch_size) / (n - 1))
            """,
        },
        names="second moment is not centred",
    ),
    "not_divided_by_b": Patch(
        "right_float",
        {
            """
            variance = per_sample.var(dim=0, correction=0).sum() / batch_size
            return float(variance if replacement else variance * (n - batch_size) / (n - 1))
            """: """
            trace = per_sample.var(dim=0, correction=0).sum()
            return float(trace if replacement else trace * (n - batch_size) / (n - 1))
            """,
        },
        names="division by the batch size B is missing",
    ),
    "per_coordinate": Patch(
        "right_common",
        {
            "variance = per_sample.var(dim=0, correction=0).sum().item() / batch_size": """
            variance = per_sample.var(dim=0, correction=0) / batch_size
            """,
        },
        names="the trace is their sum",
    ),
    "sample_covariance": Patch(
        "right_float",
        {
            "variance = per_sample.var(dim=0, correction=0).sum() / batch_size": """
            variance = torch.cov(per_sample.T).reshape(per_sample.shape[1], -1).trace() / batch_size
            """,
        },
        names="N - 1 (sample covariance)",
    ),
    "standard_deviation": Patch(
        "right_method",
        {
            "return float(variance)": "return float(variance.sqrt())",
        },
        names="standard deviation came back",
    ),
    "swapped": Patch(
        "right_method",
        {
            """
            if not replacement:
                variance = variance * (n - batch_size) / (n - 1)
            """: """
            if replacement:
                variance = variance * (n - batch_size) / max(n - 1, 1)
            """,
        },
        names="two cases are swapped",
    ),
}
