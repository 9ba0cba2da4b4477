"""Skill checks: a few questions with an explanation for every answer, shown in a notebook.

`skill_check("1_1_intuition")` reads `questions/1_1_intuition.toml`. What is shown is a pure function of the questions
and an `Attempt`; the widgets only turn clicks into attempts. Plain ipywidgets (7.7 and 8).
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

import ipywidgets
import msgspec

from noisydescent.arguments import choice
from noisydescent.toml_files import Text
from noisydescent.toml_files import parse as parse_toml

LEAST_QUESTIONS = 4
PASS_PERCENT = 80


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer of a question, and why it is right or wrong."""

    text: Text
    correct: bool
    why: Text


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question with exactly one correct answer. Texts may hold $math$, `code`, *emphasis* and **bold**."""

    id: Text
    prompt: Text
    answers: tuple[Answer, ...] = msgspec.field(name="answer")

    def __post_init__(self) -> None:
        if len(self.answers) < 2:
            raise ValueError(f"a question has at least two answers, this one {len(self.answers)}")
        correct = sum(answer.correct for answer in self.answers)
        if correct != 1:
            raise ValueError(f"exactly one answer must have correct = true, here {correct} have")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    question: tuple[Question, ...] = ()

    def __post_init__(self) -> None:
        if len(self.question) < LEAST_QUESTIONS:
            raise ValueError(f"a skill check has at least {LEAST_QUESTIONS} questions, this one {len(self.question)}")
        twice = [name for name, count in Counter(question.id for question in self.question).items() if count > 1]
        if twice:
            raise ValueError(f"question id {twice[0]!r} is used more than once: give each question its own")


@dataclass(frozen=True)
class Attempt:
    """The answers chosen so far: question id -> index of the answer."""

    chosen: Mapping[str, int] = field(default_factory=dict)

    def choose(self, question: Question, index: int) -> Attempt:
        """The attempt with answer `index` of `question` chosen, in place of an earlier choice."""
        if not 0 <= index < len(question.answers):
            raise ValueError(f"question {question.id!r} has answers 0 to {len(question.answers) - 1}, got {index}")
        return Attempt({**self.chosen, question.id: index})


@dataclass(frozen=True)
class Progress:
    """How an attempt stands. `status`: not attempted, in progress or passed."""

    answered: int
    correct: int
    total: int
    status: str


def progress(questions: tuple[Question, ...], attempt: Attempt) -> Progress:
    """Counts and status of `attempt`: passed when every question is answered and 80 % of the answers are correct."""
    chosen = [q.answers[attempt.chosen[q.id]] for q in questions if q.id in attempt.chosen]
    correct = sum(answer.correct for answer in chosen)
    if not chosen:
        status = "not attempted"
    elif len(chosen) == len(questions) and 100 * correct >= PASS_PERCENT * len(questions):
        status = "passed"
    else:
        status = "in progress"
    return Progress(len(chosen), correct, len(questions), status)


def names() -> tuple[str, ...]:
    """The skill checks there are."""
    files = resources.files("noisydescent").joinpath("questions").iterdir()
    return tuple(sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml")))


def load(name: str) -> tuple[Question, ...]:
    """The questions called `name`; `ValueError` with the nearest name if there are none."""
    file = f"{choice('skill check', name, names())}.toml"
    return parse(resources.files("noisydescent").joinpath("questions", file).read_text(encoding="utf-8"), file)


def parse(text: str, source: str) -> tuple[Question, ...]:
    """Questions from TOML: [[question]] id, prompt and [[question.answer]] text, correct, why.

    Raises ValueError, naming `source` and the question, for the first thing that is missing or wrong.
    """
    return parse_toml(text, _File, source).question


def to_html(text: str) -> str:
    """The little Markdown that questions use: $math$ (left for MathJax), `code`, *emphasis*, **bold**, paragraphs."""
    kept: list[str] = []

    def keep(match: re.Match) -> str:
        span = html.escape(match[0])
        kept.append(f"<code>{span[1:-1]}</code>" if span.startswith("`") else span)
        return f"\0{len(kept) - 1}\0"

    # code and math are set aside first: a star or an underscore in them is not emphasis
    text = re.sub(r"`[^`]+`|\$\$[^$]+\$\$|\$[^$]+\$", keep, text.strip().replace("\0", ""))
    text = html.escape(text)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text, flags=re.DOTALL)
    text = re.sub(r"\*(.+?)\*", r"<em>\1</em>", text, flags=re.DOTALL)
    text = re.sub(r"\n\s*\n", "<br><br>", text)
    return re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], text)


def _verdict(answer: Answer) -> str:
    return f"<strong>{'Correct.' if answer.correct else 'Not correct.'}</strong> {to_html(answer.why)}"


def _summary(now: Progress) -> str:
    return f"Score {now.correct} of {now.total} · {now.answered} of {now.total} answered · {now.status}"


class SkillCheck:
    """The questions as widgets, and as a page of folded answers where nobody listens to widgets.

    Each answer is a button beside its text, so everything can be reached with Tab and chosen with Space or Enter.
    """

    def __init__(self, questions: tuple[Question, ...]) -> None:
        self.questions = questions
        self.attempt = Attempt()
        self.summary = ipywidgets.HTML()
        self.start_again = ipywidgets.Button(description="start again", tooltip="forget the chosen answers")
        self.start_again.on_click(lambda button: self._show(Attempt()))
        self.buttons = {q.id: tuple(self._button(q, i) for i in range(len(q.answers))) for q in questions}
        self.explanations = {q.id: ipywidgets.HTMLMath() for q in questions}
        blocks = [self._block(i, q) for i, q in enumerate(questions, 1)]
        self.widget = ipywidgets.VBox([ipywidgets.HBox([self.summary, self.start_again]), *blocks])
        self._show(self.attempt)

    def _button(self, question: Question, index: int) -> ipywidgets.Button:
        button = ipywidgets.Button(
            description=chr(ord("A") + index),
            tooltip=f"answer {chr(ord('A') + index)}: {question.answers[index].text}",
            layout=ipywidgets.Layout(width="3.5em", flex="0 0 auto"),
        )
        button.on_click(lambda _: self._show(self.attempt.choose(question, index)))
        return button

    def _block(self, number: int, question: Question) -> ipywidgets.VBox:
        text = ipywidgets.Layout(flex="1 1 auto", width="auto")
        rows = [
            ipywidgets.HBox([button, ipywidgets.HTMLMath(to_html(answer.text), layout=text)])
            for button, answer in zip(self.buttons[question.id], question.answers, strict=True)
        ]
        prompt = ipywidgets.HTMLMath(f"<strong>{number}.</strong> {to_html(question.prompt)}")
        space = ipywidgets.Layout(margin="1em 0 0 0")
        return ipywidgets.VBox([prompt, *rows, self.explanations[question.id]], layout=space)

    def _show(self, attempt: Attempt) -> None:
        """Make the widgets show `attempt`."""
        self.attempt = attempt
        for question in self.questions:
            chosen = attempt.chosen.get(question.id)
            for i, button in enumerate(self.buttons[question.id]):
                correct = question.answers[i].correct
                # a mark as well as a colour, for readers who cannot tell the colours apart
                button.icon = "" if i != chosen else "check" if correct else "times"
                button.button_style = "" if i != chosen else "success" if correct else "danger"
            why = "" if chosen is None else _verdict(question.answers[chosen])
            self.explanations[question.id].value = f'<div aria-live="polite">{why}</div>'
        text = html.escape(_summary(progress(self.questions, attempt)))
        self.summary.value = f'<strong aria-live="polite">{text}</strong>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            },
            "text/html": as_html(self.questions),
            "text/plain": as_text(self.questions),
        }


def as_html(questions: tuple[Question, ...]) -> str:
    """The questions as a page without widgets: each answer unfolds into its explanation."""

    def folded(answer: Answer) -> str:
        return f"<li><details><summary>{to_html(answer.text)}</summary>{_verdict(answer)}</details></li>"

    items = (f"<li>{to_html(q.prompt)}<ul>{''.join(map(folded, q.answers))}</ul></li>" for q in questions)
    return f"<ol>{''.join(items)}</ol>"


def as_text(questions: tuple[Question, ...]) -> str:
    """The questions and their answers as plain text, without the key."""
    lines = []
    for i, question in enumerate(questions, 1):
        lines.append(f"{i}. {question.prompt.strip()}")
        lines += [f"   {chr(ord('A') + j)}. {answer.text.strip()}" for j, answer in enumerate(question.answers)]
    return "\n".join(lines)


def skill_check(name: str) -> SkillCheck:
    """The skill check called `name`, to be the last expression of a cell."""
    return SkillCheck(load(name))
