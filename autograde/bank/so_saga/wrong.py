"""SAGA: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "mean_never_updated": Patch(
        "right_recomputed_mean",
        {
            "theta = theta0.clone()": """
            mean = table.mean(dim=0)
            theta = theta0
            """,
            "i = int(torch.randint(n, (1,), generator=generator))": """
            i = torch.randint(n, (1,), generator=generator).item()
            """,
            "theta = theta - lr * (new - table[i] + table.mean(dim=0))": """
            change = new - table[i]
            theta = theta - lr * (change + mean)
            """,
        },
        names="mean of the first table is used at every step",
    ),
}
