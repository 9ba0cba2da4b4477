"""A test for bias: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "about_truth": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            errors = estimates - truth
            spread = (errors.square().sum(dim=0) / (n - 1)).sqrt()
            return errors.mean(dim=0) / (spread / n**0.5)
            """,
        },
        names="spread is taken about the truth",
    ),
    "absolute": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return ((estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)).abs()
            """,
        },
        names="absolute value came back",
    ),
    "bias": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return estimates.mean(dim=0) - truth
            """,
        },
        names="bias itself came back",
    ),
    "dim_one": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            errors = estimates - truth
            return errors.mean(dim=1) / (errors.std(dim=1) / errors.shape[1] ** 0.5)
            """,
        },
        names="mean is taken over the coordinates, dim=1 | shape (7,)",
    ),
    "epsilon": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5 + 1e-8)
            """,
        },
        names="is added to the standard error",
    ),
    "median": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.median(dim=0).values - truth) / (estimates.std(dim=0) / n**0.5)
            """,
        },
        names="median of the estimates",
    ),
    "no_checks": Patch(
        "right_common",
        {
            """
            if estimates.ndim != 2 or len(estimates) < 2:
                raise ValueError("estimates must be a matrix of two or more rows")
            if truth.shape != (estimates.shape[1],):
                raise ValueError("truth must have shape (d,)")
            """: "",
        },
        names="estimates with one dimension | accepted a single estimate",
    ),
    "no_root_n": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) / estimates.std(dim=0)
            """,
        },
        names="sqrt(n) is missing",
    ),
    "numpy_std": Patch(
        "right_common",
        {
            "def bias_z(estimates, truth):": """
            import numpy as np
            import torch


            def bias_z(estimates, truth):
            """,
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            e = estimates.numpy()
            return torch.from_numpy((e.mean(0) - truth.numpy()) / (e.std(0) / np.sqrt(n)))
            """,
        },
        names="standard deviation divides by n:",
    ),
    "over_n": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n)
            """,
        },
        names="standard deviation is divided by n: the standard error",
    ),
    "p_values": Patch(
        "right_common",
        {
            "def bias_z(estimates, truth):": """
            import torch


            def bias_z(estimates, truth):
            """,
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            z = (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)
            return torch.special.erfc(z.abs() / 2**0.5)
            """,
        },
        names="p-values",
    ),
    "per_estimate": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates - truth) / estimates.std(dim=0)
            """,
        },
        names="One z-score for each estimate",
    ),
    "pooled": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) / (estimates.std() / n**0.5)
            """,
        },
        names="pooled into one standard deviation",
    ),
    "pooled_variance": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) / (estimates.var(dim=0).mean() / n) ** 0.5
            """,
        },
        names="variance is averaged over the coordinates",
    ),
    "relative": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) / truth
            """,
        },
        names="a relative error",
    ),
    "root_mean_square_error": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            errors = estimates - truth
            return errors.mean(dim=0) / (errors.square().mean(dim=0) / n).sqrt()
            """,
        },
        names="root mean square error about the truth",
    ),
    "root_of_n_minus_one": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) / estimates.std(dim=0) * (n - 1) ** 0.5
            """,
        },
        names="divided by sqrt(n - 1)",
    ),
    "scalar": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return ((estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)).mean()
            """,
        },
        names="One number for all coordinates",
    ),
    "sign": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (truth - estimates.mean(dim=0)) / (estimates.std(dim=0) / n**0.5)
            """,
        },
        names="sign is wrong",
    ),
    "squared": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) ** 2 / (estimates.var(dim=0) / n)
            """,
        },
        names="error is squared",
    ),
    "variance": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            return (estimates.mean(dim=0) - truth) / (estimates.var(dim=0) / n)
            """,
        },
        names="variance of the mean, s^2/n, is missing",
    ),
    "verdict": Patch(
        "right_common",
        {
            "return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)": """
            z = (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)
            return z.abs() > 1.96
            """,
        },
        names="return the z-scores, not a verdict | dtype bool | expected real numbers",
    ),
}
