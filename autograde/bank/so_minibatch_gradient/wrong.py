"""Gradient of a minibatch: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "base_two": Patch(
        "right_sigmoid",
        {
            """
            x, labels = X[idx], y[idx]
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: """
            theta = theta.clone().requires_grad_()
            margins = y[idx] * (X[idx] @ theta)
            torch.log2(1 + torch.exp(-margins)).mean().backward()
            return theta.grad
            """,
        },
        names="base-2",
    ),
    "clamped": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: """
            margins = (labels * (x @ theta)).clamp(-10, 10)
            return -(x * (labels / (1 + torch.exp(margins)))[:, None]).mean(0)
            """,
        },
        names="clamp",
    ),
    "divided_by_n": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: "return x.T @ (-labels * torch.sigmoid(-labels * (x @ theta))) / len(X)",
        },
        names="divided by N",
    ),
    "full_batch": Patch(
        "right_sigmoid",
        {
            """
            x, labels = X[idx], y[idx]
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: "return X.T @ (-y * torch.sigmoid(-y * (X @ theta))) / len(X)",
        },
        names="all N rows",
    ),
    "in_place": Patch(
        "right_sigmoid",
        {
            """
            x, labels = X[idx], y[idx]
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: """
            X *= y[:, None]
            return -(X[idx] * torch.sigmoid(-(X[idx] @ theta))[:, None]).mean(0)
            """,
        },
        names="changed its input `X` in place",
    ),
    "label_factor_missing": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: "return -(x * torch.sigmoid(-labels * (x @ theta))[:, None]).mean(0)",
        },
        names="factor y in front of x is missing",
    ),
    "loss": Patch(
        "right_sigmoid",
        {
            """
            x, labels = X[idx], y[idx]
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: "return torch.nn.functional.softplus(-y[idx] * (X[idx] @ theta)).mean()",
        },
        names="mean loss, not its gradient",
    ),
    "overflow": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: """
            e = torch.exp(-labels * (x @ theta))
            return -(x * (labels * e / (1 + e))[:, None]).mean(0)
            """,
        },
        names="overflow",
    ),
    "per_row": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: "return -(labels * torch.sigmoid(-labels * (x @ theta)))[:, None] * x",
        },
        names="average over the minibatch",
    ),
    "repeats_once": Patch(
        "right_sigmoid",
        {
            """
            x, labels = X[idx], y[idx]
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: """
            mask = torch.zeros(len(X), dtype=torch.bool)
            mask[idx] = True
            x, labels = X[mask], y[mask]
            return x.T @ (-labels * torch.sigmoid(-labels * (x @ theta))) / len(x)
            """,
        },
        names="counted once",
    ),
    "sigmoid_of_plus_margin": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: """
            margins = labels * (x @ theta)
            return -(x * (labels * torch.sigmoid(margins))[:, None]).mean(0)
            """,
        },
        names="sigmoid(-margin) belongs",
    ),
    "sum": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: "return x.T @ (-labels * torch.sigmoid(-labels * (x @ theta)))",
        },
        names="sum over the minibatch",
    ),
    "uphill": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: "return x.T @ (labels * torch.sigmoid(-labels * (x @ theta))) / len(idx)",
        },
        names="wrong sign",
    ),
    "zero_one_labels": Patch(
        "right_sigmoid",
        {
            """
            weights = -labels * torch.sigmoid(-labels * (x @ theta))
            return (weights[:, None] * x).mean(dim=0)
            """: "return x.T @ (torch.sigmoid(x @ theta) - labels) / len(idx)",
        },
        names="labels in {0, 1}",
    ),
}
