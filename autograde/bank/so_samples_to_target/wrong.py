"""Samples to a target loss: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "empty": Patch(
        "right_enumerate",
        {
            """
            if len(losses) == 0:
                raise ValueError("losses must not be empty")
            """: "",
        },
        names="accepted empty losses",
    ),
    "infinity_for_never": Patch(
        "right_enumerate",
        {
            "return None": 'return float("inf")',
        },
        names="infinity came back",
    ),
    "minus_one_for_never": Patch(
        "right_enumerate",
        {
            "return None": "return -1",
        },
        names="-1 came back",
    ),
    "off_by_one": Patch(
        "right_enumerate",
        {
            "return step * batch_size": "return (step + 1) * batch_size",
        },
        names="off by one",
    ),
    "skips_start": Patch(
        "right_enumerate",
        {
            "if loss <= target:": "if step > 0 and loss <= target:",
        },
        names="losses[0] is skipped",
    ),
    "steps": Patch(
        "right_enumerate",
        {
            "return step * batch_size": "return step",
        },
        names="number of steps came back",
    ),
    "strict": Patch(
        "right_enumerate",
        {
            "if loss <= target:": "if loss < target:",
        },
        names="not <",
    ),
    "zero_for_never": Patch(
        "right_enumerate",
        {
            "return None": "return 0",
        },
        names="0 came back",
    ),
}
