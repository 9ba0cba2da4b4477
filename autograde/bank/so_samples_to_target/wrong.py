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
    "falsy_start": Patch(
        "right_enumerate",
        {
            """
            for step, loss in enumerate(losses):
                if loss <= target:
                    return step * batch_size
            return None
            """: """
            cost = next((step * batch_size for step, loss in enumerate(losses) if loss <= target), None)
            return cost or None
            """,
        },
        names="None came back although losses[0] meets the target",
    ),
    "final_loss": Patch(
        "right_enumerate",
        {
            """
            for step, loss in enumerate(losses):
                if loss <= target:
                    return step * batch_size
            return None
            """: """
            if losses[-1] > target:
                return None
            return (len(losses) - 1) * batch_size
            """,
        },
        names="only the last loss was compared",
    ),
    "infinity_for_never": Patch(
        "right_enumerate",
        {
            "return None": 'return float("inf")',
        },
        names="infinity came back",
    ),
    "last_time": Patch(
        "right_enumerate",
        {
            """
            if len(losses) == 0:
                raise ValueError("losses must not be empty")
            """: """
            if len(losses) == 0:
                raise ValueError("losses must not be empty")
            found = None
            """,
            """
                    return step * batch_size
            return None
            """: """
                    found = step * batch_size
            return found
            """,
        },
        names="last time the loss meets the target",
    ),
    "minimum": Patch(
        "right_enumerate",
        {
            """
            for step, loss in enumerate(losses):
                if loss <= target:
                    return step * batch_size
            return None
            """: """
            values = [float(loss) for loss in losses]
            if min(values) > target:
                return None
            return values.index(min(values)) * batch_size
            """,
        },
        names="smallest loss is used",
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
