"""The instructor's report: counts, charts, mistakes and reasons, with every text escaped, and its CSV beside it."""

import base64
import csv
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from autograde.classroom.files import write_atomically
from autograde.classroom.histogram import bins, histogram
from autograde.classroom.records import ExerciseResult, SubmissionResult
from autograde.classroom.report_page import common_mistakes, points_table, write_report
from autograde.classroom.submission import Submission
from autograde.judge.report import TestResult

ASSIGNMENT = "1_1_intuition"
SCRIPT = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("http://example.org")'


def entry(exercise, points, message="", most=4.0, reason="", seconds=0.5, remarks=()):
    test = TestResult("test_it", "A title", not message, points, most, message)
    return ExerciseResult(exercise, points, most, (test,), reason, tuple(remarks), seconds)


def result(student, *exercises, **fields):
    return SubmissionResult(student, ASSIGNMENT, "key", exercises, **fields)


def class_of(folder, results):
    for graded in results:
        write_atomically(Submission(folder, graded.student, ASSIGNMENT).result_path, graded.dumps())
    return folder


RESULTS = [
    result("ada", entry("so-sgd", 4.0), entry("so-robbins-monro", 4.0, seconds=7.25)),
    result("boris", entry("so-sgd", 1.0, "got 0.5, expected 1.25: sign?"), entry("so-robbins-monro", 4.0)),
    result("chen", entry("so-sgd", 1.0, "got 7e-3, expected 2: sign?"), entry("so-robbins-monro", 2.5, "another")),
    result(
        "dara", entry("so-sgd", 0.0, "lost", reason=f"ended the worker {SCRIPT}"),
        entry("so-robbins-monro", 0.0, f"`f` returned {SCRIPT}", remarks=[f"stood in {SCRIPT}"]),
        repairs=(f"cell {SCRIPT} was put back",), review=(FORMULA, "second\x1b[31m\nreason"),
    ),
    result(
        "-mallory", entry("so-sgd", 0.0), entry("so-robbins-monro", 0.0),
        refused=True, review=(f"{SCRIPT} refused",),
    ),
]  # fmt: skip


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.names, self.words, self.labels, self.pictures = [], [], [], [], []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.names += [name for name, _ in attributes]
        values = dict(attributes)
        if tag == "img":
            self.labels.append(values["alt"])
            self.pictures.append(values["src"])
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = class_of(tmp_path_factory.mktemp("class"), RESULTS)
    path = write_report(ASSIGNMENT, folder)
    assert path == folder / "report" / f"{ASSIGNMENT}.html"
    return Page(path.read_text(encoding="utf-8"))


def test_nothing_of_a_student_becomes_markup(page):
    assert "script" not in page.tags
    assert not [name for name in page.names if name.startswith("on")]
    assert page.text.count(SCRIPT) >= 5  # it is there, as text
    assert "\x1b" not in page.text and "second\\x1b[31m reason" in page.text


def test_overview(page):
    assert "Submissions 5" in page.text
    assert "To be reviewed 2" in page.text
    assert "Refused, not executed 1" in page.text
    assert "Mean of the total 4.1 of 8" in page.text  # (8 + 5 + 3.5 + 0) / 4: without the refused one
    assert "Median of the total 4.2 of 8" in page.text


def test_charts_can_be_read_without_seeing_them(page):
    total, sgd, robbins = page.labels
    assert "Total" in total and "of 8" in total
    assert "0 points: 1, 1 points: 2, 4 points: 1." in sgd
    assert "A Robbins-Monro schedule" in robbins
    assert page.tags.count("img") == 3


def test_charts_are_pictures_inside_the_page(page):
    assert len(page.pictures) == 3
    for source in page.pictures:
        kind, _, data = source.partition(",")
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (kind, picture.format, picture.size) == ("data:image/png;base64", "PNG", (600, 360))
        assert len(picture.convert("L").getcolors()) > 10
    assert page.policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@pytest.mark.parametrize("title", ["$\\frac$ cost_in_$", SCRIPT, ""])
def test_a_title_is_only_words(title):
    """matplotlib would read dollar signs as maths: no title goes into the picture."""
    assert histogram(title, [(1.0, 4.0)]).png == histogram("x", [(1.0, 4.0)]).png


def test_mistakes_that_differ_in_numbers_are_one(page):
    first, second = common_mistakes([graded for graded in RESULTS if not graded.refused], "so-sgd")
    assert first.students == ("boris", "chen")
    assert second.students == ("dara",) and "ended the worker" in second.message
    assert "2 got 0.5, expected 1.25: sign? boris, chen" in page.text


def test_slowest_and_repairs(page):
    assert "7.25 ada so-robbins-monro" in page.text
    assert f"cell {SCRIPT} was put back" in page.text and f"so-robbins-monro: stood in {SCRIPT}" in page.text


def test_csv_runs_nothing(tmp_path):
    path = write_report(ASSIGNMENT, class_of(tmp_path, RESULTS)).with_suffix(".csv")
    rows = {row["student"]: row for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}
    assert list(rows) == ["'-mallory", "ada", "boris", "chen", "dara"]
    assert rows["boris"] == {
        "student": "boris",
        "so-sgd": "1.0",
        "so-robbins-monro": "4.0",
        "total": "5.0",
        "review": "",
    }
    assert rows["dara"]["review"] == f"'{FORMULA} second\\x1b[31m\\nreason"


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "a\rb", "a\x00b", "a\u202eb"]
)
def test_names_in_the_csv_are_escaped(name):
    (row,) = csv.DictReader(points_table([result(name, entry("so-sgd", 4.0))]).splitlines())
    assert row["student"].startswith("'") and row["student"].isprintable()


def test_bins_count_everyone_once():
    assert bins([0, 1, 1, 4], 4) == [("0", 1), ("1", 2), ("2", 0), ("3", 0), ("4", 1)]
    wide = bins([0.0, 4.1, 20.5, 41.0, 41.0], 41)
    assert [count for _, count in wide] == [2, 0, 0, 0, 1, 0, 0, 0, 2]
    assert wide[0][0] == "0–5" and wide[-1][0] == "40–45"
    assert [count for _, count in bins([0.0, 20.0], 20)] == [1, *[0] * 8, 1]
    assert sum(count for _, count in bins([0.5, 2.5], 4)) == 2


def test_a_class_of_refusals_has_a_page_too(tmp_path):
    text = write_report(ASSIGNMENT, class_of(tmp_path, RESULTS[-1:])).read_text(encoding="utf-8")
    assert "No submission was executed." in text


def test_nothing_graded_and_damaged_results(tmp_path):
    with pytest.raises(ValueError, match="no submission of 1_1_intuition has been graded yet"):
        write_report(ASSIGNMENT, tmp_path)
    path = Submission(tmp_path, "ada", ASSIGNMENT).result_path
    write_atomically(path, "{}")
    with pytest.raises(ValueError, match=re.escape(f"{path} cannot be read")):
        write_report(ASSIGNMENT, tmp_path)
