"""Scaling the learning rate: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "always_linear": Patch(
        "right_brackets",
        {
            """
            ratio = batch / base_batch
            return base_lr * (ratio if rule == "linear" else ratio**0.5)
            """: "return base_lr * batch / base_batch",
        },
        names='The "linear" formula is used for rule "sqrt"',
    ),
    "base_ignored": Patch(
        "right_ratio",
        {
            """
            ratio = batch / base_batch
            return base_lr * ratio if rule == "linear" else base_lr * ratio**0.5
            """: 'return base_lr * batch if rule == "linear" else base_lr * batch**0.5',
        },
        names="base_batch is ignored",
    ),
    "capped": Patch(
        "right_brackets",
        {
            'return base_lr * (ratio if rule == "linear" else ratio**0.5)': """
            return min(base_lr * (ratio if rule == "linear" else ratio**0.5), 1.0)
            """,
        },
        names="capped at 1",
    ),
    "doublings": Patch(
        "right_brackets",
        {
            "def scale_lr(base_lr, base_batch, batch, rule):": """
            import math


            def scale_lr(base_lr, base_batch, batch, rule):
            """,
            """
            ratio = batch / base_batch
            return base_lr * (ratio if rule == "linear" else ratio**0.5)
            """: """
            if rule == "sqrt":
                return base_lr * (batch / base_batch) ** 0.5
            return base_lr * (1 + math.log2(batch / base_batch))
            """,
        },
        names="one base_lr for each doubling",
    ),
    "floor_division": Patch(
        "right_ratio",
        {
            """
            ratio = batch / base_batch
            return base_lr * ratio if rule == "linear" else base_lr * ratio**0.5
            """: """
            k = batch // base_batch
            return base_lr * k if rule == "linear" else base_lr * k**0.5
            """,
        },
        names="as // does",
    ),
    "never_down": Patch(
        "right_ratio",
        {
            "ratio = batch / base_batch": "ratio = max(batch / base_batch, 1)",
        },
        names="A smaller batch keeps base_lr",
    ),
    "root_of_all": Patch(
        "right_brackets",
        {
            """
            ratio = batch / base_batch
            return base_lr * (ratio if rule == "linear" else ratio**0.5)
            """: """
            scaled = base_lr * batch / base_batch
            return scaled if rule == "linear" else scaled**0.5
            """,
        },
        names="The root covers base_lr as well",
    ),
    "root_of_batch": Patch(
        "right_brackets",
        {
            "def scale_lr(base_lr, base_batch, batch, rule):": """
            import math


            def scale_lr(base_lr, base_batch, batch, rule):
            """,
            """
            ratio = batch / base_batch
            return base_lr * (ratio if rule == "linear" else ratio**0.5)
            """: """
            if rule == "sqrt":
                return base_lr * math.sqrt(batch) / base_batch
            return base_lr * batch / base_batch
            """,
        },
        names="The root covers only batch",
    ),
    "squared": Patch(
        "right_ratio",
        {
            'return base_lr * ratio if rule == "linear" else base_lr * ratio**0.5': """
            return base_lr * ratio if rule == "linear" else base_lr * ratio**2
            """,
        },
        names="The ratio is squared",
    ),
    "swapped": Patch(
        "right_brackets",
        {
            'return base_lr * (ratio if rule == "linear" else ratio**0.5)': """
            return base_lr * (ratio**0.5 if rule == "linear" else ratio)
            """,
        },
        names="formula is used for rule",
    ),
    "upside_down": Patch(
        "right_brackets",
        {
            "ratio = batch / base_batch": "ratio = base_batch / batch",
        },
        names="upside down",
    ),
}
