"""SVRG: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "aliased_snapshot": Patch(
        "right_item",
        {
            "s = rows[-1]": "s = rows[-1].clone()",
            """
                theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            rows.append(theta)
            """: """
                theta -= lr * (grad_i(theta, i) - grad_i(s, i) + mu)
            rows.append(theta.clone())
            """,
        },
        names="snapshot moves along with theta",
    ),
    "corrected_at_theta0": Patch(
        "right_short_names",
        {
            "th = th - lr * (grad_i(th, i) - grad_i(s, i) + mu)": """
            th = th - lr * (grad_i(th, i) - grad_i(theta0, i) + mu)
            """,
        },
        names="always corrected at theta0",
    ),
    "counted_from_one": Patch(
        "right_item",
        {
            "i = torch.randint(n, (1,), generator=generator).item()": """
            i = torch.randint(1, n + 1, (1,), generator=generator).item()
            """,
        },
        names="counted from 0 to n - 1",
    ),
    "full_gradient_each_step": Patch(
        "right_item",
        {
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": "",
            "for _ in range(inner):": """
            for _ in range(inner):
                mu = torch.stack([grad_i(theta, j) for j in range(n)]).mean(dim=0)
            """,
        },
        names="full gradient is computed anew at every inner step",
    ),
    "global_generator": Patch(
        "right_item",
        {
            "i = torch.randint(n, (1,), generator=generator).item()": "i = torch.randint(n, (1,)).item()",
        },
        names="same seed differ",
    ),
    "index_once_an_epoch": Patch(
        "right_item",
        {
            "theta = s": """
            theta = s
            i = torch.randint(n, (1,), generator=generator).item()
            """,
            "i = torch.randint(n, (1,), generator=generator).item()": "",
        },
        names="One index serves a whole run of steps",
    ),
    "inner_unchecked": Patch(
        "right_item",
        {
            """
            if inner < 1:
                raise ValueError("inner must be at least 1")
            """: "",
        },
        names="inner = 0 | inner = -3",
    ),
    "keeps_a_table": Patch(
        "right_item",
        {
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": """
            table = torch.stack([grad_i(s, i) for i in range(n)])
            mu = table.mean(dim=0)
            """,
            "theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)": """
            theta = theta - lr * (grad_i(theta, i) - table[i] + mu)
            """,
        },
        names="kept in a table",
    ),
    "last_index_missing": Patch(
        "right_item",
        {
            "i = torch.randint(n, (1,), generator=generator).item()": """
            i = torch.randint(max(n - 1, 1), (1,), generator=generator).item()
            """,
        },
        names="The last sample is never drawn",
    ),
    "last_only": Patch(
        "right_item",
        {
            "return torch.stack(rows)": "return rows[-1]",
        },
        names="Only the last snapshot came back",
    ),
    "mean_of_iterates": Patch(
        "right_item",
        {
            "theta = s": """
            theta = s
            total = torch.zeros_like(s)
            """,
            "rows.append(theta)": """
                total = total + theta
            rows.append(total / inner)
            """,
        },
        names="mean of the inner iterates",
    ),
    "mu_missing": Patch(
        "right_item",
        {
            "theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)": """
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, i))
            """,
        },
        names="mu is missing",
    ),
    "mu_stale": Patch(
        "right_item",
        {
            "rows = [theta0]": """
            rows = [theta0]
            mu = torch.stack([grad_i(theta0, i) for i in range(n)]).mean(dim=0)
            """,
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": "",
        },
        names="mu stays that of theta0",
    ),
    "mu_sum": Patch(
        "right_item",
        {
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": """
            mu = torch.stack([grad_i(s, i) for i in range(n)]).sum(dim=0)
            """,
        },
        names="mu is the sum",
    ),
    "n_steps": Patch(
        "right_item",
        {
            "for _ in range(inner):": "for _ in range(n):",
        },
        names="inner steps: it has exactly | n steps, one for each sample",
    ),
    "own_seed": Patch(
        "right_item",
        {
            "rows = [theta0]": """
            rows = [theta0]
            generator = torch.Generator().manual_seed(0)
            """,
        },
        names="different seeds give the same",
    ),
    "plain_sgd": Patch(
        "right_item",
        {
            "mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)": "",
            "theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)": "theta = theta - lr * (grad_i(theta, i))",
        },
        names="plain SGD",
    ),
    "random_iterate": Patch(
        "right_short_names",
        {
            """
            th = s.clone()
            for k in range(inner):
            """: """
            th = s.clone()
            hist = []
            for k in range(inner):
                hist.append(th)
            """,
            "rows.append(th)": "rows.append(hist[torch.randint(len(hist), (), generator=generator).item()])",
        },
        names="earlier inner iterate",
    ),
    "rate_decays": Patch(
        "right_short_names",
        {
            "th = th - lr * (grad_i(th, i) - grad_i(s, i) + mu)": """
            th = th - lr / (k + 1) * (grad_i(th, i) - grad_i(s, i) + mu)
            """,
        },
        names="learning rate decays with the inner steps",
    ),
    "restarts": Patch(
        "right_item",
        {
            "theta = s": "theta = theta0",
        },
        names="Every epoch starts again from theta0",
    ),
    "shuffled": Patch(
        "right_item",
        {
            """
            for _ in range(inner):
                i = torch.randint(n, (1,), generator=generator).item()
            """: """
            order = [j for _ in range(inner // n + 1) for j in torch.randperm(n, generator=generator).tolist()]
            for k in range(inner):
                i = order[k]
            """,
        },
        names="Every sample comes once before any comes again",
    ),
    "sign_of_correction": Patch(
        "right_item",
        {
            "theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)": """
            theta = theta - lr * (grad_i(s, i) - grad_i(theta, i) + mu)
            """,
        },
        names="correction has the wrong sign",
    ),
    "snapshot_never_renewed": Patch(
        "right_item",
        {
            "rows = [theta0]": """
            rows = [theta0]
            s = theta0
            mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)
            theta = s
            """,
            """
            s = rows[-1]
            mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)
            theta = s
            """: "",
        },
        names="snapshot is never renewed | mu stays that of theta0",
    ),
    "theta0_missing": Patch(
        "right_item",
        {
            "return torch.stack(rows)": "return torch.stack(rows[1:]) if epochs else theta0[None]",
        },
        names="theta0 is missing",
    ),
    "two_indices": Patch(
        "right_item",
        {
            "theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)": """
            j = torch.randint(n, (1,), generator=generator).item()
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, j) + mu)
            """,
        },
        names="Two different indices in one step",
    ),
    "weight_one_nth": Patch(
        "right_short_names",
        {
            "th = th - lr * (grad_i(th, i) - grad_i(s, i) + mu)": """
            th = th - lr * ((grad_i(th, i) - grad_i(s, i)) / n + mu)
            """,
        },
        names="weight",
    ),
}
