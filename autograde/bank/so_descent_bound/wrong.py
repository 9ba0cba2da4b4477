"""Descent lemma with noise: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "b_squared": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size**2)
            """,
        },
        names="noise is divided by B twice",
    ),
    "change": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return -lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="Only the change came back",
    ),
    "clipped_rate": Patch(
        "right_at_least_one",
        {
            """
            if cov_trace < 0:
                raise ValueError("cov_trace must not be negative")
            """: """
            if cov_trace < 0:
                raise ValueError("cov_trace must not be negative")
            lr = min(lr, 2 / L)
            """,
        },
        names="lr is clipped at 2/L",
    ),
    "curvature_missing": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="curvature in the gradient term is missing",
    ),
    "decrease": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return lr * (1 - lr * L / 2) * grad_sq - lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="decrease, f minus the bound",
    ),
    "gradient_over_b": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq / batch_size + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="gradient term is divided by B",
    ),
    "half_missing": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="factor 1/2 in the gradient term is missing",
    ),
    "half_rate": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr / 2 * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="right at lr = 1/L only",
    ),
    "half_twice": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq + (lr / 2) ** 2 * L * cov_trace / batch_size
            """,
        },
        names="factor 1/2 in the noise term is there twice",
    ),
    "kept_below_f": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return min(f, f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size))
            """,
        },
        names="kept below f",
    ),
    "l_divides": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr / (2 * L)) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="L divides in the bracket",
    ),
    "lr_missing": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="lr is missing in front of the bracket",
    ),
    "no_checks": Patch(
        "right_at_least_one",
        {
            """
            if batch_size < 1:
                raise ValueError("batch_size must be positive")
            if lr < 0:
                raise ValueError("lr must not be negative")
            if cov_trace < 0:
                raise ValueError("cov_trace must not be negative")
            """: "",
        },
        names="batch size 0 | batch size -2 | lr = -0.01",
    ),
    "noise_first_order": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * (grad_sq + cov_trace / batch_size)
            """,
        },
        names="noise counts in the first-order term",
    ),
    "noise_half_missing": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / batch_size
            """,
        },
        names="factor 1/2 in the noise term is missing",
    ),
    "noise_lr_once": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq + lr * L * cov_trace / (2 * batch_size)
            """,
        },
        names="lr is not squared in the noise term",
    ),
    "noise_missing": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq
            """,
        },
        names="noise term lr^2 L/2 cov_trace/B is missing",
    ),
    "noise_subtracted": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq - lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="noise term has the wrong sign",
    ),
    "noise_without_b": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / 2
            """,
        },
        names="noise is not divided by the batch size",
    ),
    "noise_without_l": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * cov_trace / (2 * batch_size)
            """,
        },
        names="L is missing in the noise term",
    ),
    "plus": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f + lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="gradient term has the wrong sign",
    ),
    "raises_beyond": Patch(
        "right_at_least_one",
        {
            """
            if cov_trace < 0:
                raise ValueError("cov_trace must not be negative")
            """: """
            if cov_trace < 0:
                raise ValueError("cov_trace must not be negative")
            if lr > 2 / L:
                raise ValueError("lr is too large")
            """,
        },
        names="raised ValueError",
    ),
    "root_of_grad": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq**0.5 + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="uses the norm",
    ),
    "squared_again": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq**2 + lr**2 * L * cov_trace / (2 * batch_size)
            """,
        },
        names="grad_sq is squared",
    ),
    "swapped_signature": Patch(
        "right_at_least_one",
        {
            "def descent_bound(f, grad_sq, lr, L, cov_trace, batch_size):": """
            def descent_bound(f, grad_sq, L, lr, cov_trace, batch_size):
            """,
        },
        names="lr and L are swapped",
    ),
    "trace_squared": Patch(
        "right_at_least_one",
        {
            "return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)": """
            return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace**2 / (2 * batch_size)
            """,
        },
        names="cov_trace is squared",
    ),
}
