"""SVRG: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "aliased_snapshot": Patch(
        "right_plain",
        {
            "s = rows[-1]": "s = rows[-1].clone()",
            """
                i = int(torch.randint(0, n, (1,), generator=generator))
                theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            rows.append(theta)
            """: """
                i = torch.randint(n, (1,), generator=generator).item()
                theta -= lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            rows.append(theta.clone())
            """,
        },
        names="snapshot moves along with theta",
    ),
    "counted_from_one": Patch(
        "right_plain",
        {
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(1, n + 1, (1,), generator=generator).item()
            """,
        },
        names="counted from 0 to n - 1",
    ),
    "full_gradient_each_step": Patch(
        "right_plain",
        {
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": "",
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            mu = torch.stack([grad_i(theta, j) for j in range(n)]).mean(dim=0)
            i = torch.randint(n, (1,), generator=generator).item()
            """,
        },
        names="full gradient is computed anew at every inner step",
    ),
    "global_generator": Patch(
        "right_plain",
        {
            "i = int(torch.randint(0, n, (1,), generator=generator))": "i = torch.randint(n, (1,)).item()",
        },
        names="same seed differ",
    ),
    "index_once_an_epoch": Patch(
        "right_plain",
        {
            "theta = s": """
            theta = s
            i = torch.randint(n, (1,), generator=generator).item()
            """,
            "i = int(torch.randint(0, n, (1,), generator=generator))": "",
        },
        names="One index serves a whole run of steps",
    ),
    "keeps_a_table": Patch(
        "right_plain",
        {
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": """
            table = torch.stack([grad_i(s, i) for i in range(n)])
            mu = table.mean(dim=0)
            """,
            """
            i = int(torch.randint(0, n, (1,), generator=generator))
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            """: """
            i = torch.randint(n, (1,), generator=generator).item()
            theta = theta - lr * (grad_i(theta, i) - table[i] + mu)
            """,
        },
        names="kept in a table",
    ),
    "last_index_missing": Patch(
        "right_plain",
        {
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(max(n - 1, 1), (1,), generator=generator).item()
            """,
        },
        names="The last sample is never drawn",
    ),
    "last_only": Patch(
        "right_plain",
        {
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(n, (1,), generator=generator).item()
            """,
            "return torch.stack(rows)": "return rows[-1]",
        },
        names="Only the last snapshot came back",
    ),
    "mean_of_iterates": Patch(
        "right_plain",
        {
            "theta = s": """
            theta = s
            total = torch.zeros_like(s)
            """,
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(n, (1,), generator=generator).item()
            """,
            "rows.append(theta)": """
                total = total + theta
            rows.append(total / inner)
            """,
        },
        names="mean of the inner iterates",
    ),
    "mu_missing": Patch(
        "right_plain",
        {
            """
            i = int(torch.randint(0, n, (1,), generator=generator))
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            """: """
            i = torch.randint(n, (1,), generator=generator).item()
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, i))
            """,
        },
        names="mu is missing",
    ),
    "mu_stale": Patch(
        "right_plain",
        {
            "rows = [theta0]": """
            rows = [theta0]
            mu = torch.stack([grad_i(theta0, i) for i in range(n)]).mean(dim=0)
            """,
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": "",
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(n, (1,), generator=generator).item()
            """,
        },
        names="mu stays that of theta0",
    ),
    "mu_sum": Patch(
        "right_plain",
        {
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": """
            mu = torch.stack([grad_i(s, i) for i in range(n)]).sum(dim=0)
            """,
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(n, (1,), generator=generator).item()
            """,
        },
        names="mu is the sum",
    ),
    "n_steps": Patch(
        "right_plain",
        {
            """
            for _ in range(inner):
                i = int(torch.randint(0, n, (1,), generator=generator))
            """: """
            for _ in range(n):
                i = torch.randint(n, (1,), generator=generator).item()
            """,
        },
        names="inner steps: it has exactly | n steps, one for each sample",
    ),
    "own_seed": Patch(
        "right_plain",
        {
            "rows = [theta0]": """
            rows = [theta0]
            generator = torch.Generator().manual_seed(0)
            """,
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(n, (1,), generator=generator).item()
            """,
        },
        names="different seeds give the same",
    ),
    "plain_sgd": Patch(
        "right_plain",
        {
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": "",
            """
            i = int(torch.randint(0, n, (1,), generator=generator))
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            """: """
            i = torch.randint(n, (1,), generator=generator).item()
            theta = theta - lr * (grad_i(theta, i))
            """,
        },
        names="plain SGD",
    ),
    "restarts": Patch(
        "right_plain",
        {
            "theta = s": "theta = theta0",
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(n, (1,), generator=generator).item()
            """,
        },
        names="Every epoch starts again from theta0",
    ),
    "shuffled": Patch(
        "right_plain",
        {
            """
            for _ in range(inner):
                i = int(torch.randint(0, n, (1,), generator=generator))
            """: """
            order = [j for _ in range(inner // n + 1) for j in torch.randperm(n, generator=generator).tolist()]
            for k in range(inner):
                i = order[k]
            """,
        },
        names="Every sample comes once before any comes again",
    ),
    "sign_of_correction": Patch(
        "right_plain",
        {
            """
            i = int(torch.randint(0, n, (1,), generator=generator))
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            """: """
            i = torch.randint(n, (1,), generator=generator).item()
            theta = theta - lr * (grad_i(s, i) - grad_i(theta, i) + mu)
            """,
        },
        names="correction has the wrong sign",
    ),
    "theta0_missing": Patch(
        "right_plain",
        {
            "i = int(torch.randint(0, n, (1,), generator=generator))": """
            i = torch.randint(n, (1,), generator=generator).item()
            """,
            "return torch.stack(rows)": "return torch.stack(rows[1:]) if epochs else theta0[None]",
        },
        names="theta0 is missing",
    ),
    "two_indices": Patch(
        "right_plain",
        {
            """
            i = int(torch.randint(0, n, (1,), generator=generator))
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            """: """
            i = torch.randint(n, (1,), generator=generator).item()
            j = torch.randint(n, (1,), generator=generator).item()
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, j) + mu)
            """,
        },
        names="Two different indices in one step",
    ),
}
