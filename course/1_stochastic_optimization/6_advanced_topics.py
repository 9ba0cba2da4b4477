# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1.6 Advanced topics: measure the noise, remove it, compress it, live with it
#
# **Previous:** [1.5 Practical variants](5_practical_variants.ipynb) · **Next:** [map of the course](../index.ipynb) ·
# **Reading time:** 45 minutes; the code takes less than one ·
# **Exercises:** [assignment 1.6](../../exercises/1_6_advanced_topics/1_6_advanced_topics.ipynb)
#
# 1. [Measure it](#1-Measure-it): gradient noise scale
# 2. [Remove it](#2-Remove-it): control variates, SVRG, SAGA
# 3. [Send less of it](#3-Send-less-of-it): communication compression
# 4. [See it from far away](#4-See-it-from-far-away): the large-scale view
# 5. [Meet it at scale](#5-Meet-it-at-scale): LLM pretraining noise, open questions
#
# Where theory is exact it is computed for a quadratic and laid over the measurement; a logistic regression with a
# known optimum shows how far it reaches; the small transformer says whether anybody should care.

# %%
from functools import partial

import torch

import noisydescent as nd
from noisydescent import diagnostics, lab, optimizers, study, theory

torch.set_num_threads(1)  # tiny tensors: a second thread costs more than it saves

# %%
quadratic = nd.Quadratic(torch.logspace(-1, 0, 10), noise=1.0)
logistic = nd.Logistic.gaussian_classes()
small = nd.Logistic.gaussian_classes(n_samples=400)  # small enough to visit every row often
language = nd.MarkovLanguage()
random, constant = nd.generator(0), nd.named("constant", 1)  # a constant schedule has no horizon

# %% [markdown]
# ## 1 Measure it
#
# ### Gradient noise scale
#
# No trainer keeps per-sample gradients. Every trainer with gradient accumulation or several workers holds two squared
# norms a step, one of a part and one of the whole. Is that enough to know
# $B_{\text{simple}} = \operatorname{tr}\Sigma/\lVert\nabla f\rVert^2$?
#
# **Definition.** Let $n_s, n_b$ be squared norms of minibatch gradients at batch sizes $B_s < B_b$. The two-batch
# estimator is $\hat G^2 = \frac{B_b n_b - B_s n_s}{B_b - B_s}$, $\hat S = \frac{n_s - n_b}{1/B_s - 1/B_b}$, both
# averaged over $k$ steps *before* dividing: $\hat B = \bar S/\bar G^2$ (samples).
#
# **Derivation.** Unbiased, independent rows give
# $\mathbb E\,n_B = \lVert\nabla f\rVert^2 + \operatorname{tr}\Sigma/B$: two linear equations, solved above. Linearity
# asks for nothing else, so the small batch may be a part of the big one. The quotient is not linear. Expand it to
# second order about the means, with $u = \operatorname{Var}\hat G^2/\lVert\nabla f\rVert^4$ and
# $w = -\operatorname{Cov}(\hat S, \hat G^2)/(\lVert\nabla f\rVert^2\operatorname{tr}\Sigma)$:
# $\mathbb E\,\hat B = B_{\text{simple}}\,(1 + (u + w)/k) + O(k^{-2})$. A large $n_s$ raises $\hat S$ and lowers
# $\hat G^2$, so $w > 0$ as well: the bias is always upwards. For normal gradients and separate batches
# $\operatorname{Var} n_B = 2\operatorname{tr}\Sigma^2/B^2 + 4\,\nabla f^\top\Sigma\nabla f/B$, and $u, w$ follow.
# $\blacksquare$


# %%
def two_batch(n_small, n_big, b_small, b_big):
    """Unbiased estimates of the squared gradient norm and of tr Σ."""
    square = (b_big * n_big - b_small * n_small) / (b_big - b_small)
    return square, (n_small - n_big) / (1 / b_small - 1 / b_big)


# %%
b_small, b_big, G = 8, 128, quadratic.gradient(0.5 * quadratic.start)
trace, exact = 10.0, theory.simple_noise_scale(G, 10.0)
norms = {}  # 8,000 repetitions of 64 steps
for B in (b_small, b_big):
    norms[B] = (G + quadratic.sample_noise(8000, 64, generator=random) / B**0.5).square().sum(dim=-1)

# %%
square, noise = two_batch(norms[b_small], norms[b_big], b_small, b_big)
variance = {B: 2 * trace / B**2 + 4 * float(G @ G) / B for B in norms}  # of one squared norm; Σ is the identity
a = b_big / (b_big - b_small)
u = (a**2 * variance[b_big] + (a - 1) ** 2 * variance[b_small]) / float(G @ G) ** 2
w = a * b_small * (a * variance[b_big] + (a - 1) * variance[b_small]) / (float(G @ G) * trace)

counts = torch.tensor([1, 2, 4, 8, 16, 32, 64])
quotients = torch.stack([noise[:, :k].mean(dim=1) / square[:, :k].mean(dim=1) for k in counts])
mean, error = diagnostics.mean_and_error(quotients, dim=1)
predicted = exact * (1 + (u + w) / counts)
assert torch.all((mean.cpu() - predicted).abs()[2:] <= 4 * error.cpu()[2:])

# %%
figure, axis = nd.new_figure("steps averaged before dividing, k", "estimate of B_simple (samples)", log="x")
nd.draw_measured(axis, counts, mean, error, "measured, 8,000 repetitions")
nd.draw_theory(axis, counts, predicted, "theory to order 1/k")
nd.draw_level(axis, exact, "exact")
nd.show(figure, alt="Estimates of B_simple: too large when few steps are averaged before dividing.")
print(f"mean of ratios {float(mean[0]):.2f}, ratio of means {float(mean[-1]):.2f}, exact {exact:.2f} samples")

# %% [markdown]
# **On logistic regression** nothing is normal and the answer is still exact, until the gradient hides: the relative
# error of $\bar G^2$ grows like $B_{\text{simple}}/(B_b\sqrt k)$. With 500 steps at $B_b = 64$, watch it reach one.
# The numerator stays precise all along; it is the small denominator that spoils the quotient, and every assertion
# that it is unbiased still passes where it has become useless.

# %%
theta = small.initial(1)[0]
for step in range(51):
    if step in (0, 3, 10, 20, 50):
        rows = small.per_sample_gradients(theta)
        n = [diagnostics.minibatch_means(rows, B, 500, random).square().sum(dim=1) for B in (8, 64)]
        square, noise = (diagnostics.mean_and_error(part) for part in two_batch(*n, 8, 64))
        truth = theory.simple_noise_scale(rows.mean(dim=0), float(diagnostics.gradient_variance(rows)))
        relative = float(square[1] / rows.mean(dim=0).square().sum())
        assert abs(square[0] - rows.mean(dim=0).square().sum()) < 5 * square[1]  # unbiased even where it is useless
        print(
            f"step {step:3}: exact {truth:8.1f}, estimate {float(noise[0] / square[0]):8.1f}, error of G² {relative:.0%}"
        )
    theta = theta - 0.3 * small.gradient(theta)

# %% [markdown]
# **In the transformer** eight micro-batches of eight sequences make a step; per-sequence gradients, which a large
# model could not afford, check the result.

# %%
plan = {"steps": 40, "batch_size": 16, "peak": 0.5, "schedule": constant, "record_every": 40}
trained = nd.train(language, **plan).theta
micro = language.gradient(trained.expand(256, -1), language.pool[:2048].view(256, 8, -1)).view(32, 8, -1)
n_small, n_big = micro.square().sum(dim=-1).mean(dim=1), micro.mean(dim=1).square().sum(dim=-1)
square, noise = two_batch(n_small, n_big, 8, 64)
by_sequence = diagnostics.noise_scale(language.per_sample_gradients(trained[0], language.pool[:2048]))
ratio = float(noise.mean() / square.mean())
print(f"two-batch {ratio:.1f}, per-sequence {by_sequence:.1f}, mean of ratios {float((noise / square).mean()):.1f}")
assert abs(ratio / by_sequence - 1) < 0.15

# %% [markdown]
# **Where it goes wrong.** The norms are read from `.grad` *after* `clip_grad_norm_`. Once both batches exceed the
# threshold both norms equal it, and the noise has vanished from the log, not from the run. Reading the "small" norm
# after the all-reduce does the same.

# %%
clipped = [norms[B].clamp(max=0.7**2).mean() for B in (b_small, b_big)]
square, noise = two_batch(*clipped, b_small, b_big)
print(f"clipped at 0.7: tr Σ = {float(noise):.3f} instead of {trace}, B_simple = {float(noise / square):.2f}")
assert noise / square < 0.05 * exact

# %% [markdown]
# **Log** `diagnostics.two_batch_parts` (its two outputs, averaged apart); it costs two norms.
#
# <details><summary>Eight workers, B = 64 each, and you log norms for 64 and 512. The estimate of ‖∇f‖² is negative in a third of the steps. A bug?</summary>
#
# No. $\hat G^2$ is unbiased, not positive: $B_{\text{simple}}$ lies far above 512. Average longer; never clamp single
# steps at zero, which would bias the mean.
# </details>
#
# <details><summary>B_simple doubled on the day you began to pack two documents into a sequence. Did training get noisier?</summary>
#
# The unit changed. In sequences it should have *halved*, were they independent documents. Convert to tokens first; a
# doubling in tokens is news.
# </details>
#
# **Used in** McCandlish et al., *An Empirical Model of Large-Batch Training*, 2018, appendix A.1. **Owned
# elsewhere:** what to do with it is [the critical batch size](1_intuition.ipynb#Critical-batch-size); the identity
# for $\mathbb E\,n_B$ is the
# [geometry of the unbiased oracle](3_geometry_and_guarantees.ipynb#Geometry-of-the-unbiased-oracle).

# %% [markdown]
# ## 2 Remove it
#
# ### Control variates
#
# Three lines of algebra carry the next three methods. Let $h$ be anything correlated with $f$ whose mean you know.
# For every $c$, $f_c = f - c\,(h - \mathbb E h)$ has the mean of $f$, and
#
# $$\operatorname{Var} f_c = \operatorname{Var} f - 2c\operatorname{Cov}(f, h) + c^2\operatorname{Var} h.$$
#
# **Definition.** $h$ is a control variate for $f$ with coefficient $c$. For gradients $f, h \in \mathbb R^d$ with a
# scalar $c$, read variances as traces.
#
# **Claim.** The best coefficient $c^* = \operatorname{Cov}(f,h)/\operatorname{Var} h$ leaves the fraction $1-\rho^2$;
# any $c$ outside $[0, 2c^*]$ (for $c^*>0$) does harm. **Proof.** The display is a parabola in $c$; complete the
# square: $\operatorname{Var} f_c = (1-\rho^2)\operatorname{Var} f + (c-c^*)^2\operatorname{Var} h$, which equals
# $\operatorname{Var} f$ at $c = 0$ and, by symmetry, at $2c^*$. $\blacksquare$
#
# What could have a *known* mean in training? The gradient of the same samples at an old point $s$ whose full gradient
# somebody computed. On least squares with Gaussian inputs of covariance $S$, with errors $a = \theta-\theta^*$,
# $b = s-\theta^*$ and label noise $\sigma^2$, Isserlis' formula gives
# $\operatorname{Cov}(f,h) = a^\top(S^2 + \operatorname{tr}(S)\,S)\,b + \sigma^2\operatorname{tr}S$. The label noise
# is common to both, so $c = 1$ cancels it whole. As $s$ ages:

# %%
regression = nd.LeastSquares(torch.logspace(-1, 0, 5), sigma=0.5)
S = torch.diag(regression.eigenvalues)
K, floor = S @ S + S.trace() * S, 0.25 * S.trace()
theta = regression.start  # the optimum is 0, so this is the error a
aside = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0]).to(theta)  # as long as a, another direction
ages = torch.tensor([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0], dtype=torch.float64)  # ‖θ - s‖ / ‖θ - θ*‖


def covariance(a, b):
    """Trace of the covariance of one sample's gradients at θ* + a and θ* + b."""
    return a @ K @ b + floor


# %%
figure, axis = nd.new_figure("age of the snapshot, ‖θ − s‖ / ‖θ − θ*‖", "variance ratio")
for label in ("c = 1", "best c"):
    measured, predicted = [], []
    for age in ages:
        s = theta + age * aside
        c = 1.0 if label == "c = 1" else covariance(theta, s) / covariance(s, s)
        f, h = (regression.per_sample_gradients(point, 4000, nd.generator(1)) for point in (theta, s))
        estimate = f - c * (h - regression.gradient(s))
        squares = (estimate - regression.gradient(theta)).square().sum(dim=1) / covariance(theta, theta)
        measured.append(torch.stack(diagnostics.mean_and_error(squares)))
        predicted.append(1 - 2 * c * covariance(theta, s) / covariance(theta, theta))
        predicted[-1] += c**2 * covariance(s, s) / covariance(theta, theta)
    (mean, error), exact = torch.stack(measured).T, torch.stack(predicted)
    assert torch.all((mean - exact).abs() <= 4 * error + 1e-12)
    nd.draw_measured(axis, ages, mean, error, f"measured, {label}")
    nd.draw_theory(axis, ages, exact)
nd.draw_level(axis, 1.0, "no control variate")
axis.set_ylim(0, 4)
nd.show(
    figure, alt="With c = 1 the ratio grows with the square of the age and passes one; with the best c it stays below."
)

# %% [markdown]
# A stale control is worse than none unless $c$ shrinks with its age, and then it can never hurt. Logistic regression
# and the transformer get no experiment of their own here, because their one practical control variate is this old
# gradient: its logistic curve and its transformer measurement are those of SVRG below.
#
# **Where it goes wrong.** Not knowing $\mathbb E h$ and taking it from the same minibatch. Averaged over the batch,
# the correction is $\bar h - \bar h$: a pretty formula that changes nothing.

# %%
batch_f, batch_h = f.view(500, 8, 5), h.view(500, 8, 5)
corrected = (batch_f - (batch_h - batch_h.mean(dim=1, keepdim=True))).mean(dim=1)
ratio = float(diagnostics.gradient_variance(corrected) / diagnostics.gradient_variance(batch_f.mean(dim=1)))
print(f"variance ratio with the mean from the batch itself: {ratio:.12f}")
assert abs(ratio - 1) < 1e-9

# %% [markdown]
# **Log** `diagnostics.variance_ratio(f, h)`: the ratio and $c^*$; two gradients of each of a few hundred samples.
#
# <details><summary>Correlation 0.9 sounds strong. If h costs as much as f, does it pay?</summary>
#
# $1-0.81 = 0.19$: five times less variance at twice the cost, so 2.6 times better than plain averaging. At
# $\rho = 0.7$ the gain, 1.96, no longer covers the doubled price: break-even is $\rho^2 = \frac12$.
# </details>
#
# <details><summary>You fit c on the same 8 samples that you then average. What have you lost?</summary>
#
# Unbiasedness, at order $1/n$, because $c$ now correlates with $h - \mathbb E h$; and the printed $1-\rho^2$
# flatters, since eight points fit a line too well. Fit on yesterday's batch.
# </details>
#
# **Used in** policy gradients, where the baseline is a control variate of mean zero: Williams, 1992; Mohamed, Rosca,
# Figurnov, Mnih, *Monte Carlo Gradient Estimation in Machine Learning*, 2020. **Owned elsewhere:** cutting variance
# by *which* rows are drawn is [importance sampling](2_formal_definitions.ipynb#Importance-sampling).

# %% [markdown]
# ### SVRG
#
# SGD at constant $\eta$ stalls; gradient descent does not, at $n$ gradients a step. Can a one-sample step have no
# floor?
#
# **Definition.** $f = \frac1n\sum_i f_i$ on $\mathbb R^d$. At a snapshot $s$ compute $\nabla f(s)$; then take $m$
# steps $\theta \leftarrow \theta - \eta v$, $v = g_i(\theta) - g_i(s) + \nabla f(s)$, $i$ uniform; the result is the
# next snapshot. An epoch costs $n + 2m$ sample gradients. It is a control variate with $c = 1$.
#
# **Theorem** (Johnson, Zhang). Each $f_i$ convex and $L$-smooth, $f$ $\mu$-strongly convex, next snapshot a uniformly
# drawn inner iterate, $\eta<\frac1{2L}$. Then $\mathbb E\,[f(s^+)-f^*] \le q\,(f(s)-f^*)$ with
# $q = \frac{1}{\mu\eta(1-2L\eta)m} + \frac{2L\eta}{1-2L\eta}$.
#
# **Proof.** (a) $\varphi_i(\theta) = f_i(\theta)-f_i(\theta^*)-\nabla f_i(\theta^*)^\top(\theta-\theta^*)$ is convex,
# $L$-smooth, least (zero) at $\theta^*$, so $\lVert\nabla\varphi_i\rVert^2\le 2L\varphi_i$; averaging,
# $\mathbb E\lVert g_i(\theta)-g_i(\theta^*)\rVert^2\le 2L(f(\theta)-f^*)$, because $\sum_i\nabla f_i(\theta^*)=0$.
# (b) Write $v = x - y$ with $x = g_i(\theta)-g_i(\theta^*)$ and $y = g_i(s)-g_i(\theta^*)-\nabla f(s)$, centred,
# which only lowers its second moment; $\lVert x-y\rVert^2\le2\lVert x\rVert^2+2\lVert y\rVert^2$ and (a) give
# $\mathbb E\lVert v\rVert^2\le 4L(f(\theta)-f^*+f(s)-f^*)$. (c) $\mathbb E v=\nabla f$ and convexity:
# $\mathbb E\lVert\theta^+-\theta^*\rVert^2\le\lVert\theta-\theta^*\rVert^2-2\eta(1-2L\eta)(f(\theta)-f^*)+4L\eta^2(f(s)-f^*)$.
# (d) Sum over $m$ steps from $\theta=s$; strong convexity, used only here, turns $\lVert s-\theta^*\rVert^2$ into
# $\frac2\mu(f(s)-f^*)$. Divide by $2\eta(1-2L\eta)m$. $\blacksquare$
#
# Theorems bound; a **quadratic** answers exactly. With $f_i = \frac{a_i}2(\theta-t_i)^2$ the targets cancel from $v$:
# in units of $s-\theta^*$ the displacement obeys $\delta\leftarrow(1-\eta a_i)\,\delta-\eta\bar a$, so two moments
# give the factor of an epoch.

# %%
n, eta, m = 20, 0.15, 15
curvature = torch.linspace(0.1, 2, n, dtype=torch.float64, device=small.device)
targets = torch.randn(n, generator=random, dtype=torch.float64, device=small.device)
optimum = (curvature * targets).mean() / curvature.mean()


def gradient_i(theta, rows):
    return curvature[rows, None] * (theta - targets[rows, None])


first = second = 0.0  # E δ and E δ²
for _ in range(m):
    step = eta * float(curvature.mean())
    second = float((1 - eta * curvature).square().mean()) * second - 2 * step * (1 - step) * first + step**2
    first = (1 - step) * first - step
factor = 1 + 2 * first + second

# %%
start = (optimum + 1).expand(4000, 1)
snapshots = optimizers.svrg(gradient_i, lambda theta: curvature.mean() * (theta - optimum), n, start, eta, 8, m, random)
mean, error = diagnostics.mean_and_error((snapshots[..., 0] - optimum).square(), dim=1)
predicted = factor ** torch.arange(9)
assert torch.all((mean.cpu() - predicted).abs() <= 5 * error.cpu() + 1e-15)

# %%
figure, axis = nd.new_figure("epoch", "squared distance to the optimum", log="y")
nd.draw_measured(axis, range(9), mean, error, "SVRG, 4,000 seeds")
nd.draw_theory(axis, range(9), predicted, f"exact: {factor:.3f} an epoch")
nd.show(
    figure, alt="Squared distance of SVRG's snapshots falls on a straight line on a logarithmic axis, as predicted."
)

# %% [markdown]
# **On logistic regression**, 400 rows: SVRG at one constant rate, SGD at the best of 24 tunings (rate and time
# constant of a $1/t$ schedule) for the same sample gradients.

# %%
epochs, inner = 16, 800
spent = torch.arange(epochs + 1) * (400 + 2 * inner)
path = optimizers.svrg(small.gradient_i, small.gradient, 400, small.initial(4), 0.05, epochs, inner, random)
svrg_excess = small.loss(path) - small.floor

# %%
peaks = torch.logspace(-1, 0.4, 8).repeat_interleave(4)  # eight rates, four seeds each
steps = int(spent[-1]) // 8
settings = []
for t0 in (30, 100, 300):
    plan = {"steps": steps, "batch_size": 8, "record_every": 100, "runs": 32, "peak": peaks}
    run = nd.train(small, schedule=lambda t, t0=t0: t0 / (t + t0), **plan)
    assert torch.allclose(run.learning_rate[-1], peaks.double() * t0 / (steps - 1 + t0), rtol=1e-6)
    settings.append((run.loss - small.floor).view(len(run.steps), 8, 4))
sgd = torch.cat(settings, dim=1)
best = sgd[:, sgd[-1].mean(dim=1).argmin()]

# %%
rows_at = [small.per_sample_gradients(theta) for theta in path[:, 0]]
left_over = [diagnostics.gradient_variance(rows_at[k + 1] - rows_at[k]) for k in range(epochs)]
plain = [diagnostics.gradient_variance(rows) for rows in rows_at[1:]]
reached = [int(spent[int(k)]) for k in diagnostics.steps_to_target(svrg_excess.T, 1e-10)]
print(f"SVRG: 1e-10 after {reached} gradients, by seed; SGD ends at {float(best[-1].mean()):.1e}")
assert svrg_excess[-1].max() < 1e-10 < best[-1].min()

# %%
figure, (left, right) = nd.new_figure(
    ["sample gradients", "epoch"], ["excess loss $f - f^*$", "estimator variance"], log="y", panels=2
)
nd.draw_curve(left, spent, svrg_excess.mean(dim=1), "SVRG", marker="o", markersize=3)
nd.draw_curve(left, run.steps[1:] * 8, best[1:].mean(dim=1), "SGD, best of 24")
nd.draw_curve(right, range(1, epochs + 1), torch.stack(left_over), "SVRG's v, end of the epoch")
nd.draw_curve(right, range(1, epochs + 1), torch.stack(plain), "one plain sample gradient")
right.set_xticks(range(0, 17, 4))
nd.show(figure, alt="SVRG falls straight below 1e-10, tuned SGD bends; SVRG's variance goes to zero.")

# %% [markdown]
# **In the transformer** an epoch is 512 steps of 16 sequences. How long does the control stay fresh? A step costs two
# gradients, and two sequences instead of one would halve the variance for the same money: 0.5 is the number to be
# below.

# %%
held = language.pool[:256]
for before in (1, 40, 120):
    plan = {"steps": before, "batch_size": 16, "peak": 0.5, "schedule": constant}
    theta = nd.train(language, record_every=200, **plan).theta
    oracle, h = language.oracle(1, 16, random), language.per_sample_gradients(theta[0], held)
    ratios = {}
    for age in range(1, 41):
        theta = theta - 0.5 * oracle(theta)
        if age in (1, 5, 40):
            ratios[age] = diagnostics.variance_ratio(language.per_sample_gradients(theta[0], held), h, 1.0)[0]
    print(f"snapshot at step {before:3}, ratio by age:", {age: round(x, 2) for age, x in ratios.items()})
    assert (ratios[40] < 0.5) == (before == 120)

# %% [markdown]
# While there is much to learn, a doubled batch beats the correction within a few steps, and from the first snapshot even
# the plain gradient soon does, with some 470 steps of the epoch to go. Once the toy source is nearly learned, $\theta$
# hardly moves and the control holds; a run that sees each token once never gets there. It has no $n$ either, and dropout
# masks would have to be replayed.
#
# **Where it goes wrong.** The snapshot's gradient is taken on another minibatch. Still unbiased, so no test of the
# mean sees it; but independent errors add.

# %%
f, h = (small.per_sample_gradients(path[k, 0]) for k in (6, 5))
other = torch.randperm(400, generator=random, device=small.device)
for label, control in [("same rows", h), ("other rows", h[other])]:
    print(f"{label:>10}: variance ratio {diagnostics.variance_ratio(f, control, 1.0)[0]:.2f}")
assert diagnostics.variance_ratio(f, h[other], 1.0)[0] > 1.5

# %% [markdown]
# **Log** the estimator variance, `diagnostics.variance_ratio(f, h, 1.0)` on 256 samples: above one, switch the
# correction off.
#
# <details><summary>SVRG's curve is straight for six epochs and then flat at 1e-4. Which line of the code do you read first?</summary>
#
# The one that refreshes $\nabla f(s)$. If it lags behind $s$ (cached, or from a subsample) then
# $\mathbb E v \ne \nabla f$ by a constant, and the fixed point moves.
# </details>
#
# <details><summary>κ = L/μ is 10⁶ and n is 10⁴. Is m = 2n a good choice?</summary>
#
# No: $q<1$ needs $m$ of order $\kappa$, for the first term. At $m \ll \kappa$ an epoch makes no guaranteed progress;
# total cost is of order $(n+\kappa)\log(1/\varepsilon)$, so let $m\approx\kappa$.
# </details>
#
# **Used in** convex solvers, from Johnson, Zhang, *Accelerating Stochastic Gradient Descent using Predictive Variance
# Reduction*, 2013; that it fails for deep networks is Defazio, Bottou, *On the Ineffectiveness of Variance Reduced
# Optimization for Deep Learning*, 2019. **Owned elsewhere:** the floor it removes is the
# [strongly convex template](3_geometry_and_guarantees.ipynb#Strongly-convex-proof-template).

# %% [markdown]
# ### SAGA
#
# SVRG stops every epoch to recompute $\nabla f(s)$. Suppose you keep, for each row, the last gradient you saw of it.
# Then the reference is always there, each step needs one new gradient, and the price is memory.
#
# **Definition.** A table $\Phi\in\mathbb R^{n\times d}$ holds $\Phi_j=g_j(\theta_0)$ at first. Draw $i$ uniformly,
# set $v=g_i(\theta)-\Phi_i+\bar\Phi$, $\theta^+=\theta-\eta v$, $\Phi_i^+=g_i(\theta)$. SAG, the older sister, uses
# $v=\frac1n(g_i(\theta)-\Phi_i)+\bar\Phi$.
#
# **Unbiased or not.** Average over $i$: $\nabla f-\bar\Phi+\bar\Phi=\nabla f$ for SAGA,
# $\frac1n\nabla f+(1-\frac1n)\bar\Phi$ for SAG, which shrinks the noise by $n^2$ and steps along a memory.
#
# **Linear rate.** With $f_i$ and $f$ as for SVRG let $\sigma^2=\frac1n\sum_j\lVert \Phi_j-g_j(\theta^*)\rVert^2$ and
# $\Delta=f(\theta)-f^*$. Steps (a), (b) above, with $\Phi_i$ for $g_i(s)$, give
# $\mathbb E\lVert v\rVert^2\le4L\Delta+2\sigma^2$. One of $n$ rows is replaced:
# $\mathbb E\,\sigma^{2+}\le(1-\frac1n)\sigma^2+\frac{2L}n\Delta$. Strong convexity:
# $\mathbb E\lVert\theta^+-\theta^*\rVert^2\le(1-\eta\mu)\lVert\theta-\theta^*\rVert^2-2\eta\Delta+\eta^2\,\mathbb E\lVert v\rVert^2$.
# Add the second, times $4n\eta^2$, to the third. The $\Delta$ terms sum to $-2\eta(1-6L\eta)\Delta$, so for
# $\eta\le\frac1{6L}$ the quantity $V=\lVert\theta-\theta^*\rVert^2+4n\eta^2\sigma^2$ obeys
# $\mathbb E V^+\le(1-\min(\eta\mu,\frac1{2n}))\,V$. $\blacksquare$
#
# The second entry of the minimum is the table's own age: however well conditioned $f$ is, some $n$ steps pass before
# the old rows are forgotten.
#
# On the **quadratic** of before $(\theta-\theta^*,\,\Phi-g(\theta^*))$ moves by one of $n$ matrices a step, so its
# second moment is exact, for both sisters.


# %%
def moves(share):
    """The n matrices of a step: share 1 is SAGA, 1/n is SAG."""
    maps = torch.eye(n + 1, dtype=torch.float64, device=small.device).repeat(n, 1, 1)
    i = torch.arange(n, device=small.device)
    maps[:, 0, 1:] = -eta / n
    maps[i, 0, 0] -= eta * share * curvature
    maps[i, 0, i + 1] += eta * share
    maps[i, i + 1, i + 1], maps[i, i + 1, 0] = 0.0, curvature
    return maps


first = torch.cat([torch.ones_like(curvature[:1]), curvature])  # one away from the optimum


# %%
exact = {}
for name, share in [("SAGA", 1.0), ("SAG", 1 / n)]:
    maps, moment, exact[name] = moves(share), torch.outer(first, first), [1.0]
    for _ in range(240):
        moment = (maps @ moment @ maps.mT).mean(dim=0)
        exact[name].append(float(moment[0, 0]))

# %%
path, _ = optimizers.saga(gradient_i, n, start, eta, 240, random, record_every=24)
mean, error = diagnostics.mean_and_error((path[..., 0] - optimum).square(), dim=1)
at = torch.arange(0, 241, 24)
assert torch.all((mean.cpu() - torch.tensor(exact["SAGA"])[at]).abs() <= 5 * error.cpu() + 1e-12)

# %%
figure, axis = nd.new_figure("step (one new gradient each)", "squared distance to the optimum", log="y")
nd.draw_measured(axis, at, mean, error, "SAGA, 4,000 seeds")
nd.draw_theory(axis, range(241), exact["SAGA"], "SAGA, exact recursion")
nd.draw_theory(axis, range(241), exact["SAG"], "SAG, exact recursion", style=":")
nd.show(figure, alt="SAGA's squared distance falls linearly, as computed; SAG's swings on its way down.")

# %% [markdown]
# SAG is biased at every step and converges all the same. Its mean step points where $\theta$ *was*, which makes it
# swing like momentum, and the bias dies with the age of the table. Bias is fatal only when it stays.
#
# **On logistic regression** we enumerate all 400 indices for the bias, then run to $10^{-10}$.

# %%
path, table = optimizers.saga(small.gradient_i, 400, small.initial(4), 0.05, 24000, random, record_every=400)
early, young = optimizers.saga(small.gradient_i, 400, small.initial(1), 0.05, 200, random)
fresh, full = small.per_sample_gradients(early[-1, 0]), small.gradient(early[-1, 0])
for name, share in [("SAGA", 1.0), ("SAG", 1 / 400)]:
    bias = (share * (fresh - young[0]) + young[0].mean(dim=0)).mean(dim=0) - full
    print(f"{name:4} after 200 steps: bias is {float(bias.norm() / full.norm()):.0e} of the gradient")

# %%
excess, spent_saga = small.loss(path) - small.floor, 400 + 400 * torch.arange(len(path))
reached = [int(spent_saga[int(k)]) for k in diagnostics.steps_to_target(excess.T, 1e-10)]
print(f"SAGA: 1e-10 after {reached} gradients, by seed")

# %%
figure, axis = nd.new_figure("sample gradients", "excess loss $f - f^*$", log="y")
nd.draw_curve(axis, spent, svrg_excess.mean(dim=1), "SVRG, rate 0.05", marker="o", markersize=3)
nd.draw_curve(axis, run.steps[1:] * 8, best[1:].mean(dim=1), "SGD, best of 24")
nd.draw_curve(axis, spent_saga, excess.mean(dim=1), "SAGA, rate 0.05")
axis.set_ylim(bottom=1e-13)
nd.show(figure, alt="SAGA and SVRG fall linearly below 1e-10; SAGA needs fewer sample gradients at this rate.")

# %% [markdown]
# **In the transformer** the method has no meaning beyond a multiplication: the table of our toy, and of a model of
# 124 million parameters on nine million sequences, would take

# %%
for rows, size in [(len(language.pool), language.dim), (9_000_000, 124_000_000)]:
    print(f"{rows:,} rows × {size:,} parameters: {diagnostics.table_bytes(rows, size) / 1e9:,.1f} GB")
print(f"logistic, one number a row: {diagnostics.table_bytes(400, 20, linear=True)} bytes")

# %% [markdown]
# Linear models escape, because $g_i=(\text{number})\cdot x_i$ and $x_i$ is stored already.
#
# **Where it goes wrong.** Minibatches drawn *with* replacement. A row that comes twice is added twice to the running
# mean, and stored once. From then on $\bar\Phi$ is not the mean of $\Phi$, for ever.


# %%
def saga_in_batches(draw, steps=4000, rate=0.1):
    theta, table = small.initial(1), small.per_sample_gradients(small.initial(1)[0])
    mean = table.mean(dim=0)
    for _ in range(steps):
        rows = draw()
        fresh = small.gradient_i(theta.expand(20, -1), rows)
        change = fresh - table[rows]
        theta = theta - rate * (change.mean(dim=0) + mean)
        table[rows], mean = fresh, mean + change.sum(dim=0) / 400
    return float(small.loss(theta)[0] - small.floor), float((mean - table.mean(dim=0)).norm())


# %%
draws = {
    "distinct rows": lambda: torch.randperm(400, generator=random, device=small.device)[:20],
    "with replacement": lambda: torch.randint(400, (20,), generator=random, device=small.device),
}
for name, draw in draws.items():
    excess, gap = saga_in_batches(draw)
    print(f"{name:>16}: excess {excess:.1e}, ‖running mean − mean of the table‖ = {gap:.1e}")
assert excess > 1e-6 and gap > 1e-4

# %% [markdown]
# **Log** the table's memory, `diagnostics.table_bytes`, before you start; and every thousand steps the gap just
# printed, at the price of reading the table once.
#
# <details><summary>You resume from a checkpoint that holds θ but not the table, and start with Φ = 0, mean 0. Is the first step wrong?</summary>
#
# It is unbiased: the mean matches the table. It is plain SGD until rows fill in, at a rate chosen for a method
# without noise, so the loss jumps up before it falls. Recompute the table, or lower the rate for an epoch.
# </details>
#
# <details><summary>Your data are augmented: each visit of row i sees another crop. What happens to the linear rate?</summary>
#
# It is lost. $g_i(\theta)-\Phi_i$ no longer tends to zero, as the crop itself has variance; a floor returns. Finite
# sums are a property of the loader.
# </details>
#
# **Used in** scikit-learn's `LogisticRegression(solver="saga")`, after Defazio, Bach, Lacoste-Julien, *SAGA*, 2014;
# SAG: Le Roux, Schmidt, Bach, 2012. **Owned elsewhere:** a bias that does stay is
# [the oracle's](2_formal_definitions.ipynb#Unbiased-gradient-oracle).

# %% [markdown]
# ## 3 Send less of it
#
# ### Communication compression
#
# Two workers, two parameters, each may send one number a step. Their gradients at $\theta=0$ are $(-10,-1)$ and
# $(10,-1)$. Both send the larger entry, the two cancel, and $\theta$ never moves, although both agree that $\theta_2$
# should grow.

# %%
workers = [partial(torch.sub, other=torch.tensor([side, 1.0]).double()) for side in (10.0, -10.0)]  # θ - θ*_k
for feedback in (False, True):
    done = optimizers.compressed_sgd(
        workers, torch.zeros(1, 2).double(), 0.05, 400, partial(optimizers.top_k, k=1), feedback
    )
    print(f"error feedback {feedback!s:5}: θ = {[round(x, 3) for x in done.theta[-1, 0].tolist()]}, optimum [0, 1]")
assert done.theta[-1, 0, 1] > 0.9

# %% [markdown]
# **Definition.** A compressor $C:\mathbb R^d\to\mathbb R^d$ is a $\delta$-contraction if
# $\lVert C(v)-v\rVert^2\le(1-\delta)\lVert v\rVert^2$; top-$k$ has $\delta=k/d$. Error feedback sends $C(\eta g+e)$
# and keeps $e^+=\eta g+e-C(\eta g+e)$. QSGD rounds $s|v_i|/\lVert v\rVert$ up or down at random to a whole number, so
# that $\mathbb E\,Q(v)=v$.
#
# **Why feedback works.** $x=\theta-e$ obeys $x^+=\theta-C(\eta g+e)-e^+=x-\eta g(\theta)$: *plain SGD*, with the
# gradient taken a distance $\lVert e\rVert$ off. If $\lVert g\rVert\le M$, then
# $\lVert e^+\rVert\le\sqrt{1-\delta}\,(\lVert e\rVert+\eta M)$, a geometric series; with
# $1-\sqrt{1-\delta}\ge\delta/2$ it gives $\lVert e\rVert\le2\eta M/\delta$. The error is of order $\eta$ and leaves
# with it. $\blacksquare$
#
# **QSGD's variance.** With $p_i$ the fractional part of $s|v_i|/\lVert v\rVert$, rounding is a Bernoulli draw:
# $\mathbb E\lVert Q(v)-v\rVert^2=\frac{\lVert v\rVert^2}{s^2}\sum_ip_i(1-p_i)$. Since $p_i(1-p_i)\le\frac14$ the sum
# is at most $d/4$; since $p_i(1-p_i)\le s|v_i|/\lVert v\rVert$ and $\lVert v\rVert_1\le\sqrt d\lVert v\rVert$ it is
# at most $s\sqrt d$. Hence a factor below $\min(d/s^2,\sqrt d/s)$, the published one, with four in hand at many
# levels. $\blacksquare$

# %%
v, levels = torch.randn(1, 1000, generator=random, device=small.device), [1, 2, 4, 8, 16, 32, 64, 128]
scaled = v.abs() / v.norm()
exact = [float(((scaled * s).frac() * (1 - (scaled * s).frac())).sum()) / s**2 for s in levels]
sent = torch.stack([optimizers.quantize(v.expand(200, -1), s, random) for s in levels])  # (8, 200, 1000)
mean, error = diagnostics.mean_and_error((sent - v).square().sum(dim=-1) / v.square().sum(), dim=1)
assert torch.all((mean.cpu() - torch.tensor(exact)).abs() <= 5 * error.cpu() + 1e-6)

# %%
theta0, H, top_1 = quadratic.start.expand(1, -1), quadratic.eigenvalues, partial(optimizers.top_k, k=1)
apart = torch.randn(4, 10, generator=random, dtype=torch.float64, device=quadratic.device)
apart = apart - apart.mean(dim=0)  # the workers' optima; their mean is the optimum of all
workers = [lambda theta, centre=centre: H * (theta - centre) for centre in apart]

# %%
curves = {}
for rate, feedback in [(0.05, False), (0.05, True), (0.025, True)]:
    done = optimizers.compressed_sgd(workers, theta0, rate, 2000, top_1, feedback)
    curves[rate, feedback] = quadratic.loss(done.theta)[:, 0]
    largest = max(float(worker(done.theta).norm(dim=-1).max()) for worker in workers)
    assert float(done.residual_norm.max()) <= 2 * rate * largest / 0.1  # δ = 1/10
floors = {setting: float(curve[-400:].mean()) for setting, curve in curves.items()}
print({f"η = {rate}, feedback {on}": f"{value:.1e}" for (rate, on), value in floors.items()})
assert 3 < floors[0.05, True] / floors[0.025, True] < 5 and floors[0.05, False] > 100 * floors[0.05, True]

# %%
figure, (left, right) = nd.new_figure(
    ["levels s", "step"], ["variance factor of QSGD, d = 1000", "loss, top-1 of 10"], log="y", panels=2
)
nd.draw_measured(left, levels, mean, error, "measured, 200 draws")
nd.draw_theory(left, levels, exact, "exact")
nd.draw_theory(left, levels, [min(1000 / s**2, 1000**0.5 / s) for s in levels], "bound", style=":")
left.set_xscale("log", base=2)
for (rate, on), curve in curves.items():
    nd.draw_curve(right, range(2001), curve, f"η = {rate}, {'feedback' if on else 'none'}")
right.set_ylim(1e-5, 1e2)
nd.show(figure, alt="QSGD's variance is as computed; top-1 stalls without feedback, not with it.")

# %% [markdown]
# Halving $\eta$ divides the floor with feedback by about four, as an error of order $\eta$ must in a squared
# distance. On the left, one level costs 1.6 bits an entry and makes the squared length of the gradient 25 times
# larger: cheap bits, dear steps, unless many workers average the rounding away.
#
# **On logistic regression**, four workers of batch 8: loss against *bits*, each method at the best of eight rates
# (eight seeds each).

# %%
methods = {  # compressor, error feedback, bits a worker and step
    "dense, 32 bits": (lambda v: v, False, 20 * 32),
    "top-2 with feedback": (partial(optimizers.top_k, k=2), True, optimizers.top_k_bits(20, 2)),
    "top-2 without": (partial(optimizers.top_k, k=2), False, optimizers.top_k_bits(20, 2)),
    "QSGD, s = 1": (lambda v: optimizers.quantize(v, 1, random), False, optimizers.quantize_bits(20, 1)),
}

# %%
grid = torch.logspace(-1.5, 0.6, 8, dtype=torch.float64).repeat_interleave(8)  # eight rates, eight seeds each
figure, axis = nd.new_figure("bits sent by a worker", "excess loss $f - f^*$", log="y")
for label, (compress, feedback, bits) in methods.items():
    workers = [logistic.oracle(64, 8, random) for _ in range(4)]
    steps = 32_000 // bits
    done = optimizers.compressed_sgd(workers, logistic.initial(64), grid, steps, compress, feedback)
    shown = torch.linspace(0, steps, 40).long()
    excess = (logistic.loss(done.theta[shown]) - logistic.floor).view(40, 8, 8)  # records, rates, seeds
    best_rate = excess[-1].mean(dim=1).argmin()
    mean, error = diagnostics.mean_and_error(excess[:, best_rate], dim=1)
    nd.draw_measured(axis, bits * shown, mean, error, label, band=True)
    print(f"{label:20}: {steps:3} steps of {bits} bits, excess {float(mean[-1]):.4f} ± {2.36 * float(error[-1]):.4f}")
axis.set_ylim(1e-3, 2)
nd.show(figure, alt="Loss against bits: top-2 with feedback lowest, then QSGD, dense; top-2 without stalls.")

# %% [markdown]
# At equal bits the dense gradient loses to both schemes that lose nothing in the long run, and beats top-2 without
# feedback, which falls first and stalls highest.
#
# **In the transformer** one entry in a hundred is sent. Same batches, same rate, four seeds.

# %%
ends = {}
for label, k, feedback in [("dense", language.dim, False), ("with", 262, True), ("without", 262, False)]:
    oracle = language.oracle(4, 8, nd.generator(5))
    start = language.initial(4, nd.generator(6))
    done = optimizers.compressed_sgd([oracle], start, 0.5, 100, partial(optimizers.top_k, k=k), feedback)
    ends[label] = language.loss(done.theta[-1])
    print(f"{label:>7}: loss {float(ends[label].mean()):.3f}, residual {float(done.residual_norm[-1].mean()):.2f}")
gain, error = diagnostics.mean_and_error(ends["without"] - ends["with"])
print(f"feedback is worth {float(gain):.3f} ± {3.18 * float(error):.3f} nats (95 %, four pairs)")
assert gain > 3.18 * error

# %% [markdown]
# **Where it goes wrong.** Feedback around QSGD with one level. Unbiased it may be, but a factor above one is no
# contraction: the memory feeds on itself.

# %%
wide = nd.Quadratic(torch.ones(400), noise=0.0)  # QSGD's factor is at most √400 - 1 = 19: scaled by 1/20, δ = 1/20
for label, scale in [("Q(v)", 1.0), ("Q(v) / 20", 1 / 20)]:
    quantized = lambda v, scale=scale: scale * optimizers.quantize(v, 1, random)  # noqa: E731
    done = optimizers.compressed_sgd([wide.gradient], wide.initial(1), 0.01, 60, quantized)
    print(f"feedback around {label:9}: residual norm {float(done.residual_norm[-1, 0]):.1e}")
    assert (done.residual_norm[-1, 0] > 1e5) == (label == "Q(v)")

# %% [markdown]
# **Log** bits sent (`optimizers.top_k_bits`, `optimizers.quantize_bits`) beside the residual norm of
# `optimizers.compressed_sgd`: bits say what you save, the residual what you owe. It costs one norm.
#
# <details><summary>With feedback, the loss rises for a moment right after the learning rate is cut tenfold. Why?</summary>
#
# The memory still holds updates of the old rate, up to $2\eta_{\text{old}}M/\delta$, and releases them over some
# $d/k$ steps. It is inside the memory that $\eta$ belongs; waiting is the cure.
# </details>
#
# <details><summary>Top-1 % halved the wall-clock time on 64 workers, yet nobody sees 1 % of the traffic. Where did it go?</summary>
#
# Positions cost bits too, and different workers choose different entries: the union over 64 may hold half of all
# coordinates, and an all-reduce cannot add sparse vectors as it adds dense ones.
# </details>
#
# **Used in** training over slow links: Alistarh et al., *QSGD*, 2017; Stich, Cordonnier, Jaggi, *Sparsified SGD with
# Memory*, 2018; Karimireddy, Rebjock, Stich, Jaggi, *Error Feedback Fixes SignSGD*, 2019. **Owned elsewhere:**
# sending less *often* is [local SGD](5_practical_variants.ipynb#Local-SGD).
#
# In this lab one worker compresses, and the noise is alike in all directions. Switch feedback off at batch size 8:
# the loss *falls*. What else than gradient does the memory keep, and from which batch size on does feedback pay?

# %%
lab.quadratic_lab(batch_size=8, keep=0.05, feedback="with")

# %% [markdown]
# ## 4 See it from far away
#
# ### Large-scale view
#
# You must halve the batch because the new accelerator has less memory. Which learning rate gives not just a similar
# final loss but the same run?
#
# **Definition.** The SDE of SGD is $d\theta=-\nabla f\,dt+\sqrt{\tau}\,\Sigma^{1/2}dW$ with temperature $\tau=\eta/B$
# (learning rate per sample) and time $t=\eta k$ after $k$ steps.
#
# **Where it comes from.** One step moves by mean $-\eta\nabla f$ and covariance $\eta^2\Sigma/B$; over $dt=\eta$ the
# SDE moves by $-\nabla f\,dt$ and $\tau\Sigma\,dt$. These agree when $\tau=\eta/B$. Time and samples are proportional
# at fixed $\tau$, $t=\eta k=\tau\cdot(Bk)$: **against samples**, all runs of one temperature share one curve.
#
# **Stationary law on a quadratic.** By Itô, $\dot C=-HC-CH+\tau\Sigma$, so in the eigenbasis of $H$:
# $C_{ij}=\frac{\tau\,\Sigma_{ij}}{\lambda_i+\lambda_j}$. SGD itself: $C=(I-\eta H)C(I-\eta H)+\eta^2\Sigma/B$ gives
# $C_{ij}=\frac{\tau\,\Sigma_{ij}}{\lambda_i+\lambda_j-\eta\lambda_i\lambda_j}$. The whole error of the far view is
# the last term: relative size $\eta\lambda/2$ on the diagonal. $\blacksquare$
#
# Only for $\Sigma\propto I$ is this Boltzmann's $C=\frac\tau2H^{-1}$, density $\propto e^{-2f/\tau}$. Here $\Sigma$
# is correlated:

# %%
noise = torch.tensor([[1.0, 0.8], [0.8, 1.0]])
correlated = nd.Quadratic(torch.tensor([0.2, 1.0]), noise=noise, start=torch.zeros(2))
lam = correlated.eigenvalues
pairs = lam[:, None] + lam
for B, rate in [(1, 0.1), (4, 0.4), (16, 1.6)]:
    final = nd.train(correlated, steps=300, batch_size=B, peak=rate, schedule=constant, runs=4000).theta
    C, exact = torch.cov(final.T), 0.1 * correlated.noise_covariance / (pairs - rate * lam[:, None] * lam)
    error = ((exact.diagonal()[:, None] * exact.diagonal() + exact**2) / 4000).sqrt()
    assert torch.all((C - exact).abs() <= 5 * error)
    over = C / (0.1 * correlated.noise_covariance / pairs)
    print(
        f"B = {B:2}, η = {rate}: C / C of the SDE, flat {over[0, 0]:.2f}, cross {over[0, 1]:.2f}, steep {over[1, 1]:.2f}"
    )

# %% [markdown]
# The cross term is not zero, as Boltzmann would have it, and the steep direction is the first to leave. Now whole
# curves:

# %%
samples, tau = 2048, 1 / 32
figure, axis = nd.new_figure("samples", "loss $f$", log="y")
for B in (1, 16, 56):
    plan = {"steps": samples // B, "batch_size": B, "peak": tau * B, "schedule": constant}
    run = nd.train(quadratic, runs=256, record_every=max(1, 64 // B), **plan)
    mean, error = diagnostics.mean_and_error(run.loss, dim=1)
    exact = theory.expected_loss_of(quadratic, **plan)[run.steps]
    assert torch.all((mean - exact).abs() <= 5 * error + 1e-12)
    nd.draw_measured(axis, run.steps * B, mean, error, f"B = {B}, η = {tau * B:.3g}", band=True)

# %%
eigenvalues, t = quadratic.eigenvalues.cpu(), tau * torch.arange(samples + 1)[:, None]
decay = torch.exp(-2 * eigenvalues * t)
sde = 0.5 * (eigenvalues * decay + tau / 2 * (1 - decay)).sum(dim=1)
nd.draw_theory(axis, range(samples + 1), sde, "SDE")
nd.show(figure, alt="At equal η/B, batch sizes 1 and 16 follow the SDE; 56 levels off above it.")

# %% [markdown]
# **On logistic regression** at $\tau=0.01$ and **in the transformer** at $\tau=1/64$, after a fixed number of
# samples:

# %%
ends = []
for problem, tau, samples, batches in [
    (logistic, 0.01, 16384, (4, 16, 64, 256)),
    (language, 1 / 64, 1280, (8, 32, 64, 96)),
]:
    for B in batches:
        plan = {"steps": samples // B, "peak": tau * B, "schedule": constant, "record_every": samples}
        run = nd.train(problem, batch_size=B, runs=4 if problem is language else 64, **plan)
        ends.append([float(x) for x in diagnostics.mean_and_error(run.loss[-1] - problem.floor)])
        print(f"B = {B:3}, η = {tau * B:5.3g}: excess {ends[-1][0]:.4f} ± {2 * ends[-1][1]:.4f}")
assert abs(ends[0][0] - ends[2][0]) < 4 * (ends[0][1] ** 2 + ends[2][1] ** 2) ** 0.5
assert all(ends[k][0] - ends[k - 3][0] > 4 * (ends[k][1] ** 2 + ends[k - 3][1] ** 2) ** 0.5 for k in (3, 7))

# %% [markdown]
# Equal as long as $\eta$ stays well below $2/L$. The transformer is sharp at first, and it leaves sooner; in its last
# row nothing has changed but the length of one step, which no longer fits the curvature.
#
# **Where it goes wrong.** Keep $\eta/B$ under Adam. It divides by the noise it measures,
# $\sqrt v\approx\sigma/\sqrt B$, so its variance goes as $\eta/\sqrt B$.

# %%
adam_floor = {}
bowl = nd.Quadratic(torch.linspace(0.3, 1, 10), noise=1.0, start=torch.zeros(10))
for B, rate in [(1, 0.005), (16, 0.02), (16, 0.08)]:
    plan = {"steps": 2000, "peak": rate, "schedule": constant, "record_every": 50}
    run = nd.train(bowl, batch_size=B, optimizer="adam", runs=64, **plan)
    adam_floor[B, rate] = diagnostics.mean_and_error(run.loss[20:].mean(dim=0))
    print(
        f"Adam, B = {B:2}, η = {rate:5}: floor {float(adam_floor[B, rate][0]):.4f} ± {2 * float(adam_floor[B, rate][1]):.4f}"
    )
assert adam_floor[16, 0.08][0] > 3 * adam_floor[1, 0.005][0]

# %% [markdown]
# **Log** `diagnostics.temperature(lr, batch_size, momentum)`, $\eta/(B(1-\beta))$, with the rate as applied; no cost.
# Two runs that should agree and do not usually differ in it.
#
# <details><summary>Your schedule decays η tenfold. Name a schedule of B with the same temperatures, and say where it saves time.</summary>
#
# Keep $\eta$, raise $B$ tenfold. Same curve against samples while $\eta L$ is small, in a tenth of the steps of that
# phase (Smith, Kindermans, Ying, Le, 2018).
# </details>
#
# <details><summary>Momentum went from 0.9 to 0.95 with η and B kept, and the final loss is higher. What does the far view say?</summary>
#
# Temperature doubled. Halve $\eta$ to return; if the loss still differs, momentum did something other than rescale
# time.
# </details>
#
# **Used in** exchanging decay for growing batches: Smith, Kindermans, Ying, Le, *Don't Decay the Learning Rate,
# Increase the Batch Size*, 2018; the SDE: Li, Tai, E, 2017; its law: Mandt, Hoffman, Blei, 2017; Adam: Malladi, Lyu,
# Panigrahi, Arora, 2022. **Owned elsewhere:** rules that forget the limit $2/L$ are
# [batch-size scaling rules](4_algorithms_and_dynamics.ipynb#Batch-size-scaling-rules).
#
# Find two settings of batch size and peak that end alike, then compress both to one entry (`keep` 0.05). Does the temperature still
# predict the end?

# %%
lab.logistic_lab(batch_size=16, peak=0.3, keep=1.0, feedback="with")

# %% [markdown]
# ## 5 Meet it at scale
#
# ### LLM pretraining noise
#
# A pretraining log shows $B_{\text{simple}}$ climbing from ten thousand tokens to millions. Has the text become
# noisier?
#
# **Definition.** Pretraining noise is the path $t\mapsto B_{\text{simple}}(\theta_t)$, tracked by two moving averages
# with one decay $\beta$, $\bar S\leftarrow\beta\bar S+(1-\beta)\hat S_t$ and
# $\bar G^2\leftarrow\beta\bar G^2+(1-\beta)\hat G_t^2$, divided only when read. Bias correction $1/(1-\beta^t)$
# cancels in the quotient.
#
# **Why it grows.** On a quadratic with additive noise $\operatorname{tr}\Sigma$ is constant and
# $\mathbb E\lVert\nabla f(\theta_t)\rVert^2=\sum_i\lambda_i^2(m_i^2+s_i)$, with $m_i,s_i$ the mean and variance of
# SGD; it falls to $\sum_i\frac{\eta\lambda_i\sigma_i^2}{B(2-\eta\lambda_i)}$. For equal variances and small $\eta$
# the noise scale rises to $\frac{2Bd}{\eta\operatorname{tr}H}$ and *stops*: at constant rate a plateau of
# $B_{\text{simple}}/B$ near $2/(\eta\bar\lambda)$ is the signature of the noise floor.
#
# **What the average reports.** Both averages are linear, so their expectations obey the same recursion: while
# $\lVert\nabla f\rVert^2$ shrinks by $r$ a step, $\bar G^2$ tends to $\frac{1-\beta}{1-\beta/r}$ times the present
# value (for $\beta<r$): too large, hence $\hat B$ too *small*. $\blacksquare$

# %%
beta, rate, steps, runs = 0.9, 0.5, 100, 256
theta, trackers = quadratic.initial(runs), [nd.NoiseScale(beta) for _ in range(runs)]
read = []
for _ in range(steps):
    micro = quadratic.gradient(theta) + quadratic.sample_noise(4, runs, generator=random) / 8**0.5  # 4 of 8 samples
    n_small, n_big = micro.square().sum(dim=2).mean(dim=0), micro.mean(dim=0).square().sum(dim=1)
    for tracker, small_norm, big_norm in zip(trackers, n_small.tolist(), n_big.tolist(), strict=True):
        tracker.update(small_norm, big_norm, 8, 32)
    read.append([(tracker.gradient_square, tracker.trace) for tracker in trackers])
    theta = theta - rate * micro.mean(dim=0)

# %%
mean_part, spread, now, average, lagged = quadratic.start.cpu(), torch.zeros(10).double(), [], 0.0, []
for t in range(steps):
    now.append(float((eigenvalues**2 * (mean_part**2 + spread)).sum()))
    average = beta * average + (1 - beta) * now[-1]
    lagged.append(average / (1 - beta ** (t + 1)))
    mean_part, spread = (1 - rate * eigenvalues) * mean_part, (1 - rate * eigenvalues) ** 2 * spread + rate**2 / 32

# %%
(mean, trace), (error, trace_error) = (x.T for x in diagnostics.mean_and_error(torch.tensor(read), dim=1))
assert torch.all((mean - torch.tensor(lagged)).abs() <= 5 * error) and torch.all((trace - 10).abs() <= 5 * trace_error)
print(
    f"B_simple: {10 / now[0]:.1f} at the start, {10 / now[-1]:.0f} at the end, tracked {float(trace[-1] / mean[-1]):.0f}"
)

# %%
figure, axis = nd.new_figure("optimizer step", "squared gradient norm", log="y")
nd.draw_measured(axis, range(steps), mean, error, "tracked, 256 seeds", band=True)
nd.draw_theory(axis, range(steps), lagged, "exact expectation of the average")
nd.draw_theory(axis, range(steps), now, "exact, this step", style=":")
nd.show(figure, alt="The tracked squared gradient norm follows its expectation, behind the present value.")

# %% [markdown]
# The average lags while the gradient shrinks and settles on the floor, where a single $\hat G^2$ has an error of
# about $2\sqrt{2d}/(\eta\operatorname{tr}H)$ times its value, here four. No batch size helps, since signal and error
# both go as $1/B$; only time does.
#
# **On logistic regression** $\Sigma$ moves too, and **in the transformer** only the tracker can say anything. One
# function serves both; a step's four micro-batches are the small batches.


# %%
def follow(gradients, theta, rate, steps, size):
    """Train with four micro-batches a step, gradients(theta) (4, d); B_simple smoothed, norms, path."""
    tracker, curve, norms, path = nd.NoiseScale(0.95), [], [], []
    for _ in range(steps):
        path.append(theta)
        micro = gradients(theta)
        norms.append((float(micro.square().sum(dim=1).mean()), float(micro.mean(dim=0).square().sum())))
        tracker.update(*norms[-1], size, 4 * size)
        curve.append(tracker.value)
        theta = theta - rate * micro.mean(dim=0)
    return curve, norms, path


# %%
rows, text = logistic.oracle(4, 256, random), language.oracle(4, 8, random)
curve, _, path = follow(lambda x: rows(x.expand(4, -1)), logistic.initial(1)[0], 0.1, 300, 256)
exact = [
    theory.simple_noise_scale(logistic.gradient(x), float(logistic.noise_covariance(x).trace())) for x in path[::10]
]
learned, norms, path = follow(lambda x: text(x.expand(4, -1)), language.initial(1, random)[0], 0.5, 200, 8)

# %%
figure, (left, right) = nd.new_figure(
    "optimizer step", "B_simple", log="y", panels=2, title=["logistic (samples)", "transformer (sequences)"]
)
nd.draw_curve(left, range(300), curve, "tracked")
nd.draw_theory(left, range(0, 300, 10), exact, "exact at this step")
nd.draw_curve(right, range(200), learned, "tracked")
nd.show(figure, alt="B_simple grows in training; on logistic regression beside its exact values.")
for step in (20, 60, 199):
    print(
        f"step {step:3}: loss {float(language.loss(path[step][None])[0]):.2f}, B_simple {learned[step]:.0f} sequences"
    )
assert learned[-1] > 2 * learned[20]

# %% [markdown]
# **Where it goes wrong.** One average, of the quotient. Single-step estimates of $\lVert\nabla f\rVert^2$ cross zero,
# and dividing by them throws the average anywhere.

# %%
square, noise = two_batch(*torch.tensor(norms[-50:]).T, 8, 32)
print(f"last 50 steps: {float((square < 0).float().mean()):.0%} of the estimates of G² are negative")
print(f"ratio of means {float(noise.mean() / square.mean()):.0f}, mean of ratios {float((noise / square).mean()):.0f}")
assert (square < 0).any()

# %% [markdown]
# **Log** `nd.NoiseScale` (`value`, and `gradient_square`, `trace` beside it): a few float operations a step.
#
# <details><summary>B_simple rises fivefold in the cooldown, while the loss falls. Is the larger batch it suggests worth it there?</summary>
#
# Look at the two parts. In a cooldown the rate removes the noise layer, so $\lVert\nabla f\rVert^2$ sinks and the
# quotient rises although nothing about the data changed. Batch and rate do the same job there; paying for both buys
# little.
# </details>
#
# <details><summary>With β = 0.99 and updates every 100 steps, a loss spike at step 20,000 shows in the tracker when, and how long?</summary>
#
# At once, and for some $1/(1-\beta)=100$ updates, that is 10,000 steps: one huge $\hat S$ decays only by memory. Log
# the raw parts too, or use fewer steps of memory.
# </details>
#
# **Used in** choosing and raising batch sizes of language models: Kaplan et al., *Scaling Laws for Neural Language
# Models*, 2020, section 5. **Owned elsewhere:** cooldowns and their shapes are lesson 2 ([map](../index.ipynb)).
#
# ### Open questions
#
# Nobody has a settled answer to these at scale. Each starts with one line in a new cell.
#
# - Does $B_{\text{simple}}$ predict the best batch under Adam, which never sees the raw gradient? `nd.sweep(language, steps={4: 320, 16: 80, 64: 20}, batch_sizes=[4, 16, 64], peaks=[0.001, 0.004, 0.016], optimizers=["adam"], seeds=4)`
# - Which layers make the scale grow? `diagnostics.gradient_variance_by_layer(language.unflatten(language.per_sample_gradients(path[-1], language.held_out)))`
# - Should the batch follow the tracker? Compare at equal samples with a constant one: `theory.expected_loss(eigenvalues, 1.0, torch.tensor([4] * 100 + [16] * 75), torch.full((175,), 0.3), torch.ones(10))[-1]`
# - Are single-sequence gradients normal enough for the SDE? Excess kurtosis along a random direction, against zero: `z = language.per_sample_gradients(path[-1], language.held_out) @ torch.randn(language.dim).to(language.device); ((z - z.mean()) / z.std()).pow(4).mean() - 3`
# - Does error feedback survive a cooldown? `lab.transformer_lab(schedule="wsd", keep=0.05, feedback="with")`
#
# The last lab is for the last question: find the smallest `keep` that ends within 0.01 nats of `keep = 1`, with
# feedback and without.

# %%
lab.transformer_lab(keep=0.1, feedback="with")

# %% [markdown]
# ## Skill check
#
# Then do the [exercises](../../exercises/1_6_advanced_topics/1_6_advanced_topics.ipynb): eight functions, from the
# noise scale to its tracker. They complete lesson 1.

# %%
study.skill_check("1_6_advanced_topics")
