"""What intake refuses, what it passes on for review, and what it takes without a word."""

import json
import os
import random
import socket
import time
import zipfile
from datetime import UTC, datetime

import pytest
from nbgrader.utils import parse_utc

from autograde.classroom import intake
from autograde.classroom.intake import Intake, parse_timestamp, read_submission, students
from autograde.classroom.submission import Submission, quoted
from tests.classroom import damage
from tests.classroom.damage import ASSIGNMENT, NOTEBOOK

CLEAN = json.dumps(damage.answered_notebook()).encode()


@pytest.fixture
def folder(tmp_path):
    """The submitted folder of one student, with a clean notebook in it."""
    made = tmp_path / "submitted" / "ada" / ASSIGNMENT
    made.mkdir(parents=True)
    (made / NOTEBOOK).write_bytes(CLEAN)
    return made


def take_in(folder) -> Intake:
    return read_submission(Submission(folder.parents[2], folder.parent.name, folder.name))


def refusal(folder) -> str:
    """The one sentence of the refusal."""
    result = take_in(folder)
    assert result.notebook is None
    assert result.timestamp is None
    (sentence,) = result.refusals
    return sentence


def reviews(folder) -> tuple[str, ...]:
    """The reasons for a review of a submission that is graded all the same."""
    result = take_in(folder)
    assert result.refusals == ()
    assert len(result.notebook["cells"]) == len(damage.answered_notebook()["cells"])
    return result.reviews


def stamp(seconds_from_now: float) -> str:
    moment = datetime.fromtimestamp(time.time() + seconds_from_now, tz=UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def test_clean_submission_passes(folder):
    result = take_in(folder)
    assert (result.refusals, result.reviews, result.ignored, result.timestamp) == ((), (), (), None)
    cells = result.notebook["cells"]
    assert [cell["source"] for cell in cells] == [cell["source"] for cell in damage.answered_notebook()["cells"]]
    assert not any("outputs" in cell for cell in cells)
    assert len(result.digest) == 64


def test_digest_follows_the_bytes(folder):
    before = take_in(folder).digest
    os.utime(folder / NOTEBOOK, (1, 1))
    assert take_in(folder).digest == before
    (folder / NOTEBOOK).write_bytes(CLEAN + b" ")
    changed = take_in(folder).digest
    assert changed != before
    (folder / "notes.txt").write_text("more", encoding="utf-8")
    assert take_in(folder).digest != changed


@pytest.mark.parametrize("name", ["ada", "3ada", "_a", "a.b@c-d+e", "Žofie", "李明", "x" * 100])
def test_student_ids_that_are_allowed(tmp_path, name):
    made = tmp_path / "submitted" / name / ASSIGNMENT
    made.mkdir(parents=True)
    (made / NOTEBOOK).write_bytes(CLEAN)
    assert students(tmp_path, ASSIGNMENT) == [name]
    assert read_submission(Submission(tmp_path, name, ASSIGNMENT)).refusals == ()


@pytest.mark.parametrize(
    "name",
    [
        "a..b",
        "new\nline",
        "*",
        "[ab]",
        "x" * 101,
        "李" * 80,
        "-r",
        "~",
        "$(id)",
        "two words",
        ".hidden",
        "\udcff",
        "a;b",
    ],
)
def test_student_ids_that_are_refused(tmp_path, name):
    made = tmp_path / "submitted" / name / ASSIGNMENT
    made.mkdir(parents=True)
    (made / NOTEBOOK).write_bytes(CLEAN)
    assert students(tmp_path, ASSIGNMENT) == [name]
    result = read_submission(Submission(tmp_path, name, ASSIGNMENT))
    assert result.notebook is None
    assert result.refusals[0].startswith("The student id ")
    assert result.refusals[0].isascii() and result.refusals[0].isprintable()


@pytest.mark.parametrize("name", ["", ".", "..", "../ada", "a/b", "x" * 300, "a\0b", "/etc", "ada\n"])
def test_student_ids_that_no_folder_has(folder, name):
    assert read_submission(Submission(folder.parents[2], name, ASSIGNMENT)).refusals


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\0b", "nothing"])
def test_assignments_that_do_not_exist(folder, name):
    assert read_submission(Submission(folder.parents[2], "ada", name)).refusals
    assert students(folder.parents[2], name) == []


def test_no_class_folder(tmp_path):
    assert students(tmp_path / "none", ASSIGNMENT) == []
    (sentence,) = read_submission(Submission(tmp_path / "none", "ada", ASSIGNMENT)).refusals
    assert "cannot be opened" in sentence and str(tmp_path) not in sentence


def test_students_lists_strange_entries_and_passes_over_others(folder):
    submitted = folder.parents[1]
    (submitted / "README.txt").touch()
    (submitted / "zoe" / "other_assignment").mkdir(parents=True)
    (submitted / "linked").symlink_to("ada")
    (submitted / "file").mkdir()
    (submitted / "file" / ASSIGNMENT).touch()
    assert students(folder.parents[2], ASSIGNMENT) == ["ada", "file", "linked"]
    assert "a link, not a folder" in refusal(submitted / "linked" / ASSIGNMENT)
    assert "a file, not a folder" in refusal(submitted / "file" / ASSIGNMENT)
    assert "does not exist" in refusal(submitted / "zoe" / ASSIGNMENT)


def test_linked_assignment_is_refused(folder):
    other = folder.parents[1] / "bob"
    other.mkdir()
    (other / ASSIGNMENT).symlink_to(folder)
    assert "a link, not a folder" in refusal(other / ASSIGNMENT)


def make_link(path, folder):
    path.symlink_to(damage.SOURCE)


def make_hard_link(path, folder):
    outside = folder.parents[2] / "outside"
    outside.write_bytes(CLEAN)
    os.link(outside, path)


def make_pipe(path, folder):
    os.mkfifo(path)


def make_socket(path, folder):
    here = os.open(folder, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


SPECIAL = {"a link": make_link, "a hard link": make_hard_link, "a named pipe": make_pipe, "a socket": make_socket}


@pytest.mark.parametrize("kind", SPECIAL)
def test_notebook_that_is_no_ordinary_file_is_refused(folder, kind):
    (folder / NOTEBOOK).unlink()
    SPECIAL[kind](folder / NOTEBOOK, folder)
    assert f"is {kind}, not a file" in refusal(folder)


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("name", ["data.csv", ".ipynb_checkpoints", "submission_secret.txt"])
def test_other_file_that_is_not_ordinary_is_reviewed(folder, kind, name):
    SPECIAL[kind](folder / name, folder)
    assert reviews(folder) == (f"Among the submitted files is {kind}, which was not opened: '{name}'.",)


@pytest.mark.parametrize("kind", SPECIAL)
def test_timestamp_that_is_no_ordinary_file_is_reviewed(folder, kind):
    SPECIAL[kind](folder / "timestamp.txt", folder)
    (sentence,) = reviews(folder)
    assert f"The timestamp file is {kind}" in sentence
    assert take_in(folder).timestamp is None


def test_link_below_a_subfolder_is_reviewed(folder):
    (folder / "sub" / "sub").mkdir(parents=True)
    (folder / "sub" / "sub" / "inner").symlink_to("/")
    assert "'sub/sub/inner'" in reviews(folder)[0]


def test_folder_named_like_the_notebook_is_refused(folder):
    (folder / NOTEBOOK).unlink()
    (folder / NOTEBOOK).mkdir()
    assert "is a folder, not a file" in refusal(folder)


def test_missing_and_misnamed_notebooks_are_refused(folder):
    (folder / NOTEBOOK).rename(folder / "homework.ipynb")
    assert f"no notebook '{NOTEBOOK}'; 'homework.ipynb' was found instead" in refusal(folder)
    (folder / "homework.ipynb").unlink()
    assert f"no notebook '{NOTEBOOK}'; hand it in again" in refusal(folder)
    (folder / "work.zip").write_bytes(b"")
    assert "never opened ('work.zip')" in refusal(folder)


def test_second_notebook_is_reviewed(folder):
    (folder / "copy.ipynb").write_bytes(b"")
    assert reviews(folder) == (f"There is more than one notebook; '{NOTEBOOK}' was graded, not 'copy.ipynb'.",)
    assert take_in(folder).ignored == ("copy.ipynb",)


@pytest.mark.parametrize("name", ["a.zip", "b.tar.gz", "c.TGZ", "d.7z", "e.rar", "f.xz", "g.bz2", "h.tar"])
def test_archive_by_name_is_reviewed(folder, name):
    (folder / name).write_bytes(b"")
    assert "an archive, which was not opened" in reviews(folder)[0]


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"Rar!", b"\0" * 257 + b"ustar"])
def test_archive_by_its_bytes_is_reviewed_or_refused(folder, magic):
    (folder / "data").write_bytes(magic + b"rest")
    assert "an archive, which was not opened" in reviews(folder)[0]
    (folder / NOTEBOOK).write_bytes(magic + CLEAN)
    assert "is an archive" in refusal(folder)


def test_archive_with_names_outside_writes_nothing(folder):
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../escaped.txt", "x" * 10**6)
    everything = sorted(folder.parents[2].rglob("*"))
    assert len(reviews(folder)) == 1
    assert sorted(folder.parents[2].rglob("*")) == everything


def test_saved_model_and_shadowing_modules_are_ignored_without_review(folder):
    for name in ("conftest.py", "torch.py", "model.pt", "weights.npz"):
        (folder / name).write_bytes(b"PK\x03\x04" if name[0] in "mw" else b"raise SystemExit")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / NOTEBOOK).write_bytes(b"")
    (folder / "data").mkdir()
    (folder / "data" / "rows\x1b[2J.csv").touch()
    assert reviews(folder) == ()
    assert take_in(folder).ignored == ("conftest.py", r"data/rows\x1b[2J.csv", "model.pt", "torch.py", "weights.npz")


def test_many_files_and_deep_folders_are_reviewed(folder):
    deep = folder / "/".join("d" * 9)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    assert reviews(folder) == ()
    (deep / "d" / "d").mkdir(parents=True)
    assert "10 levels of folders" in reviews(folder)[0]
    many = folder.parents[1] / "bob" / ASSIGNMENT
    many.mkdir(parents=True)
    (many / NOTEBOOK).write_bytes(CLEAN)
    for number in range(intake.MAX_ENTRIES - 1):
        (many / f"{number}.txt").touch()
    assert reviews(many) == ()
    (many / "one more").touch()
    assert "1,000 entries" in reviews(many)[0]


def test_huge_notebook_is_refused_unread(folder):
    os.truncate(folder / NOTEBOOK, 500 * 2**20)
    started = time.process_time()
    assert "larger than 20 MiB" in refusal(folder)
    assert time.process_time() - started < 0.5
    before = take_in(folder).digest
    os.truncate(folder / NOTEBOOK, 501 * 2**20)
    assert take_in(folder).digest != before


def test_too_many_cells_are_refused_before_parsing(folder, monkeypatch):
    notebook = damage.answered_notebook()
    notebook["cells"] = notebook["cells"] + [damage.code_cell("")] * 100_000
    (folder / NOTEBOOK).write_text(json.dumps(notebook), encoding="utf-8")
    monkeypatch.setattr(intake.json, "loads", None)
    assert refusal(folder) == "The notebook has more than 5,000 cells."


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "not valid JSON"),
        (CLEAN[: len(CLEAN) // 2], "not valid JSON"),
        (b"[]", "not a notebook"),
        (b"null", "not a notebook"),
        (b"{}", "format 'None'"),
        (CLEAN.decode().encode("utf-16"), "not written in UTF-8 but looks like UTF-16"),
        (CLEAN.decode().encode("utf-16-le"), "not written in UTF-8 but looks like UTF-16-LE"),
        (CLEAN.replace(b"minibatch", b"mini\xff", 1), "not written in UTF-8"),
        (b"[" * 500_000, "more than 100 levels"),
        (b"[" * 3_000_000, "too many lists and objects"),
        (b'{"nbformat": 4, "cells": [], "metadata": ' + b"[" * 200 + b"]" * 200 + b"}", "more than 100 levels"),
        (b'{"nbformat": 4, "cells": [{"outputs": ' + b"[" * 99 + b"]" * 99 + b"}]}", "more than 100 levels"),
        (b'{"nbformat": 99, "cells": []}', "format '99', not 4"),
        (b'{"nbformat": true, "cells": []}', "not 4"),
        (b'{"nbformat": 3, "worksheets": [{"cells": []}]}', "old format: open and save it in JupyterLab"),
        (b'{"nbformat": 4, "worksheets": []}', "no list of cells"),
        (b'{"nbformat": 4, "cells": {}}', "no list of cells"),
        (b'{"nbformat": 4, "cells": [%s]}' % b",".join([b"1"] * 5001), "more than 5,000 cells"),
    ],
)
def test_malformed_notebooks_are_refused(folder, data, words):
    (folder / NOTEBOOK).write_bytes(data)
    assert words in refusal(folder)


@pytest.mark.parametrize("minor", ["0", "99", "-1", '"x"', "null", "[]", "NaN", "9" * 5000, "1e999"])
def test_any_minor_format_is_accepted(folder, minor):
    (folder / NOTEBOOK).write_bytes(CLEAN.replace(b'"nbformat_minor": 5', f'"nbformat_minor": {minor}'.encode()))
    assert reviews(folder) == ()
    json.dumps(take_in(folder).notebook, allow_nan=False)


def test_byte_order_mark_is_accepted(folder):
    (folder / NOTEBOOK).write_bytes(b"\xef\xbb\xbf" + CLEAN)
    assert reviews(folder) == ()


def test_repeated_key_is_reviewed_and_the_last_one_counts(folder):
    (folder / NOTEBOOK).write_bytes(CLEAN.replace(b"{", b'{"cells": 3, ', 1))
    assert "names a key twice" in reviews(folder)[0]


def test_timestamps_that_are_trusted(folder):
    text = stamp(-60)
    (folder / "timestamp.txt").write_text(text + "\n", encoding="utf-8")
    assert reviews(folder) == ()
    assert take_in(folder).timestamp == text
    (folder / "timestamp.txt").write_text(stamp(23 * 3600), encoding="utf-8")
    assert reviews(folder) == ()
    os.utime(folder / NOTEBOOK, (time.time() - 9e6,) * 2)
    (folder / "timestamp.txt").write_text(stamp(-8e6), encoding="utf-8")
    assert reviews(folder) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "cannot be read"),
        (b"soon", "cannot be read"),
        (b"10", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"2026-02-30 10:00:00 UTC", "cannot be read"),
        (b"2026-01-01 10:00:00 /etc/passwd", "cannot be read"),
        (b"2026-01-01 10:00:00 ../etc/passwd", "cannot be read"),
        (b"2026-01-01 10:00:00 Nowhere/Town", "cannot be read"),
        (b"2026-01-01 10:00:00 America", "cannot be read"),
        (b"0001-01-01 00:00:00+23:00", "cannot be read"),
        (b"2026-01-01 10:00:00 " + b"x" * 5000, "too long"),
        pytest.param(stamp(2 * 86400).encode(), "in the future", id="in two days"),
        (b"9999-12-31 23:59:59 UTC", "in the future"),
        pytest.param(stamp(-2 * 3600).encode(), "more than an hour earlier", id="two hours ago"),
        (b"1970-01-01 00:00:00 UTC", "more than an hour earlier"),
    ],
)
def test_timestamps_that_are_not_trusted(folder, text, words):
    (folder / "timestamp.txt").write_bytes(text)
    (sentence,) = reviews(folder)
    assert words in sentence
    assert take_in(folder).timestamp is None


@pytest.mark.parametrize("zone", ["UTC", "GMT", "CET", "America/New_York", "Asia/Kolkata", "+02:00", "-0530", "Z", ""])
def test_timestamps_are_read_as_nbgrader_reads_them(zone):
    moment = "2026-03-29 12:34:56.789012"
    joined = moment + zone if zone[:1] in ("+", "-", "Z", "") else f"{moment} {zone}"
    assert parse_timestamp(joined).replace(tzinfo=None) == parse_utc(joined)


def test_offset_after_a_space_is_an_offset():
    assert parse_timestamp("2026-01-01 12:00:00 +0100") == datetime(2026, 1, 1, 11, tzinfo=UTC)


def test_unreadable_folders_and_files_do_not_raise(folder, monkeypatch):
    (folder / "closed").mkdir()
    real = os.open

    def denied(name, flags, *args, **kwargs):
        if name in refused:
            raise PermissionError(13, "Permission denied", "/machine/path")
        return real(name, flags, *args, **kwargs)

    refused = {"closed"}
    monkeypatch.setattr(intake.os, "open", denied)
    assert reviews(folder) == ("Among the submitted files is a closed folder, which was not opened: 'closed/'.",)
    for name in (NOTEBOOK, ASSIGNMENT, "ada"):
        refused.add(name)
        assert refusal(folder) == "The submitted files cannot be read (Permission denied)."
        assert students(folder.parents[2], ASSIGNMENT) == ["ada"]


def test_corrected_resubmission_has_another_digest(folder):
    good = take_in(folder).digest
    seen = {good}
    for seed, kind in enumerate(damage.BYTES):
        (folder / NOTEBOOK).write_bytes(kind(random.Random(seed), CLEAN))
        seen.add(take_in(folder).digest)
    assert len(seen) == len(damage.BYTES) + 1
    (folder / NOTEBOOK).write_bytes(CLEAN)
    assert take_in(folder).digest == good


def test_names_are_shown_escaped_and_cut():
    assert quoted("a\nb\x1b") == r"'a\nb\x1b'"
    assert quoted("é") == r"'\xe9'"
    assert len(quoted("x" * 300)) == 60 and quoted("x" * 300).endswith("...'")
