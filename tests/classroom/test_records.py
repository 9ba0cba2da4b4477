"""A result goes to a file and comes back unchanged, or is refused."""

import json

import pytest

from autograde.classroom.records import ExerciseResult, SubmissionResult
from autograde.judge.report import TestResult

TEST = TestResult("t", "a title", False, 0.0, 2.0, "lone \ud800 surrogate", ("a note", "\x00"), True)
RESULT = SubmissionResult(
    "-mal\udcfflory", "1_1", "key", (ExerciseResult("so-a", 0.0, 2.0, (TEST,), "why", ("r",), 0.25),),
    review=("look",), refused=True, repairs=("one", "two"), timestamp="2025-01-10", notebook="{}", seconds=1.5,
)  # fmt: skip


def test_there_and_back():
    text = RESULT.dumps()
    assert text.isascii() and SubmissionResult.loads(text) == RESULT


def changed(path, value):
    data = json.loads(RESULT.dumps())
    *way, last = path
    place = data
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting value"),
        (RESULT.dumps()[:-9], "(Unterminated|Expecting)"),
        ("[]", "Expected `object`, got `array`"),
        (changed(["exercises"], None), "missing required field `exercises`"),
        (changed(["exercises", 0, "tests", 0, "title"], None), r"`title` - at `\$.exercises\[0\].tests\[0\]`"),
        (changed(["exercises", 0, "points"], "2"), r"Expected `float`, got `str` - at `\$.exercises\[0\].points`"),
        (changed(["review"], "look"), r"Expected `array`, got `str` - at `\$.review`"),
        (changed(["refused"], 1), "Expected `bool`, got `int`"),
    ],
)
def test_what_is_no_result_is_refused(text, words):
    with pytest.raises(ValueError, match=f"not the record of a submission: .*{words}"):
        SubmissionResult.loads(text)
