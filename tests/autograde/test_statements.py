"""The worked examples in the statements are true: with the worked solution, a `call  # value` line gives that value."""

import re

import pytest
import torch

from autograde.authoring.notebooks import read_source
from autograde.bank import bank
from autograde.sandbox.paths import ROOT


def cells_of(notebook):
    """grade_id -> source of the solution notebook `notebook`."""
    source = read_source(ROOT / "solutions" / notebook / f"{notebook}.py")
    return {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in source.cells}


def examples(statement):
    """The lines of every ```python block of a statement, in order."""
    return [line for block in re.findall(r"```python\n(.*?)```", statement, flags=re.S) for line in block.splitlines()]


@pytest.mark.parametrize("exercise", bank().values(), ids=lambda exercise: exercise.id)
def test_every_example_is_true(exercise):
    cells = cells_of(exercise.notebook)
    namespace = {"torch": torch}
    exec(cells[exercise.id], namespace)
    checked = 0
    for line in examples(cells[f"{exercise.id}-statement"]):
        code, _, comment = re.sub(r"\s+# ", "  # ", line).partition("  # ")
        promised = re.sub(r"^(about|->|gives)\s*", "", comment.strip())
        if not promised:
            exec(line, namespace)
            continue
        value = eval(code, namespace)
        wanted = eval(promised, {"tensor": torch.tensor, "torch": torch, "inf": float("inf")})
        if isinstance(wanted, bool | None):
            assert value is wanted, line
        else:
            got, wanted = (torch.as_tensor(number, dtype=torch.float64) for number in (value, wanted))
            assert torch.allclose(got, wanted, atol=6e-5), f"{line}: it gives {value}"
        checked += 1
    assert checked, "the statement shows no example"


@pytest.mark.parametrize("exercise", bank().values(), ids=lambda exercise: exercise.id)
def test_a_statement_says_what_a_learner_needs(exercise):
    statement = cells_of(exercise.notebook)[f"{exercise.id}-statement"]
    assert "<details><summary>Hint</summary>" in statement
    assert "ValueError" in statement and "$" in statement
