"""Importance sampling: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "all_positive": Patch(
        "right_common",
        {
            "if (p[idx] <= 0).any():": "if (p <= 0).any():",
        },
        names="raised ValueError",
    ),
    "all_rows": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return (per_sample / (n * p)[:, None]).mean(dim=0)
            """,
        },
        names="All N rows are used | infinite | NaN",
    ),
    "batch_for_n": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            B = len(idx)
            return (per_sample[idx] / (B * p[idx])[:, None]).mean(dim=0)
            """,
        },
        names="N is taken from the batch",
    ),
    "capped": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            weights = (1 / (n * p[idx])).clamp(max=1.0)
            return (weights[:, None] * per_sample[idx]).mean(dim=0)
            """,
        },
        names="capped at one",
    ),
    "epsilon": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            weights = 1 / (n * (p[idx] + 1e-6))
            return (weights[:, None] * per_sample[idx]).mean(dim=0)
            """,
        },
        names="is added to p",
    ),
    "full_mean": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": "return per_sample.mean(dim=0)",
        },
        names="exact mean gradient over all N rows",
    ),
    "gradients_not_indexed": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return (per_sample[: len(idx)] / (n * p[idx])[:, None]).mean(dim=0)
            """,
        },
        names="gradients are not indexed | raised RuntimeError",
    ),
    "max_weight": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            weights = 1 / (n * p[idx])
            weights = weights / weights.max()
            return (weights[:, None] * per_sample[idx]).mean(dim=0)
            """,
        },
        names="divided by the largest one",
    ),
    "multiplied": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return (p[idx][:, None] * per_sample[idx]).mean(dim=0)
            """,
        },
        names="multiplied by its probability",
    ),
    "no_n": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return (per_sample[idx] / p[idx][:, None]).mean(dim=0)
            """,
        },
        names="N is missing",
    ),
    "one_minus_p": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return ((1 - p[idx])[:, None] * per_sample[idx]).mean(dim=0)
            """,
        },
        names="weights are 1 - p",
    ),
    "p_not_indexed": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return (per_sample[idx] / (n * p[: len(idx)])[:, None]).mean(dim=0)
            """,
        },
        names="p is not indexed",
    ),
    "per_row": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return per_sample[idx] / (n * p[idx])[:, None]
            """,
        },
        names="One weighted gradient a row",
    ),
    "renormalised_p": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            q = p[idx] / p[idx].sum()
            return (per_sample[idx] / (n * q)[:, None]).mean(dim=0)
            """,
        },
        names="probabilities of the drawn rows are normalised",
    ),
    "repeats_once": Patch(
        "right_common",
        {
            "def importance_gradient(per_sample, p, idx):": """
            import torch
            def importance_gradient(per_sample, p, idx):
            """,
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            rows = torch.unique(idx)
            return (per_sample[rows] / (n * p[rows])[:, None]).mean(dim=0)
            """,
        },
        names="repeated row",
    ),
    "self_normalised": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            weights = 1 / p[idx]
            weights = weights / weights.sum()
            return weights @ per_sample[idx]
            """,
        },
        names="weights are normalised to sum to one",
    ),
    "strict_sum": Patch(
        "right_common",
        {
            "if abs(p.sum().item() - 1) > 1e-3:": "if abs(p.sum().item() - 1) > 1e-12:",
        },
        names="refused a p that sums to one within 1e-3 | raised ValueError",
    ),
    "sum": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return (per_sample[idx] / (n * p[idx])[:, None]).sum(dim=0)
            """,
        },
        names="sum over the drawn rows",
    ),
    "times_n_p": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            return (n * p[idx][:, None] * per_sample[idx]).mean(dim=0)
            """,
        },
        names="multiplied by N p",
    ),
    "unweighted": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": "return per_sample[idx].mean(dim=0)",
        },
        names="averaged without weights",
    ),
    "weights_sum_to_b": Patch(
        "right_common",
        {
            "return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)": """
            w = 1 / p[idx]
            w = w * len(idx) / w.sum()
            return (w[:, None] * per_sample[idx]).mean(dim=0)
            """,
        },
        names="normalised to sum to one",
    ),
}
