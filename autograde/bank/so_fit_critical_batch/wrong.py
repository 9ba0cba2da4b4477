"""Fitting the critical batch size: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "averaged_runs": Patch(
        "right_common",
        {
            "x, y = 1 / b, s": """
            kinds = b.unique()
            x = 1 / kinds
            y = torch.stack([s[b == kind].mean() for kind in kinds])
            """,
        },
        names="averaged first",
    ),
    "clamped": Patch(
        "right_common",
        {
            "return (y.mean() - slope * x.mean()).item(), slope.item()": """
            return max(0.0, (y.mean() - slope * x.mean()).item()), max(0.0, slope.item())
            """,
        },
        names="negative estimate is set to zero",
    ),
    "critical_batch": Patch(
        "right_x_only",
        {
            "return (s.mean() - slope * x.mean()).item(), slope.item()": """
            s_min = s.mean() - slope * x.mean()
            return s_min.item(), (slope / s_min).item()
            """,
        },
        names="critical batch size came back in place of e_min",
    ),
    "dict": Patch(
        "right_common",
        {
            "x, y = 1 / b, s": """
            runs = dict(zip(b.tolist(), s.tolist()))
            x = torch.tensor([1 / key for key in runs], dtype=torch.float64)
            y = torch.tensor(list(runs.values()), dtype=torch.float64)
            """,
        },
        names="only the last is kept",
    ),
    "divisors": Patch(
        "right_x_only",
        {
            "import torch": """
            import numpy as np
            import torch
            """,
            """
            x = 1 / b
            slope = (x - x.mean()) @ (s - s.mean()) / (x - x.mean()).square().sum()
            return (s.mean() - slope * x.mean()).item(), slope.item()
            """: """
            x = 1 / b.numpy()
            slope = np.cov(x, s.numpy())[0, 1] / np.var(x)
            return s.mean().item() - slope * x.mean(), slope
            """,
        },
        names="divided by n - 1 and the variance by n",
    ),
    "ends_only": Patch(
        "right_x_only",
        {
            """
            x = 1 / b
            slope = (x - x.mean()) @ (s - s.mean()) / (x - x.mean()).square().sum()
            return (s.mean() - slope * x.mean()).item(), slope.item()
            """: """
            i, j = b.argmin(), b.argmax()
            slope = (s[i] - s[j]) / (1 / b[i] - 1 / b[j])
            return (s[j] - slope / b[j]).item(), slope.item()
            """,
        },
        names="Only the smallest and the largest batch",
    ),
    "examples_on_batches": Patch(
        "right_common",
        {
            "x, y = 1 / b, s": "x, y = b, b * s",
            "return (y.mean() - slope * x.mean()).item(), slope.item()": """
            return slope.item(), (y.mean() - slope * x.mean()).item()
            """,
        },
        names="weights each run by B^2",
    ),
    "floor_of_steps": Patch(
        "right_x_only",
        {
            """
            slope = (x - x.mean()) @ (s - s.mean()) / (x - x.mean()).square().sum()
            return (s.mean() - slope * x.mean()).item(), slope.item()
            """: """
            s_min = s.min()
            return s_min.item(), (x @ (s - s_min) / (x @ x)).item()
            """,
        },
        names="smallest number of steps",
    ),
    "mean_batch": Patch(
        "right_x_only",
        {
            "return (s.mean() - slope * x.mean()).item(), slope.item()": """
            return (s.mean() - slope / b.mean()).item(), slope.item()
            """,
        },
        names="1 over the mean batch",
    ),
    "no_intercept": Patch(
        "right_x_only",
        {
            "slope = (x - x.mean()) @ (s - s.mean()) / (x - x.mean()).square().sum()": "slope = (x @ s) / (x @ x)",
        },
        names="intercept is left out | without the intercept",
    ),
    "relative_weights": Patch(
        "right_x_only",
        {
            """
            slope = (x - x.mean()) @ (s - s.mean()) / (x - x.mean()).square().sum()
            return (s.mean() - slope * x.mean()).item(), slope.item()
            """: """
            w = 1 / s**2
            w = w / w.sum()
            xm, ym = w @ x, w @ s
            slope = (w * (x - xm)) @ (s - ym) / ((w * (x - xm)) @ (x - xm))
            return (ym - slope * xm).item(), slope.item()
            """,
        },
        names="Relative errors are minimised",
    ),
    "sorted": Patch(
        "right_common",
        {
            "x, y = 1 / b, s": "x, y = 1 / b.sort().values, s",
        },
        names="sorted without their steps",
    ),
    "steps_on_batches": Patch(
        "right_common",
        {
            "x, y = 1 / b, s": "x, y = b, s",
        },
        names="variable of the line is 1/B",
    ),
}
