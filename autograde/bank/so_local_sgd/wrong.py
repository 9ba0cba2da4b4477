"""Local SGD: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "aliased_rows": Patch(
        "right_common",
        {
            "server = theta0": "server = theta0.clone()",
            "theta = server": "theta = server.clone()",
            "theta = theta - lr * grad(theta)": "theta -= lr * grad(theta)",
            "server = torch.stack(models).mean(dim=0)": "server.copy_(torch.stack(models).mean(dim=0))",
        },
        names="All rows show the last iterate",
    ),
    "all_iterates": Patch(
        "right_common",
        {
            """
            for _ in range(local_steps):
                theta = theta - lr * grad(theta)
            models.append(theta)
            """: """
            for _ in range(local_steps):
                theta = theta - lr * grad(theta)
                models.append(theta)
            """,
        },
        names="All local iterates are averaged",
    ),
    "asks_twice": Patch(
        "right_common",
        {
            "theta = theta - lr * grad(theta)": """
            norm = grad(theta).norm()
            if norm > 0:
                theta = theta - lr * grad(theta)
            """,
        },
        names="A worker is called",
    ),
    "at_theta0": Patch(
        "right_common",
        {
            "theta = theta - lr * grad(theta)": "theta = theta - lr * grad(theta0)",
        },
        names="taken at theta0 throughout",
    ),
    "first_worker": Patch(
        "right_common",
        {
            "server = torch.stack(models).mean(dim=0)": "server = models[0]",
        },
        names="Only the first worker",
    ),
    "from_theta0": Patch(
        "right_common",
        {
            "theta = server": "theta = theta0",
        },
        names="starts again from theta0",
    ),
    "last_only": Patch(
        "right_common",
        {
            "return torch.stack(rows)": "return server",
        },
        names="Only the last row came back",
    ),
    "list": Patch(
        "right_common",
        {
            "return torch.stack(rows)": "return rows",
        },
        names="returned a list",
    ),
    "lr_over_steps": Patch(
        "right_common",
        {
            "theta = theta - lr * grad(theta)": "theta = theta - lr / local_steps * grad(theta)",
        },
        names="lr is divided by local_steps",
    ),
    "no_lr_check": Patch(
        "right_common",
        {
            """
            if lr < 0:
                raise ValueError("lr must not be negative")
            """: "",
        },
        names="accepted lr = -0.1",
    ),
    "one_step_less": Patch(
        "right_common",
        {
            "for _ in range(local_steps):": "for _ in range(local_steps - 1):",
        },
        names="One local step too few",
    ),
    "one_step_more": Patch(
        "right_common",
        {
            "for _ in range(local_steps):": "for _ in range(local_steps + 1):",
        },
        names="One local step too many",
    ),
    "sequential": Patch(
        "right_common",
        {
            "models = []": """
            models = []
            theta = server
            """,
            "theta = server": "",
        },
        names="Each worker starts where the one before",
    ),
    "sequential_last": Patch(
        "right_common",
        {
            "models = []": """
            models = []
            theta = server
            """,
            "theta = server": "",
            "server = torch.stack(models).mean(dim=0)": "server = theta",
        },
        names="Each worker starts where the one before it ended",
    ),
    "server_included": Patch(
        "right_common",
        {
            "models = []": "models = [server]",
        },
        names="server's own iterate is averaged in",
    ),
    "stale_gradient": Patch(
        "right_common",
        {
            "theta = theta - lr * grad(theta)": "theta = theta - lr * grad(server)",
        },
        names="taken at the server for all local steps",
    ),
    "sum": Patch(
        "right_common",
        {
            "server = torch.stack(models).mean(dim=0)": "server = torch.stack(models).sum(dim=0)",
        },
        names="added up, not averaged",
    ),
    "swapped": Patch(
        "right_common",
        {
            "for _ in range(rounds):": "for _ in range(local_steps):",
            "for _ in range(local_steps):": "for _ in range(rounds):",
        },
        names="swapped",
    ),
    "theta0_in_place": Patch(
        "right_common",
        {
            "theta = theta - lr * grad(theta)": "theta -= lr * grad(theta)",
        },
        names="changed its input `theta0` in place",
    ),
    "uphill": Patch(
        "right_common",
        {
            "theta = theta - lr * grad(theta)": "theta = theta + lr * grad(theta)",
        },
        names="uphill",
    ),
    "without_theta0": Patch(
        "right_common",
        {
            "return torch.stack(rows)": "return torch.stack(rows[1:])",
        },
        names="theta0 is missing",
    ),
    "zero_steps": Patch(
        "right_common",
        {
            "if local_steps < 1:": "if local_steps < 0:",
        },
        names="accepted local_steps = 0",
    ),
}
