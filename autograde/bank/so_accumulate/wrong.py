"""Accumulate micro-batches: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "divided_by_count": Patch(
        "right_common",
        {
            """
                total += count * grad
            return total / sum(micro_counts)
            """: """
                total += grad / count
            return total
            """,
        },
        names="it is a mean already",
    ),
    "drops_last": Patch(
        "right_common",
        {
            "for grad, count in zip(micro_grads, micro_counts):": """
            for grad, count in zip(micro_grads[:-1], micro_counts[:-1]):
            """,
            "return total / sum(micro_counts)": """
            return total / sum(micro_counts[:-1]) if len(micro_counts) > 1 else micro_grads[0]
            """,
        },
        names="The last micro-batch is left out",
    ),
    "empty_unnamed": Patch(
        "right_common",
        {
            "if len(micro_grads) != len(micro_counts) or len(micro_grads) == 0:": """
            if len(micro_grads) != len(micro_counts):
            """,
        },
        names="for no micro-batch at all",
    ),
    "first_count": Patch(
        "right_common",
        {
            "return total / sum(micro_counts)": "return total / micro_counts[0]",
        },
        names="divided by the token count of the first micro-batch",
    ),
    "floor": Patch(
        "right_common",
        {
            """
                total += count * grad
            return total / sum(micro_counts)
            """: """
                total += count // sum(micro_counts) * grad
            return total
            """,
        },
        names="Floor division",
    ),
    "in_place": Patch(
        "right_common",
        {
            """
            total = torch.zeros_like(micro_grads[0])
            for grad, count in zip(micro_grads, micro_counts):
            """: """
            total = micro_grads[0].mul_(micro_counts[0])
            for grad, count in zip(micro_grads[1:], micro_counts[1:]):
            """,
        },
        names="changed its input `micro_grads[0]` in place",
    ),
    "longest_count": Patch(
        "right_common",
        {
            "return total / sum(micro_counts)": "return total / max(micro_counts)",
        },
        names="divided by the largest token count",
    ),
    "negative_count": Patch(
        "right_common",
        {
            "if any(count < 1 for count in micro_counts):": "if any(count == 0 for count in micro_counts):",
        },
        names="accepted a token count of -5",
    ),
    "never_divided": Patch(
        "right_common",
        {
            "return total / sum(micro_counts)": "return total",
        },
        names="division by the total number of tokens is missing",
    ),
    "over_k": Patch(
        "right_common",
        {
            """
                total += count * grad
            return total / sum(micro_counts)
            """: """
                total += grad
            return total / len(micro_grads)
            """,
        },
        names="plain mean over the micro-batches",
    ),
    "overwritten": Patch(
        "right_common",
        {
            """
                total += count * grad
            return total / sum(micro_counts)
            """: """
                total = grad
            return total
            """,
        },
        names="gradient of the last micro-batch alone",
    ),
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
    "squared": Patch(
        "right_common",
        {
            "total += count * grad": "total += count * count * grad",
        },
        names="multiplied in twice",
    ),
    "sum": Patch(
        "right_common",
        {
            """
                total += count * grad
            return total / sum(micro_counts)
            """: """
                total += grad
            return total
            """,
        },
        names="added up without weights",
    ),
    "sum_over_tokens": Patch(
        "right_common",
        {
            "total += count * grad": "total += grad",
        },
        names="not multiplied by their token count",
    ),
    "weighted_and_over_k": Patch(
        "right_common",
        {
            "return total / sum(micro_counts)": "return total / sum(micro_counts) / len(micro_counts)",
        },
        names="divided by the number of micro-batches once more",
    ),
    "weighted_over_k": Patch(
        "right_common",
        {
            "return total / sum(micro_counts)": "return total / len(micro_counts)",
        },
        names="divided by the number of micro-batches: divide",
    ),
    "zero_tokens": Patch(
        "right_common",
        {
            "if any(count < 1 for count in micro_counts):": "if any(count < 0 for count in micro_counts):",
        },
        names="accepted a micro-batch with 0 tokens",
    ),
}
