"""A Robbins-Monro schedule: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "counts_calls": Patch(
        "right_closure",
        {
            """
            if t0 < 0:
                raise ValueError("t0 must not be negative")

            def schedule(t):
            """: """
            if t0 < 0:
                raise ValueError("t0 must not be negative")
            step = -1

            def schedule(t):
                nonlocal step
            """,
            "return c / (t + t0) ** power": """
            step += 1
            return c / (max(step, 1 - t0) + t0) ** power
            """,
        },
        names="counts its own calls",
    ),
    "growing": Patch(
        "right_closure",
        {
            "return c / (t + t0) ** power": "return c * (t + t0) ** power",
        },
        names="grows with t",
    ),
    "half_included": Patch(
        "right_closure",
        {
            "return 0.5 < power <= 1": "return 0.5 <= power <= 1",
        },
        names="1/2 itself is excluded",
    ),
    "off_by_one": Patch(
        "right_closure",
        {
            "return c / (t + t0) ** power": "return c / (t + 1 + t0) ** power",
        },
        names="off by one",
    ),
    "one_excluded": Patch(
        "right_closure",
        {
            "return 0.5 < power <= 1": "return 0.5 < power < 1",
        },
        names="power = 1 belongs",
    ),
    "only_divergence": Patch(
        "right_closure",
        {
            "return 0.5 < power <= 1": "return power <= 1",
        },
        names="only the divergence of the sum",
    ),
    "only_squares": Patch(
        "right_closure",
        {
            "return 0.5 < power <= 1": "return power > 0.5",
        },
        names="only the sum of squares",
    ),
    "power_ignored": Patch(
        "right_closure",
        {
            "return c / (t + t0) ** power": "return c / (t + t0)",
        },
        names="power is ignored",
    ),
    "power_on_c": Patch(
        "right_closure",
        {
            "return c / (t + t0) ** power": "return (c / (t + t0)) ** power",
        },
        names="applied to c as well",
    ),
    "power_on_t0": Patch(
        "right_closure",
        {
            "return c / (t + t0) ** power": "return c / (t + t0**power)",
        },
        names="applied to t0 alone",
    ),
    "t0_ignored": Patch(
        "right_closure",
        {
            "return c / (t + t0) ** power": "return c / max(t + 1, 1) ** power",
        },
        names="offset t0 is ignored | t0 is ignored",
    ),
    "time_scale": Patch(
        "right_closure",
        {
            "return c / (t + t0) ** power": "return c / (1 + t / t0) ** power if t0 else c / t**power",
        },
        names="time scale",
    ),
    "value": Patch(
        "right_closure",
        {
            """
            def schedule(t):
                if t + t0 <= 0:
                    raise ValueError("t + t0 must be positive")
                return c / (t + t0) ** power

            return schedule
            """: "return c / t0**power if t0 else c",
        },
        names="return a function that takes t",
    ),
}
