"""Rebuild the notebook to be graded: the released one with the student's answers and own cells put in.

Nothing of the submission's structure is trusted: cells may be deleted, repeated, moved, split, retyped, or carry other
names and flags. Every cell of the release stands in the result once and in order; what had to be put right is listed.
Everything here is a pure function of JSON data and raises for none of it.
"""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import nbformat
from nbformat import NotebookNode

from autograde.judge.exercise import Exercise

MAX_SOURCE = 1_000_000  # characters of one cell
# Sources beyond this, and all after this many together, are searched by line for definitions, not parsed:
# a syntax tree takes a hundred times the memory of its text, and a second for a million characters.
MAX_PARSED = 50_000
MAX_PARSED_TOGETHER = 300_000
MAX_REPAIRS = 50
CELL_TYPES = ("code", "markdown", "raw")
CELL_MAGIC = re.compile(r"\s*%%(\w*)")
# Cell magics that run the cell in the notebook's namespace; after any other, what the cell defines stays in it.
TRANSPARENT_MAGICS = {"time", "capture", "prun"}
ASSIGNED_MAGIC = re.compile(r"([ \t]*\w[\w.,* \t]*=)[ \t]*[%!]")  # files = !ls
DEFINITION = re.compile(
    r"^(?:(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*[(\[]|class[ \t]+(\w+)[ \t]*[(\[:]|(\w+)[ \t]*(?::[^=\n]*)?=(?!=))", re.M
)


@dataclass(frozen=True)
class RebuiltCell:
    """One cell of the notebook to be graded.

    `kind` is "text" or "locked" (as released), "solution", "check" (carries the points), or "extra" (the student's
    own, also in place of a released code cell that may be edited). `exercise` is the id, for a solution and a check;
    `answered` says that a solution differs from the release; `pristine` is the index in the release, None for extra.
    """

    kind: str
    exercise: str | None
    cell_type: str
    source: str
    answered: bool
    pristine: int | None


@dataclass(frozen=True)
class Rebuilt:
    """The cells in the order of execution, and a sentence for everything that had to be put right."""

    cells: tuple[RebuiltCell, ...]
    repairs: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """What a source defines at its top level, and which names it takes from elsewhere.

    `bodies` are the last definitions of its functions, in a form that no layout or comment changes.
    """

    defines: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    bodies: frozenset[tuple[str, str]] = frozenset()
    valid: bool = False


@dataclass(frozen=True)
class Released:
    """A cell of the release.

    `name` is for sentences; `open` says that the student may edit it without answering; `starter` is what the source
    of a solution cell defines.
    """

    cell: RebuiltCell
    name: str
    grade_id: str | None
    identifier: str | None
    flags: object
    tags: object
    open: bool
    starter: Code


@dataclass(frozen=True)
class Cell:
    """A submitted cell that has the form of one; `number` counts from 1 in the submission.

    `copy_of` is the index of the released cell it stands for, None for the student's own.
    """

    number: int
    cell_type: str
    source: str
    grade_id: str | None
    identifier: str | None
    flags: object
    tags: object
    code: Code
    copy_of: int | None = None


@dataclass(frozen=True)
class ChosenAnswer:
    """The cell chosen for an exercise, as code, and the index of the released solution cell where it will stand."""

    exercise: Exercise
    cell: Cell
    place: int


def rebuild(release: NotebookNode, submitted: dict, exercises: Sequence[Exercise]) -> Rebuilt:
    """The release with the student's solutions and own cells put in; never raises for any JSON data."""
    repairs: list[str] = []
    released = released_cells(release, exercises)
    cells = copies(read_cells(submitted, repairs), released)
    repairs += changed_flags(cells, released)
    answers, found = find_answers(cells, released, exercises)
    repairs += found
    extras, edited, moved = sort_out(cells, released, answers, repairs)
    for answer in answers:
        extras = bring_along(answer, extras, answer.cell.number in moved, repairs)

    sources = {answer.place: answer.cell.source for answer in answers}
    result = [extra_cell(cell) for cell in extras.get(-1, ())]
    for index, entry in enumerate(released):
        if index in edited:
            result.append(extra_cell(edited[index]))
        else:
            source = sources.get(index, entry.cell.source)
            answered = index in sources and plain(source) != plain(entry.cell.source)
            result.append(replace(entry.cell, source=source, answered=answered))
        result += [extra_cell(cell) for cell in extras.get(index, ())]
    return Rebuilt(tuple(result), capped(repairs))


def to_notebook(release: NotebookNode, rebuilt: Rebuilt) -> NotebookNode:
    """The rebuilt notebook in nbformat 4.5: the release's metadata, no outputs, ids that depend on positions alone."""
    taken = {cell.get("id") for cell in release.cells}
    cells = []
    for position, cell in enumerate(rebuilt.cells):
        pristine = {} if cell.pristine is None else release.cells[cell.pristine]
        identifier = pristine.get("id")
        if identifier is None:
            identifier = f"extra-{position}" if cell.pristine is None else f"released-{cell.pristine}"
            while identifier in taken:
                identifier += "x"
            taken.add(identifier)
        data = {"cell_type": cell.cell_type, "id": identifier, "source": cell.source}
        data["metadata"] = deepcopy(pristine.get("metadata", {}))
        cells.append(data | ({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {}))
    metadata = deepcopy(release.metadata)
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def released_cells(release: NotebookNode, exercises: Sequence[Exercise]) -> list[Released]:
    ids = {exercise.id for exercise in exercises}
    checks = {f"{exercise.id}-check": exercise.id for exercise in exercises}
    cells = []
    for index, cell in enumerate(release.cells):
        flags = cell.metadata.get("nbgrader")
        grade_id = grade_id_of(flags)
        kind, exercise = ("locked" if cell.cell_type == "code" else "text"), None
        if cell.cell_type == "code" and grade_id in ids:
            kind, exercise = "solution", grade_id
        elif cell.cell_type == "code" and grade_id in checks:
            kind, exercise = "check", checks[grade_id]
        rebuilt = RebuiltCell(kind, exercise, cell.cell_type, cell.source, False, index)
        closed = exercise is not None or (isinstance(flags, dict) and (flags.get("locked") or flags.get("grade")))
        name = grade_id or f"number {index + 1} of the release"
        tags = cell.metadata.get("tags")
        starter = read_code(cell.source) if kind == "solution" else Code()
        cells.append(Released(rebuilt, name, grade_id, cell.get("id"), flags, tags, not closed, starter))
    return cells


def read_cells(submitted: dict, repairs: list[str]) -> list[Cell]:
    """The submitted cells that have the form of one; the others are left out, and repairs say so."""
    cells = submitted.get("cells") if isinstance(submitted, dict) else None
    found = []
    left = MAX_PARSED_TOGETHER
    for number, data in enumerate(cells if isinstance(cells, list) else [], start=1):
        source = source_of(data)
        if source is None:
            repairs.append(f"Cell {number} of the submission is not a notebook cell and was left out.")
            continue
        if len(source) > MAX_SOURCE:
            repairs.append(f"Cell {number} of the submission has over {MAX_SOURCE:,} characters and was emptied.")
            source = ""
        text = source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if text != source:
            repairs.append(f"Cell {number} of the submission has characters that are no text; they were replaced.")
        cell_type = data.get("cell_type")
        if cell_type not in CELL_TYPES:
            repairs.append(f"Cell {number} of the submission has no valid type and was taken for plain text.")
            cell_type = "raw"
        code = read_code(text, thorough=left > 0)
        left -= len(text)
        metadata = data.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        flags = metadata.get("nbgrader")
        identifier = data.get("id")
        found.append(
            Cell(
                number,
                cell_type,
                text,
                grade_id_of(flags),
                identifier if isinstance(identifier, str) else None,
                flags,
                metadata.get("tags"),
                code if code.valid or cell_type == "code" else Code(),
            )
        )
    return found


def source_of(data: object) -> str | None:
    """The source of one entry of the list of cells; None when it is not a cell."""
    source = data.get("source") if isinstance(data, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return source if isinstance(source, str) else None


def grade_id(cell: NotebookNode) -> str | None:
    """The name of a cell of ours, or None."""
    return grade_id_of(cell.metadata.get("nbgrader"))


def grade_id_of(flags: object) -> str | None:
    name = flags.get("grade_id") if isinstance(flags, dict) else None
    return name if isinstance(name, str) else None


@functools.lru_cache(maxsize=128)  # most cells of a submission are the release's
def read_code(source: str, thorough: bool = True) -> Code:
    """What the source defines and uses. Lines of IPython's own syntax are left out.

    After a syntax error, or when not to be `thorough`, the definitions are those that begin a line; no uses are given.
    """
    source = run_in_the_notebook(source)
    for text in (source, without_magics(source)) if thorough and len(source) <= MAX_PARSED else ():
        tree = parsed(text)
        if tree is not None:
            nodes = list(ast.walk(tree))
            used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
            # A name that is bound anywhere in the cell counts as its own: it nearly always is a local variable.
            bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
            defines = defined_names(tree)
            return Code(frozenset(defines), frozenset(used - bound - defines), bodies_of(tree), True)
    names = {name for groups in DEFINITION.findall(source) for name in groups if name}
    return Code(defines=frozenset(names))


def parsed(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a student's "\d" is no business of the instructor's terminal
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def bodies_of(tree: ast.Module) -> frozenset[tuple[str, str]]:
    try:
        return frozenset({n.name: ast.dump(n) for n in tree.body if isinstance(n, ast.FunctionDef)}.items())
    except RecursionError:  # no function of a release is nested so deep
        return frozenset()


def without_magics(source: str) -> str:
    """What runs in the notebook's namespace, every line of IPython's own syntax (`%time`, `!ls`, `name?`) as `pass`."""

    def clean(line: str) -> str:
        text = line.strip()
        if text.startswith(("%", "!", "?")) or text.endswith("?"):
            return line[: len(line) - len(line.lstrip())] + "pass"
        # Matched, not searched for: from every character of a long line that would take for ever.
        assigned = ASSIGNED_MAGIC.match(line)
        return f"{assigned[1]} None" if assigned else line

    return "\n".join(clean(line) for line in run_in_the_notebook(source).split("\n"))


def run_in_the_notebook(source: str) -> str:
    """The part of a cell that runs in the notebook's namespace: all of it, what follows a `%%time`, or nothing."""
    start = 0
    while magic := CELL_MAGIC.match(source, start):
        end_of_line = source.find("\n", magic.end())
        if magic[1] not in TRANSPARENT_MAGICS or end_of_line < 0:
            return ""
        start = end_of_line + 1
    return source[start:]


def defined_names(tree: ast.Module) -> set[str]:
    """Names bound at the top level, also inside `if`, `for`, `with` and `try` there."""
    names: set[str] = set()
    left: list[ast.AST] = list(tree.body)
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            left += ast.iter_child_nodes(node)
    return names


def copies(cells: list[Cell], released: list[Released]) -> list[Cell]:
    """The cells, each told which released cell it stands for: by grade_id, else by its id, else by equal source."""
    grade_ids = {entry.grade_id: index for index, entry in enumerate(released) if entry.grade_id}
    identifiers = {entry.identifier: index for index, entry in enumerate(released) if entry.identifier}
    named = [replace(cell, copy_of=grade_ids.get(cell.grade_id, identifiers.get(cell.identifier))) for cell in cells]
    missing: dict[tuple[str, str], list[int]] = {}
    for index in sorted(set(range(len(released))) - {cell.copy_of for cell in named}):
        entry = released[index].cell
        missing.setdefault((entry.cell_type, plain(entry.source)), []).append(index)
    result = []
    for cell in named:
        same = missing.get((cell.cell_type, plain(cell.source))) if cell.copy_of is None else None
        result.append(replace(cell, copy_of=same.pop(0)) if same else cell)
    return result


def changed_flags(cells: list[Cell], released: list[Released]) -> list[str]:
    """Sentences on grading flags and tags that are not the release's; flags that a tool dropped are no news."""
    repairs = []
    for cell in cells:
        if cell.copy_of is None:
            if cell.flags is not None:
                repairs.append(f"Cell {cell.number} of the submission has grading flags of its own; they are not used.")
            continue
        entry = released[cell.copy_of]
        if not same_flags(cell.flags, entry.flags):
            repairs.append(f"The grading flags of the cell {entry.name} were changed; the released ones are used.")
        if cell.tags and cell.tags != entry.tags:
            repairs.append(f"The tags of the cell {entry.name} were changed; the released ones are used.")
    return repairs


def same_flags(flags: object, released: object) -> bool:
    """Whether no flag says otherwise. The checksum is that of the release the student got, which may be older."""
    if not (isinstance(flags, dict) and isinstance(released, dict)):
        return flags is None or flags == released
    return all(key == "checksum" or (key in released and released[key] == value) for key, value in flags.items())


def find_answers(
    cells: list[Cell], released: list[Released], exercises: Sequence[Exercise]
) -> tuple[list[ChosenAnswer], list[str]]:
    """The cell that answers each exercise, where there is one, and what is to be said about where it was found."""
    places = {entry.cell.exercise: index for index, entry in enumerate(released) if entry.cell.kind == "solution"}
    answers: list[ChosenAnswer] = []
    repairs: list[str] = []
    functions = {name for exercise in exercises for name in exercise.functions}
    for exercise in exercises:
        if exercise.id not in places:
            continue
        place = places[exercise.id]
        cell = choose_cell(exercise, place, released, cells, functions)
        if cell is None:
            repairs.append(f"The solution cell {exercise.id} is missing; the released one stands there, unanswered.")
            continue
        same = [other for other in cells if other.copy_of == place]
        if cell.copy_of != place:
            repairs.append(f"The answer to {exercise.id} was found in cell {cell.number} of the submission.")
        elif any(other.number == cell.number and other.cell_type != "code" for other in same):
            repairs.append(f"The solution cell {exercise.id} had been turned into text; it is code again.")
        if len(same) > 1:
            repairs.append(
                f"There are {len(same)} cells named {exercise.id}; cell {cell.number} of the submission is used."
            )
        for other in answers:
            if other.cell.number == cell.number:
                repairs.append(
                    f"Cell {cell.number} of the submission answers {other.exercise.id} and {exercise.id}; "
                    "it stands in both places."
                )
        answers.append(ChosenAnswer(exercise, cell, place))
    return answers, repairs


def choose_cell(
    exercise: Exercise, place: int, released: list[Released], cells: list[Cell], functions: set[str]
) -> Cell | None:
    """The cell that holds the answer, as code; None when there is none.

    Best is one that defines all functions in another way than the starter, then one that defines some so, then the cell
    that the release gave for it, then the last. A text cell that is Python counts for less than code unless it stands
    for a solution cell: students switch drafts off that way. `functions` are those of all exercises: a cell that
    defines only another one's is no candidate, whatever its name.
    """
    wanted = set(exercise.functions)
    starter = released[place].starter

    def is_candidate(cell: Cell) -> bool:
        defined = functions & cell.code.defines
        return bool(wanted & defined) or (cell.cell_type == "code" and cell.copy_of == place and not defined)

    def merit(cell: Cell) -> tuple[bool, bool, bool, bool, int]:
        answered = (wanted & cell.code.defines) - {name for name, _ in starter.bodies & cell.code.bodies}
        meant = cell.cell_type == "code" or (
            cell.copy_of is not None and released[cell.copy_of].cell.kind == "solution"
        )
        return bool(answered), meant, answered == wanted, cell.copy_of == place, cell.number

    found = max(filter(is_candidate, cells), key=merit, default=None)
    return found and replace(found, cell_type="code")


def sort_out(
    cells: list[Cell], released: list[Released], answers: list[ChosenAnswer], repairs: list[str]
) -> tuple[dict[int, list[Cell]], dict[int, Cell], set[int]]:
    """The student's own cells, the edited open cells, and the numbers of the answers that stood too late.

    Own cells are listed by the index of the released cell that they follow, -1 for none. Whatever is neither an answer
    nor the student's own is dropped in favour of the release, and repairs say so.
    """
    places = {answer.cell.number: answer.place for answer in reversed(answers)}
    functions = {name for answer in answers for name in answer.exercise.functions}
    starters = {body: entry.name for entry in released for body in entry.starter.bodies}
    exact = {cell.copy_of for cell in cells if cell.copy_of is not None and is_exact(cell, released)}
    extras: dict[int, list[Cell]] = {}
    edited: dict[int, Cell] = {}
    moved: set[int] = set()
    order: list[int] = []  # released cells as they stand in the submission
    after = -1
    for cell in cells:
        index = cell.copy_of
        kind = released[index].cell.kind if index is not None else "extra"
        if cell.number in places:
            place = places[cell.number]
            order += [index] if index == place else []
            if after > place:
                moved.add(cell.number)  # what follows it in the submission stays behind
            else:
                after = place
            continue
        unanswered = cell.code.bodies & starters.keys()
        if unanswered and cell.code.defines == {function for function, _ in unanswered}:
            name = starters[min(unanswered)]
            repairs.append(f"Cell {cell.number} of the submission repeats {name} unanswered and was left out.")
            continue
        own = kind in ("extra", "solution") or functions & cell.code.defines
        # A student may have copied a locked cell and written into the copy.
        own = own or (cell.cell_type == "code" and index in exact and not is_exact(cell, released))
        if own:
            extras.setdefault(after, []).append(cell)
            continue
        name = f"The {kind} cell {released[index].name}"
        if index in order:
            repairs.append(f"{name} is there more than once; one is kept.")
        elif released[index].open and not is_exact(cell, released) and cell.cell_type == released[index].cell.cell_type:
            edited[index] = cell
        elif not is_exact(cell, released) and index not in exact:
            repairs.append(f"{name} was changed; the released one is used.")
        order.append(index)
        after = index
    for index, entry in enumerate(released):
        if entry.cell.kind != "solution" and index not in order:
            repairs.append(f"The {entry.cell.kind} cell {entry.name} is missing; it was put back.")
    first = list(dict.fromkeys(order))
    if first != sorted(first):
        repairs.append("Cells of the assignment were moved; they stand in their released order again.")
    return extras, edited, moved


def bring_along(
    answer: ChosenAnswer, extras: dict[int, list[Cell]], moved: bool, repairs: list[str]
) -> dict[int, list[Cell]]:
    """The student's own cells, those put before the answer that it needs but that would come after its check.

    These are other parts of a split answer and, when the answer itself had to be moved up, what it uses.
    """
    later = sorted(
        (
            cell
            for index, group in extras.items()
            for cell in group
            if index > answer.place and cell.cell_type == "code"
        ),
        key=lambda cell: cell.number,
    )
    makers: dict[str, list[Cell]] = {}
    for cell in later:
        for name in cell.code.defines:
            makers.setdefault(name, []).append(cell)
    code = answer.cell.code
    needed = list((set(answer.exercise.functions) - code.defines) | (code.uses if moved else set()))
    brought: dict[int, Cell] = {}
    while needed:
        for cell in makers.pop(needed.pop(), ()):
            if cell.number not in brought:
                brought[cell.number] = cell
                needed += cell.code.uses
    if not brought:
        return extras
    for number in sorted(brought):
        repairs.append(
            f"Cell {number} of the submission was put before the answer to {answer.exercise.id}, which needs it."
        )
    kept = {index: [cell for cell in group if cell.number not in brought] for index, group in extras.items()}
    before = kept.get(answer.place - 1, []) + [brought[number] for number in sorted(brought)]
    return kept | {answer.place - 1: before}


def extra_cell(cell: Cell) -> RebuiltCell:
    return RebuiltCell("extra", None, cell.cell_type, cell.source, False, None)


def is_exact(cell: Cell, released: list[Released]) -> bool:
    entry = released[cell.copy_of].cell
    return cell.cell_type == entry.cell_type and plain(cell.source) == plain(entry.source)


def plain(source: str) -> str:
    """The source without the differences in whitespace that editors make."""
    return " ".join(source.split())


def capped(repairs: list[str]) -> tuple[str, ...]:
    """Each repair once, the first ones when there are many."""
    distinct = list(dict.fromkeys(repairs))
    if len(distinct) > MAX_REPAIRS:
        distinct = [*distinct[:MAX_REPAIRS], f"{len(distinct) - MAX_REPAIRS} more repairs are not listed."]
    return tuple(distinct)
