"""Feedback pages: nbgrader's own, cleaned of everything that could run in a reader's browser.

nbgrader shows a student's markdown, HTML and pictures as they are, to the student and, in formgrader, to the
instructor, whose session could then be used to change grades. `nbgrader_config.py` puts the filters below in both.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

import bleach
from bleach.css_sanitizer import CSSSanitizer
from bs4 import BeautifulSoup, Comment
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from autograde.bank import bank
from autograde.classroom.batch import read_result
from autograde.classroom.records import SubmissionResult
from autograde.classroom.report_page import read_results
from autograde.classroom.submission import Submission
from autograde.judge.escape import printable, visible
from autograde.judge.templating import render

TEMPLATES = Path(__file__).with_name("templates")

# What a text, a table or the report of an exercise needs, and nothing that runs, loads, sends or covers the page.
TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1", "h2", "h3"),
    *("h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "ol", "p", "pre", "s", "samp", "small", "span", "strong", "sub"),
    *("summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "ul", "var"),
}
PROPERTIES = [
    *(
        "background-color",
        "border",
        "border-collapse",
        "color",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
    ),
    *("margin-left", "max-width", "padding", "text-align", "text-decoration", "vertical-align", "white-space", "width"),
]
# These elements go with what they contain; of all others only the tags go.
CONTAINERS = re.compile(
    r"<(script|style|iframe|object|template|noscript|svg|math)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE
)
PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
HIGHLIGHT = re.compile(r"(highlight|[a-z][a-z0-9]{0,2})( [a-z][a-z0-9]{0,2})*")  # the classes of coloured code
# MathJax runs in formgrader: these commands make links, or hide one of them behind another name.
TEX = re.compile(
    r"\\(?=(?:href|url|style|class|cssId|data|unicode|require|def|gdef|let|csname|(?:re)?new(?:command|environment))(?![a-zA-Z]))"
)

# What the template itself uses, on top of the above.
PAGE_TAGS = TAGS | {"body", "footer", "head", "header", "html", "main", "meta", "nav", "section", "style", "title"}
PAGE_ATTRIBUTES = {"alt", "charset", "class", "colspan", "content", "height", "href", "id", "lang", "name", "role"}
PAGE_ATTRIBUTES |= {"rowspan", "scope", "src", "style", "tabindex", "title", "type", "width"}
LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
# A second line of defence in the browser: no scripts, no frames, no forms, nothing loaded from elsewhere.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"

OUTPUTS = {"text/plain", "text/html", "text/markdown", "image/png", "image/jpeg"}


def make_feedback(assignment_name: str, class_folder: Path, students: Sequence[str] = ()) -> list[Path]:
    """Write the feedback pages of the assignment's graded students (of `students` only, if given) and return them.

    nbgrader makes a page from every autograded notebook; a submission that was refused gets a page with the reasons.
    Raises ValueError when there is nothing to give feedback on, and RuntimeError with nbgrader's log when it fails.
    """
    from nbgrader.apps import NbGraderAPI

    from autograde.classroom.settings import class_settings

    class_folder = Path(class_folder).resolve()
    graded = {path.parents[1].name for path in (class_folder / "autograded").glob(f"*/{assignment_name}/*.ipynb")}
    every = read_results(assignment_name, class_folder)
    results = {
        result.student: result
        for result in every
        if not Submission(class_folder, result.student, assignment_name).refusal
    }
    wanted = list(students) or sorted(graded | set(results))
    missing = [name for name in wanted if name not in graded and name not in results]
    if missing or not wanted:
        who = f"of {', '.join(map(printable, missing))} " if missing else ""
        raise ValueError(f"no submission {who}to {assignment_name} has been graded yet: run `autograde grade` first")
    pages = []
    api = None
    for student in wanted:
        path = Submission(class_folder, student, assignment_name).feedback_path
        result = results.get(student)
        if student in graded and not (result is not None and result.refused):
            if api is None:
                api = NbGraderAPI(config=class_settings(class_folder))
                api.log.propagate = False
            done = api.generate_feedback(assignment_name, student)
            if not done["success"]:
                if result is None:
                    raise RuntimeError(
                        f"nbgrader made no feedback for {student}:\n{done.get('log', '')}{done['error']}"
                    )
                write_page(path, from_template("feedback_without_notebook.html", result))
        else:
            write_page(path, from_template("refusal.html", result))
        pages.append(path)
    return pages


def write_page(path: Path, page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # nbgrader's pages are read-only
    path.write_text(page, encoding="utf-8")


class FeedbackExporter(HTMLExporter):
    """nbgrader's feedback page with a summary from the grader on top, and nothing in it that runs."""

    def from_notebook_node(self, nb, resources=None, **options):
        page, resources = super().from_notebook_node(nb, resources, **options)
        soup = BeautifulSoup(page, features="html.parser")
        clean_page(soup)
        result = self.result_of(resources.get("nbgrader", {}))
        place = soup.select_one("#toc")
        if result is not None and place is not None:
            place.insert_after(BeautifulSoup(summary(result), features="html.parser"))
        return visible(str(soup)), resources

    def result_of(self, names: dict) -> SubmissionResult | None:
        """The grader's result of the notebook, if it is in the class folder, which holds the autograded folder."""
        if self.parent is None or not {"assignment", "student"} <= set(names):
            return None
        course = self.parent.coursedir
        class_folder = (Path(course.root) / course.autograded_directory).parent
        return read_result(Submission(class_folder, names["student"], names["assignment"]).result_path)


def plain_outputs(nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
    """A preprocessor: of every output stays what is text, or a picture of pixels; no SVG, scripts, widgets or TeX."""
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = {kind: content for kind, content in output.data.items() if kind in OUTPUTS}
                output.metadata = {}
    return nb, resources


@pass_context
def markdown(context, source: str) -> str:
    """A filter for nbconvert's templates: markdown to cleaned HTML, pictures attached to the cell included."""
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    try:
        return clean(MarkdownWithMath(renderer=renderer).render(source))
    except Exception:  # it raises for an attachment that is not there, and a strange text must cost nobody a page
        return f"<pre>{html.escape(str(source))}</pre>"


def clean(fragment: str | bytes) -> str:
    """HTML by a stranger, without whatever could run, load, send or cover anything; also a template filter."""
    if isinstance(fragment, bytes):
        fragment = fragment.decode("utf-8", "replace")
    elif isinstance(fragment, list):  # a notebook may hold a text as a list of lines
        fragment = "".join(map(str, fragment))
    cleaner = bleach.Cleaner(
        tags=TAGS,
        attributes=allowed,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=PROPERTIES),
    )
    return TEX.sub("\\\\\u200b", cleaner.clean(CONTAINERS.sub("", str(fragment))))


def allowed(tag: str, name: str, value: str) -> bool:
    """Whether a stranger's HTML keeps this attribute."""
    if tag == "a" and name == "href":
        return LINK.match(value) is not None
    if tag == "img" and name == "src":
        return PICTURE.fullmatch(value) is not None
    if name == "class":
        return HIGHLIGHT.fullmatch(value) is not None
    sizes = {"img": {"alt", "width", "height"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
    return name in {"style", "title"} or name in sizes.get(tag, ())


def clean_page(soup: BeautifulSoup) -> None:
    """Take out of the whole page what is on neither list, and tell browsers to run and load nothing."""
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for element in soup.find_all(True):
        if element.decomposed:
            continue
        if element.name not in PAGE_TAGS or (
            element.name in ("style", "meta", "title") and not element.find_parent("head")
        ):
            element.decompose()
            continue
        for name, value in list(element.attrs.items()):
            if name not in PAGE_ATTRIBUTES or not harmless(element.name, name, value):
                del element.attrs[name]
    if soup.head is not None:
        soup.head.insert(0, soup.new_tag("meta", attrs={"http-equiv": "Content-Security-Policy", "content": POLICY}))


def harmless(tag: str, name: str, value: object) -> bool:
    if name == "href":
        return tag == "a" and LINK.match(str(value)) is not None
    if name == "src":
        return tag == "img" and PICTURE.fullmatch(str(value)) is not None
    return True


def summary(result: SubmissionResult) -> str:
    """What the grader says of each exercise and of the whole submission, as escaped HTML."""
    return from_template("feedback_summary.html", result)


def from_template(name: str, result: SubmissionResult) -> str:
    titles = {name: exercise.title for name, exercise in bank().items()}
    return render(TEMPLATES / name, result=result, titles=titles, policy=POLICY)
