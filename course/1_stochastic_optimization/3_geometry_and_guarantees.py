# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1.3 Geometry and guarantees: what each proof actually buys
#
# **Previous:** [1.2 Formal definitions](2_formal_definitions.ipynb) · **Next:** [1.4 Algorithms and dynamics](4_algorithms_and_dynamics.ipynb) ·
# **Reading time:** 45 minutes, running time under one minute ·
# **Exercises:** [assignment 1.3](../../exercises/1_3_geometry_and_guarantees/1_3_geometry_and_guarantees.ipynb)
#
# 1. [Right on average](#1-Right-on-average): geometry of the unbiased oracle
# 2. [One step](#2-One-step): the gradient-variance inequality
# 3. [For ever at one rate](#3-For-ever-at-one-rate): the role of the minibatch estimator
# 4. [Many steps](#4-Many-steps): the strongly convex proof template
# 5. [When an assumption goes](#5-When-an-assumption-goes): failure, and which number shows it first
#
# The claims are short, and each proof is given whole, with the name of the assumption at the line that uses it, because that is the line which
# breaks when the assumption does. A theorem about SGD is a receipt: so much assumed, so much delivered. Below every proof is followed by the bill:
# how loose it is on a quadratic whose exact answer we have, where its local version stops being true on logistic regression, and what is left of it
# in a transformer, where hardly any assumption holds.

# %%
import math

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import noisydescent as nd
from noisydescent import diagnostics, lab, study, theory
from noisydescent.problems import stable_noise

torch.set_num_threads(1)  # as in 1.1: small tensors
quadratic = nd.Quadratic(torch.logspace(-1, 0, 10), noise=1.0)
logistic = nd.Logistic.gaussian_classes()
language = nd.MarkovLanguage()
random = nd.generator(3)

# %% [markdown]
# ## 1 Right on average
#
# ### Geometry of the unbiased oracle
#
# The dashboard's gradient norm was 0.6 in the morning and is 0.6 at night. The loss fell all day. Has the run converged, is it stuck, or does that
# curve show something else?
#
# **Definition.** An oracle answers $\theta \in \mathbb R^d$ with a random $g_B = \nabla f(\theta) + e$, $e \in \mathbb R^d$; it is unbiased if
# $\mathbb E[e \mid \theta] = 0$. Its signal-to-noise ratio is $\text{SNR} = \lVert\nabla f\rVert^2 / \mathbb E\lVert g_B\rVert^2 \in [0, 1]$.
#
# Random vectors with finite second moment are a space with inner product $\mathbb E\langle u, v\rangle$. There, unbiased says *perpendicular*:
# given $\theta$, the error $e$ is orthogonal to every vector that $\theta$ fixes, the gradient among them. The theorem is Pythagoras':
#
# $$\mathbb E\lVert g_B\rVert^2 = \lVert\nabla f\rVert^2 + 2\,\langle\nabla f, \mathbb E\,e\rangle + \mathbb E\lVert e\rVert^2 = \lVert\nabla f\rVert^2 + \frac{\operatorname{tr}\Sigma}{B}.$$
#
# The middle term dies by unbiasedness; the last is $\operatorname{tr}\operatorname{Cov}(g_B)$ of $B$ independent rows with finite variance
# ([1.1](1_intuition.ipynb#Gradient-variance)). Convexity and smoothness never entered. $\blacksquare$
#
# So the curve on that dashboard is two numbers in one. Early in training the first term can rule it, late in training the second does, and a norm
# that stays at 0.6 is what a vanishing gradient under constant noise looks like. The identity buys a way to split the two; it says nothing about
# progress.
#
# By the same orthogonality $\mathbb E\langle g_B, \nabla f\rangle = \lVert\nabla f\rVert^2$. Where lengths concentrate, *every single* minibatch
# gradient therefore stands at an angle of cosine near $\sqrt{\text{SNR}}$ to the true one: not sometimes right and sometimes wrong, but always
# about equally wrong. Drawing without replacement only changes the last term, by $\frac{N-B}{N-1}$; correlated rows make it larger than the formula
# says.

# %%
G, trace = quadratic.gradient(quadratic.start), float(quadratic.noise_variance.sum())
batch_sizes = [1, 4, 16, 64, 256, 1024]
squares = [(G + quadratic.sample_noise(4000, generator=random) / B**0.5).square().sum(dim=1) for B in batch_sizes]
mean, error = diagnostics.mean_and_error(torch.stack(squares), dim=1)
predicted = torch.tensor([theory.expected_square_norm(G, trace, B) for B in batch_sizes]).to(mean)
assert torch.all((mean - predicted).abs() <= 4.5 * error)

# %% [markdown]
# **Logistic regression.** The identity holds at *every* $\theta$, if $\Sigma$ is taken there. The usual shortcut, $\Sigma$ measured once and kept,
# is the local theory; on the way from $\theta = 0$ to the optimum it starts wrong and comes true.

# %%
frozen = float(logistic.noise_covariance(logistic.optimum).trace())  # measured once, at the optimum
along = {"share of the way": [0.0, 0.25, 0.5, 0.75, 1.0], "measured": [], "exact": [], "frozen": []}
for share in along["share of the way"]:
    gradients = logistic.per_sample_gradients(share * logistic.optimum)
    norms = diagnostics.minibatch_means(gradients, 16, 4000, random).square().sum(dim=1)
    along["measured"].append(torch.stack(diagnostics.mean_and_error(norms)))
    for name, noise in [("exact", float(diagnostics.gradient_variance(gradients))), ("frozen", frozen)]:
        along[name].append(theory.expected_square_norm(gradients.mean(dim=0), noise, 16))

# %%
local_mean, local_error = torch.stack(along["measured"]).T.cpu()
exact = torch.tensor(along["exact"])
assert torch.all((local_mean - exact).abs() <= 4.5 * local_error)
print("measured over frozen-Σ theory:", [f"{m / p:.2f}" for m, p in zip(local_mean, along["frozen"], strict=True)])
assert local_mean[0] > 1.2 * along["frozen"][0]

# %%
figure, (left, right) = nd.new_figure(
    ["batch size $B$ (samples)", "share of the way from 0 to the optimum"],
    r"$\mathbb{E}\,\Vert g_B\Vert^2$",
    panels=2,
    title=["quadratic", "logistic, B = 16"],
)
left.set(xscale="log", yscale="log")
nd.draw_measured(left, batch_sizes, mean, error, "measured, 4,000 draws")
nd.draw_theory(left, batch_sizes, predicted, "Pythagoras")
nd.draw_level(left, G.square().sum(), r"$\Vert\nabla f\Vert^2$")
nd.draw_measured(right, along["share of the way"], local_mean, local_error, "measured, 4,000 draws")
nd.draw_theory(right, along["share of the way"], exact, "Pythagoras")
nd.draw_theory(right, along["share of the way"], along["frozen"], "with Σ of the optimum", style=":")
nd.show(
    figure, alt="The mean squared norm falls with B to the squared gradient; frozen noise predicts too little at 0."
)

# %% [markdown]
# **In the transformer** the mean cosine over 200 minibatches of 16 sequences is $\sqrt{\text{SNR}}$ to within two hundredths. Its spread is a
# surprise: 26,272 independent coordinates would concentrate far better. Gradient noise of a network fills only about
# $(\operatorname{tr}\Sigma)^2/\operatorname{tr}(\Sigma^2)$ directions, printed last.

# %%
plan = {"batch_size": 16, "peak": 0.5, "record_every": 200}
trained = {T: nd.train(language, steps=T, schedule=nd.named("constant", T), **plan) for T in [1, 20, 60, 150]}

# %%
for T, run in trained.items():
    gradients = language.per_sample_gradients(run.theta[0], language.held_out)
    full, noise = gradients.mean(dim=0), float(diagnostics.gradient_variance(gradients))
    root = (float(full.square().sum()) / theory.expected_square_norm(full, noise, 16)) ** 0.5
    cosines = diagnostics.cosine(diagnostics.minibatch_means(gradients, 16, 200, random), full)
    print(
        f"step {T:3}: loss {float(run.loss[-1, 0]):.2f}, √SNR {root:.3f}, cos {cosines.mean():.3f} ± {cosines.std():.3f}"
    )
    assert abs(float(cosines.mean()) - root) < 0.03

# %%
gram = (gradients - full) @ (gradients - full).T
pairs = gram.square().sum() - gram.diagonal().square().sum()  # of different sequences: each has mean tr Σ²
directions = float(gram.diagonal().mean() ** 2 / (pairs / (256 * 255)))
print(f"the noise fills about {directions:.0f} directions of {language.dim:,}")
assert directions < 0.02 * language.dim

# %% [markdown]
# **Where it goes wrong.** "Stop when the gradient norm is below 0.1." Stand exactly on the logistic optimum, where $\nabla f = 0$, and ask the
# oracle. With $B = 8$ the rule practically never fires; with $B = 512$ it does at once. The same $\theta$: you are thresholding your batch size.
# The inner product of two *independent* minibatch gradients has mean $\lVert\nabla f\rVert^2$ (both errors are perpendicular to everything, each
# other included), and is not fooled.

# %%
gradients = logistic.per_sample_gradients(logistic.optimum)
for B in [8, 512]:
    first, second = diagnostics.minibatch_means(gradients, B, 2000, random).split(1000)
    stopped = (first.norm(dim=1) < 0.1).double().mean()
    product, error = diagnostics.mean_and_error((first * second).sum(dim=1))
    print(
        f"B = {B:3}: norm {first.norm(dim=1).mean():.3f}, stops in {stopped:.0%}; product {product:.4f} ± {2 * error:.4f}"
    )
    assert abs(product) <= 4.5 * error and (stopped > 0.9 if B == 512 else stopped < 0.05)

# %% [markdown]
# **Log** `diagnostics.signal_to_noise` every few hundred steps: per-sample gradients of one batch.
#
# <details><summary>You quadruple the batch and the logged gradient norm halves. What did you learn about the loss surface?</summary>
#
# Nothing. $\operatorname{tr}\Sigma/B$ dominates, SNR is near zero, and the norm measures noise. Had it stayed put, you would know that the signal
# dominates and that a larger batch is wasted.
# </details>
#
# <details><summary>cos(g, ∇f) = 0.1 at every step. How can training work at all?</summary>
#
# The useful part adds up and the rest does not: over $n$ steps signal grows as $n$, orthogonal errors as $\sqrt n$. After $n = 1/\text{SNR} = 100$
# small steps they are level. That is also why batches beyond $B_{\text{simple}}$ help little.
# </details>
#
# **Used in** the norm test, which enlarges the batch when SNR falls below a threshold: Byrd, Chin, Nocedal, Wu, *Sample Size Selection in
# Optimization Methods for Machine Learning*, 2012. **Owned elsewhere:** the estimate of both parts from two batch sizes is the
# [gradient noise scale](6_advanced_topics.ipynb#Gradient-noise-scale).

# %% [markdown]
# ## 2 One step
#
# ### Gradient-variance inequality
#
# Can you promise, before taking it, that a noisy step will lower the loss on average? The most quoted inequality of the field can, and in the
# transformer below it is about three times too timid.
#
# **Claim.** Let $\nabla f$ be $L$-Lipschitz, $g_B$ unbiased with per-sample covariance $\Sigma$ and independent of the past given $\theta$. For
# $\theta^+ = \theta - \eta g_B$
# $$\mathbb E f(\theta^+) \le f - \eta\big(1 - \tfrac{\eta L}{2}\big)\lVert\nabla f\rVert^2 + \frac{\eta^2 L\operatorname{tr}\Sigma}{2B}.$$
#
# **Proof.** For any $\Delta$:
# $f(\theta+\Delta) - f - \langle\nabla f,\Delta\rangle = \int_0^1\langle\nabla f(\theta+s\Delta)-\nabla f(\theta),\Delta\rangle\,ds \le \int_0^1 sL\lVert\Delta\rVert^2ds = \frac L2\lVert\Delta\rVert^2$
# (*smoothness*, the only place). Put $\Delta = -\eta g_B$ and take expectations: the linear term becomes $-\eta\lVert\nabla f\rVert^2$
# (*unbiased*), the quadratic one $\frac{\eta^2L}{2}\mathbb E\lVert g_B\rVert^2$, where Pythagoras takes over (*unbiased* again, and *finite
# variance*). $\blacksquare$
#
# If $e$ had mean $m \ne 0$ the linear term would gain $-\eta\langle\nabla f, m\rangle$, of either sign, and the promise would be void.
#
# What it buys: descent as long as $\lVert\nabla f\rVert^2 > \frac{\eta L}{2-\eta L}\cdot\frac{\operatorname{tr}\Sigma}{B}$, without convexity;
# summed over steps, a small *average gradient*, and not one word about minima. What it costs: on a quadratic the left side is exactly
# $f - \eta\lVert\nabla f\rVert^2 + \frac{\eta^2}{2}(\nabla f^\top H\nabla f + \operatorname{tr}(H\Sigma)/B)$, so the slack,
# $\frac{\eta^2}{2}\big(\nabla f^\top(LI-H)\nabla f + \operatorname{tr}((LI-H)\Sigma)/B\big)$, is what you pay for replacing $H$ by $L I$. With
# equal curvatures: nothing.

# %%
B, rates = 4, torch.linspace(0.1, 2.0, 20, dtype=torch.float64)
flat = nd.Quadratic(torch.full((10,), 1.0), noise=1.0, start=quadratic.start * quadratic.eigenvalues)  # same gradient
one_step = {}

# %%
for name, problem in [("equal curvatures", flat), ("curvatures from 0.1 to 1", quadratic)]:
    eigs, noise, start = (x.cpu() for x in (problem.eigenvalues, problem.noise_variance, problem.start))
    square = float(problem.gradient(problem.start).square().sum())
    exact = theory.expected_loss(eigs, noise, B, rates[None], start)[1] - problem.loss(problem.start).cpu()
    bound = torch.tensor([theory.descent_bound(0.0, square, eta, 1.0, trace, B) for eta in rates.tolist()]).double()
    one_step[name] = (problem, exact, bound)
assert torch.allclose(*one_step["equal curvatures"][1:], atol=1e-6)  # curvature 1 everywhere: an equality

# %%
figure, axes = nd.new_figure("learning rate", "expected change of f in one step", panels=2, title=list(one_step))
rates_there = rates[:, None, None].to(quadratic.start)
for axis, (problem, exact, bound) in zip(axes, one_step.values(), strict=True):
    gradients = problem.gradient(problem.start) + problem.sample_noise(4000, generator=random) / B**0.5
    moved = problem.loss(problem.start - rates_there * gradients) - problem.loss(problem.start)
    mean, error = (x.cpu() for x in diagnostics.mean_and_error(moved, dim=1))
    assert torch.all((mean - exact).abs() <= 4.5 * error) and torch.all(bound >= exact - 1e-6)
    nd.draw_measured(axis, rates, mean, error, "measured, 4,000 draws")
    nd.draw_theory(axis, rates, exact, "exact")
    nd.draw_theory(axis, rates, bound, "bound", style=":")
nd.show(figure, alt="Bound and exact change coincide for equal curvatures; otherwise the bound rises much earlier.")

# %% [markdown]
# Minimise the bound over $\eta$ and you get $\eta = \text{SNR}/L$: the best rate is the noiseless $1/L$ times the ratio of section 1. On the right
# the true optimum lies almost twice as far out, and the bound calls rates harmful that still gain most of what can be had. Its *form* is right, its
# $L$ is the wrong average of curvatures.
#
# **On logistic regression** $\sigma' \le \frac14$ with equality at zero margin, so $\theta = 0$ is the *sharpest* point there is and
# $L = \lambda_{\max}(H(0))$ is global. A local curvature is more tempting, and wrong in both directions. From zero it is pessimistic. From
# $-2\theta^*$, a confidently wrong model, sigmoids are saturated, $H$ looks harmless, and the parabola promises what it cannot keep; the bound with
# the global $L$ keeps its word.

# %%
L = float(torch.linalg.eigvalsh(logistic.hessian(torch.zeros_like(logistic.optimum)))[-1])
at = lambda theta: (logistic.gradient(theta), logistic.hessian(theta), logistic.noise_covariance(theta))  # noqa: E731

# %%
for share, eta in [(0, 0.5), (0, 2.0), (-2, 0.5), (-2, 4.0)]:
    theta = share * logistic.optimum
    G, H, S = at(theta)
    draws = diagnostics.minibatch_means(logistic.per_sample_gradients(theta), 8, 4000, random)
    change, error = diagnostics.mean_and_error(logistic.loss(theta - eta * draws) - logistic.loss(theta))
    parabola = -eta * G @ G + eta**2 / 2 * (G @ H @ G + (H * S).sum() / 8)
    bound = theory.descent_bound(0.0, float(G @ G), eta, L, float(S.trace()), 8)
    print(
        f"{share:2}θ*, rate {eta}: measured {change:6.3f} ± {2 * error:.3f}, parabola {parabola:6.3f}, bound {bound:6.3f}"
    )
    assert change <= bound + 4.5 * error
assert change > parabola / 2 + 4.5 * error  # the last line: less than half of the promised decrease

# %% [markdown]
# **In the transformer** nobody knows $L$. Sharpness $\lambda_{\max}(H)$, from Hessian-vector products, stands in for it, and the price of
# $H \to LI$ can be itemised: $\operatorname{tr}(H\Sigma)$, from products with centred per-sequence gradients, against
# $\lambda_{\max}\operatorname{tr}\Sigma$.


# %%
def curvature_of(theta, sequences):
    """v -> H v for the loss on these sequences, theta (d,)."""
    theta = theta.detach().clone().requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
        loss = language.sequence_losses(theta[None], sequences[None]).mean()
        gradient = torch.autograd.grad(loss, theta, create_graph=True)[0]
    return lambda v: torch.autograd.grad(gradient, theta, v, retain_graph=True)[0]


# %%
theta, sequences = trained[150].theta[0], language.held_out[:128]
Hv, gradients = curvature_of(theta, sequences), language.per_sample_gradients(theta, sequences)
probe = torch.randn(len(theta), generator=random, device=theta.device)
top = diagnostics.top_eigenvalue(Hv, probe, 25, 0.02)

# %%
full, noise = gradients.mean(dim=0), float(diagnostics.gradient_variance(gradients))
h_sigma = float(torch.stack([(g - full) @ Hv(g - full) for g in gradients[:24]]).mean())  # tr(HΣ)
g_h_g, square = float(full @ Hv(full)), float(full.square().sum())
at_random = float(probe @ Hv(probe) / probe.square().sum())
print(
    f"sharpness {top.value:.2f}; mean curvature along noise {h_sigma / noise:.2f}, along a random direction {at_random:.4f}"
)

# %%
break_even = {
    "parabola": 2 * square / (g_h_g + h_sigma / 16),
    "bound": 2 * square / (top.value * (square + noise / 16)),
}
print("no descent beyond rate", {name: f"{rate:.2f}" for name, rate in break_even.items()})
assert break_even["parabola"] > 2 * break_even["bound"]
assert 0.1 < h_sigma / noise / top.value < 0.5 and h_sigma / noise > 10 * abs(at_random)


# %%
@torch.no_grad()
def loss_at(thetas, sequences):
    """Loss of every row of thetas (R, d) on the same sequences, (R,)."""
    return language.sequence_losses(thetas, sequences.expand(len(thetas), -1, -1)).mean(dim=(1, 2))


# %%
draws = diagnostics.minibatch_means(gradients, 16, 24, random)
for eta in [0.1, 0.3, 0.9]:
    moved = loss_at(theta - eta * draws, sequences) - loss_at(theta[None], sequences)
    change, error = diagnostics.mean_and_error(moved)
    parabola = -eta * square + eta**2 / 2 * (g_h_g + h_sigma / 16)
    bound = theory.descent_bound(0.0, square, eta, top.value, noise, 16)
    print(f"rate {eta}: measured {change:.4f} ± {2 * error:.4f}, parabola {parabola:.4f}, bound {bound:.4f}")
    assert change <= bound + 4.5 * error

# %% [markdown]
# At rate 0.3 the bound already allows the loss to rise, and the loss falls nicely: noise sees on average about a quarter of the sharpness. That is
# little against the worst case and *much* against isotropic noise, whose share is the curvature of a random direction. Gradient noise prefers sharp
# directions.
#
# **Where it goes wrong.** A line search that accepts a step if the loss *of the same minibatch* falls. The proof needs $g_B$ independent of where
# it is judged. At the optimum no step can help, and the search accepts every one:


# %%
def batch_loss(theta, rows):
    """Loss of theta (n, d) on its own rows (n, B), (n,)."""
    margins = logistic.y[rows] * (logistic.X[rows] * theta[:, None]).sum(dim=-1)
    return torch.nn.functional.softplus(-margins).mean(dim=1) + 0.5 * logistic.l2 * theta.square().sum(dim=1)


# %%
rows, theta = (
    torch.randint(2000, (1000, 8), generator=random, device=logistic.device),
    logistic.optimum.expand(1000, -1),
)
step = theta - 0.5 * logistic.per_sample_gradients(logistic.optimum)[rows].mean(dim=1)
accepted = (batch_loss(step, rows) < batch_loss(theta, rows)).double().mean()
rise = logistic.loss(step) - logistic.floor
print(
    f"accepted: {accepted:.1%} of the steps; true loss rose in {(rise > 0).double().mean():.0%}, on average by {rise.mean():.4f}"
)
assert accepted > 0.97 and (rise > 0).all()

# %% [markdown]
# **Log** predicted against actual decrease: `theory.descent_bound` beside the change on a fixed held-out batch, two forward passes.
#
# <details><summary>The ratio actual/predicted decrease drifts from 1 to 0.2 over a day. Which two quantities grew?</summary>
#
# Curvature along the step, or noise: both enter with $\eta^2$. Halve $\eta$ for one measurement: if the ratio recovers the expansion still holds
# and the rate is simply too large for the curvature or noise of today.
# </details>
#
# <details><summary>You average over T steps: mean ‖∇f‖² ≤ 2(f₀ − f*)/(ηT) + ηL tr Σ/B for η ≤ 1/L. Which iterate should you deploy?</summary>
#
# The theorem speaks of a *randomly chosen* one; it says nothing about the last, and nothing about its loss. That the last is good in practice is
# the schedule's work, not this inequality's.
# </details>
#
# **Used in** stochastic line searches, which are sound when noise vanishes at the solution: Vaswani, Mishkin, Laradji, Schmidt, Gidel,
# Lacoste-Julien, *Painless Stochastic Gradient: Interpolation, Line-Search, and Convergence Rates*, 2019. **Owned elsewhere:** sharpness along
# training, [1.4](4_algorithms_and_dynamics.ipynb#Bridge-to-the-landscape).

# %% [markdown]
# ## 3 For ever at one rate
#
# ### Role of the minibatch estimator
#
# The loss has gone flat. Would a larger batch lower the floor? For one kind of noise yes, in proportion; for another there is no floor, and the
# batch decides instead whether the run explodes.
#
# **Additive noise**, $g_B = \lambda\theta + \zeta$ with $\operatorname{Var}\zeta = \sigma^2/B$ at every $\theta$ ($\theta^* = 0$, one
# eigendirection, heavy ball with $b^+ = \beta b + g_B$, $\theta^+ = \theta - \eta b^+$). Let $a = \mathbb E\theta^2$, $v = \mathbb E b^2$,
# $c = \mathbb E\theta b$ be stationary. From $\theta = \theta^+ + \eta b^+$: $a = a + 2\eta c + \eta^2 v$, so $c = -\eta v/2$. The same
# substitution in $\mathbb E\theta b^+ = \beta c + \lambda a$ gives $\eta v/2 = \lambda a - \beta\eta v/2$, so $v = 2\lambda a/(\eta(1+\beta))$.
# Finally $v = \beta^2v + \lambda^2a + 2\beta\lambda c + \sigma^2/B$. Eliminate:
# $$a = \frac{\eta\sigma^2}{B\lambda}\cdot\frac{1+\beta}{(1-\beta)\,(2(1+\beta) - \eta\lambda)}, \qquad \beta = 0:\quad \frac{\eta\sigma^2}{B\lambda(2-\eta\lambda)}.\quad\blacksquare$$
#
# **Multiplicative noise**, least squares without label error: $g_B = s\,\theta$, $s = \frac1B\sum_k x_k^2$, $x_k \sim N(0,\lambda)$. Since
# $\mathbb E x^4 = 3\lambda^2$, $\mathbb E s^2 = \lambda^2(1 + \frac2B)$ and
# $$\mathbb E(\theta^+)^2 = \big(1 - 2\eta\lambda + \eta^2\lambda^2(1 + \tfrac2B)\big)\,\mathbb E\theta^2 :\quad\text{contracts iff}\quad \eta < \frac{2}{\lambda(1 + 2/B)}.\quad\blacksquare$$
# At $B = 1$ that is a third of the full-batch limit, and below the limit there is no floor at all. Gaussian inputs entered once, as kurtosis
# $\kappa = 3$: in general $\mathbb E s^2 = \lambda^2(1 + \frac{\kappa-1}{B})$, so one heavy-tailed feature lowers the limit and a bounded one
# ($\kappa = 1$ for $\pm1$) removes the effect.

# %%
plan = {"steps": 500, "batch_size": 4, "runs": 1000, "schedule": nd.named("constant", 500), "record_every": 500}
settled = {
    0.0: (0.3, nd.train(quadratic, peak=0.3, **plan)),
    0.9: (0.03, nd.train(quadratic, peak=0.03, optimizer="heavy_ball", hyper={"momentum": 0.9}, **plan)),
}

# %%
figure, axis = nd.new_figure(r"curvature $\lambda$", r"stationary variance of $\theta_i$", log="xy")
for beta, (eta, run) in settled.items():
    assert torch.allclose(run.learning_rate, torch.tensor(eta).double())
    variance = run.theta.var(dim=0).cpu()
    exact = theory.stationary_variance(quadratic.eigenvalues, quadratic.noise_variance, 4, eta, beta).cpu()
    error = exact * (2 / 999) ** 0.5  # standard error of the variance of 1,000 normal numbers
    assert torch.all((variance - exact).abs() <= 4.5 * error)
    nd.draw_measured(axis, quadratic.eigenvalues, variance, error, f"rate {eta}, momentum {beta}")
    nd.draw_theory(axis, quadratic.eigenvalues, exact, f"theory, momentum {beta}", style="--" if beta == 0 else ":")
nd.show(figure, alt="Variance falls as one over curvature; momentum 0.9 at a tenth of the rate gives nearly the same.")

# %% [markdown]
# Momentum buys no lower floor: at equal $\eta/(1-\beta)$ the two lie together, and part only where $\eta\lambda$ is not small. The loss,
# $\frac12\lambda a$, gets nearly the same share from every direction with equal noise, flat or steep: conditioning does not show in a noise floor.
# Now the multiplicative limit, where $\mathbb E\theta^2$ stops contracting:

# %%
one = nd.LeastSquares(torch.ones(1))  # one dimension, curvature 1, no label noise
unit, curvatures = torch.ones(20_000, 1).to(one.eigenvalues), {}
for B in [1, 4, 64]:
    s = curvatures[B] = one.oracle(20_000, B, random)(unit).cpu()  # the gradient at θ = 1, (20,000, 1)
    limit = theory.max_learning_rate_least_squares(1.0, B)
    assert math.isclose(limit, 2 / (1 + 2 / B), rel_tol=1e-9)
    growth, error = diagnostics.mean_and_error((1 - limit * s).square())
    print(
        f"B = {B:2}: at the limit {limit:.3f} the second moment grows by {float(growth):.3f} ± {2 * float(error):.3f}"
    )
    assert abs(growth - 1) <= 4.5 * error

# %%
rates = torch.linspace(0.1, 2.0, 12, dtype=torch.float64)
figure, axis = nd.new_figure("learning rate", r"$\mathbb{E}\,\theta_{t+1}^2\, /\, \theta_t^2$")
for B, s in curvatures.items():
    limit = theory.max_learning_rate_least_squares(1.0, B)
    mean, error = diagnostics.mean_and_error((1 - rates * s).square())
    assert torch.all((mean - (1 - 2 * rates + rates**2 * (1 + 2 / B))).abs() <= 4.5 * error)
    nd.draw_measured(axis, rates, mean, error, f"B = {B}, limit {limit:.2f}")
    nd.draw_theory(axis, rates, 1 - 2 * rates + rates**2 * (1 + 2 / B))
nd.draw_level(axis, 1.0, "neither grows nor shrinks")
nd.show(
    figure,
    alt="Growth of the second moment against learning rate for three batch sizes; each crosses one at its limit.",
)

# %% [markdown]
# "Unstable" is a statement about the *mean*, and means can be carried by runs you will never see. At $B = 1$, $\eta = 0.9$ theory multiplies
# $\mathbb E\theta^2$ by 1.63 a step. Watch 4,096 runs:

# %%
run = nd.train(one, steps=60, batch_size=1, peak=0.9, schedule=nd.named("constant", 60), runs=4096)
losses, exact = run.loss, 0.5 * (1 - 1.8 + 0.81 * 3) ** run.steps.double()
early, error = diagnostics.mean_and_error(losses[:3], dim=1)
assert torch.all((early - exact[:3]).abs() <= 4.5 * error + 1e-12)
assert exact[-1] > 1e10 and losses[-1].median() < 1e-10

# %%
figure, axis = nd.new_figure("optimizer step", "loss", log="y")
nd.draw_curve(axis, run.steps, losses.mean(dim=1), "mean of 4,096 runs")
nd.draw_curve(axis, run.steps, losses.median(dim=1).values, "median run")
nd.draw_theory(axis, run.steps, exact, "expectation")
nd.show(figure, alt="The expectation explodes; the mean of 4,096 runs follows it at first; the median converges.")

# %% [markdown]
# The median converges, because $\mathbb E\log|1-\eta s| < 0$ up to about $\eta = 2.4$ (bracketed below): almost every run wins this lottery, and
# the few that do not carry the mean. A band over 32 seeds would show a stable method.

# %%
for eta, sign in [(2.2, -1), (2.6, 1)]:
    drift, error = (float(x) for x in diagnostics.mean_and_error((1 - eta * curvatures[1][:, 0]).abs().log()))
    print(f"rate {eta}: the typical run changes by a factor {math.exp(drift):.3f} a step")
    assert sign * drift > 3 * error

# %% [markdown]
# **On logistic regression** noise is mostly additive near the optimum, so at small rates the floor should be a function of $\eta/B$ alone. Three
# batch sizes at four such quotients:

# %%
spectrum, basis = torch.linalg.eigh(logistic.hessian(logistic.optimum))
noise = (basis.T @ logistic.noise_covariance(logistic.optimum) @ basis).diagonal()
quotients, plateaus = [0.025, 0.05, 0.1, 0.2], {}
for B in [2, 8, 32]:
    for eta in [quotient * B for quotient in quotients]:
        T = int(240 / eta)
        plan = {"steps": T, "schedule": nd.named("constant", T), "record_every": max(1, T // 40)}
        loss = nd.train(logistic, batch_size=B, peak=eta, runs=24, **plan).loss
        mean, error = diagnostics.mean_and_error(loss[len(loss) // 2 :].mean(dim=0) - logistic.floor)
        plateaus.setdefault(B, []).append((float(mean), float(error)))

# %%
small = [quotient * float(noise.sum()) / 4 for quotient in quotients]  # η tr Σ / 4B, the floor at small rates
figure, axis = nd.new_figure(r"$\eta / B$", r"plateau of $f - f^*$", log="xy")
for B, values in plateaus.items():
    mean, error = torch.tensor(values).T
    nd.draw_measured(axis, quotients, mean, error, f"B = {B}")
    print(
        f"B = {B:2}: measured / small-rate theory", [f"{m / s:.2f}" for m, s in zip(mean.tolist(), small, strict=True)]
    )
nd.draw_theory(axis, quotients, small, r"$\eta\,\mathrm{tr}\,\Sigma\, /\, 4B$")
axis.set_xticks(quotients, [f"{quotient:g}" for quotient in quotients])
axis.minorticks_off()
nd.show(figure, alt="Plateaus of batch sizes 2 and 8 coincide in eta over B; that of 32, at larger rates, lies higher.")
assert all(abs(a / b - 1) < 0.15 for (a, _), (b, _) in zip(plateaus[2][:3], plateaus[8][:3], strict=True))
assert plateaus[32][-1][0] > 1.5 * plateaus[2][-1][0]  # rate 6.4, beyond 2/λ at the optimum

# %% [markdown]
# Two different failures are in that picture. Batch sizes 2 and 8 leave the line *together*: the excursion, set by $\eta/B$, reaches regions where
# $\Sigma$ is larger. Batch size 32 leaves it earlier and alone: its rates are near $2/\lambda$, where $2-\eta\lambda$ matters and $\eta/B$ is no
# longer the right variable.
#
# In a transformer the row has no meaning: no run of a language model lasts until its parameters are stationary, and no optimum is known whose $H$
# would predict a floor.
#
# **Where it goes wrong.** Choosing $\eta$ at three quarters of $2/L$ because "the noise is multiplicative, it vanishes at the solution". With $d$
# inputs the limit feels $\operatorname{tr}H$, not only its largest eigenvalue: one sample's $x\,x^\top$ has the single eigenvalue
# $\lVert x\rVert^2 \approx \operatorname{tr}H$, and at $B = 1$ that is the curvature each step meets. The exact limit solves
# $\frac{\eta}{B}\sum_i \lambda_i/(2 - \eta\lambda_i(1+\frac1B)) = 1$.

# %%
many = nd.LeastSquares(torch.ones(20))
for B in [1, 64]:
    run = nd.train(many, steps=100, batch_size=B, peak=1.5, schedule=nd.named("constant", 100), runs=8)
    limit = theory.max_learning_rate_least_squares(many.eigenvalues, B)
    print(f"2/L = 2, rate 1.5, B = {B:2}: limit {limit:.3f}, loss {float(run.loss[-1].median()):.1e}")
    assert (run.loss[-1] > run.loss[0]).all() == (limit < 1.5)

# %% [markdown]
# **Log** the loss floor at two rates (`theory.loss_floor` says what additive noise would give): half the rate, half the floor means additive.
#
# <details><summary>Halving η leaves the plateau where it was; doubling B too. Which noise is it?</summary>
#
# None. Both knobs act on $\eta\sigma^2/B$; a plateau that ignores them is the loss floor of the data or model, a bias (section 5), or a start not
# forgotten.
# </details>
#
# <details><summary>An overparametrised model reaches training loss 0 at constant η. Which batch-size rule follows?</summary>
#
# Interpolation: noise vanishes, the limit $2/(\lambda(1+2/B))$ grows almost linearly in small $B$ and saturates near $B = 2$ in one dimension, near
# $\operatorname{tr}H/L$ in many. Up to there scale $\eta$ with $B$.
# </details>
#
# **Used in** deciding how large a batch still pays for interpolating models: Ma, Bassily, Belkin, *The Power of Interpolation: Understanding the
# Effectiveness of SGD in Modern Over-parametrized Learning*, 2018. **Owned elsewhere:** stationary laws at equal $\eta/B$ are the
# [large-scale view](6_advanced_topics.ipynb#Large-scale-view).
#
# In the lab the noise is multiplicative. At which batch size does the dashed expectation begin to explode when the peak rate is 1.2, and what do
# the 32 measured runs make of it? Then choose "heavy tails" and try to buy a smooth curve with batch size alone.

# %%
lab.quadratic_lab(batch_size=8, peak=0.3, noise="multiplicative")

# %% [markdown]
# ## 4 Many steps
#
# ### Strongly convex proof template
#
# How long will it take, and where will it end? Nearly every convergence theorem has the same skeleton: expand a square, use unbiasedness, use one
# inequality about $f$, unroll. Learn it once.
#
# **Claim.** $f$ is $\mu$-strongly convex and $L$-smooth, $\operatorname{tr}\Sigma(\theta) \le \sigma^2$ wherever the run goes, $\eta \le 1/L$. With
# $D_t = \lVert\theta_t - \theta^*\rVert^2$: $\mathbb E D_t \le (1-\eta\mu)^t D_0 + \frac{\eta\sigma^2}{\mu B}$.
#
# **Proof.** *Expand:* $D_{t+1} = D_t - 2\eta\langle g_B, \theta_t-\theta^*\rangle + \eta^2\lVert g_B\rVert^2$. *Unbiased:* given $\theta_t$, the
# expectation is $D_t - 2\eta\langle\nabla f,\theta_t-\theta^*\rangle + \eta^2\lVert\nabla f\rVert^2 + \eta^2\sigma^2/B$ at most. *Strongly convex:*
# $\langle\nabla f,\theta_t-\theta^*\rangle \ge f - f^* + \frac\mu2D_t$. *Smooth:* a step $-\nabla f/L$ lowers $f$ by at least
# $\lVert\nabla f\rVert^2/2L$ and cannot pass $f^*$, so $\lVert\nabla f\rVert^2 \le 2L(f-f^*)$. Together
# $$\mathbb E D_{t+1} \le (1-\eta\mu)D_t - 2\eta(1-\eta L)(f - f^*) + \eta^2\sigma^2/B,$$
# and $\eta \le 1/L$ lets us drop the middle term. *Unroll:* $\sum_k(1-\eta\mu)^k \le 1/(\eta\mu)$. $\blacksquare$
#
# Take one assumption away and see which line breaks. Without unbiasedness $\langle m, \theta_t - \theta^*\rangle$ stays in the second. Without
# strong convexity the factor is 1: distances need not contract, and one must sum the middle term instead, which gives rates like $1/\sqrt T$ for
# averages. Above $1/L$ the middle term has the wrong sign. With $\sigma^2$ growing like $\lVert\theta\rVert^2$ (multiplicative noise) it eats into
# $1-\eta\mu$, which is the limit of section 3 in disguise.
#
# The dropped term is where sharper theorems get their gain. The exact answer on the quadratic,
# $\sum_i (1-\eta\lambda_i)^{2t}(\theta_{0,i}^2 - a_i) + a_i$ with $a_i$ of section 3, has *twice* the exponent and a floor lower by up to $2L/\mu$.


# %%
def exact_distance(eigenvalues, start, a, eta, steps):
    """E‖θ_t - θ*‖² of SGD on a quadratic with stationary variances a (d,), at steps (K,)."""
    shrink = (1 - eta * eigenvalues) ** (2 * steps[:, None].to(a))
    return (shrink * (start**2 - a) + a).sum(dim=1).cpu()


# %%
far = nd.Quadratic(quadratic.eigenvalues, noise=1.0, start=3 * quadratic.start)
figure, axis = nd.new_figure("optimizer step", r"$\mathbb{E}\,\Vert\theta_t - \theta^*\Vert^2$", log="y")
plan = {"steps": 600, "schedule": nd.named("constant", 600), "record_every": 30, "metrics": ["distance_to_optimum"]}
for eta in [0.5, 0.05]:
    run = nd.train(far, peak=eta, runs=256, batch_size=4, **plan)
    mean, error = diagnostics.mean_and_error(run.metrics["distance_to_optimum"].square(), dim=1)
    a = theory.stationary_variance(far.eigenvalues, far.noise_variance, 4, eta)
    exact = exact_distance(far.eigenvalues, far.start, a, eta, run.steps)
    bound = theory.strongly_convex_bound(90.0, eta, 0.1, 10.0, 4, run.steps)
    assert torch.all((mean - exact).abs() <= 4.5 * error + 1e-9) and torch.all(bound >= exact)
    print(f"rate {eta}: floor exact {float(a.sum()):.3f}, bound {float(bound[-1]):.3f}")
    nd.draw_measured(axis, run.steps, mean, error, f"measured, rate {eta}", band=True)
    nd.draw_theory(axis, run.steps, exact, "exact")
    nd.draw_theory(axis, run.steps, bound, "bound", style=":")
nd.show(
    figure,
    alt="Squared distance falls to a floor proportional to the rate; both bounds lie above, with half the slope.",
)

# %% [markdown]
# So the *shape* is bought: forgetting like $e^{-\eta\mu t}$, a floor proportional to $\eta/(\mu B)$, hence "halve the rate when the curve goes
# flat". The constants are not: at rate 0.5 from a start of squared distance 10 the theorem, with its floor of 12.5, would allow that nothing is
# learned at all.
#
# **On logistic regression** the guaranteed $\mu$ is the $\ell_2$ coefficient, 0.01. The Hessian at the optimum has a larger one, true only nearby.
# Which describes the run? Full-batch descent from afar, contraction a step against $2\eta\mu$:

# %%
mu, theta, distances = float(spectrum[0]), 10 * logistic.optimum, []
for _ in range(2402):
    distances.append(float((theta - logistic.optimum).square().sum()))
    theta = theta - 0.5 * logistic.gradient(theta)
effective = {t: math.log(distances[t] / distances[t + 1]) / (2 * 0.5) for t in [0, 200, 400, 800, 1600, 2400]}

# %%
for t, value in effective.items():
    print(f"step {t:4}: distance² {distances[t]:8.1e}, effective μ {value:.4f} = {value / mu:.2f} of the Hessian's")
assert abs(effective[2400] / mu - 1) < 0.02 and 0.01 < effective[0] < 0.9 * mu

# %% [markdown]
# Far out saturated sigmoids leave little more than $\ell_2$; close by $H$ takes over, exactly (values above one on the way are steeper directions,
# not yet forgotten). With noise, and $\sigma^2$ the largest trace met on the way:

# %%
sigma2 = max(float(logistic.noise_covariance(x * logistic.optimum).trace()) for x in (0.0, 0.5, 1.0))
run = nd.train(logistic, batch_size=32, peak=0.5, runs=64, **plan)
mean, error = diagnostics.mean_and_error(run.metrics["distance_to_optimum"].square(), dim=1)
a = theory.stationary_variance(spectrum, noise, 32, 0.5)
local = exact_distance(spectrum, basis.T @ logistic.optimum, a, 0.5, run.steps)
bound = theory.strongly_convex_bound(float(mean[0]), 0.5, 0.01, sigma2, 32, run.steps)

# %%
assert torch.all(bound >= mean) and abs(float(mean[-1] / local[-1]) - 1) < 0.2
figure, axis = nd.new_figure("optimizer step", r"$\mathbb{E}\,\Vert\theta_t - \theta^*\Vert^2$", log="y")
nd.draw_measured(axis, run.steps, mean, error, "measured, 64 seeds", band=True)
nd.draw_theory(axis, run.steps, local, "local: H and Σ at the optimum")
nd.draw_theory(axis, run.steps, bound, "bound, global μ and σ²", style=":")
nd.show(figure, alt="Logistic regression: distance falls to a floor near the local theory, far below the global bound.")

# %% [markdown]
# A transformer has no $\mu$: its Hessian has negative eigenvalues and whole families of equivalent minima, so neither side of the claim is defined
# there.
#
# **Where it goes wrong.** Convex, smooth, not *strongly* convex: $f = \theta^4/4$. The log-curve of the first steps looks straight enough;
# extrapolate it.

# %%
path = [0.5]
for _ in range(2000):
    path.append(path[-1] - 0.1 * path[-1] ** 3)
promised = path[20] * (path[20] / path[0]) ** (1980 / 20)
print(f"from 20 steps, a geometric rate promises θ = {promised:.1e} at step 2,000; it is {path[2000]:.3f}")
assert promised < 1e-5 and abs(path[2000] * math.sqrt(2 * 0.1 * 2000 + 1 / 0.25) - 1) < 0.02  # θ ≈ (2ηt + θ₀⁻²)^(-1/2)

# %% [markdown]
# **Log** `training.distance_to_optimum` on problems whose optimum is known, free; elsewhere the slope of $\log(f - f_{\text{end}})$.
#
# <details><summary>A paper proves D_T ≤ ε after (σ²/(μ²Bε)) log(1/ε) steps. You double B. Can you halve the steps?</summary>
#
# Only with the rate doubled along with it, and only while $\eta \le 1/L$: this count comes from $\eta \approx \mu B\varepsilon/\sigma^2$. Beyond,
# the first term rules and takes $(L/\mu)\log(1/\varepsilon)$ steps whatever the batch.
# </details>
#
# <details><summary>Weight decay of 10⁻² makes the loss strongly convex. Does that make training fast?</summary>
#
# It buys the guarantee $e^{-2\eta\mu t}$ with $\mu = 0.01$: time constant $50/\eta$ steps. Above you saw the run be faster near the optimum, for
# reasons the theorem does not know.
# </details>
#
# **Used in** "run at a constant rate until progress stalls, then halve it": Bottou, Curtis, Nocedal, *Optimization Methods for Large-Scale Machine
# Learning*, 2018, section 4.2. **Owned elsewhere:** decreasing rates are [Robbins-Monro rate](4_algorithms_and_dynamics.ipynb#Robbins-Monro-rate).
#
# In this lab logistic regression has noise that vanishes with the gradient. Is there a floor left at any batch size? Switch to "sampled" and see
# which of the theorem's two terms came back, and from which step on the local theory describes the curve.

# %%
lab.logistic_lab(batch_size=8, peak=0.8, noise="multiplicative")

# %% [markdown]
# ## 5 When an assumption goes
#
# ### Failure when assumptions go
#
# Your run misbehaves. Each assumption above has its own way of dying:
#
# | assumption | its step in the proofs | without it |
# |---|---|---|
# | $\eta$ below $2/L$ | the square bracket $1 - \eta L/2$ | $\theta_L$ grows by $\lvert 1-\eta L\rvert$ a step |
# | $\mathbb E e = 0$ | the middle term of Pythagoras | the fixed point moves by $-H^{-1}b$ |
# | $\operatorname{tr}\Sigma < \infty$ | its last term | averaging gains $n^{1/\alpha - 1}$, not $n^{-1/2}$ |
#
# **Derivations.** (1) Along the sharpest eigenvector $\mathbb E\theta^+ = (1-\eta L)\mathbb E\theta$; beyond $2/L$ the factor is below $-1$. (2)
# With $g_B = H(\theta-\theta^*) + b + e$ stationarity of the mean needs $H(\bar\theta-\theta^*) + b = 0$: neither $\eta$ nor $B$ appears, so no
# schedule repairs it. (3) Let $e$ have characteristic function $\exp(-|k|^\alpha)$, $1 < \alpha < 2$: mean zero, variance infinite. The mean of $n$
# has $\exp(-n|k/n|^\alpha)$, the law of $n^{1/\alpha-1}e$. With $\alpha = 1.5$, a hundred times the batch divides the error by 4.6, not by 10; at
# $\alpha = 1$ (Cauchy) by one. $\blacksquare$
#
# Only the first failure is loud. The second trains smoothly to the wrong place, and the third looks like an ordinary run with rare bad luck: the
# sample variance of any batch is finite, so no single measurement refutes the assumption. What does is its growth with the number of samples.
#
# **On the quadratic** the three are measured one after the other: growth against the exact recursion, the mean of 1,000 runs against $-H^{-1}b$,
# and medians of averages (there is no variance to compare) against $n^{1/\alpha-1}$.

# %%
eta, b = 2.1, 0.3
run = nd.train(quadratic, steps=40, batch_size=4, peak=eta, schedule=nd.named("constant", 40), runs=512)
mean, error = diagnostics.mean_and_error(run.loss, dim=1)
exact = theory.expected_loss_of(quadratic, 4, eta, nd.named("constant", 40), 40)
assert torch.all((mean - exact).abs() <= 4.5 * error + 1e-9)
print(f"rate 2.1/L: loss grows by {float((mean[-1] / mean[-11]) ** 0.1):.3f} a step, theory (1-2.1)² = {1.1**2:.3f}")

# %%
theta = torch.zeros(1000, 10).to(quadratic.start)
for _ in range(400):
    theta = theta - 0.3 * (quadratic.gradient(theta) + b + quadratic.sample_noise(1000, generator=random) / 2)
mean, error = diagnostics.mean_and_error(theta)
assert torch.all((mean + b / quadratic.eigenvalues).abs() <= 4.5 * error)  # -H⁻¹ b, whatever the rate
print(f"bias 0.3 moved the flattest coordinate by {float(mean[0]):.2f} and the steepest by {float(mean[-1]):.2f}")

# %%
counts, repeats = torch.tensor([1, 10, 100, 1000]), 2000
around = torch.tensor([0.5 - 2.25 * repeats**-0.5, 0.5, 0.5 + 2.25 * repeats**-0.5]).double()  # 4.5 errors of a share
figure, axis = nd.new_figure("gradients averaged, n", "median absolute error", log="xy")
for alpha in [2.0, 1.5, 1.1]:
    e = stable_noise(alpha, repeats, 1000, generator=random).cpu()
    averages = torch.stack([e[:, :n].mean(dim=1).abs() for n in counts])
    low, median, high = averages.quantile(around, dim=1)
    exact = e.abs().median() * counts ** (1 / alpha - 1)
    assert torch.all((low <= exact) & (exact <= high))
    nd.draw_curve(axis, counts, median, rf"$\alpha$ = {alpha}", marker="o")
    nd.draw_theory(axis, counts, exact, r"$n^{1/\alpha - 1}$")
nd.show(figure, alt="Median error of an average: falls as the inverse root for normal noise, slower for heavier tails.")

# %% [markdown]
# **On logistic regression** the bias law $-H^{-1}b$ is local. Push the gradient along the flattest eigenvector and let damped Newton steps find
# where a run would come to rest, which depends on $\nabla f(\theta) + b = 0$ and on no learning rate:

# %%
moved = {}
for size in [0.02, 0.1, 0.5]:
    theta, push = logistic.optimum.clone(), size * basis[:, 0]
    for _ in range(100):
        theta = theta - 0.3 * torch.linalg.solve(logistic.hessian(theta), logistic.gradient(theta) + push)
    moved[size] = float((theta - logistic.optimum) @ basis[:, 0]) / (-size / mu)
    print(f"bias {size}: moved by {size * moved[size] / mu:.2f}, {moved[size]:.3f} of what H at the optimum predicts")
    assert (logistic.gradient(theta) + push).norm() < 1e-8
assert abs(moved[0.02] - 1) < 0.02 < abs(moved[0.5] - 1)

# %% [markdown]
# A bias of 0.02, invisible beside gradients of length 0.4 at $B = 8$, moves the model by 1 where $\lVert\theta^*\rVert$ is 2.3: flat directions
# multiply bias by $1/\lambda$, and averaging more gradients only makes the wrong answer sharper.
#
# **In the transformer** the question is *who sees an instability first*. Beyond $2/\lambda$ by $\varepsilon = \eta\lambda - 2$, the component $x$
# along the sharp direction grows by $1+\varepsilon$ a step. It adds $\lambda^2x^2$ to the squared gradient $\lVert G\rVert^2$ of all others, while
# its loss $\frac\lambda2x^2$ rises by about $\varepsilon\lambda x^2$ a step, hidden as long as the rest earns more,
# $\eta\lVert G\rVert^2 \approx \frac2\lambda\lVert G\rVert^2$. The loss turns when $\lambda^2x^2 \approx \frac{2}{\varepsilon}\lVert G\rVert^2$;
# the update norm is up by half when $\lambda^2x^2 = \frac54\lVert G\rVert^2$. Hence *the update norm leads by*
# $\ln(8/5\varepsilon)\,/\,2\ln(1+\varepsilon)$ *steps: the closer to the limit, the longer.* First where that is exact:

# %%
x, lam, eta = torch.tensor([1e-3, 30.0]).double(), torch.tensor([1.0, 1e-3]).double(), 2.1  # sharp direction: small
norms, values = [], []
for _ in range(80):
    norms.append(float((eta * lam * x).norm()))
    values.append(float(0.5 * lam @ x**2))
    x = (1 - eta * lam) * x
loud = next(t for t in range(80) if norms[t] > 1.5 * min(norms[: t + 1]))
turned = next(t for t in range(1, 80) if values[t] > values[t - 1])
lead = math.log(8 / (5 * 0.1)) / (2 * math.log(1.1))
print(f"update norm loud at step {loud}, loss turns at {turned}: a lead of {turned - loud}, predicted {lead:.1f}")
assert abs(turned - loud - lead) < 2

# %% [markdown]
# Then the network: trained with noise, settled on one full batch, then run at exactly $2/\lambda_{\max}$. Training itself sharpens the minimum
# (Cohen, Kaur, Li, Kolter, Talwalkar, *Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability*, 2021), so $\varepsilon$
# grows from zero without our help, and the lead is shorter than at a fixed one.

# %%
data, runs = language.pool[:64], 3
plan = {"steps": 100, "batch_size": 16, "peak": 0.5, "record_every": 100}
theta = nd.train(language, schedule=nd.named("constant", 100), runs=runs, **plan).theta
for _ in range(30):  # full batch from here on, so that nothing below is sampling noise
    theta = theta - 0.3 * language.gradient(theta, data.expand(runs, -1, -1))
sharpness = [diagnostics.top_eigenvalue(curvature_of(one_run, data), probe, 25, 0.01).value for one_run in theta]

# %%
rates, updates, losses = 2 / torch.tensor(sharpness).to(theta)[:, None], [], []
for _ in range(26):
    losses.append(loss_at(theta, data))
    step = rates * language.gradient(theta, data.expand(runs, -1, -1))
    updates.append(step.norm(dim=1) / theta.norm(dim=1))
    theta = theta - step

# %%
ratio, loss = torch.stack(updates).cpu(), torch.stack(losses).cpu()
for k in range(runs):
    loud = int((ratio[:, k] > 1.5 * ratio[:, k].cummin(0).values).nonzero()[0])
    turned = int((loss[1:, k] > loss[:-1, k]).nonzero()[0]) + 1
    louder = float(ratio[turned, k] / ratio[0, k])
    print(
        f"run {k}: update norm loud at step {loud}, loss first rises at {turned}, updates then {louder:.1f} times the first"
    )
    assert loud < turned and louder > 2

# %%
ylabels = ["norm(update) / norm(weights)", "training loss (nats per token)"]
figure, (left, right) = nd.new_figure("steps at 2/λ", ylabels, panels=2)
for k in range(runs):
    nd.draw_curve(left, range(26), ratio[:, k], f"run {k}")
    nd.draw_curve(right, range(26), loss[:, k], f"run {k}")
nd.show(figure, alt="In each of three runs the update norm shoots up while the loss still falls; then the loss spikes.")

# %% [markdown]
# When a loss alarm would have gone off, several oversized updates were already in the weights. A rule that skips, clips or rolls back has to watch
# the update; the loss is a witness who arrives late.
#
# **Where it goes wrong.** "Heavy tails? Clip." Clipping restores finite variance and gives up $\mathbb E e = 0$ as soon as the noise is skewed.
# Take $e = E - 1$ with $E$ exponential, clip $g = \theta + e$ to $[-1, 1]$: the mean step vanishes where
# $\theta = \mathbb E(\theta + e - 1)_+ = e^{\theta-2}$, at $\theta = 0.159$, not 0.

# %%
theta = torch.zeros(4000).to(quadratic.start)
for _ in range(600):
    e = torch.empty_like(theta).exponential_(generator=random) - 1
    theta = theta - 0.05 * (theta + e).clamp(-1, 1)
mean, error = (float(x) for x in diagnostics.mean_and_error(theta))
print(f"with clipping the run settles at {mean:.3f} ± {2 * error:.3f} instead of 0")
assert abs(0.1586 - math.exp(0.1586 - 2)) < 1e-4 and abs(mean - 0.1586) <= 5 * error < 0.1

# %% [markdown]
# **Log** `diagnostics.update_to_weight` every step: a copy of the weights. Alarm on its ratio to a running median, not on a fixed level.
#
# <details><summary>Loss plateau, unchanged by η, B and a cooldown. Which row of the table?</summary>
#
# The second: bias has no $\eta$ and no $B$ in it. Look for clipping that is always active, stale gradients, a mean over unequal parts,
# low-precision accumulation that rounds towards zero.
# </details>
#
# <details><summary>Gradient error falls as B^(-1/3) over two decades of batch size. What do you conclude, and what not?</summary>
#
# $1/\alpha - 1 = -\frac13$ means $\alpha = 1.5$: variance is useless as a description *over these sizes*. Finite data have finite variance; at some
# larger $B$ the slope must return to $-\frac12$.
# </details>
#
# **Used in** spike handling of large runs, restarted from before the spike with some hundreds of batches skipped: Chowdhery et al., *PaLM: Scaling
# Language Modeling with Pathways*, 2022. **Owned elsewhere:** bias tests are
# [unbiased gradient oracle](2_formal_definitions.ipynb#Unbiased-gradient-oracle); averages of iterates
# [Polyak averaging](5_practical_variants.ipynb#Polyak-averaging).
#
# Last lab: is a transformer hurt more by noise proportional to its gradient, or by rare huge entries added to it? Then keep the heavy tails and
# lower the peak instead of raising the batch: which is the cheaper cure, and why does the law $n^{1/\alpha-1}$ make you expect that?

# %%
lab.transformer_lab(noise="multiplicative", steps=200)

# %% [markdown]
# ## Skill check
#
# Six situations from training runs. The [assignment](../../exercises/1_3_geometry_and_guarantees/1_3_geometry_and_guarantees.ipynb) then asks for
# the five formulas of this notebook as code: expected squared norm, descent bound, stationary variance, largest stable rate, strongly convex bound.

# %%
study.skill_check("1_3_geometry_and_guarantees")
