"""Generated notebooks and the release: fresh, reproducible, and without a line of a solution."""

import copy
import json
import re

import nbformat
import pytest

from autograde.authoring.assignments import assemble
from autograde.authoring.notebooks import METADATA, ROOT, build, files, leftovers, main, read_source, sources
from autograde.bank import bank, find

SECRET_LENGTH = 12


@pytest.fixture(scope="module")
def built():
    return build(ROOT)


def test_every_generated_file_is_up_to_date(built):
    stale = [
        str(path.relative_to(ROOT)) for path, text in built.items() if not path.is_file() or path.read_bytes() != text
    ]
    assert not stale and not leftovers(ROOT, built), f"run `make notebooks`: {stale}"


def test_building_twice_gives_the_same_bytes(built):
    assert build(ROOT) == built


def test_sources_are_the_lessons_and_the_solutions():
    found = {path.relative_to(ROOT).as_posix() for path in sources(ROOT)}
    assert "solutions/1_1_intuition/1_1_intuition.py" in found
    assert not any(path.startswith("course/noisydescent") for path in found)


def test_metadata_and_outputs(built):
    for path, text in built.items():
        if path.suffix != ".ipynb":
            continue
        notebook = nbformat.reads(text.decode(), as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata == METADATA, path
        ids = [cell.id for cell in notebook.cells]
        assert len(set(ids)) == len(ids)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert code and all(cell.outputs == [] and cell.execution_count is None for cell in code)


def solution_lines(path):
    """Stripped lines of the solution regions of a solution notebook's source."""
    lines, inside = set(), False
    for line in path.read_text(encoding="utf-8").splitlines():
        if "END SOLUTION" in line:
            inside = False
        if inside:
            lines.add(line.strip())
        if "BEGIN SOLUTION" in line:
            inside = True
    return lines


def test_no_solution_text_is_released():
    released = files(ROOT / "exercises")
    assert released
    text = "\n".join(path.read_text(encoding="utf-8") for path in released)
    sourced = [
        "".join(cell.source)
        for path in released
        if path.suffix == ".ipynb"
        for cell in nbformat.read(path, as_version=4).cells
    ]
    visible = "\n".join(sourced)
    shown = {line.strip() for line in visible.splitlines()}
    secrets = set()
    for path in (ROOT / "solutions").glob("*/*.py"):
        secrets |= {line for line in solution_lines(path) if len(line) >= SECRET_LENGTH} - shown
    assert len(secrets) > 20  # the search itself must have something to look for
    for secret in secrets:
        assert secret not in visible and json.dumps(secret)[1:-1] not in text, f"released: {secret}"
    assert "BEGIN SOLUTION" not in text and "END SOLUTION" not in text


def test_only_notebooks_and_data_are_released():
    allowed = {".ipynb", ".csv", ".npy", ".npz", ".png", ".svg", ".txt", ".json"}
    assert {path.suffix for path in files(ROOT / "exercises")} <= allowed


def test_an_assignment_has_a_statement_a_solution_and_a_check_for_each_of_its_exercises():
    """In this order, and with the points of the bank."""
    for path in sorted((ROOT / "solutions").glob("*/*.py")):
        cells = {cell.metadata.nbgrader.grade_id: cell for cell in read_source(path).cells}
        wanted = [exercise for exercise in bank().values() if exercise.notebook == path.stem]
        named = [f"{exercise.id}{part}" for exercise in wanted for part in ("-statement", "", "-check")]
        assert wanted and [name for name in cells if name in named or name.endswith("-check")] == named
        for exercise in wanted:
            check = cells[f"{exercise.id}-check"]
            assert check.source == f'check("{exercise.id}")' and check.metadata.nbgrader.points == exercise.max_points
        for name, cell in cells.items():
            nbgrader = cell.metadata.nbgrader
            assert nbgrader.grade == name.endswith("-check")
            assert nbgrader.solution == (name in bank()) == (not nbgrader.locked)


STATEMENT = nbformat.v4.new_markdown_cell("*Why?*", metadata={"statement": "so-svrg"})
SOLUTION = nbformat.v4.new_code_cell("x = 1", metadata={"solution": "so-svrg"})


def cell(kind="code", **metadata):
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    return make("text", metadata=metadata)


def assembled(*cells, exercises=("so-svrg",)):
    cells = [copy.deepcopy(cell) for cell in cells]
    return assemble(cells, "1_6_advanced_topics", {name: find(name) for name in exercises})


def test_what_the_bank_knows_is_written_into_a_statement():
    cells = assembled(cell("markdown", locked="opening"), STATEMENT, SOLUTION)
    assert [one.metadata.nbgrader.grade_id for one in cells] == [
        "opening", "so-svrg-statement", "so-svrg", "so-svrg-check",
    ]  # fmt: skip
    link = "../../course/1_stochastic_optimization/6_advanced_topics.ipynb#SVRG"
    assert cells[1].source == (
        f'## 3 · SVRG\n\nDifficulty 4/5 · 30 minutes · 8 points · lesson: <a href="{link}">SVRG</a>\n\n*Why?*'
    )
    announced = cell("markdown", statement="so-svrg", lesson="what we call [], at some length")
    assert f" · what we call\n[SVRG]({link}), at some length\n\ntext" in assembled(announced, SOLUTION)[0].source


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([STATEMENT, cell(solution="so-svgr")], "did you mean 'so-svrg'"),
        ([STATEMENT, cell(solution="so-sgd")], "belongs to 1_1_intuition, not to 1_6_advanced_topics"),
        ([STATEMENT, STATEMENT, SOLUTION], "statement='so-svrg' occurs twice"),
        ([STATEMENT], "there is no cell solution='so-svrg'"),
        ([SOLUTION], "there is no cell statement='so-svrg'"),
        ([cell(statement="so-svrg"), SOLUTION], "belongs on a markdown cell"),
        ([STATEMENT, cell("markdown", solution="so-svrg")], "belongs on a code cell"),
        ([STATEMENT, cell(solutions="so-svrg")], "solutions='so-svrg': a cell has one mark of"),
        ([STATEMENT, cell(solution="so-svrg", locked="x")], "a cell has one mark of"),
        ([STATEMENT, cell(solution="so-svrg", lesson="x")], "a cell has one mark of"),
    ],
)
def test_marks_that_make_no_sense(cells, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        assembled(*cells)


def test_statements_in_another_order_than_the_numbers():
    cells = [cell("markdown", statement="so-saga"), STATEMENT]
    cells += [cell(solution="so-svrg"), cell(solution="so-saga")]
    with pytest.raises(ValueError, match="another order than the numbers"):
        assembled(*cells, exercises=("so-svrg", "so-saga"))


def test_an_exercise_without_a_concept(monkeypatch):
    monkeypatch.setattr("autograde.authoring.assignments.concepts", dict)
    with pytest.raises(ValueError, match="so-svrg belongs to no concept"):
        assembled(STATEMENT, SOLUTION)


def test_check_finds_a_change_and_a_leftover(tmp_path, monkeypatch, capsys):
    (tmp_path / "solutions" / "9_9_x").mkdir(parents=True)
    source = tmp_path / "solutions" / "9_9_x" / "9_9_x.py"
    metadata = {
        "grade": False,
        "grade_id": "so-x",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    source.write_text(
        f"# %% nbgrader={json.dumps(metadata)}\n### BEGIN SOLUTION\nsecret_of_this_test = 1\n### END SOLUTION\n"
    )
    (source.parent / "data.csv").write_text("1,2\n")
    monkeypatch.setattr("autograde.authoring.notebooks.ROOT", tmp_path)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert (tmp_path / "exercises" / "9_9_x" / "data.csv").read_text() == "1,2\n"
    assert {path.name for path in files(tmp_path / "exercises")} == {"9_9_x.ipynb", "data.csv"}
    assert "secret_of_this_test" not in (tmp_path / "exercises" / "9_9_x" / "9_9_x.ipynb").read_text()
    source.write_text(source.read_text().replace("= 1", "= 2"))
    (tmp_path / "exercises" / "9_9_x" / "notes.py").write_text("secret")
    capsys.readouterr()
    assert main(["--check"]) == 1
    text = capsys.readouterr().out
    assert "out of date: solutions/9_9_x/9_9_x.ipynb" in text and "has no source: exercises/9_9_x/notes.py" in text
    assert main([]) == 0
    assert not (tmp_path / "exercises" / "9_9_x" / "notes.py").exists()
