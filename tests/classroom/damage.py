"""Damage submissions at random, for the tests that fuzz the intake: the same seed gives the same damage.

A kind of damage changes the notebook's data, its bytes, or the files around it. The kinds in `TAMPERING` leave every
answer in the notebook: whatever they do, singly or together, each answer must be found again.
"""

import copy
import json
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

from autograde.sandbox.paths import ROOT

ASSIGNMENT = "1_1_intuition"
NOTEBOOK = f"{ASSIGNMENT}.ipynb"
RELEASE = ROOT / "exercises" / ASSIGNMENT / NOTEBOOK
SOURCE = ROOT / "solutions" / ASSIGNMENT / NOTEBOOK
JUNK = [None, 0, -1, 1.5, True, "", "text", [], {}, [None], {"a": 1}, [[]], "\ud800", 10**30]
ODD_NAMES = ["a..b", "new\nline", "*", "[ab]", "x" * 150, "-r", "~", "$(id)", "two words", ".hidden", "\udcff", "é"]


def answered_notebook() -> dict:
    """The release as JSON data, every solution cell filled in with the staff's answer."""
    notebook = json.loads(RELEASE.read_text(encoding="utf-8"))
    source = json.loads(SOURCE.read_text(encoding="utf-8"))
    worked = {grade_id(cell): cell["source"] for cell in source["cells"]}
    for cell in solutions(notebook):
        cell["source"] = worked[grade_id(cell)]
    return notebook


def grade_id(cell: dict) -> str | None:
    return flags(cell).get("grade_id")


def flags(cell: dict) -> dict:
    """nbgrader's metadata of a cell, empty when an earlier damage took it away."""
    metadata = cell.get("metadata") if isinstance(cell, dict) else None
    found = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def cells(notebook: dict, flag: str | None = None) -> list[dict]:
    """The cells that still are objects with metadata; with `flag`, those where nbgrader's metadata has it set."""
    every = notebook.get("cells") if isinstance(notebook.get("cells"), list) else []
    found = [cell for cell in every if isinstance(cell, dict) and isinstance(cell.get("metadata"), dict)]
    return [cell for cell in found if flag is None or flags(cell).get(flag)]


def solutions(notebook: dict) -> list[dict]:
    return cells(notebook, "solution")


def code_cell(source: str, **fields) -> dict:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source} | fields


def text_of(cell: dict) -> str:
    source = cell.get("source")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


# Tampering that leaves every answer in the notebook


def duplicate_cell(rng: random.Random, notebook: dict) -> None:
    position = rng.randrange(len(notebook["cells"]))
    notebook["cells"].insert(
        rng.randrange(position, len(notebook["cells"])), copy.deepcopy(notebook["cells"][position])
    )


def swap_names(rng: random.Random, notebook: dict) -> None:
    chosen = [cell for cell in solutions(notebook) if grade_id(cell)]
    if len(chosen) > 1:
        first, second = (flags(cell) for cell in rng.sample(chosen, 2))
        first["grade_id"], second["grade_id"] = second["grade_id"], first["grade_id"]


def unknown_name(rng: random.Random, notebook: dict) -> None:
    for cell in rng.sample(cells(notebook), 1):
        flags(cell)["grade_id"] = rng.choice(["unknown", "", "so-sgd ", "x" * 1000, None, 7, ["so-sgd"], {"a": {}}])


def drop_names(rng: random.Random, notebook: dict) -> None:
    for cell in cells(notebook):
        cell["metadata"].pop("nbgrader", None)


def drop_ids(rng: random.Random, notebook: dict) -> None:
    for cell in cells(notebook):
        cell.pop("id", None)
    notebook["nbformat_minor"] = 4


def same_ids(rng: random.Random, notebook: dict) -> None:
    for cell in cells(notebook):
        cell["id"] = rng.choice(["same", "same", "", 3, None])


def change_flags(rng: random.Random, notebook: dict) -> None:
    for cell in cells(notebook):
        flag = rng.choice(["grade", "solution", "locked", "points", "cell_type", "task", "checksum"])
        if flags(cell):
            flags(cell)[flag] = rng.choice(JUNK)


def change_schema(rng: random.Random, notebook: dict) -> None:
    for cell in cells(notebook):
        if flags(cell):
            flags(cell)["schema_version"] = rng.choice([1, 2, 99, "3", None])


def skip_execution(rng: random.Random, notebook: dict) -> None:
    for cell in cells(notebook):
        cell["metadata"]["tags"] = rng.choice([["skip-execution"], "skip-execution", 3, ["raises-exception"], {}])


def delete_closed_cell(rng: random.Random, notebook: dict) -> None:
    closed = [cell for cell in notebook["cells"] if flags(cell).get("locked") is True]
    if closed:
        notebook["cells"].remove(rng.choice(closed))


def edit_closed_cell(rng: random.Random, notebook: dict) -> None:
    closed = [cell for cell in notebook["cells"] if flags(cell).get("locked") is True]
    for cell in rng.sample(closed, min(2, len(closed))):
        cell["source"] = rng.choice(["2.0", "assert True", "import sys; sys.displayhook(2.0)", "", "# nothing"])


def move_cells(rng: random.Random, notebook: dict) -> None:
    moved = notebook["cells"].pop(rng.randrange(len(notebook["cells"])))
    notebook["cells"].insert(rng.randrange(len(notebook["cells"]) + 1), moved)


def shuffle_cells(rng: random.Random, notebook: dict) -> None:
    rng.shuffle(notebook["cells"])


def move_answer_to_end(rng: random.Random, notebook: dict) -> None:
    """The answer stands in a new last cell, and its own cell is unanswered or deleted."""
    starters = {grade_id(cell): cell["source"] for cell in solutions(json.loads(RELEASE.read_text(encoding="utf-8")))}
    found = [cell for cell in solutions(notebook) if isinstance(grade_id(cell), str) and grade_id(cell) in starters]
    if not found:
        return
    cell = rng.choice(found)
    notebook["cells"].append(code_cell(text_of(cell)))
    if rng.random() < 0.5:
        cell["source"] = starters[grade_id(cell)]
    else:
        notebook["cells"] = [other for other in notebook["cells"] if other is not cell]


def text_answer(rng: random.Random, notebook: dict) -> None:
    for cell in rng.sample(solutions(notebook), min(1, len(solutions(notebook)))):
        cell["cell_type"] = rng.choice(["markdown", "raw"])


def split_answer(rng: random.Random, notebook: dict) -> None:
    """Two functions of one cell become two cells, the second where the student likes."""
    for position, cell in enumerate(notebook["cells"]):
        if not isinstance(cell, dict):
            continue
        head, mark, tail = text_of(cell).partition("\ndef satisfies_robbins_monro")
        if mark and cell.get("cell_type") == "code":
            cell["source"] = head
            second = rng.choice([position + 1, position, 0, len(notebook["cells"])])
            notebook["cells"].insert(second, code_cell(mark + tail))
            return


def merge_answers(rng: random.Random, notebook: dict) -> None:
    """One cell answers two exercises; the cell of the other is deleted."""
    found = [cell for cell in solutions(notebook) if cell.get("cell_type") == "code"]
    if len(found) > 1:
        first, second = rng.sample(found, 2)
        first["source"] = f"{text_of(first)}\n\n{text_of(second)}"
        notebook["cells"] = [cell for cell in notebook["cells"] if cell is not second]


def own_cells(rng: random.Random, notebook: dict) -> None:
    sources = [
        "%matplotlib inline",
        "!ls",
        "import math",
        "x = 3",
        "theta?",
        "for i in range(3): print(i)",
        "",
        "%%time\n1",
    ]
    for _ in range(rng.randint(1, 5)):
        position = rng.randrange(len(notebook["cells"]) + 1)
        notebook["cells"].insert(position, code_cell(rng.choice(sources)))


def own_text(rng: random.Random, notebook: dict) -> None:
    source = rng.choice(["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "# Notes", "\x1b[2J", "=1+1"])
    notebook["cells"].append({"cell_type": rng.choice(["markdown", "raw"]), "metadata": {}, "source": source})


def forge_outputs(rng: random.Random, notebook: dict) -> None:
    for cell in cells(notebook):
        data = {"text/plain": "7.0", "text/html": "<script>", "image/svg+xml": "<svg onload=alert(1)>"}
        cell["outputs"] = rng.choice([[{"output_type": "execute_result", "data": data}], 3, None, [[[]]], "x" * 1000])
        cell["execution_count"] = rng.choice(JUNK)


def source_as_list(rng: random.Random, notebook: dict) -> None:
    for cell in cells(notebook):
        if isinstance(cell.get("source"), str):
            cell["source"] = cell["source"].splitlines(keepends=True)


def odd_metadata(rng: random.Random, notebook: dict) -> None:
    notebook["metadata"] = rng.choice([*JUNK, {"kernelspec": {"name": "bash", "argv": ["sh"]}}, {"language_info": 3}])


def odd_minor(rng: random.Random, notebook: dict) -> None:
    notebook["nbformat_minor"] = rng.choice([*JUNK, 99])


def bad_neighbour(rng: random.Random, notebook: dict) -> None:
    notebook["cells"].insert(
        rng.randrange(len(notebook["cells"]) + 1), code_cell(rng.choice(["def (", "\0", "(" * 9000]))
    )


TAMPERING: list[Callable[[random.Random, dict], None]] = [
    duplicate_cell,
    swap_names,
    unknown_name,
    drop_names,
    drop_ids,
    same_ids,
    change_flags,
    change_schema,
    skip_execution,
    delete_closed_cell,
    edit_closed_cell,
    move_cells,
    shuffle_cells,
    move_answer_to_end,
    text_answer,
    split_answer,
    merge_answers,
    own_cells,
    own_text,
    forge_outputs,
    source_as_list,
    odd_metadata,
    odd_minor,
    bad_neighbour,
]


# Damage that may cost answers, or the whole notebook


def delete_any_cell(rng: random.Random, notebook: dict) -> None:
    if notebook["cells"]:
        notebook["cells"].pop(rng.randrange(len(notebook["cells"])))


def replace_anything(rng: random.Random, notebook: dict) -> None:
    """A value somewhere in the notebook becomes one of another type, or its key goes."""
    container: dict | list = notebook
    while True:
        keys = list(container) if isinstance(container, dict) else list(range(len(container)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(container[key], dict | list) and container[key] and rng.random() < 0.8:
            container = container[key]
        elif rng.random() < 0.3:
            del container[key]
            return
        else:
            container[key] = copy.deepcopy(rng.choice(JUNK))
            return


def odd_source(rng: random.Random, notebook: dict) -> None:
    sources = [*JUNK, "\0", "def sgd(", "\ud800\udfff", "(" * 5000, "x" * 1_100_000, ["a", 3], "-" * 9000 + "1", "\x85"]
    for cell in rng.sample(cells(notebook), min(3, len(cells(notebook)))):
        cell["source"] = rng.choice(sources)


def odd_type(rng: random.Random, notebook: dict) -> None:
    for cell in rng.sample(cells(notebook), min(3, len(cells(notebook)))):
        cell["cell_type"] = rng.choice([*JUNK, "heading", "code ", "CODE"])


def other_format(rng: random.Random, notebook: dict) -> None:
    notebook["nbformat"] = rng.choice([*JUNK, 3, 4.0, 5, 99])


def worksheets(rng: random.Random, notebook: dict) -> None:
    notebook["nbformat"], notebook["worksheets"] = 3, [{"cells": notebook.pop("cells", [])}]


def no_cells(rng: random.Random, notebook: dict) -> None:
    notebook["cells"] = rng.choice([[], None, {}, "cells", [[]], [None] * 10, [[[]]]])


def many_cells(rng: random.Random, notebook: dict) -> None:
    notebook["cells"] += [code_cell("x = 1")] * rng.choice([300, 900, 12_000])


def deep_metadata(rng: random.Random, notebook: dict) -> None:
    value: list = []
    for _ in range(rng.choice([20, 90, 150, 400])):
        value = [value]
    notebook["metadata"] = {"deep": value}


STRUCTURE: list[Callable[[random.Random, dict], None]] = [
    delete_any_cell,
    replace_anything,
    odd_source,
    odd_type,
    other_format,
    worksheets,
    no_cells,
    many_cells,
    deep_metadata,
]


def truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def flip_bits(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 20) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def other_encoding(rng: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]), "replace")


def insert_bytes(rng: random.Random, data: bytes) -> bytes:
    position = rng.randrange(len(data) + 1)
    inserted = [
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"[" * 100_000,
        b'{"a":' * 5000,
        b"NaN",
        b"1" * 5000,
        b"-Infinity",
        b",",
    ]
    return data[:position] + rng.choice(inserted) + data[position:]


def repeat_slice(rng: random.Random, data: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] + data[end:]


def repeat_key(rng: random.Random, data: bytes) -> bytes:
    key = rng.choice(
        [b'"cells": 3, ', b'"nbformat": 4, ', b'"metadata": NaN, ', b'"x": 1e999, "x": %s, ' % (b"9" * 9000)]
    )
    return data.replace(b"{", b"{" + key, rng.choice([1, 1, 5]))


def other_content(rng: random.Random, data: bytes) -> bytes:
    contents = [b"", b" \n", b"[]", b"{}", b"null", b'"text"', b"PK\x03\x04" + data, b"\x1f\x8b" + data, b"[" * 200_000]
    return rng.choice(contents)


BYTES: list[Callable[[random.Random, bytes], bytes]] = [
    truncate,
    flip_bits,
    other_encoding,
    insert_bytes,
    repeat_slice,
    repeat_key,
    other_content,
]


def link_beside(rng: random.Random, folder: Path) -> None:
    target = rng.choice([folder.parents[2] / "gradebook.db", Path("/etc/hostname"), folder, Path("nowhere"), RELEASE])
    (folder / "data.csv").symlink_to(target)


def link_notebook(rng: random.Random, folder: Path) -> None:
    (folder / NOTEBOOK).unlink()
    (folder / NOTEBOOK).symlink_to(rng.choice([SOURCE, Path("nowhere"), Path(NOTEBOOK)]))


def hard_link(rng: random.Random, folder: Path) -> None:
    os.link(folder / NOTEBOOK, folder / "other.ipynb")


def pipe(rng: random.Random, folder: Path) -> None:
    name = rng.choice([NOTEBOOK, "pipe", "timestamp.txt", ".ipynb_checkpoints"])
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)


def unix_socket(rng: random.Random, folder: Path) -> None:
    here = os.open(folder, os.O_RDONLY)
    try:  # by this way, because the address of a socket is at most 107 bytes long
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{here}/socket")
    finally:
        os.close(here)


def folder_for_notebook(rng: random.Random, folder: Path) -> None:
    (folder / NOTEBOOK).unlink()
    (folder / NOTEBOOK).mkdir()


def rename_notebook(rng: random.Random, folder: Path) -> None:
    name = rng.choice(
        ["homework.ipynb", "1_1_Intuition.ipynb", "\udcff.ipynb", "a\nb.ipynb", "sub/" + NOTEBOOK, NOTEBOOK[:-1]]
    )
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / NOTEBOOK).rename(folder / name)


def second_notebook(rng: random.Random, folder: Path) -> None:
    (folder / rng.choice(["copy.ipynb", "=1+1.ipynb", "\x1b[2J.ipynb"])).write_bytes(RELEASE.read_bytes())


def huge_notebook(rng: random.Random, folder: Path) -> None:
    os.truncate(folder / NOTEBOOK, rng.choice([21, 500]) * 2**20)


def many_files(rng: random.Random, folder: Path) -> None:
    inner = folder / "many"
    inner.mkdir()
    for number in range(rng.choice([50, 1100])):
        (inner / f"{number}").touch()


def deep_folders(rng: random.Random, folder: Path) -> None:
    (folder / "/".join("d" * rng.choice([5, 30]))).mkdir(parents=True)


def shadowing_files(rng: random.Random, folder: Path) -> None:
    for name in ("conftest.py", "sitecustomize.py", "torch.py", "autograde.py"):
        (folder / name).write_text("raise SystemExit", encoding="utf-8")


def archive(rng: random.Random, folder: Path) -> None:
    name, data = rng.choice(
        [("a.zip", b"PK\x03\x04"), ("b.tar.gz", b"\x1f\x8b"), ("data", b"7z\xbc\xaf\x27\x1c"), ("c.rar", b"")]
    )
    (folder / name).write_bytes(data * 10)


def odd_timestamp(rng: random.Random, folder: Path) -> None:
    texts = ["", "soon", "2001-01-01 00:00:00.000000 UTC", "2999-01-01 00:00:00 UTC", "9999-12-31 23:59:59 Etc/GMT+12"]
    texts += [
        "10",
        "x" * 5000,
        "\0",
        "2026-01-01 00:00:00 /etc/passwd",
        "2026-13-45 99:99:99 UTC",
        "\udcff",
        "0000-00-00 00:00",
    ]
    path = folder / "timestamp.txt"
    if not path.exists():
        path.write_bytes(rng.choice(texts).encode("utf-8", "surrogateescape"))


FILES: list[Callable[[random.Random, Path], None]] = [
    link_beside,
    link_notebook,
    hard_link,
    pipe,
    unix_socket,
    folder_for_notebook,
    rename_notebook,
    second_notebook,
    huge_notebook,
    many_files,
    deep_folders,
    shadowing_files,
    archive,
    odd_timestamp,
]


def tampered(seed: int) -> tuple[dict, list[str]]:
    """An answered notebook with one to five kinds of tampering, and their names."""
    rng = random.Random(seed)
    notebook = answered_notebook()
    kinds = rng.choices(TAMPERING, k=rng.randint(1, 5))
    for kind in kinds:
        kind(rng, notebook)
    return notebook, [kind.__name__ for kind in kinds]


def damaged(seed: int, class_folder: Path) -> tuple[str, list[str]]:
    """Hand in a submission with one to five kinds of damage; the student's id and the names of the kinds."""
    rng = random.Random(seed)
    kinds = rng.sample([*TAMPERING, *STRUCTURE, *BYTES, *FILES], rng.randint(1, 5))
    notebook = answered_notebook()
    for kind in kinds:
        # An earlier damage may have left nothing for the next one to damage.
        if (kind in TAMPERING or kind in STRUCTURE) and isinstance(notebook.get("cells"), list) and cells(notebook):
            kind(rng, notebook)
    data = json.dumps(notebook).encode()
    for kind in kinds:
        data = kind(rng, data) if kind in BYTES else data
    student = rng.choice(ODD_NAMES) + f"{seed}" if rng.random() < 0.1 else f"student{seed}"
    folder = class_folder / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    (folder / NOTEBOOK).write_bytes(data)
    for kind in kinds:
        if kind in FILES and (folder / NOTEBOOK).is_file() and not (folder / NOTEBOOK).is_symlink():
            kind(rng, folder)
    return student, [kind.__name__ for kind in kinds]
