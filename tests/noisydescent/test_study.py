import html
import re

import pytest

from noisydescent import study
from noisydescent.study import Answer, Attempt, Question, SkillCheck, as_html, as_text, parse, progress, skill_check


def toml(questions: int = 5, answers: int = 3) -> str:
    """A sample check: the second answer of every question is correct."""
    blocks = []
    for q in range(questions):
        blocks.append(f'[[question]]\nid = "q{q}"\nprompt = "Is ${q} < B$ for *every* `batch_size`?"\n')
        for a in range(answers):
            correct = "true" if a == 1 else "false"
            blocks.append(f'[[question.answer]]\ntext = "text {q}{a}"\ncorrect = {correct}\nwhy = "why {q}{a}"\n')
    return "".join(blocks)


@pytest.fixture
def questions():
    return parse(toml(), "sample.toml")


def choose(questions, *indices) -> Attempt:
    attempt = Attempt()
    for question, index in zip(questions, indices, strict=False):
        attempt = attempt.choose(question, index)
    return attempt


def test_parse(questions):
    assert [q.id for q in questions] == ["q0", "q1", "q2", "q3", "q4"]
    assert questions[3].prompt == "Is $3 < B$ for *every* `batch_size`?"
    assert questions[3].answers[1] == Answer("text 31", True, "why 31")
    assert [answer.correct for answer in questions[0].answers] == [False, True, False]


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        ((), (0, 0, 5, "not attempted")),
        ((0,), (1, 0, 5, "in progress")),
        ((1, 1, 1, 1), (4, 4, 5, "in progress")),  # 80 % correct, but not all answered
        ((1, 1, 1, 1, 0), (5, 4, 5, "passed")),
        ((1, 1, 1, 0, 0), (5, 3, 5, "in progress")),
        ((1, 1, 1, 1, 1), (5, 5, 5, "passed")),
    ],
)
def test_progress(questions, indices, expected):
    now = progress(questions, choose(questions, *indices))
    assert (now.answered, now.correct, now.total, now.status) == expected


def test_three_of_four_is_not_eighty_percent():
    questions = parse(toml(4), "sample.toml")
    assert progress(questions, choose(questions, 1, 1, 1, 0)).status == "in progress"
    assert progress(questions, choose(questions, 1, 1, 1, 1)).status == "passed"


def test_an_attempt_is_never_changed_and_an_answer_can_be(questions):
    first = Attempt().choose(questions[0], 0)
    second = first.choose(questions[0], 1)
    assert (dict(Attempt().chosen), dict(first.chosen), dict(second.chosen)) == ({}, {"q0": 0}, {"q0": 1})
    for index in (-1, 3):
        with pytest.raises(ValueError, match="question 'q0' has answers 0 to 2, got"):
            first.choose(questions[0], index)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (toml(3), "sample.toml: a skill check has at least 4 questions, this one 3"),
        ("", "at least 4 questions, this one 0"),
        (toml().replace('"q3"', '"q1"'), "question id 'q1' is used more than once"),
        (toml(answers=1), "question 1 (q0): a question has at least two answers, this one 1"),
        (toml().replace("true", "false"), "exactly one answer must have correct = true, here 0 have"),
        (toml().replace("false", "true", 1), "question 1 (q0): exactly one answer must have correct = true, here 2"),
        (toml().replace('why = "why 21"', ""), "sample.toml, question 3 (q2), answer 2: why is missing"),
        (toml().replace('"why 21"', '" "'), "question 3 (q2), answer 2: why must be a text that is not empty, got ' '"),
        (toml().replace('id = "q1"', ""), "sample.toml, question 2: id is missing"),
        (toml().replace("correct = true", 'correct = "true"'), "correct must be true or false, got 'true'"),
        (toml().replace("correct", "corect", 1), "question 1 (q0), answer 1: there is no key called corect"),
        (
            toml(answers=1).replace("[[question.answer]]", "[question.answer]", 1),
            "question 1 (q0): answer must be a list of tables",
        ),
        (toml().replace('"q1"', "1"), "question 2: id must be a text that is not empty, got 1"),
        (toml() + "[[questoin]]", "sample.toml: there is no key called questoin"),
        ('question = "what?"', "sample.toml: question must be a list, got 'what?'"),
        ("[question]", "sample.toml: question must be a list of tables: write [[question]], not [question]"),
        ('question = ["what?"]', "sample.toml, question 1: must be a table, got 'what?'"),
        ("[[question]", "sample.toml: not valid TOML"),
    ],
)
def test_one_clear_error(text, words):
    with pytest.raises(ValueError) as caught:
        parse(text, "sample.toml")
    assert words in str(caught.value)


def test_an_unknown_check_has_a_suggestion(monkeypatch):
    monkeypatch.setattr(study, "names", lambda: ("1_1_intuition", "2_1_intuition"))
    with pytest.raises(ValueError, match="unknown skill check '1_1_intution': did you mean '1_1_intuition'"):
        skill_check("1_1_intution")


def test_to_html():
    assert study.to_html("a < b & *c* **d** `<e*f*>`") == (
        "a &lt; b &amp; <em>c</em> <strong>d</strong> <code>&lt;e*f*&gt;</code>"
    )
    assert study.to_html("$a*b*c < d$ and $$x*y*z$$") == "$a*b*c &lt; d$ and $$x*y*z$$"
    assert study.to_html("**the $B$ of `it`**") == "<strong>the $B$ of <code>it</code></strong>"
    assert study.to_html("\none\n\ntwo\n") == "one<br><br>two"
    assert study.to_html("<script>alert('\0')</script>") == "&lt;script&gt;alert(&#x27;&#x27;)&lt;/script&gt;"


def shown(check: SkillCheck) -> str:
    return re.sub("<[^>]+>", "", check.summary.value)


def marks(check: SkillCheck, name: str) -> list[tuple[str, str]]:
    return [(button.icon, button.button_style) for button in check.buttons[name]]


def test_choosing_shows_the_explanation_of_that_answer_and_the_score(questions):
    check = SkillCheck(questions)
    assert shown(check) == "Score 0 of 5 · 0 of 5 answered · not attempted"
    assert marks(check, "q0") == [("", "")] * 3, "nothing is chosen before the learner chooses"
    check.buttons["q0"][2].click()
    assert "Not correct." in check.explanations["q0"].value and "why 02" in check.explanations["q0"].value
    assert marks(check, "q0") == [("", ""), ("", ""), ("times", "danger")]
    assert "why" not in check.explanations["q1"].value
    assert shown(check) == "Score 0 of 5 · 1 of 5 answered · in progress"
    check.buttons["q0"][1].click()
    text = html.unescape(re.sub("<[^>]+>", "", check.explanations["q0"].value))
    assert text == "Correct. why 01"
    assert marks(check, "q0") == [("", ""), ("check", "success"), ("", "")]
    for name in ("q1", "q2", "q3", "q4"):
        check.buttons[name][1].click()
    assert shown(check) == "Score 5 of 5 · 5 of 5 answered · passed"


def test_start_again_forgets_everything(questions):
    check = SkillCheck(questions)
    before = (shown(check), [check.explanations[q.id].value for q in questions])
    for q in questions:
        check.buttons[q.id][0].click()
    assert shown(check).endswith("5 of 5 answered · in progress")
    check.start_again.click()
    assert (shown(check), [check.explanations[q.id].value for q in questions]) == before
    assert all(marks(check, q.id) == [("", "")] * 3 for q in questions)
    assert check.attempt == Attempt()


def widgets_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from widgets_in(child)


def test_every_button_and_text_is_on_the_page_and_buttons_say_what_they_are(questions):
    check = SkillCheck(questions)
    there = list(widgets_in(check.widget))
    assert check.start_again in there and check.summary in there
    for q in questions:
        assert check.explanations[q.id] in there
        for i, button in enumerate(check.buttons[q.id]):
            assert button in there and (button.description, button.tooltip) == (
                "ABC"[i],
                f"answer {'ABC'[i]}: {q.answers[i].text}",
            )
    values = [widget.value for widget in there if hasattr(widget, "value")]
    assert any("Is $2 &lt; B$ for <em>every</em> <code>batch_size</code>?" in value for value in values)
    assert "text 42" in values


def test_without_a_widget_front_end_the_answers_are_folded():
    evil = "</summary><script>alert(1)</script>"
    answers = (Answer(evil, True, evil), Answer("no", False, "because $a < b$"))
    questions = (Question("q", evil, answers),)
    page = as_html(questions)
    assert "<script" not in page and page.count("&lt;script&gt;") == 3
    assert page.count("<details>") == page.count("</details>") == page.count("</summary>") == 2
    assert "open" not in page
    assert re.search(r"<summary>no</summary><strong>Not correct\.</strong> because \$a &lt; b\$</details>", page)
    assert as_text(questions).splitlines() == [f"1. {evil}", f"   A. {evil}", "   B. no"]


def test_mimebundle(questions):
    check = SkillCheck(questions)
    bundle = check._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == check.widget.model_id
    assert bundle["text/html"] == as_html(questions) and bundle["text/plain"] == as_text(questions)
    assert "why" not in bundle["text/plain"], "plain text does not give the key away"


def test_the_skill_checks_of_the_course_load_and_can_be_passed():
    assert "1_1_intuition" in study.names()
    for name in study.names():
        check = skill_check(name)
        for q in check.questions:
            next(b for b, a in zip(check.buttons[q.id], q.answers, strict=True) if a.correct).click()
        assert shown(check).endswith("passed"), name
        # the key must not be a pattern of the places, and every explanation is its own
        places = {[a.correct for a in q.answers].index(True) for q in check.questions}
        assert len(places) > 1, f"{name}: the correct answer is always in the same place"
        whys = [a.why for q in check.questions for a in q.answers]
        assert len(set(whys)) == len(whys), f"{name}: two answers have one explanation"
