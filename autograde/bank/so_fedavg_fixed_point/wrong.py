"""Where federated averaging settles: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "column": Patch(
        "right_loop",
        {
            "return torch.linalg.solve(left, right)": "return torch.linalg.solve(left, right[:, None])",
        },
        names="column (d, 1)",
    ),
    "diagonal_solve": Patch(
        "right_loop",
        {
            "return torch.linalg.solve(left, right)": "return right / left.diagonal()",
        },
        names="solved entry by entry",
    ),
    "elementwise_power": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = eye - (eye - lr * A) ** local_steps
            """,
        },
        names="entry by entry, **",
    ),
    "global_optimum": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": "pull = A",
        },
        names="minimiser of the weighted objective",
    ),
    "gradient_flow": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = eye - torch.linalg.matrix_exp(-lr * local_steps * A)
            """,
        },
        names="gradient flow",
    ),
    "hundred_rounds": Patch(
        "right_loop",
        {
            "return torch.linalg.solve(left, right)": """
            theta = torch.zeros(d, dtype=eye.dtype)
            for _ in range(10):
                theta = theta - left @ theta + right
            return theta
            """,
        },
        names="were run",
    ),
    "inside": Patch(
        "right_pinv",
        {
            """
            M = p.view(-1, 1, 1) * (I - P)
            return torch.linalg.pinv(M.sum(0)) @ (M @ c.unsqueeze(-1)).sum(0).squeeze(-1)
            """: """
            M = I - torch.linalg.matrix_power(I - lr * p[:, None, None] * A, local_steps)
            return torch.linalg.solve(M.sum(0), (M @ c[..., None]).sum(0)[:, 0])
            """,
        },
        names="stand inside the power",
    ),
    "inverse_each": Patch(
        "right_loop",
        {
            "return torch.linalg.solve(left, right)": """
            total = torch.zeros(d, dtype=eye.dtype)
            for A, o, p in zip(hessians, optima, w):
                pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)
                total += p * torch.linalg.solve(pull, o)
            return total
            """,
        },
        names="divided by its own matrix",
    ),
    "linear": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": "pull = eye - local_steps * lr * A",
        },
        names="I - E lr A is used",
    ),
    "map_not_normalised": Patch(
        "right_loop",
        {
            "w = w / w.sum()": "",
            "left += p * pull": "left += p * (eye - pull)",
            "return torch.linalg.solve(left, right)": "return torch.linalg.solve(eye - left, right)",
        },
        names="no fixed point of a weighted mean",
    ),
    "mean_of_optima": Patch(
        "right_loop",
        {
            "return torch.linalg.solve(left, right)": "return sum(p * o for p, o in zip(w, optima))",
        },
        names="weighted mean of the optima",
    ),
    "needs_tensors": Patch(
        "right_loop",
        {
            "d = len(optima[0])": "d = optima.shape[1]",
        },
        names="lists",
    ),
    "no_lr": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = eye - torch.linalg.matrix_power(eye - A, local_steps)
            """,
        },
        names="lr is left out",
    ),
    "no_outer_identity": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = torch.linalg.matrix_power(eye - lr * A, local_steps)
            """,
        },
        names="stands where I - (I - lr A)^E belongs",
    ),
    "no_solve": Patch(
        "right_loop",
        {
            "return torch.linalg.solve(left, right)": "return right",
        },
        names="one round from zero",
    ),
    "one_power_less": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps - 1)
            """,
        },
        names="The power is E - 1 | singular",
    ),
    "one_power_more": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps + 1)
            """,
        },
        names="The power is E + 1",
    ),
    "plain_mean_of_optima": Patch(
        "right_loop",
        {
            "return torch.linalg.solve(left, right)": "return sum(optima) / len(optima)",
        },
        names="plain mean of the optima",
    ),
    "plus": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = eye - torch.linalg.matrix_power(eye + lr * A, local_steps)
            """,
        },
        names="multiplies by I - lr A, not by I + lr A",
    ),
    "power_of_hessian": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = eye - torch.linalg.matrix_power(lr * A, local_steps)
            """,
        },
        names="I - (lr A)^E is used",
    ),
    "right_unweighted": Patch(
        "right_loop",
        {
            "right += p * (pull @ o)": "right += pull @ o",
        },
        names="missing on the right side",
    ),
    "steps_unchecked": Patch(
        "right_loop",
        {
            """
            if local_steps < 1:
                raise ValueError("local_steps must be at least 1")
            """: "",
        },
        names="local_steps = 0",
    ),
    "sum_of_powers": Patch(
        "right_loop",
        {
            "pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)": """
            pull = sum(torch.linalg.matrix_power(eye - lr * A, j) for j in range(local_steps))
            """,
        },
        names="A is missing behind the sum of powers",
    ),
    "weights_ignored": Patch(
        "right_loop",
        {
            "w = w / w.sum()": "w = torch.ones_like(w)",
        },
        names="weights are ignored",
    ),
    "weights_right_only": Patch(
        "right_loop",
        {
            "w = w / w.sum()": "total = w.sum()",
            "right += p * (pull @ o)": "right += p / total * (pull @ o)",
        },
        names="right side only",
    ),
    "weights_squared": Patch(
        "right_loop",
        {
            """
            left += p * pull
            right += p * (pull @ o)
            """: """
            left += p * p * pull
            right += p * p * (pull @ o)
            """,
        },
        names="weights are squared",
    ),
}
