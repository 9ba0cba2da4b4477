"""Steps and examples on the hyperbola: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "bracket": Patch(
        "right_steps_first",
        {
            "steps = s_min + e_min / batch": "steps = (s_min + e_min) / batch",
        },
        names="only e_min is divided by B",
    ),
    "critical_inverted": Patch(
        "right_critical_after_loop",
        {
            "critical = e_min / s_min": "critical = s_min / e_min",
        },
        names="critical batch size is upside down in S",
    ),
    "critical_over_b": Patch(
        "right_critical_after_loop",
        {
            "return s_min * (1 + critical / batch), e_min * (1 + batch / critical)": """
            steps = s_min + critical / batch
            return steps, batch * steps
            """,
        },
        names="adds the critical batch size over B",
    ),
    "examples_divided": Patch(
        "right_steps_first",
        {
            "return steps, batch * steps": "return steps, steps / batch",
        },
        names="E is S divided by B",
    ),
    "examples_without_batch": Patch(
        "right_two_sums",
        {
            "return s_min + e_min / batch, e_min + batch * s_min": "return s_min + e_min / batch, e_min + s_min",
        },
        names="The factor B is missing in E",
    ),
    "floor_division": Patch(
        "right_steps_first",
        {
            "steps = s_min + e_min / batch": "steps = s_min + e_min // batch",
        },
        names="as // does",
    ),
    "maximum": Patch(
        "right_steps_first",
        {
            "steps = s_min + e_min / batch": "steps = max(s_min, e_min / batch)",
        },
        names="the larger of s_min and e_min / B",
    ),
    "order": Patch(
        "right_two_sums",
        {
            "return s_min + e_min / batch, e_min + batch * s_min": """
            return e_min + batch * s_min, s_min + e_min / batch
            """,
        },
        names="wrong order",
    ),
    "perfect_scaling": Patch(
        "right_steps_first",
        {
            "steps = s_min + e_min / batch": "steps = e_min / batch",
        },
        names="s_min is missing in S",
    ),
    "ratios": Patch(
        "right_critical_after_loop",
        {
            "return s_min * (1 + critical / batch), e_min * (1 + batch / critical)": """
            return 1 + critical / batch, 1 + batch / critical
            """,
        },
        names="S / s_min came back",
    ),
    "rounded_up": Patch(
        "right_steps_first",
        {
            "def steps_and_examples(batch, s_min, e_min):": """
            import math


            def steps_and_examples(batch, s_min, e_min):
            """,
            "steps = s_min + e_min / batch": "steps = math.ceil(s_min + e_min / batch)",
        },
        names="rounded up",
    ),
    "steps_only": Patch(
        "right_two_sums",
        {
            "return s_min + e_min / batch, e_min + batch * s_min": "return s_min + e_min / batch",
        },
        names="returned one float",
    ),
    "upside_down": Patch(
        "right_critical_after_loop",
        {
            "return s_min * (1 + critical / batch), e_min * (1 + batch / critical)": """
            return s_min * (1 + batch / critical), e_min * (1 + critical / batch)
            """,
        },
        names="upside down in the batch size",
    ),
}
