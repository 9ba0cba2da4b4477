"""Lessons keep to the lengths of tests/lint_notebooks.py, and what it counts is what a reader reads."""

import pytest

from tests import lint_notebooks as lint

LESSONS = lint.lessons()


@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_lesson_is_readable(path):
    assert lint.complaints(lint.measure(path)) == []


def test_there_are_lessons():
    assert LESSONS, "no lesson sources: expected course/[0-9]*/*.py"


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("Gradient noise falls as $1 / B$ does.", 6),
        ("$$\n\\operatorname{tr} \\Sigma / B\n$$\nis its trace", 4),
        ("# A heading\n\n| a | b |\n|---|---|\n| 1 | 2 |", 6),
        ("<details class='answer'><summary>Answer</summary>It doubles.</details>", 7),
        ("It costs \\$5 and then \\$6.", 6),
        ("<!-- not read -->", 0),
    ],
)
def test_words_are_counted_as_read(markdown, words):
    assert lint.count_words(markdown) == words


def lengths_of(tmp_path, cells):
    path = tmp_path / "lesson.py"
    path.write_text("\n\n".join(cells) + "\n")
    return lint.measure(path)


def code(lines):
    return "# %%\n" + "\n".join(f"x{i} = {i}" for i in range(lines))


def prose(words):
    return "# %% [markdown]\n# " + "word " * words


def test_a_good_lesson_passes(tmp_path):
    assert lint.complaints(lengths_of(tmp_path, [prose(100), code(4)] * 10)) == []


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ([prose(100), code(7)] * 10, "the median code cell has 7 lines"),
        ([prose(100), code(3)] * 8 + [prose(100), code(21)] * 2, "reach 21 lines"),
        ([prose(100), code(3)] * 19 + [prose(100), code(41)], "code cell 20 has 41 lines"),
        ([prose(59), code(3)] * 10, "59 words a code cell"),
        ([prose(151), code(3)] * 10, "151 words a code cell"),
        ([prose(101), code(3)] * 35, "3535 words"),
    ],
)
def test_each_bound_is_held(tmp_path, cells, complaint):
    (found,) = lint.complaints(lengths_of(tmp_path, cells))
    assert complaint in found
