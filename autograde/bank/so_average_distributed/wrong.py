"""One gradient from many workers: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "by_largest": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return n @ g / n.max()",
        },
        names="divided by the largest batch size",
    ),
    "chain": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": """
            mean = g[0]
            for k in range(1, len(g)):
                mean = (n[k - 1] * mean + n[k] * g[k]) / (n[k - 1] + n[k])
            return mean
            """,
        },
        names="mean so far is weighted by one worker only",
    ),
    "descent": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return -n @ g / n.sum()",
        },
        names="wrong sign",
    ),
    "divided_twice": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return (n / n.sum()) @ g / len(n)",
        },
        names="divided by the number of workers once more",
    ),
    "halves": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": """
            mean = g[0]
            for k in range(1, len(g)):
                mean = (mean + g[k]) / 2
            return mean
            """,
        },
        names="half and half with the mean so far",
    ),
    "in_place": Patch(
        "right_common",
        {
            "import torch": "",
            """
            g = torch.stack(local_grads)
            n = torch.tensor(local_batch_sizes, dtype=g.dtype)
            return n @ g / n.sum()
            """: """
            for g, size in zip(local_grads, local_batch_sizes):
                g *= size / sum(local_batch_sizes)
            return sum(local_grads)
            """,
        },
        names="changed its input `local_grads[0]` in place",
    ),
    "inverse": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return (1 / n) @ g / (1 / n).sum()",
        },
        names="upside down",
    ),
    "lengths_unchecked": Patch(
        "right_common",
        {
            "if len(local_grads) != len(local_batch_sizes) or len(local_grads) == 0:": "if len(local_grads) == 0:",
            """
            g = torch.stack(local_grads)
            n = torch.tensor(local_batch_sizes, dtype=g.dtype)
            return n @ g / n.sum()
            """: """
            total = 0
            for g, n in zip(local_grads, local_batch_sizes):
                total = total + n * g
            return total / sum(local_batch_sizes)
            """,
        },
        names="accepted 3 gradients with 2 batch sizes",
    ),
    "no_size_check": Patch(
        "right_common",
        {
            """
            if any(size < 1 for size in local_batch_sizes):
                raise ValueError("local_batch_sizes must be positive")
            """: "",
        },
        names="accepted a batch size of 0",
    ),
    "not_divided": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return n @ g",
        },
        names="division by the total number of rows is missing",
    ),
    "not_multiplied": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return g.sum(dim=0) / n.sum()",
        },
        names="not multiplied by their batch size",
    ),
    "over_workers": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return n @ g / len(n)",
        },
        names="divided by the number of workers",
    ),
    "plain_mean": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return g.mean(dim=0)",
        },
        names="plain mean over the workers",
    ),
    "plain_sum": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return g.sum(dim=0)",
        },
        names="added up without weights",
    ),
    "rank_zero": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return g[0]",
        },
        names="gradient of the first worker alone",
    ),
    "reversed": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return n.flip(0) @ g / n.sum()",
        },
        names="reverse order",
    ),
    "rows_returned": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return n[:, None] * g / n.sum()",
        },
        names="add the weighted rows up",
    ),
    "softmax": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return n.softmax(0) @ g",
        },
        names="softmax",
    ),
    "square_root": Patch(
        "right_common",
        {
            "return n @ g / n.sum()": "return n.sqrt() @ g / n.sqrt().sum()",
        },
        names="square root of the batch size",
    ),
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
