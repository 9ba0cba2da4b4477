"""A guarantee for the distance: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "absolute": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return abs(1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="take no absolute value",
    ),
    "clamped": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return max(1 - lr * mu, 0) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="kept from being negative",
    ),
    "contraction_squared": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** (2 * steps) * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="contraction is squared",
    ),
    "d0_squared": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq**2 + lr * noise_trace / (mu * batch_size)",
        },
        names="d0_sq is squared",
    ),
    "distance_not_squared": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return abs((1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)) ** 0.5",
        },
        names="square root came back",
    ),
    "exact_floor": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size * (2 - lr * mu))",
        },
        names="that of the exact recursion",
    ),
    "floor_fades": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * (d0_sq + lr * noise_trace / (mu * batch_size))",
        },
        names="noise does not fade",
    ),
    "floor_halved": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (2 * mu * batch_size)",
        },
        names="floor is halved",
    ),
    "floor_lr_squared": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq + lr**2 * noise_trace / (mu * batch_size)",
        },
        names="lr is squared in the floor",
    ),
    "floor_without_b": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / mu",
        },
        names="not divided by the batch size",
    ),
    "floor_without_mu": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / batch_size",
        },
        names="mu is missing in the floor",
    ),
    "linear": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - steps * lr * mu) * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="linear in t",
    ),
    "lr_mu_swapped": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr / mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="mu divides in the contraction | mu is missing in the contraction",
    ),
    "minimum": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return min((1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size), d0_sq)",
        },
        names="kept below d0_sq",
    ),
    "mu_missing": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="mu is missing in the contraction",
    ),
    "no_noise": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq",
        },
        names="floor lr noise_trace/(mu B) is missing",
    ),
    "noise_of_all_steps": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq + steps * lr**2 * noise_trace / batch_size",
        },
        names="without contraction",
    ),
    "off_by_one": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** (steps + 1) * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="power is t + 1",
    ),
    "one_step_noise": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq + lr**2 * noise_trace / batch_size",
        },
        names="noise of one step",
    ),
    "samples": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** (steps * batch_size) * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="power is t B",
    ),
    "swapped_floor": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) ** steps * d0_sq + mu * noise_trace / (lr * batch_size)",
        },
        names="lr and mu are swapped",
    ),
    "times_t": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - lr * mu) * steps * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="multiplied by t: it is raised",
    ),
    "two_lr_mu": Patch(
        "right_pow_float32",
        {
            "import torch": "",
            """
            rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
            return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
            """: "return (1 - 2 * lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)",
        },
        names="contraction is 1 - 2 lr mu",
    ),
}
