"""A guarantee for the distance: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "absolute": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return abs(1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="take no absolute value",
    ),
    "clamped": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return max(1 - lr * mu, 0) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="kept from being negative",
    ),
    "contraction_squared": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** (2 * steps) * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="contraction is squared",
    ),
    "d0_squared": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq**2 + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="d0_sq is squared",
    ),
    "distance_not_squared": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return abs((1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)) ** 0.5
            """,
        },
        names="square root came back",
    ),
    "exact_floor": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size * (2 - lr * mu))
            """,
        },
        names="that of the exact recursion",
    ),
    "exponential": Patch(
        "right_conditions_together",
        {
            "def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):": """
            import math


            def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
            """,
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return math.exp(-lr * mu * steps) * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="contraction is exp(-lr mu)",
    ),
    "floor_fades": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * (d0_sq + lr * noise_trace / (mu * batch_size))
            """,
        },
        names="noise does not fade",
    ),
    "floor_halved": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (2 * mu * batch_size)
            """,
        },
        names="floor is halved",
    ),
    "floor_lr_squared": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq + lr**2 * noise_trace / (mu * batch_size)
            """,
        },
        names="lr is squared in the floor",
    ),
    "floor_without_b": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / mu
            """,
        },
        names="not divided by the batch size",
    ),
    "floor_without_mu": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / batch_size
            """,
        },
        names="mu is missing in the floor",
    ),
    "geometric_sum": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            q = (1 - lr * mu) ** steps
            return q * d0_sq + (1 - q) * lr * noise_trace / (mu * batch_size)
            """,
        },
        names="multiplied by 1 - (1 - lr mu)^t",
    ),
    "linear": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - steps * lr * mu) * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="linear in t",
    ),
    "lr_mu_swapped": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr / mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="mu divides in the contraction | mu is missing in the contraction",
    ),
    "minimum": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return min((1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size), d0_sq)
            """,
        },
        names="kept below d0_sq",
    ),
    "mu_missing": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="mu is missing in the contraction",
    ),
    "no_checks": Patch(
        "right_conditions_together",
        {
            """
            if batch_size < 1:
                raise ValueError("batch_size must be positive")
            if mu <= 0:
                raise ValueError("mu must be positive")
            if steps < 0 or lr < 0 or d0_sq < 0 or noise_trace < 0:
                raise ValueError("steps, lr, d0_sq and noise_trace must not be negative")
            """: "",
        },
        names="batch size 0 | batch size -3",
    ),
    "no_noise": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq
            """,
        },
        names="floor lr noise_trace/(mu B) is missing",
    ),
    "noise_of_all_steps": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq + steps * lr**2 * noise_trace / batch_size
            """,
        },
        names="without contraction",
    ),
    "off_by_one": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** (steps + 1) * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="power is t + 1",
    ),
    "one_step_noise": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq + lr**2 * noise_trace / batch_size
            """,
        },
        names="noise of one step",
    ),
    "refuses": Patch(
        "right_conditions_together",
        {
            """
            if steps < 0 or lr < 0 or d0_sq < 0 or noise_trace < 0:
                raise ValueError("steps, lr, d0_sq and noise_trace must not be negative")
            """: """
            if steps < 0 or lr < 0 or d0_sq < 0 or noise_trace < 0:
                raise ValueError("steps, lr, d0_sq and noise_trace must not be negative")
            if lr * mu > 1:
                raise ValueError("lr is too large")
            """,
        },
        names="raised ValueError",
    ),
    "samples": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** (steps * batch_size) * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="power is t B",
    ),
    "swapped_floor": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) ** steps * d0_sq + mu * noise_trace / (lr * batch_size)
            """,
        },
        names="lr and mu are swapped",
    ),
    "times_t": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - lr * mu) * steps * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="multiplied by t: it is raised",
    ),
    "two_lr_mu": Patch(
        "right_conditions_together",
        {
            "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)": """
            return (1 - 2 * lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)
            """,
        },
        names="contraction is 1 - 2 lr mu",
    ),
}
