"""Samples to a target loss: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math


def samples_seen(losses, batch_size, target):
    for step, loss in enumerate(losses):
        if loss <= target:
            return step * batch_size
    return None


def samples_mistakes(losses, batch_size, target):
    """Sentence -> what that mistake returns."""
    met = [step for step, loss in enumerate(losses) if loss <= target]
    below = [step for step, loss in enumerate(losses) if loss < target]
    above = [step for step, loss in enumerate(losses) if loss >= target]
    finite = [loss for loss in losses if not math.isnan(loss)]
    lowest = losses.index(min(finite))
    nearest = min(
        range(len(losses)), key=lambda step: abs(losses[step] - target) if losses[step] == losses[step] else math.inf
    )
    last = len(losses) - 1
    staying = next((s for s in range(len(losses)) if all(loss <= target for loss in losses[s:])), None)
    equal = [step for step, loss in enumerate(losses) if loss == target]
    low, high = 0, len(losses)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if losses[middle] <= target else (middle + 1, high)
    none = "a target that is never met gives None"
    if not met:
        return {
            f"0 came back: {none}, as 0 says that no sample was needed": 0,
            f"-1 came back: {none}": -1,
            f"{-batch_size} came back, a -1 that was multiplied by the batch size: {none}": -batch_size,
            f"Infinity came back: {none}": math.inf,
            f"NaN came back: {none}": math.nan,
            f"False came back: {none}": False,
            f"The samples of the whole run came back: {none}": len(losses) * batch_size,
            f"The samples up to the last loss came back: {none}": last * batch_size,
            f"The number of losses came back: {none}": len(losses),
            f"The last step came back: {none}": last,
            f"The cost of the smallest loss came back: {none}": lowest * batch_size,
            f"The cost up to the first loss >= target came back: the target is met when loss <= target, and {none}": (
                above[0] * batch_size if above else None
            ),
        }
    first = met[0]

    def cost(steps, offset=0):
        return (steps[0] + offset) * batch_size if steps else None

    strict = "A loss equal to the target already meets it: compare with <=, not <"
    return {
        "Off by one step: losses[0] was measured before any step, so losses[k] cost k * B samples, not (k + 1) * B": (
            cost(met, 1)
        ),
        strict: cost(below),
        f"{strict}; also losses[k] costs k * B samples, not (k + 1) * B": cost(below, 1),
        "The number of steps came back: multiply by the batch size to count samples": first,
        "The number of losses looked at came back: count samples, steps times batch size": first + 1,
        "Off by one step: losses[k] cost k * B samples, not (k - 1) * B": cost(met, -1),
        "The last time the loss meets the target is used: the first one counts, even if the loss rises again": met[-1]
        * batch_size,
        "The last time the loss meets the target is used, and its step counted from 1: the first one counts": (
            met[-1] + 1
        )
        * batch_size,
        "Only a loss that falls from above the target counts here: losses[0] may meet it already": cost(
            [s for s in met if s and losses[s - 1] > target]
        ),
        "The search waits until the loss stays below the target: the first time counts, even if it rises again": (
            None if staying is None else staying * batch_size
        ),
        "Only the last loss was compared with the target: the first time counts, even if the loss rises again": (
            last * batch_size if losses[-1] <= target else None
        ),
        "The smallest loss is used: what counts is the first loss <= target": lowest * batch_size,
        "The smallest loss is used, and its step is counted from 1: what counts is the first loss <= target": (
            lowest + 1
        )
        * batch_size,
        "The loss nearest to the target is used: what counts is the first loss <= target": nearest * batch_size,
        "The comparison is the wrong way round: the target is met when loss <= target": cost(above),
        "The target is searched for as an exact value: it is met by the first loss <= target": cost(equal),
        "A binary search was used, but losses need not be sorted: look at them one by one": low * batch_size
        if low <= last
        else None,
        "The losses were sorted or skipped over: the first loss <= target counts": (last + 1 - len(met)) * batch_size,
        "The number of losses that meet the target is counted: what counts is when the first one does": len(met)
        * batch_size,
        "losses[0] is skipped: it belongs to the run, and where it meets the target the answer is 0": cost(
            [s for s in met if s]
        ),
        "losses[0] is skipped and the steps are counted from it: it belongs to the run, at step 0": cost(
            [s for s in met if s], -1
        ),
        "The samples of the whole run came back: stop at the first loss <= target": last * batch_size,
        "The result is divided by the batch size: steps times batch size gives samples": first / batch_size,
        **(
            {"None came back although losses[0] meets the target: the cost is 0, which is not 'never'": None}
            if first == 0
            else {}
        ),
        "None came back although the target is met": None,
        "True came back: return how many samples it took": True,
    }
