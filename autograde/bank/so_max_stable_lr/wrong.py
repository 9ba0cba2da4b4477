"""Noise that sets the speed limit: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "b_ignored": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (3 * lam)",
        },
        names="division by B is missing",
    ),
    "b_plus_one": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 2 / (batch_size + 1)))",
        },
        names="1 + 2/(B + 1)",
    ),
    "brackets": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam + 2 / batch_size)",
        },
        names="brackets are wrong",
    ),
    "deterministic": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / lam",
        },
        names="2/lam, the full-batch limit",
    ),
    "floor": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 2 // batch_size))",
        },
        names="rounded down by //",
    ),
    "half": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 1 / (lam * (1 + 2 / batch_size))",
        },
        names="half the limit",
    ),
    "inverse": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return lam * (1 + 2 / batch_size) / 2",
        },
        names="reciprocal came back",
    ),
    "lam_missing": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (1 + 2 / batch_size)",
        },
        names="lam is missing",
    ),
    "lam_squared": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam**2 * (1 + 2 / batch_size))",
        },
        names="lam is squared",
    ),
    "minus": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 - 2 / batch_size))",
        },
        names="noise factor is 1 - 2/B | raised ZeroDivisionError",
    ),
    "multiplied": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / lam * (1 + 2 / batch_size)",
        },
        names="noise factor multiplies",
    ),
    "one_over_b": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 1 / batch_size))",
        },
        names="noise factor is 1 + 1/B",
    ),
    "over_b": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 2 / batch_size)) / batch_size",
        },
        names="divided by the batch size",
    ),
    "root_of_lam": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam**0.5 * (1 + 2 / batch_size))",
        },
        names="square root of lam is taken",
    ),
    "rounded": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return round(2 / (lam * (1 + 2 / batch_size)), 2)",
        },
        names="rounded to two decimals",
    ),
    "square_root": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 2 / batch_size**0.5))",
        },
        names="1 + 2/sqrt(B)",
    ),
    "squared_factor": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 2 / batch_size) ** 2)",
        },
        names="noise factor is squared",
    ),
    "standard_deviation": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + (2 / batch_size) ** 0.5))",
        },
        names="1 + sqrt(2/B)",
    ),
    "three_over_b": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 3 / batch_size))",
        },
        names="noise factor is 1 + 3/B",
    ),
    "two_b": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 2 * batch_size))",
        },
        names="noise factor is 1 + 2B",
    ),
    "variance_not_relative": Patch(
        "right_at_least_one",
        {
            "return 2 / (lam * (1 + 2 / batch_size))": "return 2 / (lam * (1 + 2 * lam**2 / batch_size))",
        },
        names="1 + 2 lam^2/B",
    ),
}
