"""Plain data over a pipe between the judge, who is trusted, and a worker, who is not.

A message is a JSON object and the bytes of its tensors; nothing that is received is ever executed or unpickled. What
comes out has exact types: containers are rebuilt, subclasses of numbers and tensors travel as opaque objects. Sizes,
depth and counts are capped, and a reader who is sent anything else gets a `WireError`.

Tensors keep shape, strides and shared memory: a storage that was sent is known to both sides by a number until
a new `Exchange` is made, and a later change of its contents travels with the next message.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

HEADER = struct.Struct(">II")
MAX_TEXT = 16 * 2**20
MAX_BYTES = 64 * 2**20
MAX_DEPTH = 40
MAX_VALUES = 200_000
MAX_ENTRIES = 2**24  # of all tensors of a message: a view can be far larger than its bytes
MAX_INTEGER_BITS = 4096
KEPT_STORAGES = 16  # besides those of the arguments of the call under way
SHARED_BYTES = 2**20  # larger storages are sent as copies of what a tensor covers

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    )
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
ARRAY_KINDS = "fiubc"
SCALARS = (np.bool_, np.float64, np.float32, np.float16, np.longdouble, np.complex64, np.complex128)
SCALARS += (np.int64, np.int32, np.int16, np.int8, np.uint64, np.uint32, np.uint16, np.uint8)


class WireError(Exception):
    """A message that breaks the rules; the text says which one."""


@dataclass(frozen=True)
class Reference:
    """Something that stays where it is: a function or an object, with the name of its type."""

    number: int
    callable: bool
    type_name: str


class Shared:
    """A storage known to both sides, and its bytes as they were last seen (by default: now)."""

    def __init__(self, storage: torch.UntypedStorage, seen: bytes | None = None):
        self.storage = storage
        self.address = storage.data_ptr() if storage.nbytes() else 0
        # Made once, since the contents are looked at with every message.
        self._view = torch.empty(0, dtype=torch.uint8).set_(storage).numpy() if storage.nbytes() else None
        self.seen = self.now() if seen is None else seen

    def now(self) -> bytes:
        return b"" if self._view is None else self._view.tobytes()


class Exchange:
    """Encodes and decodes the values of one side of one conversation.

    `keep` gives the number of a function or object that stays here; `mine` finds it again when the other side hands it
    back; `proxy` makes what stands for one of theirs, and `number_of` tells of such a stand-in whom it stands for.
    """

    def __init__(
        self,
        keep: Callable[[object], int],
        mine: Callable[[int], object],
        proxy: Callable[[Reference], object],
        number_of: Callable[[object], int | None],
    ):
        self._keep, self._mine, self._proxy, self._number_of = keep, mine, proxy, number_of
        self._sent = Storages(False)
        self._received = Storages(True)
        self._next = 0
        self.generators: dict[int, torch.Generator] = {}  # the other side's, by its numbers

    def dumps(self, message: dict[str, object], values: dict[str, object]) -> bytes:
        """One frame. `message` is JSON data; `values` are encoded and added to it.

        Raises WireError when a value is too large or too deep to send.
        """
        self._sent.trim()
        writer = Writer(self)
        body = message | {name: writer.write(value, 0) for name, value in values.items()}
        body["changed"] = self._changes(writer)
        body["storages"] = [[number, size] for number, size in writer.storages]
        if message.get("do") == "call":
            self._sent.pinned = writer.used
        text = json.dumps(body, ensure_ascii=True).encode()
        if len(text) > MAX_TEXT or writer.size > MAX_BYTES:
            raise WireError("the data is too large to be handed over")
        return HEADER.pack(len(text), writer.size) + text + b"".join(writer.blobs)

    def loads(self, body: dict[str, object], data: bytes) -> tuple[dict[str, object], Reader]:
        """The message, as `parse` gives it, and a reader for its encoded values. Raises WireError."""
        self._received.trim()
        reader = Reader(self, data)
        if body.get("do") == "call":
            self._received.pinned = reader.used  # filled while the values are read
        reader.storages(body.pop("storages", None))
        reader.changes(body.pop("changed", None))
        return body, reader

    def changed_of_theirs(self) -> list[int]:
        """Numbers of the other side's storages whose contents are no longer what was received."""
        return [number for number, shared in self._received.known.items() if shared.now() != shared.seen]

    def numbers(self, tensors: Iterable[torch.Tensor]) -> list[int | None]:
        """The number of each tensor's storage among those sent; None where it was sent as a copy."""
        return [self._sent.places.get(tensor.untyped_storage().data_ptr()) for tensor in tensors]

    def _changes(self, writer: Writer) -> list[list[int]]:
        changes = []
        for number, shared in self._sent.known.items():
            if number in writer.new:
                continue
            now = shared.now()
            if now != shared.seen:
                shared.seen = now
                changes.append([number, writer.blob(now)])
        return changes

    def _share(self, storage: torch.UntypedStorage) -> tuple[int, bytes]:
        self._next += 1
        return self._next, self._sent.add(self._next, Shared(storage)).seen


class Storages:
    """The storages that one side sent, by number: the last few, and those that are pinned."""

    def __init__(self, theirs: bool):
        self.theirs = theirs
        self.known: dict[int, Shared] = {}
        self.places: dict[int, int] = {}  # address -> number
        self.pinned: set[int] = set()

    def add(self, number: int, shared: Shared) -> Shared:
        self.known[number] = shared
        if shared.address:
            self.places[shared.address] = number
        return shared

    def trim(self) -> None:
        """Forget the oldest. Both sides do so before the same message, and so always know the same ones."""
        spare = [number for number in self.known if number not in self.pinned]
        for number in spare[:-KEPT_STORAGES]:
            self.places.pop(self.known.pop(number).address, None)


class Writer:
    """Turns the values of one message into JSON data and a list of byte strings."""

    def __init__(self, exchange: Exchange):
        self._exchange = exchange
        self._values = 0
        self.used: set[int] = set()
        self.blobs: list[bytes] = []
        self.size = 0
        self.storages: list[tuple[int, int]] = []
        self.new: set[int] = set()

    def blob(self, data: bytes) -> int:
        """Add bytes to the message; returns their length."""
        self.size += len(data)
        if self.size > MAX_BYTES:
            raise WireError("the data is too large to be handed over")
        self.blobs.append(data)
        return len(data)

    def write(self, value: object, depth: int) -> object:
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise WireError("the data is nested too deeply or has too many entries to be handed over")
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is float:
            return value
        if kind is int:
            if value.bit_length() > MAX_INTEGER_BITS:
                raise WireError("an integer is too large to be handed over")
            return value
        if kind is str:
            if len(value) > MAX_TEXT // 8:
                raise WireError("a text is too long to be handed over")
            return value
        if kind is complex:
            return ["c", value.real, value.imag]
        # Containers are rebuilt from the base class's own contents, whatever a subclass says it holds.
        if isinstance(value, list):
            return ["l", [self.write(entry, depth + 1) for entry in list.__iter__(value)]]
        if isinstance(value, tuple):
            return ["t", [self.write(entry, depth + 1) for entry in tuple.__iter__(value)]]
        if isinstance(value, dict):
            pairs = dict.items(value)
            return ["d", [[self.write(key, depth + 1), self.write(entry, depth + 1)] for key, entry in pairs]]
        if kind is bytes:
            return ["b", len(value), self._later(value)]
        if kind in (torch.Tensor, torch.nn.Parameter):
            return self._tensor(value, kind)
        if kind is np.ndarray and value.dtype.kind in ARRAY_KINDS:
            data = np.ascontiguousarray(value).tobytes()
            return ["a", value.dtype.str, list(value.shape), self._later(data)]
        if kind in SCALARS:
            array = np.asarray(value)
            return ["s", array.dtype.str, self._later(array.tobytes())]
        if kind is torch.dtype and value in DTYPE_NAMES:
            return ["y", DTYPE_NAMES[value]]
        if kind is torch.Generator:
            return ["g", self._exchange._keep(value), self._later(value.get_state().numpy().tobytes())]
        number = self._exchange._number_of(value)
        if number is not None:
            return ["m", number]
        return ["o", self._exchange._keep(value), callable(value), kind.__name__[:80]]

    def _later(self, data: bytes) -> list[int]:
        """Bytes that belong to this message only: written as a storage without a number."""
        self.storages.append((0, self.blob(data)))
        return [len(self.storages) - 1]

    def _tensor(self, tensor: torch.Tensor, kind: type) -> list:
        value = tensor.detach()
        if value.is_meta or value.is_quantized:
            raise WireError("a tensor without values cannot be handed over")
        if value.layout is not torch.strided:
            value = value.to_dense()
        value = value.cpu().resolve_conj().resolve_neg()
        if value.dtype not in DTYPE_NAMES:
            raise WireError(f"a tensor of dtype {value.dtype} cannot be handed over")
        if value.numel() > MAX_ENTRIES:
            raise WireError("a tensor is too large to be handed over")
        storage = value.untyped_storage()
        address = storage.data_ptr()
        number, theirs = self._exchange._received.places.get(address), True
        if number is None:
            number, theirs = self._exchange._sent.places.get(address), False
        if number is None and storage.nbytes() > SHARED_BYTES:
            covered = torch.as_strided(value, (span(value),), (1,), value.storage_offset()).clone()
            value = torch.as_strided(covered, value.shape, value.stride(), 0)
            storage = value.untyped_storage()
        if number is None:
            number, data = self._exchange._share(storage)
            self.storages.append((number, self.blob(data)))
            self.new.add(number)
        if not theirs:
            self.used.add(number)
        shape = [DTYPE_NAMES[value.dtype], list(value.shape), list(value.stride()), value.storage_offset()]
        return ["T", theirs, number, *shape, bool(tensor.requires_grad), kind is torch.nn.Parameter]


class Reader:
    """Turns the JSON data of one message back into values, trusting nothing in it."""

    def __init__(self, exchange: Exchange, data: bytes):
        self._exchange = exchange
        self._data = data
        self._parts: list[bytes] = []
        self._at = 0
        self._values = 0
        self._entries = 0
        self.used: set[int] = set()

    def storages(self, rows: object) -> None:
        for row in rows_of(rows, 2):
            number, size = row
            data = self._take(size)
            self._parts.append(data)
            if number:
                storage = torch.frombuffer(bytearray(data), dtype=torch.uint8).untyped_storage() if data else empty()
                self._exchange._received.add(number, Shared(storage, data))

    def changes(self, rows: object) -> None:
        for number, size in rows_of(rows, 2):
            data = self._take(size)
            shared = self._exchange._received.known.get(number)
            if shared is None:
                continue
            if len(data) != shared.storage.nbytes():
                raise WireError("a change of a storage has another size")
            if data:
                shared.storage.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8).untyped_storage())
            shared.seen = data

    def _take(self, size: int) -> bytes:
        if size < 0 or self._at + size > len(self._data):
            raise WireError("a message has fewer bytes than it says")
        data = self._data[self._at : self._at + size]
        self._at += size
        return data

    def read(self, node: object, depth: int = 0) -> object:
        """The value of a node. Raises WireError."""
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise WireError("a message is nested too deeply or has too many entries")
        if node is None or type(node) in (bool, int, float, str):
            return node
        if type(node) is not list or not node or type(node[0]) is not str:
            raise WireError("a message has a value of unknown form")
        try:
            return self._compound(node, depth + 1)
        except WireError:
            raise
        except Exception as error:
            raise WireError(f"a message has a damaged value: {type(error).__name__}") from None

    def _compound(self, node: list, depth: int) -> object:
        tag, *rest = node
        if tag == "c":
            return complex(float(rest[0]), float(rest[1]))
        if tag == "l":
            return [self.read(entry, depth) for entry in rest[0]]
        if tag == "t":
            return tuple(self.read(entry, depth) for entry in rest[0])
        if tag == "d":
            return {self.read(key, depth): self.read(value, depth) for key, value in rest[0]}
        if tag == "b":
            return self._part(rest[1])
        if tag == "T":
            return self._tensor(*rest)
        if tag == "a":
            dtype, shape = array_dtype(rest[0]), whole(rest[1])
            self._count(math.prod(shape))
            # In the machine's byte order, the only one that PyTorch takes.
            return np.frombuffer(self._part(rest[2]), dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))
        if tag == "s":
            return np.frombuffer(self._part(rest[1]), dtype=array_dtype(rest[0]))[0]
        if tag == "y":
            return DTYPES[rest[0]]
        if tag == "g":
            generator = self._exchange.generators.setdefault(integer(rest[0]), torch.Generator())
            generator.set_state(torch.frombuffer(bytearray(self._part(rest[1])), dtype=torch.uint8))
            return generator
        if tag == "m":
            return self._exchange._mine(integer(rest[0]))
        if tag == "o":
            return self._exchange._proxy(Reference(integer(rest[0]), bool(rest[1]), str(rest[2])[:80]))
        raise WireError("a message has a value of unknown kind")

    def _part(self, index: list) -> bytes:
        return self._parts[integer(index[0])]

    def _count(self, entries: int) -> None:
        self._entries += entries
        if self._entries > MAX_ENTRIES:
            raise WireError("the tensors of a message are too large")

    def _tensor(
        self,
        ours: bool,
        number: int,
        dtype_name: str,
        shape: list[int],
        stride: list[int],
        offset: int,
        requires_grad: bool,
        parameter: bool,
    ) -> torch.Tensor:
        known = self._exchange._sent.known if ours else self._exchange._received.known
        shared = known.get(integer(number))
        if shared is None:
            raise WireError("a tensor refers to memory that was never handed over")
        if not ours:
            self.used.add(number)
        dtype, shape, stride = DTYPES[dtype_name], whole(shape), whole(stride)
        self._count(math.prod(shape))
        size = torch.empty((), dtype=dtype).element_size()
        offset = whole([offset])[0]
        if len(shape) != len(stride):
            raise WireError("a tensor has strides of another length than its shape")
        last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
        if math.prod(shape) and (last + 1) * size > shared.storage.nbytes():
            raise WireError("a tensor reaches beyond its memory")
        if not math.prod(shape):
            value = torch.empty(shape, dtype=dtype)
        else:
            value = torch.empty(0, dtype=dtype).set_(shared.storage, offset, shape, stride)
        floating = dtype.is_floating_point or dtype.is_complex
        if parameter:
            return torch.nn.Parameter(value, requires_grad=bool(requires_grad) and floating)
        return value.requires_grad_() if requires_grad and floating else value


def empty() -> torch.UntypedStorage:
    return torch.empty(0, dtype=torch.uint8).untyped_storage()


def span(tensor: torch.Tensor) -> int:
    """Number of entries from the first to the last one in memory."""
    if not tensor.numel():
        return 0
    return 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))


def integer(value: object) -> int:
    if type(value) is not int or abs(value) >= 2**62:
        raise WireError("a message has a damaged number")
    return value


def whole(values: list) -> list[int]:
    if type(values) is not list or len(values) > 64 or any(integer(n) < 0 for n in values):
        raise WireError("a message has a damaged shape")
    return values


def rows_of(rows: object, width: int) -> list[list[int]]:
    if rows is None:
        return []
    if type(rows) is not list or len(rows) > MAX_VALUES:
        raise WireError("a message has a damaged table")
    for row in rows:
        if type(row) is not list or len(row) != width:
            raise WireError("a message has a damaged table")
        whole(row)
    return rows


def array_dtype(text: object) -> np.dtype:
    dtype = np.dtype(str(text))
    if dtype.kind not in ARRAY_KINDS or dtype.fields is not None or dtype.subdtype is not None:
        raise WireError("an array has a dtype that is not a number")
    return dtype


def parse(text: bytes) -> dict[str, object]:
    """A JSON object without duplicate keys. Raises WireError."""
    try:
        body = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise WireError(f"a message is not JSON data: {type(error).__name__}") from None
    if not isinstance(body, dict):
        raise WireError("a message must be a JSON object")
    return body


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise WireError("a message has the same key twice")
    return result
