"""course/concepts.toml leads to what it names, and every link of the lessons to a heading that is there."""

import importlib
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from autograde.authoring.notebooks import read_source
from autograde.bank import bank
from noisydescent import concepts, study

ROOT = Path(__file__).resolve().parent.parent
COURSE = ROOT / "course"
CONCEPTS = concepts.read(COURSE / "concepts.toml")
NAMES = [concept.name for concept in CONCEPTS]
SOURCES = sorted([COURSE / "index.py", *COURSE.glob("[0-9]*/*.py"), *ROOT.glob("solutions/*/*.py")])
LINK = re.compile(r"""(?:\]\(|href=")([^()\s"]+)[")]""")

# The rows of lesson 1, by notebook, as the course promises them.
PROMISED = {"1.1": 5, "1.2": 5, "1.3": 5, "1.4": 5, "1.5": 5, "1.6": 7}


def markdown(path):
    return "\n".join(cell.source for cell in read_source(path).cells if cell.cell_type == "markdown")


def anchors(path):
    """What JupyterLab calls the headings of the notebook made from `path`."""
    return {title.strip().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", markdown(path), flags=re.MULTILINE)}


def quiz(concept):
    """The skill check of the concept's notebook: course/1_.../2_name.ipynb has questions/1_2_name.toml."""
    folder, name = concept.notebook.split("/")
    return f"{folder[0]}_{name.removesuffix('.ipynb')}"


@pytest.mark.parametrize("concept", CONCEPTS, ids=NAMES)
def test_a_concept_leads_to_what_it_names(concept):
    notebook = COURSE / concept.notebook
    assert notebook.is_file() and concept.anchor in anchors(notebook.with_suffix(".py"))
    assert concept.lesson == quiz(concept)[:3].replace("_", ".")
    module, _, name = concept.metric.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    assert concept.questions, "no question about it"
    assert set(concept.questions) <= {question.id for question in study.load(quiz(concept))}
    assert set(concept.exercises) <= set(bank())
    before = NAMES[: NAMES.index(concept.name)]
    assert set(concept.needs) <= set(before), "a concept can need only earlier ones"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('metric = "m"', "", "concepts.toml, concept 1 (a): metric is missing"),
        ('needs = ["b"]', 'need = ["b"]', "concepts.toml, concept 1 (a): there is no key called need"),
        ('needs = ["b"]', 'needs = "b"', "concepts.toml, concept 1 (a): needs must be a list, got 'b'"),
        ('needs = ["b"]', 'needs = [""]', "concept 1 (a), needs 1: must be a text that is not empty, got ''"),
        ("[[concept]]", "[concept]", "concepts.toml: concept must be a list of tables: write [[concept]], not"),
    ],
)
def test_one_clear_error(tmp_path, old, new, words):
    text = '[[concept]]\nname = "a"\nlesson = "1.1"\nnotebook = "n"\nanchor = "h"\nmetric = "m"\n'
    text += 'questions = []\nexercises = []\nneeds = ["b"]\n'
    path = tmp_path / "concepts.toml"
    path.write_text(text)
    assert concepts.read(path)[0].needs == ("b",)
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=re.escape(words)):
        concepts.read(path)


def test_each_lesson_has_its_concepts():
    assert len(set(NAMES)) == len(NAMES)
    assert {lesson: sum(c.lesson == lesson for c in CONCEPTS) for lesson in PROMISED} == PROMISED


def test_every_exercise_belongs_to_a_concept():
    assert {name for concept in CONCEPTS for name in concept.exercises} == set(bank())


def test_every_question_belongs_to_a_concept():
    listed = {(quiz(concept), name) for concept in CONCEPTS for name in concept.questions}
    assert listed == {(name, question.id) for name in study.names() for question in study.load(name)}


def test_the_metric_is_in_the_lesson():
    """What is logged is named where it is taught."""
    for concept in CONCEPTS:
        text = (COURSE / concept.notebook).with_suffix(".py").read_text(encoding="utf-8")
        assert concept.metric.rpartition(".")[2] in text, concept.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path):
    prose = re.sub(r"```.*?```|`[^`]*`", "", markdown(path), flags=re.DOTALL)
    links = [link for link in LINK.findall(prose) if not link.startswith(("http", "mailto"))]
    assert links
    for link in links:
        name, _, anchor = unquote(link).partition("#")
        target = (path.parent / name).resolve() if name else path.with_suffix(".ipynb")
        assert target.is_file(), link
        if anchor:
            assert anchor in anchors(target.with_suffix(".py")), link
