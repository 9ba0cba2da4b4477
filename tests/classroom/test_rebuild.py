"""The rebuilt notebook: the release with the student's answers, whatever was done to the submission's structure."""

import copy
import json
import random
import re
import time

import nbformat
import pytest

from autograde.bank import bank
from autograde.classroom import rebuild as module
from autograde.classroom.rebuild import MAX_SOURCE, Rebuilt, read_code, rebuild, to_notebook, without_magics
from tests.classroom import damage
from tests.classroom.damage import code_cell, flags, grade_id, text_of

EXERCISES = [exercise for exercise in bank().values() if exercise.notebook == damage.ASSIGNMENT]
RELEASE = nbformat.read(damage.RELEASE, as_version=4)
STARTERS = {grade_id(cell): cell.source for cell in RELEASE.cells}


@pytest.fixture
def notebook():
    return damage.answered_notebook()


def at(notebook: dict, name: str) -> int:
    return next(index for index, cell in enumerate(notebook["cells"]) if grade_id(cell) == name)


def cell_of(notebook: dict, name: str) -> dict:
    return notebook["cells"][at(notebook, name)]


def worked(name: str) -> str:
    return text_of(cell_of(damage.answered_notebook(), name))


def graded(notebook: dict) -> Rebuilt:
    """The rebuilt notebook, after the check that the release is in it."""
    rebuilt = rebuild(RELEASE, notebook, EXERCISES)
    kept = [cell for cell in rebuilt.cells if cell.pristine is not None]
    assert [cell.pristine for cell in kept] == list(range(len(RELEASE.cells)))
    nbformat.validate(to_notebook(RELEASE, rebuilt))
    return rebuilt


def solution(rebuilt: Rebuilt, name: str):
    return next(cell for cell in rebuilt.cells if cell.kind == "solution" and cell.exercise == name)


def sources(rebuilt: Rebuilt) -> list[str]:
    return [cell.source for cell in rebuilt.cells]


def assert_all_answered(rebuilt: Rebuilt, but: tuple[str, ...] = ()) -> None:
    for exercise in EXERCISES:
        cell = solution(rebuilt, exercise.id)
        assert cell.answered == (exercise.id not in but)
        assert cell.source == (STARTERS if exercise.id in but else {exercise.id: worked(exercise.id)})[exercise.id]


def assert_repair(rebuilt: Rebuilt, *patterns: str) -> None:
    """Exactly these repairs, in this order."""
    assert len(rebuilt.repairs) == len(patterns), rebuilt.repairs
    for repair, pattern in zip(rebuilt.repairs, patterns, strict=True):
        assert re.search(pattern, repair), repair
        assert repair.endswith(".") and repair.isprintable() and len(repair) < 200


# Honest notebooks: nothing is repaired


def as_is(notebook):
    pass


def executed(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"], cell["outputs"] = 7, [{"output_type": "stream", "name": "stdout", "text": ["a"]}]
            cell["metadata"]["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00Z"}


def saved_by_colab(notebook):
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id")
        cell["metadata"] |= {"id": f"Zx{number}", "colab": {"base_uri": "https://colab.research.google.com/"}}
        cell["source"] = text_of(cell).splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["metadata"]["outputId"] = "0b9a7d4c"
    notebook["metadata"]["colab"] = {"provenance": [], "toc_visible": True}
    notebook["nbformat_minor"] = 0


def saved_by_vscode(notebook):
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"{number:08x}"
        cell["metadata"] |= {"vscode": {"languageId": "python"}, "jupyter": {"outputs_hidden": False}}
    notebook["metadata"]["kernelspec"] = {"display_name": ".venv", "language": "python", "name": "python3"}
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.12.1"}


def without_ids(notebook):
    for cell in notebook["cells"]:
        cell.pop("id")
    notebook["nbformat_minor"] = 4


def without_nbgrader(notebook):
    for cell in notebook["cells"]:
        cell["metadata"].pop("nbgrader")


def with_windows_line_ends(notebook):
    for cell in notebook["cells"]:
        if not cell["metadata"]["nbgrader"]["solution"]:
            cell["source"] = text_of(cell).replace("\n", "\r\n") + "\r\n"


def of_an_older_release(notebook):
    for cell in notebook["cells"]:
        cell["metadata"]["nbgrader"]["checksum"] = "0" * 32


HONEST = [as_is, executed, saved_by_colab, saved_by_vscode, without_ids, without_nbgrader]
HONEST += [with_windows_line_ends, of_an_older_release]


@pytest.mark.parametrize("change", HONEST)
def test_honest_notebook_is_not_repaired(notebook, change):
    change(notebook)
    rebuilt = graded(notebook)
    assert rebuilt.repairs == ()
    assert_all_answered(rebuilt)
    assert len(rebuilt.cells) == len(RELEASE.cells)


@pytest.mark.parametrize("change", HONEST)
def test_honest_notebook_with_own_cells_is_not_repaired(notebook, change):
    change(notebook)
    own = ["import math", "%matplotlib inline\n!ls", "for i in range(3):\n    print(i)", ""]
    for position in range(len(notebook["cells"]), -1, -1):
        notebook["cells"].insert(position, code_cell(own[position % len(own)]))
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "my notes"})
    rebuilt = graded(notebook)
    assert rebuilt.repairs == ()
    assert sources(rebuilt)[0] == own[0] and sources(rebuilt)[-1] == "my notes"
    assert [cell.kind for cell in rebuilt.cells[::2]] == ["extra"] * (len(RELEASE.cells) + 1)
    assert [cell.pristine for cell in rebuilt.cells[1:-1:2]] == list(range(len(RELEASE.cells)))
    assert_all_answered(rebuilt)


def test_untouched_release_is_unanswered():
    rebuilt = graded(json.loads(damage.RELEASE.read_text(encoding="utf-8")))
    assert rebuilt.repairs == ()
    assert not any(cell.answered for cell in rebuilt.cells)
    assert nbformat.writes(to_notebook(RELEASE, rebuilt)) == nbformat.writes(RELEASE)


def test_half_answered(notebook):
    cell_of(notebook, "so-sgd")["source"] = STARTERS["so-sgd"].replace("    ", "\t") + "\n"
    rebuilt = graded(notebook)
    assert rebuilt.repairs == ()
    assert [cell.exercise for cell in rebuilt.cells if cell.kind == "solution" and not cell.answered] == ["so-sgd"]


def test_kinds_and_metadata_come_from_the_release(notebook):
    rebuilt = graded(notebook)
    assert [cell.kind for cell in rebuilt.cells[:5]] == ["text", "locked", "text", "solution", "check"]
    assert [cell.exercise for cell in rebuilt.cells[3:5]] == ["so-minibatch-gradient"] * 2
    for cell, released in zip(to_notebook(RELEASE, rebuilt).cells, RELEASE.cells, strict=True):
        assert (cell.metadata, cell.id, cell.get("outputs", [])) == (released.metadata, released.id, [])


# Locked cells


def test_edited_locked_cells_are_put_back(notebook):
    cell_of(notebook, "intuition-setup")["source"] = "import os; os._exit(0)"
    cell_of(notebook, "so-sgd-check")["source"] = "8.0"
    cell_of(notebook, "so-sgd-statement")["source"] += "\nfree points"
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert not {"8.0", "import os; os._exit(0)"} & set(sources(rebuilt))
    assert_repair(
        rebuilt, "locked cell intuition-setup was changed", "text cell so-sgd-.* was", "check cell so-sgd-.* was"
    )


def test_deleted_locked_cells_are_put_back(notebook):
    del notebook["cells"][at(notebook, "so-sgd-check")]
    del notebook["cells"][:2]
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert_repair(rebuilt, "intuition-opening is missing", "intuition-setup is missing", "so-sgd-check is missing")


def test_repeated_locked_cell_is_kept_once(notebook):
    notebook["cells"].insert(5, copy.deepcopy(cell_of(notebook, "intuition-setup")))
    rebuilt = graded(notebook)
    assert_repair(rebuilt, "intuition-setup is there more than once")
    assert len(rebuilt.cells) == len(RELEASE.cells)


def test_copy_of_a_locked_cell_that_the_student_wrote_into_is_the_students(notebook):
    notebook["cells"].insert(5, cell_of(notebook, "intuition-setup") | {"source": "import numpy as np"})
    rebuilt = graded(notebook)
    assert [cell.source for cell in rebuilt.cells if cell.kind == "extra"] == ["import numpy as np"]
    assert_all_answered(rebuilt)


def test_open_cell_of_the_release_keeps_the_students_version(notebook):
    release = copy.deepcopy(RELEASE)
    release.cells[1].metadata = nbformat.from_dict({})
    setup = cell_of(notebook, "intuition-setup")
    setup["metadata"] = {}
    assert rebuild(release, notebook, EXERCISES).cells[1].kind == "locked"
    setup["source"] = "import torch, math\nfrom autograde import check"
    rebuilt = rebuild(release, notebook, EXERCISES)
    assert rebuilt.repairs == ()
    assert (rebuilt.cells[1].kind, rebuilt.cells[1].source) == ("extra", setup["source"])
    assert len(rebuilt.cells) == len(release.cells)
    nbformat.validate(to_notebook(release, rebuilt))


# Flags, names, order


def test_flags_tags_and_schema_are_put_right(notebook):
    flags(cell_of(notebook, "so-sgd-check"))["points"] = 1000
    flags(cell_of(notebook, "so-sgd"))["schema_version"] = 99
    cell_of(notebook, "so-robbins-monro-check")["metadata"]["tags"] = ["skip-execution"]
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert_repair(
        rebuilt, "flags of the cell so-sgd were", "flags of .* so-sgd-check were", "tags of .* so-robbins-monro-check"
    )
    assert "skip-execution" not in nbformat.writes(to_notebook(RELEASE, rebuilt))


def test_swapped_names_are_found_out(notebook):
    first, second = (flags(cell_of(notebook, name)) for name in ("so-sgd", "so-gradient-variance"))
    first["grade_id"], second["grade_id"] = second["grade_id"], first["grade_id"]
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert sum("answer to" in repair for repair in rebuilt.repairs) == 2


def test_unknown_name_is_found_by_id_or_by_definition(notebook):
    flags(cell_of(notebook, "so-sgd"))["grade_id"] = "mine"
    cell = cell_of(notebook, "so-robbins-monro")
    cell["id"] = flags(cell)["grade_id"] = "other"
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert any("answer to so-robbins-monro was found in cell 19" in repair for repair in rebuilt.repairs)


def test_moved_cells_return(notebook):
    random.Random(0).shuffle(notebook["cells"])
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert_repair(rebuilt, "were moved")


# Where an answer may stand


def test_missing_solution_is_unanswered(notebook):
    del notebook["cells"][at(notebook, "so-sgd")]
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt, but=("so-sgd",))
    assert_repair(rebuilt, "solution cell so-sgd is missing")


@pytest.mark.parametrize("cell_type", ["markdown", "raw"])
def test_solution_turned_into_text_is_code_again(notebook, cell_type):
    cell_of(notebook, "so-sgd")["cell_type"] = cell_type
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert_repair(rebuilt, "so-sgd had been turned into text")


def test_prose_in_place_of_a_solution_is_no_answer(notebook):
    cell_of(notebook, "so-sgd").update(cell_type="markdown", source="I would write def sgd(grad): and so on")
    assert_all_answered(graded(notebook), but=("so-sgd",))


def test_draft_switched_off_as_text_does_not_replace_the_answer(notebook):
    notebook["cells"].append({"cell_type": "raw", "metadata": {}, "source": worked("so-sgd") + "\nbroken = True"})
    rebuilt = graded(notebook)
    assert rebuilt.repairs == ()
    assert_all_answered(rebuilt)


def test_repeated_solution_the_answered_then_the_later_one_counts(notebook):
    position = at(notebook, "so-sgd")
    starter = cell_of(notebook, "so-sgd") | {"source": STARTERS["so-sgd"]}
    notebook["cells"].insert(position + 1, starter)
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert_repair(rebuilt, "There are 2 cells named so-sgd; cell 10", "Cell 11 .* repeats so-sgd unanswered")
    assert len(rebuilt.cells) == len(RELEASE.cells)
    notebook["cells"][position + 1] = starter | {"source": "def sgd(grad, theta0, lr, steps):\n    return 2"}
    rebuilt = graded(notebook)
    assert solution(rebuilt, "so-sgd").source.endswith("return 2")
    assert sources(rebuilt).index(worked("so-sgd")) < sources(rebuilt).index(solution(rebuilt, "so-sgd").source)
    assert_repair(rebuilt, "There are 2 cells named so-sgd; cell 11")


def test_experiment_elsewhere_does_not_replace_the_answer(notebook):
    notebook["cells"].append(code_cell("def sgd(grad, theta0, lr, steps):\n    return 3"))
    rebuilt = graded(notebook)
    assert rebuilt.repairs == ()
    assert_all_answered(rebuilt)
    assert rebuilt.cells[-1].source.endswith("return 3")


def test_answer_below_its_unanswered_cell(notebook):
    position = at(notebook, "so-sgd")
    cell_of(notebook, "so-sgd")["source"] = STARTERS["so-sgd"]
    notebook["cells"].insert(position + 1, code_cell(worked("so-sgd")))
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert STARTERS["so-sgd"] not in sources(rebuilt)
    assert_repair(rebuilt, "so-sgd was found in cell 11", "Cell 10 .* repeats so-sgd unanswered")


def test_answer_written_below_the_starter_in_its_cell(notebook):
    cell_of(notebook, "so-sgd")["source"] = STARTERS["so-sgd"] + "\n\n" + worked("so-sgd")
    rebuilt = graded(notebook)
    assert rebuilt.repairs == ()
    assert solution(rebuilt, "so-sgd").answered
    assert solution(rebuilt, "so-sgd").source.endswith(worked("so-sgd"))


def test_answers_at_the_end_bring_what_they_use(notebook):
    """A student who writes everything below the last check: each answer moves up, with its helpers and imports."""
    answer = "def sgd(grad, theta0, lr, steps):\n    return walk(np.array(theta0), grad, lr, steps)"
    cell_of(notebook, "so-sgd")["source"] = STARTERS["so-sgd"]
    helpers = ["import numpy as np", "SCALE = 1.0", "def walk(*parts):\n    return SCALE", "unrelated = 5"]
    notebook["cells"] += [code_cell(text) for text in (helpers[0], helpers[2], answer, helpers[3], helpers[1])]
    rebuilt = graded(notebook)
    order = [sources(rebuilt).index(text) for text in (*helpers, answer, 'check("so-sgd")')]
    assert max(order[:3]) < order[4]
    assert order[4] < order[5] < order[3]
    assert sum("which needs it" in repair for repair in rebuilt.repairs) == 3


@pytest.mark.parametrize("place", ["after", "before", "first", "last"])
@pytest.mark.parametrize("unanswered", [False, True])
def test_split_answer_is_complete_at_its_check(notebook, place, unanswered):
    head, mark, tail = worked("so-robbins-monro").partition("\ndef satisfies_robbins_monro")
    position = at(notebook, "so-robbins-monro")
    notebook["cells"][position]["source"] = STARTERS["so-robbins-monro"] if unanswered else head
    target = {"after": position + 1, "before": position, "first": 0, "last": len(notebook["cells"])}[place]
    for part in [mark + tail, head] if unanswered else [mark + tail]:
        notebook["cells"].insert(target, code_cell(part))
    rebuilt = graded(notebook)
    before = sources(rebuilt)[: sources(rebuilt).index('check("so-robbins-monro")')]
    assert head in before and mark + tail in before
    assert STARTERS["so-robbins-monro"] not in before
    assert solution(rebuilt, "so-robbins-monro").answered


def test_one_cell_with_two_answers_stands_in_both_places(notebook):
    both = worked("so-gradient-variance") + "\n\n" + worked("so-sgd")
    cell_of(notebook, "so-gradient-variance")["source"] = both
    del notebook["cells"][at(notebook, "so-sgd")]
    rebuilt = graded(notebook)
    assert solution(rebuilt, "so-sgd").source == solution(rebuilt, "so-gradient-variance").source == both
    assert_repair(rebuilt, "so-sgd was found in cell 7", "answers so-gradient-variance and so-sgd; it stands in both")


@pytest.mark.parametrize(
    "answer",
    [
        "sgd = lambda grad, theta0, lr, steps: 1",
        "class sgd:\n    pass",
        "%%time\ndef sgd(*a):\n    return 1",
        "%load_ext autoreload\n!pwd\ndef sgd(*a):\n    return 1",
        "if True:\n    def sgd(*a):\n        return 1",
        "def sgd(a:\n    return",  # a syntax error costs this cell alone
        "def sgd(*a):\n    return '\0'",
        "from functools import partial as sgd",
    ],
)
def test_answers_of_any_form_are_found_without_names(notebook, answer):
    cell = cell_of(notebook, "so-sgd")
    cell["source"], cell["id"] = answer, "other"
    cell["metadata"] = {}
    rebuilt = graded(notebook)
    assert solution(rebuilt, "so-sgd").source == answer
    assert solution(rebuilt, "so-sgd").answered
    for exercise in EXERCISES:
        assert exercise.id == "so-sgd" or solution(rebuilt, exercise.id).source == worked(exercise.id)


@pytest.mark.parametrize("answer", ["raise RuntimeError('no')", "\0", "def other(): pass", ")", "x" * 900_000])
def test_nonsense_in_the_solution_cell_stays_there(notebook, answer):
    cell_of(notebook, "so-sgd")["source"] = answer
    rebuilt = graded(notebook)
    assert rebuilt.repairs == ()
    assert (solution(rebuilt, "so-sgd").source, solution(rebuilt, "so-sgd").answered) == (answer, True)


# Malformed cells


def test_malformed_cells_are_left_out_and_said(notebook):
    bad = [None, 3, "text", [], {}, {"source": 3}, {"source": ["a", 1]}, {"cell_type": "code", "metadata": {}}]
    notebook["cells"] += bad
    rebuilt = graded(notebook)
    assert_all_answered(rebuilt)
    assert_repair(rebuilt, *["is not a notebook cell and was left out"] * len(bad))
    notebook["cells"] += [None] * 100
    assert len(graded(notebook).repairs) == module.MAX_REPAIRS + 1


def test_odd_types_and_characters_are_put_right(notebook):
    notebook["cells"] += [{"cell_type": "heading", "source": "a"}, code_cell("'\ud800 \U0001f600'")]
    rebuilt = graded(notebook)
    assert (rebuilt.cells[-2].cell_type, rebuilt.cells[-1].source) == ("raw", "'\ufffd \U0001f600'")
    assert_repair(rebuilt, "no valid type", "characters that are no text")


def test_oversized_source_is_emptied(notebook):
    cell_of(notebook, "so-sgd")["source"] = worked("so-sgd") + "#" * module.MAX_SOURCE
    rebuilt = graded(notebook)
    assert solution(rebuilt, "so-sgd").source == ""
    assert_repair(rebuilt, "over 1,000,000 characters")


@pytest.mark.parametrize("data", [{}, {"cells": None}, {"cells": []}, {"cells": {}}, [], None, 3])
def test_nothing_submitted_is_the_release_unanswered(data):
    rebuilt = graded(data)
    assert_all_answered(rebuilt, but=tuple(exercise.id for exercise in EXERCISES))
    assert len(rebuilt.repairs) == len(RELEASE.cells)


def test_nothing_is_changed_in_place(notebook):
    before, release = copy.deepcopy(notebook), copy.deepcopy(RELEASE)
    to_notebook(RELEASE, rebuild(RELEASE, notebook, EXERCISES))
    assert (notebook, RELEASE) == (before, release)


def test_largest_notebooks_take_seconds(notebook):
    chain = [code_cell(f"def f{n}():\n    return f{n + 1}()") for n in range(4900)]
    cell_of(notebook, "so-sgd")["source"] = STARTERS["so-sgd"]
    answer = "def sgd(grad, theta0, lr, steps):\n    return f0()"
    long = [code_cell("a = 1\n" * 8000) for _ in range(100)]
    started = time.process_time()
    large = notebook | {"cells": [*notebook["cells"], *chain, *long, code_cell(answer)]}
    rebuilt = rebuild(RELEASE, large, EXERCISES)
    assert time.process_time() - started < 15
    assert solution(rebuilt, "so-sgd").source == answer


# What a source defines


@pytest.mark.parametrize(
    ("source", "defines"),
    [
        ("def f(): pass\nclass C: pass\nx = y = 1\n(a, b) = 1, 2\nz: int = 3", {"f", "C", "x", "y", "a", "b", "z"}),
        ("import os.path, sys as s\nfrom m import g as h", {"os", "s", "h"}),
        ("for i in []:\n    j = 1\nwith a as b:\n    c = 2\ntry:\n    d = 1\nexcept E:\n    e = 1", set("ijbcde")),
        ("def f():\n    def g(): pass\n    x = 1", {"f"}),
        ("a = [b for b in c]\nd = lambda e: e", {"a", "d"}),
        ("%%writefile f.py\ndef f(): pass", set()),
        ("%%time\ndef f(): pass", {"f"}),
        ("\n  \n%%capture out\n%%time\ndef f(): pass", {"f"}),
        ("%%capture\n%%timeit\ndef f(): pass", set()),
        ("%%timeit\ndef f(): pass", set()),
        ("%%time", set()),
        ("files = !ls\nx = %timeit -o f()\ny.z = %time 1\ndef f(): pass", {"files", "x", "f"}),
        ("def f(\nclass C:\nx = (\nif x == 3", {"f", "C", "x"}),
        ("await g()\ny = 1", {"y"}),
        ("x[0] = 1\na.b = 2", set()),
        ("", set()),
        ("(" * 10_000, set()),
        ("-" * 45_000 + "1", set()),
        ("a" + ".b" * 20_000, set()),
    ],
)
def test_definitions(source, defines):
    assert read_code(source).defines == defines


def test_local_names_are_not_used_from_elsewhere():
    code = read_code("def f(x, *rest):\n    total = g(x)\n    return total + CONSTANT + f(rest)")
    assert code.uses == {"g", "CONSTANT"}


@pytest.mark.parametrize("text", ["A", " ", "a,", "a = ", "%%time\n", "\n", "x = !", '"'])
def test_a_long_source_is_read_in_time_that_grows_with_its_length(text):
    """A search from every character, or a copy for every line, would not come to an end."""
    source = text * (MAX_SOURCE // len(text))
    assert len(without_magics(source)) <= 2 * MAX_SOURCE
    assert not read_code(source, thorough=False).valid
