"""What a 1/t schedule leaves: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "best_c": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return noise_var / lam**2",
        },
        names="best c",
    ),
    "c_missing_below": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return c**2 * noise_var / (2 * lam - 1)",
        },
        names="c is missing in the denominator",
    ),
    "c_not_squared": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return c * noise_var / (2 * c * lam - 1)",
        },
        names="c is not squared",
    ),
    "constant_rate": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return c * noise_var / (lam * (2 - c * lam))",
        },
        names="constant learning rate c",
    ),
    "error_below": Patch(
        "right_common",
        {
            'return float("inf")': 'raise ValueError("c is too small")',
        },
        names="raised ValueError although 2 c lam <= 1",
    ),
    "factor_two": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": """
            return c**2 * noise_var / (c * lam - 1) if c * lam != 1 else float("inf")
            """,
        },
        names="factor 2 is missing",
    ),
    "loss": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return 0.5 * lam * c**2 * noise_var / (2 * c * lam - 1)",
        },
        names="lam/2 times the limit",
    ),
    "no_one": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return c**2 * noise_var / (2 * c * lam)",
        },
        names="The 1 is missing",
    ),
    "no_threshold": Patch(
        "right_common",
        {
            "if 2 * c * lam <= 1:": """
            excess = 2 * c * lam - 1
            if excess == 0:
            """,
            "return c**2 * noise_var / (2 * c * lam - 1)": "return c**2 * noise_var / excess",
        },
        names="used below its threshold",
    ),
    "noise_squared": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return c**2 * noise_var**2 / (2 * c * lam - 1)",
        },
        names="noise_var is squared",
    ),
    "none_below": Patch(
        "right_common",
        {
            """
            if 2 * c * lam <= 1:
                return float("inf")
            return c**2 * noise_var / (2 * c * lam - 1)
            """: """
            if 2 * c * lam > 1:
                return c**2 * noise_var / (2 * c * lam - 1)
            """,
        },
        names="returned None where 2 c lam <= 1",
    ),
    "on_threshold": Patch(
        "right_common",
        {
            "if 2 * c * lam <= 1:": "if 2 * c * lam < 1:",
        },
        names="raised ZeroDivisionError although 2 c lam <= 1",
    ),
    "root": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return (c**2 * noise_var / (2 * c * lam - 1)) ** 0.5",
        },
        names="root came back",
    ),
    "sign": Patch(
        "right_common",
        {
            "return c**2 * noise_var / (2 * c * lam - 1)": "return c**2 * noise_var / (1 - 2 * c * lam)",
        },
        names="sign of the denominator",
    ),
    "threshold_one": Patch(
        "right_common",
        {
            "if 2 * c * lam <= 1:": "if c * lam <= 1:",
        },
        names="threshold is 2 c lam = 1, not c lam = 1",
    ),
}
