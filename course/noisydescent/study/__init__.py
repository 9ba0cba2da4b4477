"""What a learner does beside reading. So far: skill checks, questions with an explanation for every answer."""

from noisydescent.study.skill_checks import (
    Answer,
    Attempt,
    Progress,
    Question,
    SkillCheck,
    as_html,
    as_text,
    load,
    names,
    parse,
    progress,
    skill_check,
    to_html,
)

__all__ = [
    "Answer",
    "Attempt",
    "Progress",
    "Question",
    "SkillCheck",
    "as_html",
    "as_text",
    "load",
    "names",
    "parse",
    "progress",
    "skill_check",
    "to_html",
]
