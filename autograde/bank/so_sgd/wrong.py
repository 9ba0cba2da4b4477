"""SGD with a schedule: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "aliased": Patch(
        "right_list",
        {
            "theta = theta0": "theta = theta0.clone()",
            "theta = theta - lr(t) * grad(theta, t)": "theta -= lr(t) * grad(theta, t)",
        },
        names="updated in place; append a copy",
    ),
    "asks_twice": Patch(
        "right_list",
        {
            "for t in range(steps):": """
            for t in range(steps):
                print("gradient norm", grad(theta, t).norm().item())
            """,
        },
        names="times in 7 steps",
    ),
    "changes_theta0": Patch(
        "right_list",
        {
            """
            theta = theta0
            rows = [theta]
            """: "rows = [theta0.clone()]",
            """
            theta = theta - lr(t) * grad(theta, t)
            rows.append(theta)
            """: """
            theta0 -= lr(t) * grad(theta0, t)
            rows.append(theta0.clone())
            """,
        },
        names="changed its input `theta0` in place",
    ),
    "constant_rate": Patch(
        "right_list",
        {
            """
            if steps < 0:
                raise ValueError("steps must not be negative")
            """: """
            if steps < 0:
                raise ValueError("steps must not be negative")
            eta = lr(0)
            """,
            "theta = theta - lr(t) * grad(theta, t)": "theta = theta - eta * grad(theta, t)",
        },
        names="evaluated once",
    ),
    "gradient_at_start": Patch(
        "right_list",
        {
            "theta = theta - lr(t) * grad(theta, t)": "theta = theta - lr(t) * grad(theta0, t)",
        },
        names="always evaluated at theta0",
    ),
    "last_only": Patch(
        "right_list",
        {
            "rows = [theta]": "",
            """
                rows.append(theta)
            return torch.stack(rows)
            """: "return theta",
        },
        names="only the last iterate came back",
    ),
    "late_rate": Patch(
        "right_list",
        {
            "theta = theta - lr(t) * grad(theta, t)": "theta = theta - lr(t + 1) * grad(theta, t)",
        },
        names="one step late",
    ),
    "momentum": Patch(
        "right_list",
        {
            "theta = theta0": "theta, velocity = theta0, torch.zeros_like(theta0)",
            "theta = theta - lr(t) * grad(theta, t)": """
            velocity = 0.9 * velocity + grad(theta, t)
            theta = theta - lr(t) * velocity
            """,
        },
        names="momentum",
    ),
    "t_from_one": Patch(
        "right_list",
        {
            "for t in range(steps):": "for t in range(1, steps + 1):",
        },
        names="counted from 1",
    ),
    "uphill": Patch(
        "right_list",
        {
            "theta = theta - lr(t) * grad(theta, t)": "theta = theta + lr(t) * grad(theta, t)",
        },
        names="uphill",
    ),
    "without_end": Patch(
        "right_list",
        {
            """
            rows = [theta]
            for t in range(steps):
            """: """
            rows = []
            for t in range(steps):
                rows.append(theta)
            """,
            """
                rows.append(theta)
            return torch.stack(rows)
            """: "return torch.stack(rows or [theta0])",
        },
        names="last iterate is missing",
    ),
    "without_start": Patch(
        "right_list",
        {
            "rows = [theta]": "rows = []",
            "return torch.stack(rows)": """
            return torch.stack(rows) if rows else torch.empty(0, len(theta0), dtype=theta0.dtype)
            """,
        },
        names="theta0 is missing",
    ),
}
