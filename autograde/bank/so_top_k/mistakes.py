"""Top-k with error feedback: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import torch


def largest(values, k, key=torch.abs):
    """`values` with all but the k entries of largest key set to zero, counted over the whole tensor."""
    flat = values.flatten()
    message = torch.zeros_like(flat)
    if k > 0:
        keep = key(flat).topk(min(k, flat.numel())).indices
        message[keep] = flat[keep]
    return message.reshape(values.shape)


def messages(gradients, k, select=None, residual=None, sign=1.0):
    """Messages, stacked; `select(c, g, k)` chooses, `residual(c, m, g, e)` is what is kept. The defaults are right."""
    select = select or (lambda c, g, k: largest(c, k))
    residual = residual or (lambda c, m, g, e: c - m)
    memory = torch.zeros_like(gradients[0], dtype=torch.float64)
    rows = []
    for gradient in gradients:
        gradient = gradient.double()
        corrected = gradient + sign * memory
        message = select(corrected, gradient, k)
        memory = residual(corrected, message, gradient, memory)
        rows.append(message)
    return torch.stack(rows)


def masked(values, mask):
    return torch.where(mask, values, torch.zeros_like(values))


def top_k_mistakes(gradients, k):
    """Sentence -> the messages, stacked, that this mistake sends for these gradients."""
    size = gradients[0].numel()
    matrix = gradients[0].ndim == 2

    def right(c, m, g, e):
        return c - m

    def by_rows(c, g, k):
        return torch.stack([largest(row, k) for row in c])

    table = {
        "The residual is forgotten: add what was not sent to the next gradient (error feedback)": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: 0 * c
        ),
        "Signed values are compared: keep the entries of largest magnitude, |c|": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k, lambda x: x)
        ),
        "Signed values are compared, and nothing is kept for the next call: use |c|, and error feedback": lambda: (
            messages(gradients, k, lambda c, g, k: largest(c, k, lambda x: x), lambda c, m, g, e: 0 * c)
        ),
        "The smallest entries are sent: keep those of largest magnitude": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k, lambda x: -x.abs())
        ),
        "The most negative entries are sent: keep those of largest magnitude": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k, lambda x: -x)
        ),
        "One entry too many is sent: at most k": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, min(k + 1, size))
        ),
        "One entry too few is sent: k of them": lambda: messages(gradients, k, lambda c, g, k: largest(c, k - 1)),
        "All but k entries are sent: send k and keep the others": lambda: messages(
            gradients, k, lambda c, g, k: c - largest(c, k)
        ),
        "The residual is g minus the message: what was held back earlier is lost, use g + residual minus message": (
            lambda: messages(gradients, k, residual=lambda c, m, g, e: g - m)
        ),
        "The old residual is added twice: the new one is g + residual - message, which contains the old": lambda: (
            messages(gradients, k, residual=lambda c, m, g, e: e + c - m)
        ),
        "The residual has the wrong sign: what was not sent, g + residual - message, is added to the next gradient": (
            lambda: messages(gradients, k, sign=-1.0)
        ),
        "What was sent stays in the residual: subtract the message": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: c
        ),
        "The message is kept as residual: keep what was not sent": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: m
        ),
        "The last gradient is kept as residual: keep what was not sent": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: g
        ),
        "The k entries are chosen by |g|: choose by |g + residual|": lambda: messages(
            gradients, k, lambda c, g, k: masked(c, largest(g, k) != 0)
        ),
        "The residual serves the choice only: send the values of g + residual, not of g": lambda: messages(
            gradients, k, lambda c, g, k: masked(g, largest(c, k) != 0)
        ),
        "The residual serves the choice only, and what was sent is dropped from it: send g + residual": lambda: (
            messages(
                gradients,
                k,
                lambda c, g, k: masked(g, largest(c, k) != 0),
                lambda c, m, g, e: c - largest(c, k),
            )
        ),
        "The choice is that of g, and so are the values sent: add the residual before choosing": lambda: messages(
            gradients, k, lambda c, g, k: largest(g, k)
        ),
        "The entries are scaled by d/k: that is for random choices, top-k sends them as they are": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k) * size / k
        ),
        "The entries are scaled by d/k, and nothing is kept: send them as they are, with error feedback": lambda: (
            messages(gradients, k, lambda c, g, k: largest(c, k) * size / k, lambda c, m, g, e: 0 * c)
        ),
        "Ones are sent: the message has the values of the chosen entries": lambda: messages(
            gradients, k, lambda c, g, k: (largest(c, k) != 0).double()
        ),
        "Signs are sent: the message has the values of the chosen entries": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k).sign()
        ),
        "Magnitudes are sent: the message keeps the signs": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k).abs()
        ),
        "Magnitudes are sent, and nothing is kept: the message keeps the signs": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k).abs(), lambda c, m, g, e: 0 * c
        ),
        "The residual is halved: keep all of what was not sent": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: 0.5 * (c - m)
        ),
        "The residual decays by 0.9: keep all of what was not sent": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: 0.9 * (c - m)
        ),
        "The first k entries are sent: keep those of largest magnitude": lambda: messages(
            gradients, k, lambda c, g, k: masked(c, (torch.arange(size) < k).reshape(c.shape))
        ),
        "Nothing is left out: send k entries and keep the others": lambda: messages(gradients, k, lambda c, g, k: c),
        "Nothing but zeros is sent: the message holds the k largest entries": lambda: messages(
            gradients, k, lambda c, g, k: 0 * c
        ),
        "The message and the residual are swapped: the k largest entries are sent": lambda: messages(
            gradients, k, lambda c, g, k: c - largest(c, k), lambda c, m, g, e: c - m
        ),
        "The residual is added after the choice, so more than k entries are sent: add it before choosing": lambda: (
            added_after(gradients, k)
        ),
        "The residual of the first call is kept for ever: renew it at every call": lambda: first_kept(gradients, k),
    }
    if matrix:
        table |= {
            "k entries of every row are sent: the k entries are counted over the whole tensor": lambda: messages(
                gradients, k, by_rows
            ),
            "k entries of every column are sent: the k entries are counted over the whole tensor": lambda: messages(
                gradients, k, lambda c, g, k: by_rows(c.T, None, k).T
            ),
        }
    return table


def added_after(gradients, k):
    memory, rows = torch.zeros_like(gradients[0], dtype=torch.float64), []
    for gradient in gradients:
        chosen = largest(gradient.double(), k)
        rows.append(chosen + memory)
        memory = gradient.double() - chosen
    return torch.stack(rows)


def first_kept(gradients, k):
    first = gradients[0].double()
    held = first - largest(first, k)
    return torch.stack([largest(first, k), *(largest(g.double() + held, k) for g in gradients[1:])])
