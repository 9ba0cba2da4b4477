"""LARS, LAMB, Shampoo, SOAP, Adafactor and Newton-Schulz against independent transcriptions and pytorch_optimizer.

pytorch_optimizer 4.1 follows the paper, or our reading of it, in two cases only, LARS on matrices (it leaves vectors to
plain SGD) and Shampoo on matrices. Its Lamb corrects no bias of the second moment, cuts norm(w) off at 10 and adds eps
to the norm of the update; its SOAP makes no update at the first step and uses the basis of the step before. These two
are compared with the papers' formulas alone.
"""

import copy
import math

import numpy as np
import pytest
import torch

from noisydescent.optimizers import LAMB, LARS, SOAP, Shampoo, inverse_root, newton_schulz, rule

STEPS = 40


def rate(t):
    return 0.05 * (1 + math.cos(math.pi * t / STEPS)) / 2 + 1e-3


def norm(x):
    return math.sqrt((x**2).sum())


class PaperLARS:
    def __init__(self, momentum=0.9, weight_decay=0.0, trust_coefficient=1e-3):
        self.momentum, self.decay, self.trust, self.buffer = momentum, weight_decay, trust_coefficient, 0.0

    def __call__(self, w, g, lr):
        below = norm(g) + self.decay * norm(w)
        ratio = self.trust * norm(w) / below if norm(w) > 0 and below > 0 else 1.0
        self.buffer = self.momentum * self.buffer + ratio * (g + self.decay * w)
        return w - lr * self.buffer


class PaperLAMB:
    def __init__(self, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        self.betas, self.eps, self.decay, self.t, self.m, self.v = betas, eps, weight_decay, 0, 0.0, 0.0

    def direction(self, g):
        b1, b2 = self.betas
        self.t += 1
        self.m, self.v = b1 * self.m + (1 - b1) * g, b2 * self.v + (1 - b2) * g**2
        return self.m / (1 - b1**self.t) / (np.sqrt(self.v / (1 - b2**self.t)) + self.eps)

    def __call__(self, w, g, lr):
        u = self.direction(g) + self.decay * w
        return w - lr * (norm(w) / norm(u) if norm(w) > 0 and norm(u) > 0 else 1.0) * u


class PaperAdamW(PaperLAMB):
    def __call__(self, w, g, lr):
        return w * (1 - lr * self.decay) - lr * self.direction(g)


class PaperAdafactor:
    def __init__(self, beta2_decay=-0.8, eps1=1e-30, d=1.0, weight_decay=0.0):
        self.power, self.eps, self.d, self.decay, self.t = beta2_decay, eps1, d, weight_decay, 0
        self.row = self.col = self.full = 0.0

    def __call__(self, w, g, lr):
        self.t += 1
        beta, square = 1 - self.t**self.power, g**2 + self.eps
        if g.ndim < 2:
            self.full = v = beta * self.full + (1 - beta) * square
        else:  # sums, as in the paper
            self.row = beta * self.row + (1 - beta) * square.sum(-1)
            self.col = beta * self.col + (1 - beta) * square.sum(-2)
            v = self.row[..., :, None] * self.col[..., None, :] / self.row.sum(-1)[..., None, None]
        u = g / np.sqrt(v)
        return w * (1 - lr * self.decay) - lr * u / max(1.0, math.sqrt((u**2).mean()) / self.d)


def root(matrix, power):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**power) @ vectors.T


class PaperShampoo:
    def __init__(self, eps=1e-6):
        self.eps, self.left = eps, None

    def __call__(self, w, g, lr):
        if self.left is None:
            self.left, self.right = self.eps * np.eye(len(g)), self.eps * np.eye(len(g.T))
        self.left, self.right = self.left + g @ g.T, self.right + g.T @ g
        return w - lr * root(self.left, -0.25) @ g @ root(self.right, -0.25)


class PaperSOAP:
    def __init__(self, betas=(0.95, 0.95), eps=1e-8, weight_decay=0.0, precondition_frequency=1, basis="eigh"):
        self.betas, self.eps, self.decay, self.t = betas, eps, weight_decay, 0
        self.every, self.basis = precondition_frequency, basis
        self.left = self.right = self.m = self.v = 0.0

    def __call__(self, w, g, lr):
        b1, b2 = self.betas
        self.left, self.right = b2 * self.left + (1 - b2) * g @ g.T, b2 * self.right + (1 - b2) * g.T @ g
        if self.t == 0 or (self.basis == "eigh" and self.t % self.every == 0):
            self.ql, self.qr = np.linalg.eigh(self.left)[1], np.linalg.eigh(self.right)[1]
        elif self.t % self.every == 0:  # algorithm 4: one power iteration, the old columns by falling eigenvalue
            order_l = np.argsort(-np.diag(self.ql.T @ self.left @ self.ql))
            order_r = np.argsort(-np.diag(self.qr.T @ self.right @ self.qr))
            self.ql = np.linalg.qr(self.left @ self.ql[:, order_l])[0]
            self.qr = np.linalg.qr(self.right @ self.qr[:, order_r])[0]
            self.v = self.v[order_l][:, order_r]
        self.t += 1
        self.m = b1 * self.m + (1 - b1) * g
        self.v = b2 * self.v + (1 - b2) * (self.ql.T @ g @ self.qr) ** 2
        m = self.ql.T @ self.m @ self.qr / (1 - b1**self.t)
        n = self.ql @ (m / (np.sqrt(self.v / (1 - b2**self.t)) + self.eps)) @ self.qr.T
        return w * (1 - lr * self.decay) - lr * n


CASES = {
    "lars": ("lars", {}, PaperLARS),
    "lars decay": ("lars", {"momentum": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.2}, PaperLARS),
    "lamb": ("lamb", {}, PaperLAMB),
    "lamb decay": ("lamb", {"betas": (0.5, 0.8), "eps": 1e-2, "weight_decay": 0.3}, PaperLAMB),
    "adafactor": ("adafactor", {}, PaperAdafactor),
    "adafactor all": ("adafactor", {"beta2_decay": -0.5, "eps1": 1e-2, "d": 0.7, "weight_decay": 0.3}, PaperAdafactor),
    "shampoo": ("shampoo", {}, PaperShampoo),
    "shampoo eps": ("shampoo", {"eps": 0.1}, PaperShampoo),
    "soap": ("soap", {}, PaperSOAP),
    "soap seldom": ("soap", {"precondition_frequency": 7, "eps": 1e-3}, PaperSOAP),
    "soap qr": ("soap", {"precondition_frequency": 3, "basis": "qr", "eps": 1e-3, "weight_decay": 0.3}, PaperSOAP),
    "soap decay": ("soap", {"betas": (0.8, 0.9), "eps": 1e-2, "weight_decay": 0.3}, PaperSOAP),
}


def squares(name):
    """A basis of SOAP that is kept is arbitrary outside the range of the first gradient, so that has to be all."""
    return [(5, 5), (6, 6)]


def by_the_paper(transcription, hyper, params, grads):
    """Parameters (1, *shape) after the steps whose gradients are `grads`, each updated in plain NumPy."""
    out = []
    for i, w in enumerate(params):
        step, w = transcription(**hyper), w[0].numpy()
        for t, g in enumerate(grads):
            w = step(w, g[i][0].numpy(), rate(t))
        out.append(torch.tensor(w)[None])
    return out


@pytest.mark.parametrize("case", CASES)
def test_rule_follows_the_paper(case, shapes, draw):
    name, hyper, transcription = CASES[case]
    if "precondition_frequency" in hyper:
        shapes = squares
    params = draw(shapes(name), 0)
    grads = [draw(shapes(name), 100 + t) for t in range(STEPS)]
    expected = by_the_paper(transcription, hyper, params, grads)
    state = None
    for t, g in enumerate(grads):
        params, state = rule(name, **hyper)(params, g, state, rate(t))
    # in the null space of the first gradients SOAP divides rounding errors by eps
    tolerance = 1e-7 if name == "soap" else 1e-9
    for a, b in zip(params, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def walk(optimizer, params, grads):
    for t, step in enumerate(grads):
        optimizer.param_groups[0]["lr"] = rate(t)
        for p, g in zip(params, step, strict=True):
            p.grad = g[0].clone()
        optimizer.step()
    return [p.detach()[None] for p in params]


OPTIMIZERS = {
    "LARS": (LARS, {"momentum": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.2}, "lars"),
    "LARS no decay": (LARS, {}, "lars"),
    "LAMB": (LAMB, {"betas": (0.5, 0.8), "eps": 1e-2, "weight_decay": 0.3}, "lamb"),
    "LAMB no decay": (LAMB, {}, "lamb"),
    "Shampoo": (Shampoo, {"eps": 0.1}, "shampoo"),
    "Shampoo defaults": (Shampoo, {}, "shampoo"),
    "SOAP": (
        SOAP,
        {"betas": (0.8, 0.9), "eps": 1e-2, "weight_decay": 0.3, "precondition_frequency": 1, "basis": "eigh"},
        "soap",
    ),
    "SOAP eigh": (SOAP, {"precondition_frequency": 1, "basis": "eigh"}, "soap"),
    "SOAP qr": (SOAP, {"precondition_frequency": 3, "basis": "qr", "eps": 1e-2}, "soap"),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizer_equals_its_rule(case, dtype, shapes, draw):
    make, hyper, name = OPTIMIZERS[case]
    if hyper.get("precondition_frequency", 1) > 1:
        shapes = squares
    if (case, dtype) == ("SOAP eigh", torch.float32):
        pytest.skip("outside the range of the first gradients it divides rounding errors by their own size")
    params = draw(shapes(name), 0, dtype)
    grads = [draw(shapes(name), 100 + t, dtype) for t in range(STEPS)]
    live = [torch.nn.Parameter(w[0].clone()) for w in params]
    got = walk(make(live, **hyper), live, grads)
    state = None
    for t, g in enumerate(grads):
        params, state = rule(name, **hyper)(params, g, state, rate(t))
    if dtype == torch.float64:
        tolerance = 1e-7 if name == "soap" else 1e-9
    else:
        tolerance = 1e-3 if name in ("soap", "shampoo") else 1e-5
    for a, b in zip(got, params, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_shampoo_with_roots_renewed_now_and_then(draw):
    """Between two renewals the root is the old one."""
    w, grads = draw([(3, 4)], 0)[0][0], [draw([(3, 4)], 100 + t)[0][0] for t in range(5)]
    p = torch.nn.Parameter(w.clone())
    optimizer, left, right = Shampoo([p], lr=0.1, eps=0.1, precondition_frequency=3), 0.0, 0.0
    for t, g in enumerate(grads):
        left, right = left + g @ g.T, right + g.T @ g
        if t % 3 == 0:
            roots = inverse_root(left, 4, 0.1), inverse_root(right, 4, 0.1)
        w = w - 0.1 * roots[0] @ g @ roots[1]
        p.grad = g
        optimizer.step()
    torch.testing.assert_close(p.detach(), w, rtol=1e-10, atol=1e-10)


def test_other_shapes_of_shampoo_and_soap(draw):
    """More than two dimensions: (first, rest). Fewer, or a side above max_dim: coordinate by coordinate."""
    filters, bias, long = (4, 3, 2, 2), (5,), (2, 20)
    params, grads = draw([filters, bias, long], 0), [draw([filters, bias, long], 100 + t) for t in range(12)]
    flat = [(w.reshape(1, 4, 12) if w.dim() == 5 else w) for w in params]
    flat_grads = [[g.reshape(1, 4, 12) if g.dim() == 5 else g for g in step] for step in grads]
    for make, hyper, matrix, coordinates in [
        (Shampoo, {"eps": 0.1}, PaperShampoo, DiagonalShampoo),
        (SOAP, {"precondition_frequency": 1, "basis": "eigh", "weight_decay": 0.2}, PaperSOAP, PaperAdamW),
    ]:
        live = [torch.nn.Parameter(w[0].clone()) for w in params]
        got = walk(make(live, max_dim=15, **hyper), live, grads)
        adamw = {"betas": (0.95, 0.95), "eps": 1e-8, "weight_decay": 0.2}
        for i, transcription in enumerate([matrix, coordinates, coordinates]):
            own = adamw if transcription is PaperAdamW else hyper
            expected = by_the_paper(transcription, own, flat[i : i + 1], [g[i : i + 1] for g in flat_grads])
            torch.testing.assert_close(got[i].reshape(expected[0].shape), expected[0], rtol=1e-7, atol=1e-7)


class DiagonalShampoo:
    def __init__(self, eps=1e-6):
        self.eps, self.sum = eps, 0.0

    def __call__(self, w, g, lr):
        self.sum = self.sum + g**2
        return w - lr * g / np.sqrt(self.eps + self.sum)


@pytest.mark.parametrize("name", ["LARS", "Shampoo"])
def test_against_pytorch_optimizer(name, draw):
    """Over 200 steps on matrices. It changes the gradients in place, so it gets copies."""
    theirs = pytest.importorskip("pytorch_optimizer")
    shapes = [(3, 6), (6, 4), (5, 5)]
    grads = [draw(shapes, 100 + t) for t in range(200)]
    hyper = {"weight_decay": 0.1, "trust_coefficient": 0.2} if name == "LARS" else {}
    results = []
    for make in [{"LARS": LARS, "Shampoo": Shampoo}[name], getattr(theirs, name)]:
        live = [torch.nn.Parameter(w[0].clone()) for w in draw(shapes, 0)]
        results.append(walk(make(live, **hyper), live, copy.deepcopy(grads)))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


def test_newton_schulz_by_singular_values(draw):
    """An odd polynomial of a matrix acts on its singular values alone; one tall, one wide, one square, in a batch."""
    for shape in [(6, 4), (3, 6), (5, 5)]:
        G = draw([shape], 3, runs=4)[0]
        U, s, Vh = torch.linalg.svd(G, full_matrices=False)
        s = s / torch.linalg.matrix_norm(G)[:, None]
        for _ in range(5):
            s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
        torch.testing.assert_close(newton_schulz(G), U * s[:, None, :] @ Vh, rtol=1e-10, atol=1e-10)
