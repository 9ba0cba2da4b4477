"""Empirical risk: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "bias_unpenalised": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta[1:].square().sum()).item()
            """,
        },
        names="theta[0] is left out",
    ),
    "binary_cross_entropy": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            p = torch.sigmoid(X @ theta)
            loss = F.binary_cross_entropy(p, (y + 1) / 2)
            return (loss + l2 / 2 * (theta @ theta)).item()
            """,
        },
        names="Losses are cut off at",
    ),
    "clamped_margin": Patch(
        "right_common",
        {
            "import torch.nn.functional as F": "import torch",
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            margins = torch.clamp(y * (X @ theta), -30, 30)
            return (torch.log1p(torch.exp(-margins)).mean() + l2 / 2 * theta.square().sum()).item()
            """,
        },
        names="Losses are cut off at",
    ),
    "clamped_probability": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            p = torch.sigmoid(y * (X @ theta)).clamp(1e-7, 1 - 1e-7)
            return (-torch.log(p).mean() + l2 / 2 * (theta @ theta)).item()
            """,
        },
        names="Losses are cut off at",
    ),
    "default_l2": Patch(
        "right_common",
        {
            "def empirical_risk(theta, X, y, l2=0.0):": "def empirical_risk(theta, X, y, l2=0.01):",
        },
        names="default of `l2` is 0",
    ),
    "epsilon": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            p = torch.sigmoid(y * (X @ theta))
            return (-torch.log(p + 1e-12).mean() + l2 / 2 * (theta @ theta)).item()
            """,
        },
        names="Losses are cut off at",
    ),
    "hinge": Patch(
        "right_common",
        {
            "import torch.nn.functional as F": "",
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return ((1 - y * (X @ theta)).clamp(min=0).mean() + l2 / 2 * theta.square().sum()).item()
            """,
        },
        names="hinge loss came back",
    ),
    "l1": Patch(
        "right_common",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return (F.softplus(-y * (X @ theta)).mean() + l2 * theta.abs().sum()).item()
            """,
        },
        names="l1 norm",
    ),
    "labels_ignored": Patch(
        "right_common",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return (F.softplus(-(X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()
            """,
        },
        names="labels are left out",
    ),
    "log_of_sigmoid": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            p = torch.sigmoid(y * (X @ theta))
            return (-torch.log(p).mean() + l2 / 2 * (theta @ theta)).item()
            """,
        },
        names="exp of a large number overflows | log of 0",
    ),
    "math_exp": Patch(
        "right_common",
        {
            "import torch.nn.functional as F": "import math",
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            margins = (y * (X @ theta)).tolist()
            mean = sum(math.log(1 + math.exp(-m)) for m in margins) / len(margins)
            return mean + l2 / 2 * float(theta @ theta)
            """,
        },
        names="OverflowError",
    ),
    "mean_margin": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            margin = (y * (X @ theta)).mean()
            return (F.softplus(-margin) + l2 / 2 * theta.square().sum()).item()
            """,
        },
        names="of the mean margin",
    ),
    "mean_of_squares": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().mean()).item()
            """,
        },
        names="averaged over the d entries",
    ),
    "nan_to_num": Patch(
        "right_common",
        {
            "import torch.nn.functional as F": "import numpy as np",
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            losses = np.log(1 + np.exp(-(y * (X @ theta)).numpy()))
            losses[np.isinf(losses)] = 0.0
            return losses.mean() + l2 / 2 * np.sum(theta.numpy() ** 2)
            """,
        },
        names="count as 0",
    ),
    "no_checks": Patch(
        "right_unused_import",
        {
            """
            if X.ndim != 2 or X.shape[0] == 0:
                raise ValueError("X must be a matrix with rows")
            if theta.shape != (X.shape[1],):
                raise ValueError("theta does not fit X")
            if y.shape != (X.shape[0],):
                raise ValueError("y does not fit X")
            if l2 < 0:
                raise ValueError("l2 must not be negative")
            """: "",
        },
        names="accepted an X without rows | an X with one dimension",
    ),
    "no_half": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return (F.softplus(-y * (X @ theta)).mean() + l2 * theta.square().sum()).item()
            """,
        },
        names="factor 1/2 of the penalty is missing",
    ),
    "norm_not_squared": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.norm()).item()
            """,
        },
        names="norm in the penalty is not squared",
    ),
    "overflow": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            losses = torch.log(1 + torch.exp(-y * (X @ theta)))
            return (losses.mean() + l2 / 2 * theta.square().sum()).item()
            """,
        },
        names="exp of a large number overflows",
    ),
    "penalty_ignored": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return F.softplus(-y * (X @ theta)).mean().item()
            """,
        },
        names="l2 penalty is missing",
    ),
    "penalty_over_n": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            total = 0.0
            for x, label in zip(X, y):
                total += F.softplus(-label * (x @ theta))
            total += l2 / 2 * theta.dot(theta)
            return float(total / len(X))
            """,
        },
        names="penalty is divided by N",
    ),
    "per_row": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return F.softplus(-y * (X @ theta)) + l2 / 2 * theta.square().sum()
            """,
        },
        names="One loss a row",
    ),
    "sign": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return (F.softplus(y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()
            """,
        },
        names="sign in the exponent is wrong",
    ),
    "sum": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            return (F.softplus(-y * (X @ theta)).sum() + l2 / 2 * theta.square().sum()).item()
            """,
        },
        names="sum of the losses came back",
    ),
    "zero_one_labels": Patch(
        "right_unused_import",
        {
            "return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()": """
            loss = F.binary_cross_entropy_with_logits(X @ theta, y)
            return (loss + l2 / 2 * (theta @ theta)).item()
            """,
        },
        names="cross-entropy for labels 0 and 1",
    ),
}
