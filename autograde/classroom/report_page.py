"""The page an instructor reads after grading: how the class did, which mistakes are common, what needs a look."""

from __future__ import annotations

import csv
import html
import io
import math
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograde.bank import bank
from autograde.classroom.records import SubmissionResult
from autograde.classroom.submission import results_folder
from autograde.judge.escape import printable, spreadsheet, visible
from autograde.judge.report import code, number

# How many rows of mistakes (for each exercise) and of slow answers are worth an instructor's time.
MISTAKES = 8
SLOWEST = 10
# Names listed beside a mistake before the rest is only counted.
NAMES = 12
BLUE, GREY = "#0072b2", "#5c6670"  # readable with any kind of colour vision, also in print

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2227; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.2rem; border-bottom: 1px solid #d5dade; padding-bottom: .2rem; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e6e9ec; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td, li { overflow-wrap: anywhere; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; max-width: 18rem; }
code { background: #eef1f3; padding: 0 .2em; }
""".strip()


@dataclass(frozen=True)
class Mistake:
    """One kind of mistake in one exercise: a typical message, and who made it."""

    message: str
    students: tuple[str, ...]


def write_report(assignment_name: str, class_folder: Path) -> Path:
    """Write `report/<assignment>.html` and, beside it, `.csv` in the class folder; returns the page's path.

    Raises ValueError when nothing of this assignment has been graded yet.
    """
    results = read_results(assignment_name, class_folder)
    if not results:
        raise ValueError(f"no submission of {assignment_name} has been graded yet: run `autograde grade` first")
    folder = Path(class_folder) / "report"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{assignment_name}.html"
    path.write_text(visible(page(assignment_name, results)), encoding="utf-8")
    path.with_suffix(".csv").write_text(points_table(results), encoding="utf-8", newline="")
    return path


def read_results(assignment_name: str, class_folder: Path) -> list[SubmissionResult]:
    """All results of the assignment, ordered by student. Raises ValueError, naming the file, for a damaged one."""
    results = []
    for path in sorted(results_folder(class_folder, assignment_name).glob("*.json")):
        try:
            results.append(SubmissionResult.loads(path.read_text(encoding="utf-8")))
        except (ValueError, OSError) as error:
            raise ValueError(f"{path} cannot be read ({error}): delete it and grade again") from None
    return sorted(results, key=lambda result: result.student)


def points_table(results: Sequence[SubmissionResult]) -> str:
    """CSV: student, points of each exercise, total, and the reasons for review; nothing in it runs as a formula."""
    exercises = exercise_ids(results)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([spreadsheet(name) for name in ("student", *exercises, "total", "review")])
    for result in results:
        points = {entry.exercise: entry.points for entry in result.exercises}
        row = [result.student, *(points.get(name, 0.0) for name in exercises), result.points, " ".join(result.review)]
        table.writerow([spreadsheet(value) for value in row])
    return text.getvalue()


def exercise_ids(results: Iterable[SubmissionResult]) -> list[str]:
    return list(dict.fromkeys(entry.exercise for result in results for entry in result.exercises))


def page(assignment_name: str, results: Sequence[SubmissionResult]) -> str:
    """The whole page; every text that came from outside is escaped."""
    graded = [result for result in results if not result.refused]
    exercises = exercise_ids(results)
    title = f"Report: {assignment_name}"
    sections = [
        f"<h1>{escape(title)}</h1>",
        overview(results, graded),
        section("To be reviewed", review_list(results)),
        section("Distribution of points", charts(graded, exercises)),
        section("Commonest mistakes", "".join(mistakes_section(graded, name) for name in exercises)),
        section("Slowest answers", slowest_table(graded)),
        section("Repairs", repairs_list(results)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def overview(results: Sequence[SubmissionResult], graded: Sequence[SubmissionResult]) -> str:
    reviewed = sum(1 for result in results if result.review or result.refused)
    refused = len(results) - len(graded)
    rows = [
        ("Submissions", str(len(results))),
        ("To be reviewed", str(reviewed)),
        ("Refused, not executed", str(refused)),
    ]
    if graded:
        points = [result.points for result in graded]
        most = number(max(result.max_points for result in graded))
        rows.append(("Mean of the total", f"{statistics.fmean(points):.1f} of {most}"))
        rows.append(("Median of the total", f"{statistics.median(points):.1f} of {most}"))
    cells = "".join(f'<tr><th scope="row">{name}</th><td class="number">{value}</td></tr>' for name, value in rows)
    note = "<p>Refused submissions are left out of the figures below.</p>" if refused else ""
    return f"<table>{cells}</table>{note}"


def section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>\n{content}</section>"


def review_list(results: Sequence[SubmissionResult]) -> str:
    waiting = [result for result in results if result.review or result.refused]
    if not waiting:
        return "<p>Nothing.</p>"
    rows = []
    for result in waiting:
        state = "refused" if result.refused else f"{number(result.points)} of {number(result.max_points)} points"
        reasons = "<br>".join(text(reason) for reason in result.review) or "refused without a recorded reason"
        rows.append(f"<tr><td>{escape(result.student)}</td><td>{state}</td><td>{reasons}</td></tr>")
    return table(("Student", "Result", "Reasons"), rows)


def charts(graded: Sequence[SubmissionResult], exercises: Sequence[str]) -> str:
    if not graded:
        return "<p>No submission was executed.</p>"
    titles = {name: exercise.title for name, exercise in bank().items()}
    pictures = [histogram("Total", [(result.points, result.max_points) for result in graded])]
    for name in exercises:
        entries = [entry for result in graded for entry in result.exercises if entry.exercise == name]
        pictures.append(histogram(titles.get(name, name), [(entry.points, entry.max_points) for entry in entries]))
    return f'<div class="charts">{"".join(pictures)}</div>'


def bins(points: Sequence[float], most: float) -> list[tuple[str, int]]:
    """(label, count) of each bar: one for each whole number of points up to 12, else at most ten of equal width.

    Every value is counted once; the first and last bars hold what lies at or beyond the ends.
    """
    if most <= 12 and most == int(most) and all(value == int(value) for value in points):
        return [(str(value), sum(1 for entry in points if entry == value)) for value in range(int(most) + 1)]
    width = max(math.ceil(most / 10), 1)
    counts = [0] * max(math.ceil(most / width), 1)
    for value in points:
        counts[min(max(int(value / width), 0), len(counts) - 1)] += 1
    return [(f"{index * width}–{(index + 1) * width}", count) for index, count in enumerate(counts)]


def histogram(title: str, scores: Sequence[tuple[float, float]]) -> str:
    """A bar chart of (points, most points) as inline SVG with a text for those who cannot see it."""
    points = [score for score, _ in scores]
    most = max((limit for _, limit in scores), default=0.0)
    bars = bins(points, most)
    highest = max((count for _, count in bars), default=0) or 1
    left, top, width, height = 38, 12, 250, 110
    step = width / len(bars)
    ranges = "–" in bars[0][0]
    parts = []
    for index, (label, count) in enumerate(bars):
        tall = height * count / highest
        x, y = left + index * step, top + height - tall
        parts.append(f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{step - 2:.1f}" height="{tall:.1f}" fill="{BLUE}"/>')
        if count:
            parts.append(label_at(x + step / 2, y - 2, str(count)))
        # A range is told by its ends, under the edges of the bar.
        place, words = (x, label.split("–")[0]) if ranges else (x + step / 2, label)
        parts.append(label_at(place, top + height + 13, words))
    if ranges:
        parts.append(label_at(left + width, top + height + 13, bars[-1][0].split("–")[1]))
    parts.append(f'<path d="M{left} {top} V{top + height} H{left + width}" fill="none" stroke="{GREY}"/>')
    parts.append(label_at(left + width / 2, top + height + 29, "points"))
    middle = top + height / 2
    parts.append(
        f'<text x="12" y="{middle}" transform="rotate(-90 12 {middle})" text-anchor="middle" font-size="11" '
        f'fill="{GREY}">students</text>'
    )
    told = ", ".join(f"{label} points: {count}" for label, count in bars if count) or "no submissions"
    alternative = escape(f"{title}, number of students by points (of {number(most)}). {told}.")
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg role="img" aria-label="{alternative}" width="300" height="160" viewBox="0 0 300 160" '
        f'font-family="system-ui, sans-serif">{"".join(parts)}</svg></figure>'
    )


def label_at(x: float, y: float, words: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="11" fill="{GREY}">{html.escape(words)}</text>'
    )


def common_mistakes(graded: Sequence[SubmissionResult], exercise: str) -> list[Mistake]:
    """The kinds of mistakes in this exercise, the most frequent first.

    Messages that differ only in their numbers are one kind; a student counts once for each kind.
    """
    kinds: dict[str, tuple[str, list[str]]] = {}
    for result in graded:
        for entry in result.exercises:
            if entry.exercise != exercise:
                continue
            reason = [entry.reason] if entry.reason else []
            for message in reason or [test.message for test in entry.tests if not test.passed and test.message]:
                kind = re.sub(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", "#", " ".join(message.split()))
                _, students = kinds.setdefault(kind, (message, []))
                if result.student not in students:
                    students.append(result.student)
    mistakes = [Mistake(message, tuple(students)) for message, students in kinds.values()]
    return sorted(mistakes, key=lambda mistake: -len(mistake.students))


def mistakes_section(graded: Sequence[SubmissionResult], exercise: str) -> str:
    mistakes = common_mistakes(graded, exercise)
    heading = f"<h3>{escape(exercise)}</h3>"
    if not mistakes:
        return f"{heading}<p>None.</p>"
    rows = []
    for mistake in mistakes[:MISTAKES]:
        names = ", ".join(mistake.students[:NAMES])
        if len(mistake.students) > NAMES:
            names += f" and {len(mistake.students) - NAMES} more"
        count = len(mistake.students)
        rows.append(f'<tr><td class="number">{count}</td><td>{text(mistake.message)}</td><td>{escape(names)}</td></tr>')
    more = len(mistakes) - MISTAKES
    rest = f"<p>{more} rarer kinds are left out.</p>" if more > 0 else ""
    return heading + table(("Students", "Message", "Who"), rows, numbers=(0,)) + rest


def slowest_table(graded: Sequence[SubmissionResult]) -> str:
    times = [(entry.seconds, result.student, entry.exercise) for result in graded for entry in result.exercises]
    slowest = sorted((time for time in times if time[0] > 0), key=lambda time: (-time[0], *time[1:]))[:SLOWEST]
    if not slowest:
        return "<p>No times were recorded.</p>"
    rows = [
        f'<tr><td class="number">{seconds:.2f}</td><td>{escape(student)}</td><td>{escape(exercise)}</td></tr>'
        for seconds, student, exercise in slowest
    ]
    return table(("Seconds in its tests", "Student", "Exercise"), rows, numbers=(0,))


def repairs_list(results: Sequence[SubmissionResult]) -> str:
    rows = []
    for result in results:
        remarks = [f"{entry.exercise}: {remark}" for entry in result.exercises for remark in entry.remarks]
        if result.repairs or remarks:
            said = "<br>".join(text(sentence) for sentence in (*result.repairs, *remarks))
            rows.append(f"<tr><td>{escape(result.student)}</td><td>{said}</td></tr>")
    return table(("Student", "What was repaired"), rows) if rows else "<p>None.</p>"


def table(headings: Sequence[str], rows: Iterable[str], numbers: Sequence[int] = ()) -> str:
    cells = "".join(
        f'<th scope="col"{" class=number" if index in numbers else ""}>{name}</th>'
        for index, name in enumerate(headings)
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def escape(words: str) -> str:
    return html.escape(printable(words))


def text(message: str) -> str:
    """A message as HTML: escaped, with the parts between backquotes as code."""
    return code(printable(" ".join(message.split())))
