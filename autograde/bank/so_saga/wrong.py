"""SAGA: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "changes_theta0": Patch(
        "right_short_names",
        {
            "x = theta0.clone()": "x = theta0",
            "x = x - lr * (g - T[i] + T.mean(0))": "x -= lr * (g - T[i] + T.mean(0))",
        },
        names="in place",
    ),
    "cyclic": Patch(
        "right_common",
        {
            """
            for _ in range(steps):
                i = torch.randint(n, (1,), generator=generator).item()
            """: """
            for t in range(steps):
                i = t % n
            """,
        },
        names="Every sample comes once before any comes again | different seeds give the same",
    ),
    "global_generator": Patch(
        "right_common",
        {
            "i = torch.randint(n, (1,), generator=generator).item()": "i = torch.randint(n, (1,)).item()",
        },
        names="same seed differ",
    ),
    "gradient_twice": Patch(
        "right_common",
        {
            "table[i] = new": "table[i] = grad_i(theta, i)",
        },
        names="twice in each step | gradient at the new theta",
    ),
    "mean_by_whole_change": Patch(
        "right_common",
        {
            "mean = mean + change / n": "mean = mean + change",
        },
        names="updated by the whole change",
    ),
    "mean_first": Patch(
        "right_common",
        {
            "change = new - table[i]": """
            change = new - table[i]
            mean = mean + change / n
            """,
            "mean = mean + change / n": "",
        },
        names="mean of the table is taken after",
    ),
    "mean_missing": Patch(
        "right_common",
        {
            "theta = theta - lr * (change + mean)": "theta = theta - lr * change",
        },
        names="mean of the table is missing",
    ),
    "mean_never_updated": Patch(
        "right_common",
        {
            "mean = mean + change / n": "",
        },
        names="mean of the first table is used at every step",
    ),
    "mean_of_everything": Patch(
        "right_short_names",
        {
            "x = x - lr * (g - T[i] + T.mean(0))": "x = x - lr * (g - T[i] + T.mean())",
        },
        names="over the coordinates too",
    ),
    "negative_steps": Patch(
        "right_common",
        {
            """
            if steps < 0:
                raise ValueError("steps must not be negative")
            """: "",
        },
        names="steps = -1",
    ),
    "old_row_is_a_view": Patch(
        "right_short_names",
        {
            "i = torch.randint(0, n, (), generator=generator).item()": """
            i = torch.randint(0, n, (), generator=generator).item()
            old = T[i]
            """,
            """
            x = x - lr * (g - T[i] + T.mean(0))
            T[i] = g
            """: """
            T[i] = g
            x = x - lr * (g - old + T.mean(0))
            """,
        },
        names="SAG",
    ),
    "one_index": Patch(
        "right_common",
        {
            "theta = theta0": """
            theta = theta0
            i = torch.randint(n, (1,), generator=generator).item()
            """,
            "i = torch.randint(n, (1,), generator=generator).item()": "",
        },
        names="One index serves",
    ),
    "order": Patch(
        "right_common",
        {
            "return theta, table": "return table, theta",
        },
        names="table stands first",
    ),
    "plain_sgd": Patch(
        "right_common",
        {
            "theta = theta - lr * (change + mean)": "theta = theta - lr * new",
        },
        names="plain SGD",
    ),
    "row_first": Patch(
        "right_common",
        {
            """
            change = new - table[i]
            theta = theta - lr * (change + mean)
            mean = mean + change / n
            """: "",
            "table[i] = new": """
            table[i] = new
            theta = theta - lr * (new - table[i] + table.mean(dim=0))
            """,
        },
        names="This is SAG",
    ),
    "sag": Patch(
        "right_common",
        {
            "theta = theta - lr * (change + mean)": "theta = theta - lr * (change / n + mean)",
        },
        names="This is SAG",
    ),
    "shuffled": Patch(
        "right_short_names",
        {
            "x = theta0.clone()": """
            x = theta0.clone()
            order = []
            """,
            "i = torch.randint(0, n, (), generator=generator).item()": """
            if not order:
                order = torch.randperm(n, generator=generator).tolist()
            i = order.pop()
            """,
        },
        names="Every sample comes once",
    ),
    "sign": Patch(
        "right_common",
        {
            "theta = theta - lr * (change + mean)": "theta = theta - lr * (mean - change)",
        },
        names="correction has the wrong sign",
    ),
    "sum_of_table": Patch(
        "right_common",
        {
            "mean = table.mean(dim=0)": "mean = table.sum(dim=0)",
            "mean = mean + change / n": "mean = mean + change",
        },
        names="The sum of the table is used",
    ),
    "table_never_updated": Patch(
        "right_common",
        {
            """
            mean = mean + change / n
            table[i] = new
            """: "",
        },
        names="The table is never updated | still holds the gradients at theta0",
    ),
    "too_many_steps": Patch(
        "right_common",
        {
            "for _ in range(steps):": "for _ in range(steps + 1):",
        },
        names="One step too many",
    ),
    "trajectory": Patch(
        "right_common",
        {
            "theta = theta0": """
            theta = theta0
            rows = [theta0]
            """,
            "return theta, table": """
                rows.append(theta)
            return torch.stack(rows), table
            """,
        },
        names="whole trajectory came back",
    ),
    "uphill": Patch(
        "right_common",
        {
            "theta = theta - lr * (change + mean)": "theta = theta + lr * (change + mean)",
        },
        names="uphill",
    ),
    "whole_table_each_step": Patch(
        "right_short_names",
        {
            "T[i] = g": "T = torch.stack([grad_i(x, j) for j in range(n)])",
        },
        names="This is gradient descent",
    ),
    "zeros_first": Patch(
        "right_common",
        {
            "table = torch.stack([grad_i(theta0, i) for i in range(n)])": """
            table = torch.zeros(n, *theta0.shape, dtype=theta0.dtype)
            """,
        },
        names="table starts with zeros",
    ),
}
