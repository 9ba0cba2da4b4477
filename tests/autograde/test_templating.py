"""The templates: every value is text, escaped and visible, and nothing can be marked as safe."""

import re

import pytest
from jinja2 import UndefinedError

from autograde.judge.templating import render, sentence
from autograde.sandbox.paths import ROOT

TEMPLATES = sorted((ROOT / "autograde").rglob("templates/*.html"))
EVIL = "\"'><script>alert(1)</script>\u202e\x1b[31m\x00{{ 7 * 7 }}{% raw %}"


def rendered(folder, source, **values):
    path = folder / "page.html"
    path.write_text('{% from "text.html" import text %}' + source)
    return render(path, **values)


@pytest.mark.parametrize("source", ["{{ x }}", "{{ text(x) }}", '{{ [x, x] | join(", ") }}', '<p title="{{ x }}">'])
def test_a_value_stays_text(tmp_path, source):
    page = rendered(tmp_path, source, x=EVIL).removeprefix('<p title="').removesuffix('">')
    assert page.isprintable() and not set("<>\"'") & set(page)
    assert "&lt;script&gt;" in page and r"\u202e\x1b[31m\x00{{ 7 * 7 }}{% raw %}" in page


def test_backquotes_are_code(tmp_path):
    assert (
        rendered(tmp_path, "{{ text(x) }}", x="`a<b`\n is `f` ``")
        == "<code>a&lt;b</code> is <code>f</code> <code></code>"
    )
    assert sentence("one ` of `three` odd") == [(False, "one ` of `three` odd")]


def test_a_misspelt_value_is_an_error(tmp_path):
    with pytest.raises(UndefinedError, match="'y' is undefined"):
        rendered(tmp_path, "{{ y }}", x=1)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_marks_anything_as_safe(path):
    assert not re.search(r"\bsafe\b|autoescape|\braw\b|forceescape", path.read_text(encoding="utf-8"))


def test_no_code_marks_anything_as_safe():
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "autograde").rglob("*.py")}
    marks = re.compile(r"\bMarkup\b|def __html__|\bautoescape *= *(?!True)")
    assert [path.name for path, source in sources.items() if marks.search(source)] == []
    assert any("autoescape=True" in source for source in sources.values()) and len(TEMPLATES) >= 5
