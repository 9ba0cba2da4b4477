"""Top-k with error feedback: the exercise and its tests."""

from __future__ import annotations

import math

import torch

from autograde.bank.comparisons import check_form
from autograde.bank.inputs import columns_first, normal, strided
from autograde.bank.so_top_k.mistakes import largest, messages, top_k_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import (
    AnswerError,
    Mistake,
    as_float64,
    as_tensor,
    expect_close,
    expect_error,
    low_precision,
    matches,
)

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_6_advanced_topics",
    number=5,
    title="Top-k with error feedback",
    functions=("TopKCompressor",),
    difficulty=3,
    minutes=25,
)


def compress_all(answer, k, gradients, later=False):
    """Messages of a new compressor; `later` says that it is not the first one of the test."""
    compressor, sent = answer.TopKCompressor(k), []
    for gradient in gradients:
        try:
            sent.append(compressor.compress(gradient))
        except AnswerError as failure:
            if k > gradient.numel() and not isinstance(failure.error, NotImplementedError):
                raise Mistake(f"{failure}: where k exceeds the number of entries, all of them are sent") from None
            if later and not sent and isinstance(failure.error, (ValueError, RuntimeError, IndexError)):
                raise Mistake(f"{failure}: does a new compressor share the residual of an earlier one?") from None
            raise
    return sent


def check_messages(got, gradients, k, name):
    """Whether each message is a top-k of its gradient plus what earlier messages held back; any of tied entries."""
    count = min(k, gradients[0].numel())
    dtype = gradients[0].dtype
    residual = torch.zeros(gradients[0].shape, dtype=torch.float64)
    sent, valid, too_many = [], True, 0
    for gradient, one in zip(gradients, got, strict=True):
        check_form(one, gradient, name, shape_mistakes(gradient, count))
        message = as_float64(as_tensor(one, name, gradient.shape))
        corrected = gradient.double() + residual
        tolerance = (
            1e-4 if low_precision(dtype) or low_precision(as_tensor(one, name, gradient.shape).dtype) else 1e-9
        ) * (1 + corrected.abs().max().item())
        here = message != 0
        too_many = max(too_many, int(here.sum()))
        held = corrected[~here].abs()
        least = corrected[here].abs().min().item() if here.any() else math.inf
        valid &= bool(((message - corrected).abs()[here] <= tolerance).all())
        valid &= int(here.sum()) <= count and not bool((held > least + tolerance).any())
        # Fewer than k entries are right only where nothing is left to send.
        valid &= int(here.sum()) == count or not bool((held > tolerance).any())
        residual = corrected - message
        sent.append(message)
    if valid:
        return
    expected, table = messages(gradients, k), top_k_mistakes(gradients, k)
    stacked = torch.stack(sent)
    try:
        expect_close(stacked.to(dtype), expected.to(dtype), name=name, mistakes=table)
    except Mistake as mistake:
        if str(mistake) not in table and too_many > count:
            raise Mistake(
                "a message has more than k entries that are not zero: send exactly k, also among ties"
            ) from None
        raise
    raise Mistake(f"`{name}` keeps entries that are not the k largest in magnitude")


def shape_mistakes(gradient, count):
    kept = "dense, of the shape of g"
    return {
        f"The k values alone came back: the message is {kept}": torch.ones(count, dtype=torch.float64),
        f"The message is flattened: it is {kept}": torch.ones(gradient.numel(), dtype=torch.float64),
    }


@grade(EXERCISE, points=2)
def test_top_k_choice(answer, generator):
    """The first message: the k entries of largest magnitude, with their signs"""
    for index, (dim, k) in enumerate([(8, 3), (15, 4), (6, 1)]):
        gradient = normal(generator, dim)
        gradient[0], gradient[-1] = -2.5 - gradient[0].abs(), -3.0 - gradient[-1].abs()  # a large negative entry
        got = compress_all(answer, k, [gradient], later=index > 0)
        check_messages(got, [gradient], k, f"TopKCompressor({k}).compress(g) with d = {dim}")


@grade(EXERCISE, points=2)
def test_top_k_feedback(answer, generator):
    """Messages of several gradients: what was not sent is added to the next"""
    for dim, k in [(8, 3), (12, 2)]:
        gradients = [normal(generator, dim) for _ in range(6)]
        got = compress_all(answer, k, gradients)
        check_messages(got, gradients, k, f"TopKCompressor({k}).compress(g), 6 calls with d = {dim}")


@grade(EXERCISE, points=1, hidden=True)
def test_top_k_nothing_lost(answer, generator):
    """All gradients arrive in the end: with zeros to follow, the messages add up to the gradients"""
    dim, k = 7, 2
    gradients = [normal(generator, dim) for _ in range(3)] + [torch.zeros(dim, dtype=torch.float64)] * 4
    got = compress_all(answer, k, gradients)
    name = "compress(g) for gradients followed by zeros"
    check_messages(got, gradients, k, name)
    total = sum(as_float64(as_tensor(one, name, gradients[0].shape)) for one in got)
    expected = torch.stack(gradients).sum(dim=0)
    lost = "The messages do not add up to the gradients: what is not sent must stay in the residual"
    if not bool(((total - expected).abs() <= 1e-5).all()):
        raise Mistake(lost)


@grade(EXERCISE, points=1)
def test_top_k_edges(answer, generator):
    """Ties, k as large as the tensor or larger, a gradient of zeros"""
    name = "TopKCompressor({}).compress(g) with "
    # Whole numbers: five entries of the same magnitude, in random places and with random signs.
    tied = torch.tensor([4.0, 4.0, 4.0, 4.0, 4.0, 1.0, 2.0, 1.0], dtype=torch.float64)
    signs = torch.where(torch.rand(8, generator=generator) < 0.5, -1.0, 1.0).double()
    tied = (tied * signs)[torch.randperm(8, generator=generator)]
    other = torch.tensor([3.0, 3.0, 3.0, 3.0, 2.0, 2.0, 1.0, -1.0], dtype=torch.float64)
    other = other[torch.randperm(8, generator=generator)]
    got = compress_all(answer, 3, [tied, other])
    check_messages(got, [tied, other], 3, name.format(3) + "entries of equal magnitude")
    for k in (5, 9):
        gradients = [normal(generator, 5), normal(generator, 5)]
        got = compress_all(answer, k, gradients)
        check_messages(got, gradients, k, name.format(k) + "d = 5")
    gradients = [torch.zeros(4, dtype=torch.float64), normal(generator, 4), normal(generator, 4)]
    got = compress_all(answer, 2, gradients)
    check_messages(got, gradients, 2, name.format(2) + "zeros first")


@grade(EXERCISE, points=1, hidden=True)
def test_top_k_state(answer, generator):
    """Every compressor has its own residual, and messages stay as they were returned"""
    name = "compress(g) of two compressors in turn"
    ours, theirs = [[normal(generator, 9) for _ in range(4)] for _ in range(2)]
    first, second = answer.TopKCompressor(2), answer.TopKCompressor(3)
    buffer = torch.zeros(9, dtype=torch.float64)  # as `.grad`, which the next backward pass fills anew
    mine, other, copies = [], [], []
    for one, another in zip(ours, theirs, strict=True):
        buffer.copy_(one)
        mine.append(first.compress(buffer))
        copies.append(as_tensor(mine[-1], name, buffer.shape).clone())
        buffer.copy_(another)
        other.append(second.compress(buffer))
    changed = [
        not torch.equal(copy, as_tensor(one, name, buffer.shape)) for copy, one in zip(copies, mine, strict=True)
    ]
    if any(changed):
        raise Mistake("A message that was returned before is changed by a later call: return a new tensor each time")
    try:
        check_messages(copies, ours, 2, name)
        check_messages(other, theirs, 3, name)
    except Mistake:
        alone = answer.TopKCompressor(2)
        fresh_messages = [as_tensor(alone.compress(one), name, one.shape).clone() for one in ours]
        try:
            check_messages(fresh_messages, ours, 2, name)
        except Mistake as mistake:
            if not shared_memory(copies, other, ours, theirs):
                raise mistake from None
        raise Mistake("Two compressors share their residual: keep it on the object, set in __init__") from None


def shared_memory(mine, other, ours, theirs):
    """Whether these are the messages of two compressors with one residual for both."""
    residual = torch.zeros_like(ours[0])
    for pair in zip(ours, theirs, mine, other, strict=True):
        for gradient, k, message in ((pair[0], 2, pair[2]), (pair[1], 3, pair[3])):
            corrected = gradient + residual
            if not matches(message, largest(corrected, k), "message"):
                return False
            residual = corrected - largest(corrected, k)
    return True


@grade(EXERCISE, points=1)
def test_top_k_layouts(answer, generator):
    """A matrix (k over all its entries), float32, views that are not contiguous"""
    name = "TopKCompressor({}).compress(g) with "
    for shape, k in [((4, 5), 3), ((6, 4), 2)]:
        gradients = [normal(generator, *shape) for _ in range(3)]
        got = compress_all(answer, k, gradients)
        check_messages(got, gradients, k, name.format(k) + f"a matrix {shape}")
        views = [columns_first(gradients[0]), strided(gradients[1]), gradients[2]]
        got = compress_all(answer, k, views)
        check_messages(got, gradients, k, name.format(k) + f"a matrix {shape} in other memory layouts")
    gradients = [normal(generator, 8).float() for _ in range(4)]
    got = compress_all(answer, 3, gradients)
    check_messages(got, gradients, 3, name.format(3) + "float32")


@grade(EXERCISE, points=1)
def test_top_k_arguments(answer, generator):
    """ValueError for k below 1 and for a g of another shape"""
    gradient = normal(generator, 6)
    compressor = answer.TopKCompressor(2)
    if compressor.compress(gradient) is None:
        raise Mistake("`compress` returned None for valid arguments: is `return` missing?")
    expect_error(answer.TopKCompressor, 0, names=("k",), what="k = 0")
    expect_error(answer.TopKCompressor, -2, names=("k",), what="k = -2")
    names = ("g", "gradient", "shape")
    expect_error(compressor.compress, normal(generator, 4), names=names, what="a g of 4 entries after one of 6")
    # (1,) broadcasts against (6,), so that PyTorch itself would not complain.
    expect_error(compressor.compress, normal(generator, 1), names=names, what="a g of 1 entry after one of 6")
