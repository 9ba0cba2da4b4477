"""Noise scale over a run: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import itertools
import math

from autograde.bank.two_batch_norms import estimates, noise_formulas, signal_formulas


def tracked(updates, decay, weights=None):
    """Quotient after each of `updates` (n_small, n_big, b_small, b_big); weights: (t, T) -> weight of update t."""
    pairs = [estimates(*update) for update in updates]
    weights = weights or (lambda t, last: decay ** (last - t))
    return [
        sum(weights(t, last) * pairs[t][1] for t in range(last + 1))
        / sum(weights(t, last) * pairs[t][0] for t in range(last + 1))
        for last in range(len(pairs))
    ]


def smooth(values, decay, start=0.0, corrected=False):
    """Exponential moving averages after each of `values`."""
    rows, average = [], start
    for t, value in enumerate(values):
        average = decay * average + (1 - decay) * value
        rows.append(average / (1 - decay ** (t + 1)) if corrected else average)
    return rows


def tracker_mistakes(updates, decay):
    """Sentence -> what that mistake reads after each update."""
    pairs = [estimates(*update) for update in updates]
    signals, noises = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    quotients = [noise / signal for signal, noise in pairs]
    right = tracked(updates, decay)
    count = len(updates)
    last = [update[2:] for update in updates]

    def ratio(numerator, denominator):
        return [one / other for one, other in zip(numerator, denominator, strict=True)]

    def of_norms(corrected):
        small = smooth([update[0] for update in updates], decay, corrected=corrected)
        big = smooth([update[1] for update in updates], decay, corrected=corrected)
        parts = [estimates(s, n, *sizes) for s, n, sizes in zip(small, big, last, strict=True)]
        return [noise / signal for signal, noise in parts]

    def of_formula(table, part):
        """All updates with one wrong formula for G2 (part 0) or S (part 1)."""
        parts = {sentence: [] for sentence in table(*updates[0])}
        for update in updates:
            for sentence, value in table(*update).items():
                parts[sentence].append(value)
        weight = {
            sentence: ratio(smooth(values if part else noises, decay), smooth(signals if part else values, decay))
            for sentence, values in parts.items()
        }
        return weight

    def first_started(values):
        return [values[0], *smooth(values[1:], decay, start=values[0])]

    table = {
        "The quotients are averaged, which is biased: keep one average of S and one of G2, and divide those": (
            lambda: smooth(quotients, decay, corrected=True)
        ),
        "The quotients are averaged, from zero, which is biased: keep one average of S and one of G2, and divide "
        "those": lambda: smooth(quotients, decay),
        "The quotients are averaged, from the first one on: keep one average of S and one of G2, and divide those": (
            lambda: first_started(quotients)
        ),
        "The plain mean of the quotients came back: keep one moving average of S and one of G2, and divide those": (
            lambda: [sum(quotients[: t + 1]) / (t + 1) for t in range(count)]
        ),
        "Only the last pair is used: the averages must remember the earlier ones": lambda: quotients,
        "The first pair is kept for ever: every update must enter the averages": lambda: [quotients[0]] * count,
        "decay and 1 - decay are swapped: decay is the weight of the past": lambda: tracked(updates, 1 - decay),
        "The averages start at the first measurement, which then weighs as much as 1/(1 - decay) others: start both at "
        "zero": lambda: ratio(first_started(noises), first_started(signals)),
        "decay and 1 - decay are swapped, and the averages start at the first measurement: decay is the weight of the "
        "past, and both start at zero": lambda: tracked(
            updates, decay, lambda t, end: (1 - decay) ** (end - t) * (decay if t else 1.0)
        ),
        "This is the plain mean over all updates: the past must fade by the factor decay": lambda: tracked(
            updates, decay, lambda t, end: 1.0
        ),
        "The squared norms are averaged instead of S and G2: that goes wrong as soon as a batch size changes": (
            lambda: of_norms(False)
        ),
        "Only the average of S is corrected for starting at zero: correct both or none": lambda: ratio(
            smooth(noises, decay, corrected=True), smooth(signals, decay)
        ),
        "Only the average of G2 is corrected for starting at zero: correct both or none": lambda: ratio(
            smooth(noises, decay), smooth(signals, decay, corrected=True)
        ),
        "Only S is averaged: smooth G2 as well, before dividing": lambda: ratio(
            smooth(noises, decay, corrected=True), signals
        ),
        "Only S is averaged, from zero: smooth G2 as well, before dividing": lambda: ratio(
            smooth(noises, decay), signals
        ),
        "Only G2 is averaged: smooth S as well, before dividing": lambda: ratio(
            noises, smooth(signals, decay, corrected=True)
        ),
        "Only G2 is averaged, from zero: smooth S as well, before dividing": lambda: ratio(
            noises, smooth(signals, decay)
        ),
        "The quotient is upside down: noise S over signal G2": lambda: [1 / value for value in right],
        "The reading is one update late: the update comes first, then the quotient": lambda: [math.nan, *right[:-1]],
        "The absolute value came back: return the quotient with its sign": lambda: [abs(value) for value in right],
        "A negative quotient is cut off at zero: return it as it is": lambda: [max(value, 0.0) for value in right],
        "inf came back where G2 is negative: return the plain quotient": lambda: [
            math.inf if value < 0 else value for value in right
        ],
        "NaN came back where G2 is negative: return the plain quotient": lambda: [
            math.nan if value < 0 else value for value in right
        ],
        "Averages start at one instead of zero: the first quotient must be that of the first pair": lambda: ratio(
            smooth(noises, decay, 1.0), smooth(signals, decay, 1.0)
        ),
        "The past is not weighed by decay in the numerator: both averages have the same decay": lambda: ratio(
            list(itertools.accumulate((1 - decay) * value for value in noises)), smooth(signals, decay)
        ),
        "The past is not weighed by decay in the denominator: both averages have the same decay": lambda: ratio(
            smooth(noises, decay), list(itertools.accumulate((1 - decay) * value for value in signals))
        ),
        "The factor 1 - decay stands in the numerator's average only: both need the same": lambda: [
            (1 - decay) * value for value in right
        ],
        "The factor 1 - decay stands in the denominator's average only: both need the same": lambda: [
            value / (1 - decay) for value in right
        ],
        "The square root of the quotient came back: return S/G2 itself": lambda: [math.sqrt(value) for value in right],
        "B_simple is counted in small batches: S/G2 is in samples already": lambda: [
            value / sizes[0] for value, sizes in zip(right, last, strict=True)
        ],
        "S is divided by the averaged n_big, which still contains noise: divide by the average of G2": lambda: ratio(
            smooth(noises, decay), smooth([update[1] for update in updates], decay)
        ),
        "The first batch sizes are used for ever: every update brings its own": lambda: tracked(
            [(*update[:2], *updates[0][2:]) for update in updates], decay
        ),
        "The norms are squared again: n_small and n_big are squared norms already": lambda: tracked(
            [(update[0] ** 2, update[1] ** 2, *update[2:]) for update in updates], decay
        ),
    }
    wrong_formulas = of_formula(signal_formulas, 0) | of_formula(noise_formulas, 1)
    return table | {sentence: (lambda values=values: values) for sentence, values in wrong_formulas.items()}
