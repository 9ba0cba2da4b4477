"""Stochastic quantization: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "bits": Patch(
        "right_common",
        {
            """
            if norm == 0:
                return torch.zeros_like(v)
            """: """
            if norm == 0:
                return torch.zeros_like(v)
            levels = 2**levels
            """,
        },
        names="number of bits",
    ),
    "coin": Patch(
        "right_common",
        {
            "up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < place - low": """
            up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < 0.5
            """,
        },
        names="equally likely",
    ),
    "division_missing": Patch(
        "right_common",
        {
            "return norm * v.sign() * (low + up) / levels": "return norm * v.sign() * (low + up)",
        },
        names="division by levels is missing",
    ),
    "floor": Patch(
        "right_common",
        {
            "up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < place - low": "up = 0",
        },
        names="always rounded down",
    ),
    "global_generator": Patch(
        "right_common",
        {
            "up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < place - low": """
            up = torch.rand(v.shape, dtype=v.dtype) < place - low
            """,
        },
        names="same seed give different results",
    ),
    "l1_norm": Patch(
        "right_common",
        {
            "norm = v.norm()": "norm = v.abs().sum()",
        },
        names="The l1 norm is used",
    ),
    "levels_minus_one": Patch(
        "right_common",
        {
            """
            if norm == 0:
                return torch.zeros_like(v)
            """: """
            if norm == 0:
                return torch.zeros_like(v)
            levels = max(levels - 1, 1)
            """,
        },
        names="levels - 1 steps",
    ),
    "levels_returned": Patch(
        "right_common",
        {
            "return norm * v.sign() * (low + up) / levels": "return v.sign() * (low + up)",
        },
        names="integer levels came back",
    ),
    "levels_unchecked": Patch(
        "right_common",
        {
            """
            if levels < 1:
                raise ValueError("levels must be at least 1")
            """: "",
        },
        names="levels = 0 | levels = -3",
    ),
    "max_norm": Patch(
        "right_common",
        {
            "norm = v.norm()": "norm = v.abs().max()",
        },
        names="The largest entry is taken for the norm",
    ),
    "nearest": Patch(
        "right_common",
        {
            "up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < place - low": "up = place - low >= 0.5",
        },
        names="rounded to the nearest level",
    ),
    "norm_missing": Patch(
        "right_common",
        {
            "return norm * v.sign() * (low + up) / levels": "return v.sign() * (low + up) / levels",
        },
        names="The norm is missing in the result",
    ),
    "one_number": Patch(
        "right_common",
        {
            "up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < place - low": """
            up = torch.rand((), generator=generator, dtype=v.dtype) < place - low
            """,
        },
        names="One random number serves all entries",
    ),
    "own_seed": Patch(
        "right_common",
        {
            "low = place.floor()": """
            low = place.floor()
            generator = torch.Generator().manual_seed(0)
            """,
        },
        names="different seeds give the same result",
    ),
    "probability_squared": Patch(
        "right_short_names",
        {
            "up = (torch.rand(v.shape, generator=generator, dtype=v.dtype) < p).to(v.dtype)": """
            up = (torch.rand(v.shape, generator=generator, dtype=v.dtype) < p**2).to(v.dtype)
            """,
        },
        names="squared",
    ),
    "seeds_again": Patch(
        "right_common",
        {
            "low = place.floor()": """
            low = place.floor()
            generator = torch.Generator().manual_seed(generator.initial_seed())
            """,
        },
        names="Two calls with one generator round alike",
    ),
    "sign_lost": Patch(
        "right_common",
        {
            "return norm * v.sign() * (low + up) / levels": "return norm * (low + up) / levels",
        },
        names="signs are lost",
    ),
    "signed_trunc": Patch(
        "right_short_names",
        {
            "a = v.abs() * levels / n": "a = v * levels / n",
            "return n * v.sign() * (l + up) / levels": "return n * (a.trunc() + up) / levels",
        },
        names="another sign than v",
    ),
    "squared_norm": Patch(
        "right_common",
        {
            "norm = v.norm()": "norm = v.square().sum()",
        },
        names="The squared norm is used",
    ),
    "swapped": Patch(
        "right_common",
        {
            "up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < place - low": """
            up = torch.rand(v.shape, generator=generator, dtype=v.dtype) > place - low
            """,
        },
        names="probabilities are swapped",
    ),
    "ternary": Patch(
        "right_short_names",
        {
            "a = v.abs() * levels / n": """
            levels = 1
            a = v.abs() / n
            """,
        },
        names="levels is ignored",
    ),
    "zero_divides": Patch(
        "right_common",
        {
            """
            if norm == 0:
                return torch.zeros_like(v)
            """: "",
        },
        names="zero vector",
    ),
}
