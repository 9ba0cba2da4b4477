"""Steps and examples on the hyperbola: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math


def steps_needed(batch, s_min, e_min):
    return s_min + e_min / batch


def examples_needed(batch, s_min, e_min):
    return e_min + batch * s_min


def steps_mistakes(batch, s_min, e_min):
    """Sentence -> the number of steps S that this mistake gives."""
    critical = e_min / s_min
    steps = steps_needed(batch, s_min, e_min)
    return {
        "The pair is in the wrong order: steps S first, then examples E": lambda: examples_needed(batch, s_min, e_min),
        "S is upside down in the batch size: s_min (1 + B/B_crit) would need more steps for a larger batch": lambda: (
            s_min * (1 + batch / critical)
        ),
        "s_min is missing in S: E_min / B alone is perfect scaling, which no batch size beats": lambda: e_min / batch,
        "e_min / B is missing in S: s_min alone is what an infinite batch needs": lambda: s_min,
        "S is the larger of s_min and e_min / B: on the hyperbola the two are added": lambda: max(s_min, e_min / batch),
        "S adds the critical batch size over B to s_min: it is s_min (1 + B_crit / B), with s_min outside": lambda: (
            s_min + critical / batch
        ),
        "S / s_min came back: multiply by s_min": lambda: 1 + critical / batch,
        "S - s_min and E - e_min are multiplied as if the product were 1 in steps and samples: divide by the minima": (
            lambda: s_min + 1 / (batch * s_min)
        ),
        "The critical batch size is upside down in S: it is e_min / s_min": lambda: (
            s_min * (1 + 1 / (critical * batch))
        ),
        "The critical batch size e_min / s_min came back where S belongs": lambda: critical,
        "s_min and e_min are swapped in S: S = s_min + e_min / B": lambda: e_min + s_min / batch,
        "The fraction in S is upside down: it is e_min / B, not B / e_min": lambda: s_min + batch / e_min,
        "S multiplies e_min by B: fewer examples' worth of noise is left in a larger batch, so e_min is divided by B": (
            lambda: s_min + e_min * batch
        ),
        "A bracket is wrong in S: only e_min is divided by B": lambda: (s_min + e_min) / batch,
        "The batch size is left out of S: S = s_min + e_min / B": lambda: s_min + e_min,
        "The batch size is squared in S: S = s_min + e_min / B": lambda: s_min + e_min / batch**2,
        "The root of the batch size is used in S: S = s_min + e_min / B": lambda: s_min + e_min / math.sqrt(batch),
        "S adds reciprocals: s_min and e_min / B themselves are added": lambda: 1 / (1 / s_min + batch / e_min),
        "S is the geometric mean of s_min and e_min / B: on the hyperbola the two are added": lambda: math.sqrt(
            s_min * e_min / batch
        ),
        "The two excesses S/s_min - 1 and E/e_min - 1 are added: their product is one": lambda: (
            3 / (1 / s_min + batch / e_min)
        ),
        "S adds squares under a root: s_min and e_min / B themselves are added": lambda: math.hypot(
            s_min, e_min / batch
        ),
        "e_min / B is subtracted in S: S is never below s_min, so it is added": lambda: s_min - e_min / batch,
        "S is rounded up to a whole number: return the float on the curve": lambda: math.ceil(steps),
        "S is rounded down to a whole number: return the float on the curve": lambda: math.floor(steps),
        "S is rounded to the nearest whole number: return the float on the curve": lambda: round(steps),
        "e_min / B is rounded down in S, as // does: divide with /": lambda: s_min + e_min // batch,
        "e_min / B is rounded up in S: divide with /": lambda: s_min + math.ceil(e_min / batch),
        "S is off by one: S = s_min + e_min / B": lambda: steps + 1,
    }


def examples_mistakes(batch, s_min, e_min):
    """Sentence -> the number of examples E that this mistake gives."""
    critical = e_min / s_min
    steps = steps_needed(batch, s_min, e_min)
    return {
        "The pair is in the wrong order: steps S first, then examples E": lambda: steps,
        "E is upside down in the batch size: E = e_min (1 + B_crit/B) would need fewer examples for a larger batch": (
            lambda: e_min * (1 + critical / batch)
        ),
        "e_min is missing in E: B s_min is only what a huge batch needs": lambda: batch * s_min,
        "E = e_min came back: that is the cost of a tiny batch, add B s_min": lambda: e_min,
        "E is the larger of e_min and B s_min: on the hyperbola the two are added": lambda: max(e_min, batch * s_min),
        "E is S divided by B: each step reads B examples, so E = B S": lambda: steps / batch,
        "s_min is divided by B in E: every step reads B examples, so E = e_min + B s_min": lambda: (
            e_min + s_min / batch
        ),
        "The factor B is missing in E: E = e_min + B s_min": lambda: e_min + s_min,
        "s_min is not multiplied by B in E: E = B S holds for both parts of S": lambda: batch * e_min + s_min,
        "e_min is multiplied by B in E: E = e_min + B s_min": lambda: batch * (e_min + s_min),
        "E / e_min came back: multiply by e_min": lambda: 1 + batch / critical,
        "E adds B over the critical batch size to e_min: it is e_min (1 + B / B_crit), with e_min outside": lambda: (
            e_min + batch / critical
        ),
        "The critical batch size is upside down in E: it is e_min / s_min": lambda: e_min * (1 + batch * critical),
        "The critical batch size e_min / s_min came back where E belongs": lambda: critical,
        "E is computed from steps that do not fall with the batch size: E = B S with S = s_min + e_min / B": lambda: (
            batch * s_min * (1 + batch / critical)
        ),
        "E multiplies B with the larger of s_min and e_min / B: on the hyperbola they are added": lambda: (
            batch * max(s_min, e_min / batch)
        ),
        "E counts S in whole steps, rounded up: return the float on the curve": lambda: batch * math.ceil(steps),
        "E counts S in whole steps, rounded down: return the float on the curve": lambda: batch * math.floor(steps),
        "E counts S in whole steps, rounded: return the float on the curve": lambda: batch * round(steps),
        "E is rounded to a whole number: return the float on the curve": lambda: round(batch * steps),
        "E is rounded up to a whole number: return the float on the curve": lambda: math.ceil(batch * steps),
        "E is rounded down to a whole number: return the float on the curve": lambda: math.floor(batch * steps),
        "E = B S follows from a wrong S here, with e_min / B rounded down as // does": lambda: (
            batch * (s_min + e_min // batch)
        ),
        "E = B S follows from a wrong S here: S = s_min + e_min / B, not s_min + B_crit / B": lambda: (
            batch * (s_min + critical / batch)
        ),
        "E = B S follows from a wrong S here: S = s_min + e_min / B, with B to the first power": lambda: (
            batch * (s_min + e_min / batch**2)
        ),
        "E = B S follows from a wrong S here: only e_min is divided by B": lambda: s_min + e_min,
        "E = B S follows from a wrong S here: s_min and e_min / B are added, not their reciprocals": lambda: (
            batch / (1 / s_min + batch / e_min)
        ),
        "E = B S follows from a wrong S here: s_min and e_min / B are added, this is their geometric mean": lambda: (
            batch * math.sqrt(s_min * e_min / batch)
        ),
        "E follows from excesses S/s_min - 1 and E/e_min - 1 that are added: their product is one": lambda: (
            3 * batch / (1 / s_min + batch / e_min)
        ),
        "E adds reciprocals: e_min and B s_min themselves are added": lambda: 1 / (1 / e_min + 1 / (batch * s_min)),
        "B s_min is subtracted in E: E is never below e_min, so it is added": lambda: e_min - batch * s_min,
        "E = B S follows from a wrong S here: S is one step too many": lambda: batch * (steps + 1),
        "E is the product of steps and e_min: E = B S": lambda: steps * e_min,
        "E is solved with the product of the two excesses set to zero: E = B S gives the right one": lambda: (
            batch * e_min
        ),
    }
