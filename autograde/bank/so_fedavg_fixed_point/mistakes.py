"""Where federated averaging settles: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import torch

from autograde.bank.weighted_means import matrices


def solved(pulls, optima):
    """The theta with sum_k M_k (theta - theta_k) = 0, M of shape (K, d, d)."""
    return torch.linalg.solve(pulls.sum(dim=0), (pulls @ optima[..., None]).sum(dim=0).squeeze(-1))


def clients_of(hessians, optima, weights):
    A = torch.stack([hessian.double() for hessian in hessians])
    centres = torch.stack([optimum.double() for optimum in optima])
    w = torch.tensor([float(weight) for weight in weights], dtype=torch.float64)
    return A, centres, w / w.sum(), w


def fixed_point(hessians, optima, weights, lr, local_steps):
    A, centres, share, _ = clients_of(hessians, optima, weights)
    identity = torch.eye(A.shape[-1], dtype=torch.float64)
    pulls = identity - torch.linalg.matrix_power(identity - lr * A, local_steps)
    return solved(share[:, None, None] * pulls, centres)


def fixed_point_mistakes(hessians, optima, weights, lr, local_steps):
    """Sentence -> what that mistake returns."""
    A, centres, share, w = clients_of(hessians, optima, weights)
    clients, dim = centres.shape
    identity = torch.eye(dim, dtype=torch.float64)
    power = torch.linalg.matrix_power
    steps = local_steps
    kept = power(identity - lr * A, steps)
    pulls = identity - kept
    right = solved(share[:, None, None] * pulls, centres)
    even = torch.full_like(share, 1 / clients)

    def with_pulls(matrices, p=share):
        return lambda: solved(p[:, None, None] * matrices, centres)

    def mix(p, matrices, vectors=None):
        """sum_k p_k M_k, or sum_k p_k M_k v_k."""
        if vectors is None:
            return torch.einsum("k,kij->ij", p, matrices)
        return torch.einsum("k,kij,kj->i", p, matrices, vectors)

    def rounds(count, start):
        """Where `count` rounds from `start` end: each multiplies the distance to the fixed point by the mean power."""
        return lambda: right + power(mix(share, kept), count) @ (start - right)

    def geometric(terms):
        return sum(power(identity - lr * A, j) for j in range(terms))

    def minimisers_of_rounds():
        return torch.einsum("k,kij,kj->i", share, torch.linalg.inv(pulls), centres)

    too_few = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
    return {
        "The weights are ignored: client k counts with w_k": with_pulls(pulls, even),
        "This is the minimiser of the weighted objective, the fixed point for one local step: use all local_steps": (
            with_pulls(A)
        ),
        "This is the minimiser of the unweighted objective, the fixed point for one local step and equal weights": (
            with_pulls(A, even)
        ),
        "The weighted mean of the optima came back: each is pulled at through its own I - (I - lr A)^E": lambda: (
            share @ centres
        ),
        "The plain mean of the optima came back: each is pulled at through w_k (I - (I - lr A)^E)": lambda: (
            centres.mean(dim=0)
        ),
        "(I - lr A)^E stands where I - (I - lr A)^E belongs": with_pulls(kept),
        "The power is E - 1: a client takes E = local_steps steps": with_pulls(
            identity - power(identity - lr * A, steps - 1)
        ),
        "The power is E + 1: a client takes E = local_steps steps": with_pulls(
            identity - power(identity - lr * A, steps + 1)
        ),
        "The power is taken entry by entry, **: use torch.linalg.matrix_power": with_pulls(
            identity - (identity - lr * A) ** steps
        ),
        "ones stand where the identity matrix belongs: 1 - lr * A subtracts from every entry": lambda: solved(
            share[:, None, None] * (1 - power(1 - lr * A, steps)), centres
        ),
        "1 - (...) subtracts from every entry: the outer I is the identity matrix": lambda: solved(
            share[:, None, None] * (1 - kept), centres
        ),
        "The weights are not divided by their sum, so that this is no fixed point of a weighted mean": lambda: (
            torch.linalg.solve(identity - mix(w, kept), mix(w, pulls, centres))
        ),
        "The weights are divided by their sum on the right side only: both sides need the same weights": lambda: (
            torch.linalg.solve(mix(w, pulls), mix(share, pulls, centres))
        ),
        "The weights are divided by their sum on the left side only: both sides need the same weights": lambda: (
            torch.linalg.solve(mix(share, pulls), mix(w, pulls, centres))
        ),
        "The weights are missing on the right side: both sides need w_k": lambda: torch.linalg.solve(
            mix(share, pulls), mix(torch.ones_like(share), pulls, centres)
        ),
        "The weights are missing on the left side: both sides need w_k": lambda: torch.linalg.solve(
            mix(torch.ones_like(share), pulls), mix(share, pulls, centres)
        ),
        "On the left the matrices are averaged evenly: both sides need w_k": lambda: torch.linalg.solve(
            mix(even, pulls), mix(share, pulls, centres)
        ),
        "On the right the vectors are averaged evenly: both sides need w_k": lambda: torch.linalg.solve(
            mix(share, pulls), mix(even, pulls, centres)
        ),
        "The weights and E are both left out of the matrices: use w_k (I - (I - lr A)^E) on both sides": lambda: (
            torch.linalg.solve(mix(share, A), mix(share, pulls, centres))
        ),
        "On the right (I - lr A)^E stands where I - (I - lr A)^E belongs": lambda: torch.linalg.solve(
            mix(share, pulls), mix(share, kept, centres)
        ),
        "The matrix is not inverted: this is one round from zero, solve for the point that a round leaves alone": (
            rounds(1, torch.zeros(dim, dtype=torch.float64))
        ),
        "The matrix is multiplied where a linear system is to be solved": lambda: (
            mix(share, pulls) @ mix(share, pulls, centres)
        ),
        "The system is solved entry by entry with the diagonal: use torch.linalg.solve": lambda: (
            mix(share, pulls, centres) / mix(share, pulls).diagonal()
        ),
        "Only the diagonals of the Hessians are used": lambda: fixed_point(
            torch.diag_embed(A.diagonal(dim1=1, dim2=2)), centres, share, lr, steps
        ),
        "lr is left out of (I - lr A)": with_pulls(identity - power(identity - A, steps)),
        "The sign is wrong: a step multiplies by I - lr A, not by I + lr A": with_pulls(
            identity - power(identity + lr * A, steps)
        ),
        "The Hessian itself is raised to the power: it is the whole of I - lr A": with_pulls(power(A, steps)),
        "I - lr A^E is used: the whole of I - lr A is raised to the power": with_pulls(identity - lr * power(A, steps)),
        "I - (lr A)^E is used: the whole of I - lr A is raised to the power": with_pulls(
            identity - power(lr * A, steps)
        ),
        "I - E lr A is used: the whole of I - lr A is raised to the power": with_pulls(identity - steps * lr * A),
        "exp(-lr E A) is the gradient flow: E steps of size lr give (I - lr A)^E": with_pulls(
            identity - torch.linalg.matrix_exp(-lr * steps * A)
        ),
        "A is missing behind the sum of powers: I - (I - lr A)^E is lr A times the sum of (I - lr A)^j": with_pulls(
            geometric(steps)
        ),
        "lr A (I - lr A)^E is used: a round pulls with I - (I - lr A)^E": with_pulls(A @ kept),
        "lr A (I - lr A)^(E - 1), the last local step alone, is used: a round pulls with I - (I - lr A)^E": (
            lambda: solved(share[:, None, None] * (A @ power(identity - lr * A, steps - 1)), centres)
        ),
        "The weights are squared: client k counts with w_k": with_pulls(pulls, share**2),
        "The weights are upside down: client k counts with w_k": with_pulls(pulls, 1 / share),
        "The weights are in reverse order: weight k belongs to client k": with_pulls(pulls, share.flip(0)),
        "The weights pass through a softmax: client k counts with w_k": with_pulls(pulls, w.softmax(0)),
        "The weights stand inside the power: a client steps with lr itself, and w_k weighs what its round did": (
            lambda: solved(identity - power(identity - lr * share[:, None, None] * A, steps), centres)
        ),
        "The weights stand inside the power, not divided by their sum: a client steps with lr, w_k weighs its round": (
            lambda: solved(identity - power(identity - lr * w[:, None, None] * A, steps), centres)
        ),
        "The weights stand inside the power and outside: a client steps with lr itself": with_pulls(
            identity - power(identity - lr * share[:, None, None] * A, steps)
        ),
        "Each optimum is divided by its own matrix: add the matrices first, then solve once": minimisers_of_rounds,
        "The sign of the result is wrong": lambda: -right,
        "The first client's optimum came back: all clients pull": lambda: centres[0],
        "The distance to the global optimum came back: return the fixed point itself": lambda: (
            right - solved(share[:, None, None] * A, centres)
        ),
        **{
            f"Only {count} rounds from {name} were run: the fixed point is exact, solve the linear system": (
                rounds(count, start)
            )
            for count in too_few
            for name, start in [
                ("zero", torch.zeros(dim, dtype=torch.float64)),
                ("the weighted mean of the optima", share @ centres),
                ("the mean of the optima", centres.mean(dim=0)),
            ]
        },
        **matrices(lambda: right),
        "One row a client came back: a round has one fixed point, shape (d,)": lambda: centres,
    }
