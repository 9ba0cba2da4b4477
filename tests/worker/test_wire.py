"""Values keep their meaning over the pipe, and damaged messages are refused, never executed."""

import json
import math
import random

import numpy as np
import pytest
import torch

from autograde.worker.wire import HEADER, MAX_ENTRIES, Exchange, WireError, parse


class Side:
    """One side of a conversation; what it cannot send as data it keeps."""

    def __init__(self):
        self.kept = []
        self.exchange = Exchange(self.keep, lambda number: self.kept[number], lambda ref: ref, lambda value: None)

    def keep(self, value):
        self.kept.append(value)
        return len(self.kept) - 1


def split(frame):
    text, size = HEADER.unpack(frame[: HEADER.size])
    assert len(frame) == HEADER.size + text + size
    return parse(frame[HEADER.size : HEADER.size + text]), frame[HEADER.size + text :]


def send(one, other, value):
    body, reader = other.exchange.loads(*split(one.exchange.dumps({}, {"value": value})))
    return reader.read(body["value"])


@pytest.fixture
def sides():
    return Side(), Side()


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -(2**400), 0.1, -0.0, math.inf, "\x1b \ud800", 1j, b"x", [1, [2.0, None]], (1,), {"a": 1, 2: (3,)}],
)  # fmt: skip
def test_plain_values_keep_type_and_value(sides, value):
    got = send(*sides, value)
    assert got == value and type(got) is type(value) and repr(got) == repr(value)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64]
)
def test_tensors_keep_dtype_shape_and_values(sides, dtype):
    value = (torch.arange(12).reshape(3, 4) % 5).to(dtype)
    got = send(*sides, value)
    assert got.dtype == dtype and torch.equal(got, value)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.T,
        lambda x: x[::2, 1::3],
        lambda x: x[1],
        lambda x: x.expand(5, 3, 4),
        lambda x: x[:0],
        lambda x: x.sum(),
        lambda x: x.flip(0)[..., 1],
    ],
)
def test_layouts_survive(sides, make):
    value = make(torch.arange(12.0).reshape(3, 4))
    got = send(*sides, value)
    assert torch.equal(got, value)
    if value.numel():
        assert got.stride() == value.stride() and got.storage_offset() == value.storage_offset()


def test_leaf_flags_survive_and_graphs_do_not(sides):
    x = torch.ones(2, requires_grad=True)
    assert send(*sides, x).requires_grad and not send(*sides, x.detach()).requires_grad
    assert type(send(*sides, torch.nn.Parameter(x.detach()))) is torch.nn.Parameter
    assert send(*sides, (2 * x).sum()).grad_fn is None


def test_numpy_values_keep_dtype(sides):
    array = np.arange(6, dtype=np.float32).reshape(2, 3).T
    got = send(*sides, array)
    assert got.dtype == array.dtype and (got == array).all()
    scalar = send(*sides, np.float64(0.25))
    assert type(scalar) is np.float64 and scalar == 0.25


def test_subclasses_do_not_survive(sides):
    class Everything(float):
        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    class Tensor(torch.Tensor):
        pass

    class Names(dict):
        def items(self):
            return [("forged", 1)]

    assert send(*sides, Everything(3.0)).type_name == "Everything"
    assert send(*sides, torch.ones(2).as_subclass(Tensor)).type_name == "Tensor"
    assert send(*sides, Names(a=1)) == {"a": 1}


def test_functions_stay_and_come_home(sides):
    judge, worker = sides
    reference = send(worker, judge, len)
    assert reference.callable and worker.kept[reference.number] is len
    judge.exchange._number_of = lambda value: value.number if value is reference else None
    assert send(judge, worker, [reference]) == [len]


def test_shared_memory_is_kept_and_changes_travel(sides):
    judge, worker = sides
    value = torch.zeros(4)
    one, two = send(judge, worker, [value[:2], value[1:]])
    one[1] = 5.0
    assert two[0] == 5.0 and value[1] == 0.0  # shared there, and apart from here
    assert worker.exchange.changed_of_theirs() == judge.exchange.numbers([value])
    value[3] = 7.0
    send(judge, worker, None)
    assert two[2] == 7.0


def test_what_came_goes_back_as_the_same_memory(sides):
    judge, worker = sides
    value = torch.arange(4.0)
    there = send(judge, worker, value)
    assert send(worker, judge, there[2:]).data_ptr() == value[2:].data_ptr()


def test_many_tensors_travel_at_once_and_arguments_are_never_forgotten(sides):
    judge, worker = sides
    values = [torch.full((2,), float(k)) for k in range(200)]
    assert [value[0].item() for value in send(judge, worker, values)] == list(range(200))
    theta = torch.zeros(3)
    body, reader = worker.exchange.loads(*split(judge.exchange.dumps({"do": "call"}, {"value": theta})))
    there = reader.read(body["value"])
    for _ in range(100):  # callbacks
        send(judge, worker, torch.ones(1))
    there += 1
    assert worker.exchange.changed_of_theirs() == judge.exchange.numbers([theta])
    assert len(judge.exchange._sent.known) < 100


def test_large_storages_are_sent_as_what_is_used(sides):
    base = torch.zeros(2**20)
    frame = sides[0].exchange.dumps({}, {"value": base[7:107:2]})
    assert len(frame) < 2000
    assert torch.equal(send(*sides, base[7:107:2]), base[7:107:2])


@pytest.mark.parametrize(
    "value",
    [
        2**5000,
        torch.zeros(1).expand(MAX_ENTRIES + 1),
        torch.empty(2, device="meta"),
        torch.zeros(2**24, dtype=torch.float64),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_sent(sides, value):
    with pytest.raises(WireError):
        sides[0].exchange.dumps({}, {"value": value})


def test_deep_and_endless_values_are_refused(sides):
    deep, endless = [], []
    for _ in range(100):
        deep = [deep]
    endless.append(endless)
    for value in (deep, endless, list(range(300_000))):
        with pytest.raises(WireError, match=r"nested|entries"):
            sides[0].exchange.dumps({}, {"value": value})


def read(body, data=b""):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    message, reader = Side().exchange.loads(parse(text), data)
    return reader.read(message["value"])


@pytest.mark.parametrize(
    "body",
    [
        b"\x80\x04K\x01.",  # a pickle
        b"[1, 2]",
        b'{"value": 1, "value": 2}',
        b"{" * 100_000,
        {"value": ["x", 1]},
        {"value": {"a": 1}},
        {"value": [["T"]]},
        {"value": ["l", 3]},
        {"value": ["m", 10**30]},
        {"value": ["T", False, 9, "float64", [2], [1], 0, False, False]},
        {"value": ["T", False, 1, "float64", [2], [1], 0, False, False], "storages": [[1, 8]]},
        {"value": ["T", False, 1, "float64", [2], [-1], 0, False, False], "storages": [[1, 8]]},
        {"value": ["T", False, 1, "float64", [2**40], [0], 0, False, False], "storages": [[1, 8]]},
        {"value": ["T", False, 1, "object", [1], [1], 0, False, False], "storages": [[1, 8]]},
        {"value": ["a", "|O", [1], [0]], "storages": [[0, 8]]},
        {"value": 1, "storages": [[1, 9]]},
        {"value": 1, "storages": [[1, -9]]},
        {"value": 1, "storages": 7},
        {"value": 1, "changed": [[1]]},
    ],
)
def test_damaged_messages_are_refused(body):
    with pytest.raises(WireError):
        read(body, b"\x00" * 8)


def test_random_damage_gives_a_value_or_a_refusal():
    generator = random.Random(1)
    worker = Side()
    values = [
        torch.arange(6.0).reshape(2, 3).T,
        {"a": [1, 2.5, None]},
        np.arange(3),
        (True, "x"),
        torch.Generator(),
        len,
    ]
    frame = worker.exchange.dumps({}, {"value": values})
    body, data = split(frame)
    text = json.dumps(body).encode()
    refused = 0
    for _ in range(3000):
        changed = bytearray(text)
        for _ in range(generator.randint(1, 4)):
            place = generator.randrange(len(changed))
            if generator.random() < 0.5:
                changed[place] = generator.randrange(256)
            else:
                del changed[place : place + generator.randint(1, 5)]
        try:
            read(bytes(changed), data)
        except (WireError, KeyError):
            refused += 1
    assert 1500 < refused < 3000
