"""Scaling the learning rate: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math


def scaled_rate(base_lr, base_batch, batch, rule):
    ratio = batch / base_batch
    return base_lr * (ratio if rule == "linear" else math.sqrt(ratio))


def scale_mistakes(base_lr, base_batch, batch, rule):
    """Sentence -> what that mistake returns."""
    ratio, power = batch / base_batch, 1.0 if rule == "linear" else 0.5
    other = ("sqrt", 0.5) if rule == "linear" else ("linear", 1.0)
    return {
        f'The "{other[0]}" formula is used for rule "{rule}": the ratio of the sizes enters with power {power:g}': (
            lambda: base_lr * ratio ** other[1]
        ),
        "The ratio is upside down: it is batch / base_batch, so a larger batch gets a larger learning rate": lambda: (
            base_lr * ratio**-power
        ),
        f'The ratio is upside down, and the "{other[0]}" formula is used for rule "{rule}"': lambda: (
            base_lr * ratio ** -other[1]
        ),
        "The ratio is rounded down to a whole number, as // does: divide with /": lambda: (
            base_lr * (batch // base_batch) ** power
        ),
        "The inverse ratio is rounded down, as // does: multiply by batch / base_batch": lambda: (
            base_lr / (base_batch // batch) ** power
        ),
        "The ratio is rounded down but kept at 1 or more: divide with /, also when the batch shrinks": lambda: (
            base_lr * max(1, batch // base_batch) ** power
        ),
        "The ratio is rounded to a whole number: use batch / base_batch as it is": lambda: (
            base_lr * round(ratio) ** power
        ),
        "A smaller batch keeps base_lr: the rule scales down as well as up": lambda: base_lr * max(1.0, ratio) ** power,
        "A larger batch keeps base_lr: the rule scales up as well as down": lambda: base_lr * min(1.0, ratio) ** power,
        "The larger batch size is always divided by the smaller: the ratio is batch / base_batch": lambda: (
            base_lr * max(ratio, 1 / ratio) ** power
        ),
        "base_lr came back unchanged: multiply it by the ratio of the batch sizes, or by its root": lambda: base_lr,
        "The factor base_lr is missing: the ratio, or its root, multiplies it": lambda: ratio**power,
        "base_batch is ignored: scale by the ratio batch / base_batch": lambda: base_lr * batch**power,
        "base_batch is ignored, and the batch divides: scale by the ratio batch / base_batch": lambda: (
            base_lr / batch**power
        ),
        "The new batch is ignored: scale by the ratio batch / base_batch": lambda: base_lr / base_batch**power,
        "The root covers base_lr as well: only the ratio stands under it": lambda: math.sqrt(base_lr * ratio),
        "Only the root of base_lr is taken: the ratio of the batch sizes stands under the root": lambda: (
            math.sqrt(base_lr) * ratio
        ),
        "The root covers only batch: the whole ratio batch / base_batch stands under it": lambda: (
            base_lr * math.sqrt(batch) / base_batch
        ),
        "The root covers only base_batch: the whole ratio batch / base_batch stands under it": lambda: (
            base_lr * batch / math.sqrt(base_batch)
        ),
        "The roots of the batch sizes are whole numbers, as from isqrt: take the root of the float": lambda: (
            base_lr * math.isqrt(batch) / math.isqrt(base_batch)
        ),
        'The ratio is squared: rule "sqrt" takes its square root, rule "linear" the ratio itself': lambda: (
            base_lr * ratio**2
        ),
        "Half the ratio is used: the rules are the ratio and its square root": lambda: base_lr * ratio / 2,
        "The ratio is added to base_lr: multiply by it, or by its root": lambda: base_lr + ratio**power,
        "The ratio itself is added to base_lr: multiply by it, or by its root": lambda: base_lr + ratio,
        "The root is taken twice: it is the square root of the ratio": lambda: base_lr * ratio**0.25,
        "The cube root of the ratio is used: the rules are the ratio and its square root": lambda: (
            base_lr * ratio ** (1 / 3)
        ),
        "The logarithm of the ratio is used: the rules are the ratio and its square root": lambda: (
            base_lr * math.log(ratio)
        ),
        "The rate grows by one base_lr for each doubling: the rules are the ratio and its square root": lambda: (
            base_lr * (1 + math.log2(ratio))
        ),
        "The relative change of the batch is used: multiply by batch / base_batch": lambda: (
            base_lr * (ratio - 1) ** power
        ),
        "The ratio is added to 1: multiply by batch / base_batch": lambda: base_lr * (1 + ratio) ** power,
        "The difference of the batch sizes is used: the rules need their ratio": lambda: base_lr * (batch - base_batch),
        "The share batch / (batch + base_batch) is used: the ratio is batch / base_batch": lambda: (
            base_lr * (batch / (batch + base_batch)) ** power
        ),
        "The result is capped at 1: return the scaled rate as it is": lambda: min(1.0, base_lr * ratio**power),
        "The result is rounded to four digits: return the float as it is": lambda: round(base_lr * ratio**power, 4),
        "The result is rounded to three digits: return the float as it is": lambda: round(base_lr * ratio**power, 3),
    }
