"""One gradient from many workers: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "times_k": Patch(
        "right_expanded_rows",
        {
            """
            rows = torch.cat([g.expand(b, -1) for b, g in pairs])
            return rows.mean(0)
            """: """
            mean = N / K
            return sum(b / mean * g for b, g in pairs)
            """,
        },
        names="multiplied by the number of workers",
    ),
}
