"""Expected squared norm: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "b_squared": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() + cov_trace / batch_size**2
            """,
        },
        names="divided by B twice",
    ),
    "bessel": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() + cov_trace / (batch_size - 1)
            """,
        },
        names="divided by B - 1 | raised ZeroDivisionError",
    ),
    "d_times": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return sum(g**2 + cov_trace / batch_size for g in mean_grad.tolist())
            """,
        },
        names="multiplied by d",
    ),
    "floor_division": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() + cov_trace // batch_size
            """,
        },
        names="Floor division",
    ),
    "lengths_added": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return (mean_grad.norm().item() + (cov_trace / batch_size) ** 0.5) ** 2
            """,
        },
        names="lengths of signal and noise",
    ),
    "max_norm": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return max(g * g for g in mean_grad.tolist()) + cov_trace / batch_size
            """,
        },
        names="largest entry of mean_grad",
    ),
    "mean_of_squares": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().mean().item() + cov_trace / batch_size
            """,
        },
        names="averaged over its d entries",
    ),
    "no_checks": Patch(
        "right_square_sum",
        {
            """
            if batch_size < 1:
                raise ValueError("batch_size must be positive")
            if cov_trace < 0:
                raise ValueError("cov_trace must not be negative")
            """: "",
        },
        names="batch size 0",
    ),
    "noise_not_averaged": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() + cov_trace
            """,
        },
        names="noise is not divided by B",
    ),
    "norm_not_squared": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.norm().item() + cov_trace / batch_size
            """,
        },
        names="mean gradient is not squared",
    ),
    "one_norm": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.abs().sum().item() ** 2 + cov_trace / batch_size
            """,
        },
        names="1-norm of mean_grad is squared",
    ),
    "per_coordinate": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad**2 + cov_trace / batch_size
            """,
        },
        names="One number a coordinate",
    ),
    "ratio": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            s = mean_grad.square().sum().item()
            return s / (s + cov_trace / batch_size)
            """,
        },
        names="ratio of signal and whole",
    ),
    "root": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return (mean_grad.square().sum().item() + cov_trace / batch_size) ** 0.5
            """,
        },
        names="square root of the result",
    ),
    "root_of_b": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() + cov_trace / batch_size**0.5
            """,
        },
        names="divided by sqrt(B)",
    ),
    "root_of_trace": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() + (cov_trace / batch_size) ** 0.5
            """,
        },
        names="square root of tr Sigma / B",
    ),
    "signal_averaged": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return (mean_grad.square().sum().item() + cov_trace) / batch_size
            """,
        },
        names="signal is divided by B",
    ),
    "signal_only": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": "return mean_grad.square().sum().item()",
        },
        names="noise tr Sigma / B is missing",
    ),
    "subtracted": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() - cov_trace / batch_size
            """,
        },
        names="noise is subtracted",
    ),
    "sum_squared": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.sum().item() ** 2 + cov_trace / batch_size
            """,
        },
        names="entries of mean_grad are added before squaring",
    ),
    "times_b": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() + cov_trace * batch_size
            """,
        },
        names="noise is multiplied by B",
    ),
    "trace_squared": Patch(
        "right_square_sum",
        {
            "return mean_grad.square().sum().item() + cov_trace / batch_size": """
            return mean_grad.square().sum().item() + cov_trace**2 / batch_size
            """,
        },
        names="cov_trace is squared",
    ),
}
