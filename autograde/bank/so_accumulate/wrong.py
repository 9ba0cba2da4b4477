"""Accumulate micro-batches: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "padded": Patch(
        "right_running",
        {
            """
            acc, n = 0, 0
            for b, g in pairs:
                acc = acc * (n / (n + b)) + g * (b / (n + b))
                n += b
            return acc
            """: "return sum(b * g for b, g in pairs) / (K * max(micro_counts))",
        },
        names="as if all were filled up",
    ),
}
