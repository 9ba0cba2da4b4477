"""Feedback pages: they say everything a student may know, and nothing a student wrote can run in them."""

import base64
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat import v4
from nbgrader.server_extensions.formgrader import handlers

from autograde.bank import bank
from autograde.classroom import feedback, gradebook
from autograde.classroom.files import write_atomically
from autograde.classroom.records import ExerciseResult, SubmissionResult
from autograde.classroom.settings import class_settings
from autograde.classroom.submission import Submission
from autograde.judge.report import Report, TestResult
from autograde.sandbox.paths import ROOT

ASSIGNMENT = "1_1_intuition"
EXERCISES = [exercise for exercise in bank().values() if exercise.notebook == ASSIGNMENT]

SCRIPT = "<script>alert('ran')</script>"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script><circle r="4"/></svg>'
MARKDOWN = f"""Before **bold** {SCRIPT}

<img src=x onerror=alert(1)> <svg onload=alert(1)></svg> <math><mi xlink:href="javascript:alert(1)">x</mi></math>
<a href="javascript:alert(1)">one</a> [two](javascript:alert(1)) [three](  JaVaScRiPt:alert`1`) [four](data:text/html,x)
<a href="java&#x09;script:alert(1)">five</a> <iframe src="//example.org"></iframe> <form action="/x"><input></form>
<div style="position:fixed;top:0;background:url(//example.org/x)" onmouseover="alert(1)" class="modal">cover</div>
<base href="//example.org/"><meta http-equiv=refresh content="0;url=//example.org">
<link rel=stylesheet href=//example.org>
<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript><style>* {{ display: none }}</style>
$\\href{{javascript:alert(1)}}{{click}}$ <object data=x></object><embed src=x> ![tracker](https://example.org/pixel.png)

- item, `a < b` and [a link](https://pytorch.org)

```python
x = 1  # coloured
```
"""


class Page(HTMLParser):
    """All that could run or load in a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]

    def handle_data(self, data):
        self.words.append(data)

    def dangers(self):
        elements = {"script", "iframe", "object", "embed", "form", "input", "base", "link", "svg", "math", "button"}
        found = [tag for tag in self.tags if tag in elements]
        for tag, name, value in self.attributes:
            plain = "".join(value.split()).lower()
            outside = name in ("src", "background", "srcset") and not plain.startswith("data:image/")
            cover = name == "style" and ("position" in plain or "url" in plain)
            refresh = (name, plain) == ("http-equiv", "refresh")
            scheme = name != "content" and ("javascript:" in plain or "data:text" in plain or "vbscript:" in plain)
            if name.startswith("on") or outside or cover or refresh or scheme:
                found.append((tag, name, value))
        return found


def result_for(student, **changes):
    """A result with one failed test an exercise, made of texts that would be markup if they were not escaped."""
    exercises = []
    for exercise in EXERCISES:
        first, *rest = exercise.tests.values()
        failed = TestResult(first.name, first.title, False, 0.0, first.points, f"got `1` {SCRIPT}", ("a note",))
        tests = [failed, *(TestResult(test.name, test.title, True, test.points, test.points) for test in rest)]
        points = sum(test.points for test in tests)
        exercises.append(ExerciseResult(exercise.id, points, exercise.max_points, tuple(tests)))
    exercises[0] = replace(exercises[0], points=0.0, reason=f"the answer {SCRIPT} ended the worker")
    exercises[1] = replace(exercises[1], remarks=("the staff's solution stood in for `so-sgd`",))
    result = SubmissionResult(
        student, ASSIGNMENT, "key", tuple(exercises), review=("the timestamp is not to be trusted",),
        repairs=(f"the cell {SCRIPT} was put back",),
    )  # fmt: skip
    return replace(result, **changes)


def notebook_of(result, release):
    """The autograded notebook of `result`, with a hostile cell of each kind in it."""
    notebook = v4.reads(v4.writes(release))
    entries = {entry.exercise: entry for entry in result.exercises}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("-check")
        if cell.metadata.get("nbgrader", {}).get("grade"):
            report = Report(name, bank()[name].title, entries[name].tests)
            shown = v4.new_output("display_data", {"text/html": report.html(), "text/plain": report.text()})
            points = v4.new_output("execute_result", {"text/plain": str(entries[name].points)}, execution_count=1)
            cell.outputs = [shown, points]
    forged = {
        "text/html": MARKDOWN,
        "image/svg+xml": SVG,
        "application/javascript": "alert(1)",
        "text/markdown": MARKDOWN,
        "text/latex": "$\\href{javascript:alert(1)}{x}$",
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
    }
    outputs = [v4.new_output("display_data", {kind: data, "text/plain": SCRIPT}) for kind, data in forged.items()]
    outputs.append(v4.new_output("display_data", {"text/html": SCRIPT}, metadata={"text/html": {"isolated": True}}))
    pixel = base64.b64encode(b"not really a picture").decode()
    size = {"image/png": {"width": "1 onload=alert(1)"}}
    outputs.append(v4.new_output("display_data", {"image/png": pixel}, metadata=size))
    outputs.append(v4.new_output("stream", name="stdout", text=f"{SCRIPT}\x1b[31mred"))
    notebook.cells.append(v4.new_code_cell(f"# {SCRIPT}", outputs=outputs))
    notebook.cells.append(v4.new_markdown_cell(MARKDOWN))
    notebook.cells.append(v4.new_raw_cell(MARKDOWN, metadata={"raw_mimetype": "text/html"}))
    return v4.writes(notebook)


@pytest.fixture(scope="module")
def release():
    return nbformat.read(ROOT / "exercises" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory, release):
    folder = tmp_path_factory.mktemp("class")
    with gradebook.open_gradebook(class_settings(folder)) as book:
        gradebook.ensure_assignment(book, SimpleNamespace(name=ASSIGNMENT, release=release))
        graded = result_for("ada")
        graded = replace(graded, notebook=notebook_of(graded, release))
        reasons = (f"The notebook is not JSON {SCRIPT}.",)
        refused = result_for("boris", refused=True, review=reasons, repairs=())
        refused = replace(refused, exercises=tuple(replace(entry, points=0.0) for entry in refused.exercises))
        strange = result_for("../../mallory", refused=True)
        for result in (graded, refused, strange):
            write_atomically(Submission(folder, result.student, ASSIGNMENT).result_path, result.dumps())
        for result in (graded, refused):
            gradebook.record(book, result)
            gradebook.write_autograded(Submission(folder, result.student, ASSIGNMENT), result)
    return folder


@pytest.fixture(scope="module")
def pages(class_folder):
    return {path.parents[1].name: path for path in feedback.make_feedback(ASSIGNMENT, class_folder)}


def test_every_graded_student_gets_a_page_in_the_feedback_folder(class_folder, pages):
    assert sorted(pages) == ["ada", "boris"]  # the strange name gets none: it could lie anywhere
    for student, path in pages.items():
        assert path == class_folder / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
        assert path.is_file()
    assert feedback.make_feedback(ASSIGNMENT, class_folder, ["boris"]) == [pages["boris"]]


def test_nothing_can_run_in_a_page(pages):
    for path in pages.values():
        page = Page(path.read_text(encoding="utf-8"))
        assert page.dangers() == []
        policy = [value for tag, name, value in page.attributes if tag == "meta" and name == "content"]
        assert any("default-src 'none'" in value for value in policy)
    text = pages["ada"].read_text(encoding="utf-8")
    assert "\\href" not in text and "example.org" not in str(Page(text).attributes)
    assert "&lt;script&gt;" in text  # in code and messages it is shown as text


def test_the_page_shows_points_titles_messages_repairs_and_reasons(pages):
    page = Page(pages["ada"].read_text(encoding="utf-8"))
    for exercise in EXERCISES:
        assert exercise.title in page.text
        for test in exercise.tests.values():
            assert test.title.replace("`", "") in page.text
    for words in ("got 1", "a note", "ended the worker", "was put back", "stood in for so-sgd", "not to be trusted"):
        assert words in page.text
    total = result_for("ada").points
    assert f"Score: {total} / {sum(exercise.max_points for exercise in EXERCISES)}" in page.text


def test_harmless_markup_stays(pages):
    text = pages["ada"].read_text(encoding="utf-8")
    page = Page(text)
    assert "strong" in page.tags and ("a", "href", "https://pytorch.org") in page.attributes
    assert "a < b" in page.text and "bold" in page.text
    assert page.tags.count("table") >= len(EXERCISES)  # the reports
    assert "color:#a4201c" in text.replace(" ", "") and "vertical-align:top" in text.replace(" ", "")
    assert ".panel-primary" in text  # nbgrader's own style sheet
    assert ("img", "src", "data:image/png;base64,bm90IHJlYWxseSBhIHBpY3R1cmU=") in page.attributes
    assert "highlight" in {value.split()[0] for _, name, value in page.attributes if name == "class" and value}


def test_a_refused_submission_gets_the_reasons(pages):
    page = Page(pages["boris"].read_text(encoding="utf-8"))
    assert "was not graded" in page.text and f"The notebook is not JSON {SCRIPT}." in page.text


def test_nothing_to_give_feedback_on(class_folder, tmp_path):
    with pytest.raises(ValueError, match="no submission to 1_1_intuition has been graded yet"):
        feedback.make_feedback(ASSIGNMENT, tmp_path)
    with pytest.raises(ValueError, match=r"no submission of \.\./\.\./mallory"):
        feedback.make_feedback(ASSIGNMENT, class_folder, ["../../mallory"])


def formgrader_page(path, config):
    """The page in which an instructor marks a submission, as nbgrader's handler makes it."""
    exporter = HTMLExporter(config=config)
    names = ("assignment_id", "notebook_id", "submission_id", "student", "last_name", "first_name", "notebook_path")
    resources = dict.fromkeys(names, "x") | {"index": 0, "total": 1, "base_url": "/"}
    return Page(exporter.from_filename(str(path), resources=resources)[0])


def test_nothing_of_a_student_runs_in_formgrader(class_folder, tmp_path, release):
    config = class_settings(class_folder)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    clean = tmp_path / "clean.ipynb"
    nbformat.write(release, clean)
    usual = formgrader_page(clean, config)
    page = formgrader_page(Submission(class_folder, "ada", ASSIGNMENT).autograded_path, config)
    own = {"script", "link", "input", "button"}  # formgrader's; one of each for every grade cell
    assert [page.tags.count(tag) for tag in sorted(own)] == [usual.tags.count(tag) for tag in sorted(own)]
    assert [danger for danger in page.dangers() if danger not in usual.dangers() and danger not in own] == []
    assert "alert('ran')" in page.text and "\\href" not in page.text


@pytest.mark.parametrize(
    "fragment",
    [
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
        '<a href="&#106;avascript:alert(1)">x</a>',
        "<p style='width: expression(alert(1)); background-image: url(javascript:alert(1))'>x</p>",
        "<svg><p><style><g title='</style><img src onerror=alert(1)>'>",
        "<!--><img src=x onerror=alert(1)>-->",
        "<details open ontoggle=alert(1)>",
        "<a id=toc name=toc class='btn navbar-fixed-top'>x</a>",
        "<textarea></textarea><button formaction=javascript:alert(1)>x</button>",
        "<script",
    ],
)
def test_clean_fragments(fragment):
    page = Page(feedback.clean(fragment))
    assert page.dangers() == []
    assert not any(name in ("id", "name") or value.startswith("btn") for _, name, value in page.attributes)


@pytest.mark.parametrize("command", ["href", "def", "newcommand", "renewcommand", "style", "require"])
def test_tex_cannot_make_links(command):
    assert f"\\{command}" not in feedback.clean(f"$\\{command}{{x}}{{y}}$")


def test_honest_tex_stays():
    formula = r"$\nabla f(\theta) \le \hat{\sigma}^2, \default, \urlish$"
    assert feedback.clean(formula) == formula
