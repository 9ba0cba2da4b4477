"""Learning rate at equal temperature: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "batch_missing": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr * new_batch",
        },
        names="division by batch is missing",
    ),
    "capped": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return min(lr, lr * new_batch / batch)",
        },
        names="unchanged for a larger batch",
    ),
    "floor_division": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr * (new_batch // batch)",
        },
        names="Floor division",
    ),
    "inverse": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr * batch / new_batch",
        },
        names="upside down",
    ),
    "logarithm": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr * (1 + math.log2(new_batch / batch))",
        },
        names="logarithm of the ratio",
    ),
    "new_batch_unchecked": Patch(
        "right_at_least_one",
        {
            """
            if new_batch < 1:
                raise ValueError("new_batch must be positive")
            """: "",
        },
        names="new_batch = 0 | new_batch = -16",
    ),
    "only_grows": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr * max(1.0, new_batch / batch)",
        },
        names="unchanged for a smaller batch",
    ),
    "rounded_ratio": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr * round(new_batch / batch)",
        },
        names="ratio of the batch sizes is rounded",
    ),
    "square_root": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr * math.sqrt(new_batch / batch)",
        },
        names="square root of the ratio",
    ),
    "squared": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr * (new_batch / batch) ** 2",
        },
        names="The ratio is squared",
    ),
    "temperature_returned": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr / batch",
        },
        names="The temperature lr/batch came back",
    ),
    "unchanged": Patch(
        "right_at_least_one",
        {
            "return lr * new_batch / batch": "return lr",
        },
        names="came back unchanged",
    ),
}
