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
