"""Where the noise settles: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "averaging_buffer": Patch(
        "right_common",
        {
            """
            if (eigs <= 0).any() or (lr * eigs >= 2 * (1 + momentum)).any():
                raise ValueError("lr is unstable")
            """: """
            if (eigs <= 0).any() or (lr * eigs >= 2 * (1 + momentum)).any():
                raise ValueError("lr is unstable")
            lr = lr * (1 - momentum)
            """,
        },
        names="buffer that averages",
    ),
    "b_squared": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return (
        lr
        * noise_var
        * (1 + momentum)
        / (batch_size * (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs)))
    )
    """,
        },
        names="divided by B twice",
    ),
    "bracket_sign": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) + lr * eigs))
    """,
        },
        names="sign in the bracket is wrong",
    ),
    "bracket_without_momentum": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 - lr * eigs))",
        },
        names="1 + momentum in the bracket is missing",
    ),
    "effective_rate": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    lr = lr / (1 - momentum)
    return lr * noise_var / (batch_size * eigs * (2 - lr * eigs))
    """,
        },
        names="treated as a learning rate of lr/(1 - momentum)",
    ),
    "factor_two_missing": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (1 + momentum - lr * eigs))",
        },
        names="factor 2 in the bracket is missing",
    ),
    "halved": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return (
        lr * noise_var * (1 + momentum) / (2 * (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs)))
    )
    """,
        },
        names="result is halved",
    ),
    "lambda_missing": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var * (1 + momentum) / (batch_size * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))",
        },
        names="eigenvalue in front of the bracket is missing",
    ),
    "lambda_squared": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return (
        lr
        * noise_var
        * (1 + momentum)
        / (eigs * (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs)))
    )
    """,
        },
        names="eigenvalue in front of the bracket is squared",
    ),
    "loss": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    variance = lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    return (eigs * variance).sum() / 2
    """,
        },
        names="expected loss, one number",
    ),
    "lr_squared": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return lr**2 * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """,
        },
        names="learning rate in the numerator is squared",
    ),
    "mean_noise": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return (
        lr * noise_var.mean() * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    )
    """,
        },
        names="noise_var is averaged",
    ),
    "momentum_ignored": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var / (batch_size * eigs * (2 - lr * eigs))",
        },
        names="momentum is ignored",
    ),
    "noise_is_std": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return lr * noise_var**2 * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """,
        },
        names="noise_var is squared",
    ),
    "not_over_b": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var * (1 + momentum) / (eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))",
        },
        names="not divided by the batch size",
    ),
    "not_squared": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var / (batch_size * eigs)",
        },
        names="contraction is not squared",
    ),
    "one_minus_missing": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var * (1 + momentum) / (batch_size * eigs * (2 * (1 + momentum) - lr * eigs))",
        },
        names="1 - momentum in the denominator is missing",
    ),
    "one_plus_missing": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))",
        },
        names="1 + momentum in the numerator is missing",
    ),
    "one_step": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return (lr**2 * noise_var / batch_size).expand(eigs.shape)",
        },
        names="noise of a single step",
    ),
    "over_one_minus": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var / (batch_size * eigs * (2 - lr * eigs)) / (1 - momentum)",
        },
        names="Plain SGD's variance over 1 - momentum came back",
    ),
    "refuses_momentum": Patch(
        "right_common",
        {
            "if (eigs <= 0).any() or (lr * eigs >= 2 * (1 + momentum)).any():": """
            if (eigs <= 0).any() or (lr * eigs >= 2).any():
            """,
        },
        names="Refused a stable rate",
    ),
    "small_rate": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: "return lr * noise_var / (2 * batch_size * eigs * (1 - momentum))",
        },
        names="limit of small learning rates",
    ),
    "sorted": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return (
        (lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs)))
        .sort()
        .values
    )
    """,
        },
        names="directions are sorted",
    ),
    "stability_unchecked": Patch(
        "right_common",
        {
            """
            noise_var = torch.as_tensor(noise_var, dtype=eigs.dtype)
            if noise_var.ndim and noise_var.shape != eigs.shape:
                raise ValueError("noise_var must have one entry for each eigenvalue")
            if (noise_var < 0).any():
                raise ValueError("noise_var must not be negative")
            if (eigs <= 0).any() or (lr * eigs >= 2 * (1 + momentum)).any():
                raise ValueError("lr is unstable")
            """: "",
        },
        names="accepted lr lambda above 2",
    ),
    "standard_deviation": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return (
        lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    ).sqrt()
    """,
        },
        names="standard deviation came back",
    ),
    "summed": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    return (
        lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    ).sum()
    """,
        },
        names="summed over the directions",
    ),
    "swapped_sign": Patch(
        "right_common",
        {
            """
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
    """: """
    b = -momentum
    return lr * noise_var * (1 + b) / (batch_size * eigs * (1 - b) * (2 * (1 - b) - lr * eigs))
    """,
        },
        names="swapped around the fraction",
    ),
}
