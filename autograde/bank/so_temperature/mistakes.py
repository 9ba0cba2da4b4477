"""Learning rate at equal temperature: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math


def temperature_mistakes(lr, batch, new_batch):
    """Sentence -> what that mistake returns."""
    growth = new_batch / batch
    whole, kind = new_batch // batch, "larger" if new_batch > batch else "smaller"
    return {
        "The ratio is upside down: a larger batch needs a larger learning rate, lr * new_batch/batch": lr / growth,
        "The square root of the ratio is taken: equal lr/batch means lr * new_batch/batch": lr * math.sqrt(growth),
        "The square root of the inverse ratio is taken: equal lr/batch means lr * new_batch/batch": lr
        / math.sqrt(growth),
        "The ratio is squared: equal lr/batch means lr * new_batch/batch": lr * growth**2,
        f"The learning rate came back unchanged for a {kind} batch: it is lr * new_batch/batch, up and down alike": lr,
        "The division by batch is missing: lr * new_batch/batch": lr * new_batch,
        "The temperature lr/batch came back: multiply it by new_batch": lr / batch,
        "lr/new_batch came back: the new learning rate is lr * new_batch/batch": lr / new_batch,
        "lr * batch came back: the new learning rate is lr * new_batch/batch": lr * batch,
        "The factor new_batch/batch came back: multiply it by lr": growth,
        "Floor division, //, rounds the ratio of the batch sizes down: divide with /": lr * whole,
        "Floor division, //, rounds the ratio of the batch sizes down: divide with / and multiply": lr
        / (batch // new_batch)
        if batch >= new_batch
        else math.nan,
        "The ratio of the batch sizes is rounded: divide with / and leave it": lr * round(growth),
        "The logarithm of the ratio is used: equal lr/batch means lr * new_batch/batch": lr * (1 + math.log2(growth)),
        "The natural logarithm of the ratio is used: equal lr/batch means lr * new_batch/batch": lr
        * (1 + math.log(growth)),
        "The relative change is added once too often: the factor is new_batch/batch": lr * (1 + growth),
        "The difference of the batch sizes is used: the factor is new_batch/batch": lr * (new_batch - batch),
        "The relative difference is used: the factor is new_batch/batch": lr * (growth - 1),
        "The learning rate is capped at 1: return lr * new_batch/batch as it is": min(lr * growth, 1.0),
    }


def matched(lr, batch, new_batch):
    return lr * new_batch / batch
