# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1.2 Formal definitions: what is being minimised, and what is being drawn
#
# **Previous:** [1.1 Intuition](1_intuition.ipynb) · **Next:** [1.3 Geometry and guarantees](3_geometry_and_guarantees.ipynb) ·
# **Reading time:** 40 minutes; it runs in well under one ·
# **Exercises:** [assignment 1.2](../../exercises/1_2_formal_definitions/1_2_formal_definitions.ipynb)
#
# 1. [The function nobody can evaluate](#1-The-function-nobody-can-evaluate): stochastic objective
# 2. [The function you can evaluate](#2-The-function-you-can-evaluate): empirical risk
# 3. [The difference between the two](#3-The-difference-between-the-two): population risk
# 4. [What a gradient must satisfy](#4-What-a-gradient-must-satisfy): unbiased gradient oracle
# 5. [Drawing some rows more often](#5-Drawing-some-rows-more-often): importance sampling, with and without replacement
#
# The quadratic lets each statement be computed, logistic regression shows how long it stays nearly true, and the
# transformer shows what is left of it in a training run. Symbols and assumptions of the whole lesson come first.
#
# | symbol | meaning | shape |
# |---|---|---|
# | $\theta$, $\theta^*$, $\hat\theta$ | parameters; minimiser of $f$; of $\hat f_N$ | $d$ |
# | $B$, $N$, $K$ | samples in a minibatch; rows of the data; workers or clients | counts |
# | $\ell(\theta;\xi)$, $f=\mathbb E\,\ell$, $\hat f_N$ | loss of one draw $\xi$; its expectation; its mean over $N$ rows | scalars |
# | $g$, $g_B$, $G=\nabla f$ | gradient of one draw; of a minibatch of $B$; full | $d$ |
# | $\Sigma$, $\sigma^2$ | covariance of $g$; bound on its trace, in one dimension the variance itself | $d\times d$, scalar |
# | $H$, $\lambda_i$, $\mu$, $L$ | Hessian of $f$; its eigenvalues, the least and the largest | $d\times d$, scalars |
# | $\eta_t$, $\beta$, $T$ | learning rate at optimizer step $t$; momentum; number of steps | scalars |
#
# | assumption | quadratic | logistic | transformer |
# |---|---|---|---|
# | A1 interchange, $\nabla\mathbb E\,\ell=\mathbb E\nabla\ell$ | yes | yes | yes: smooth layers |
# | A2 unbiased, $\mathbb E[g\mid\theta]=\nabla f(\theta)$ | yes | yes | yes, until clipped |
# | A3 bounded noise, $\operatorname{tr}\Sigma(\theta)\le\sigma^2$ | constant | on bounded sets | unknown |
# | A4 draws independent of $\theta$ and of each other | yes | yes | yes here; no in shuffled epochs |
# | A5 $L$-smooth | $L=1$ | yes | locally |
# | A6 $\mu$-strongly convex | $\mu=0.1$ | $\mu\ge$ the l2 weight | no |

# %%
import math

import torch

import noisydescent as nd
from noisydescent import diagnostics, lab, optimizers, study, theory
from noisydescent.problems import Clipped, clip_norm

torch.set_num_threads(1)  # every tensor here is small
quadratic = nd.Quadratic(torch.logspace(-1, 0, 10), noise=1.0)
logistic = nd.Logistic.gaussian_classes()
language = nd.MarkovLanguage()
random = nd.generator(0)

# %% [markdown]
# ## 1 The function nobody can evaluate
#
# ### Stochastic objective
#
# A term in your loss counts the tokens whose router score exceeds a capacity threshold $\theta$. Its expectation is a
# perfectly smooth function of $\theta$, falling all the way. After a week the threshold has not moved. Look at what autograd sees:

# %%
scores = torch.randn(200_000, generator=random, device=quadratic.device).to(quadratic.start)


def overload(threshold):
    """Share of tokens above the threshold: 1 or 0 for each draw, so that f = P(score > threshold)."""
    return torch.relu(scores - threshold).sign().mean()


# %%
threshold, h = torch.zeros_like(quadratic.start[:1], requires_grad=True), 0.05
(mean_of_gradients,) = torch.autograd.grad(overload(threshold), threshold)
slope = float(overload(h) - overload(-h)) / (2 * h)
error = (abs(slope) / (2 * h * len(scores))) ** 0.5
print(f"mean of gradients {abs(float(mean_of_gradients)):.3f}; slope of the mean {slope:.3f} ± {4 * error:.3f}")
assert float(mean_of_gradients) == 0 and abs(slope + (2 * torch.pi) ** -0.5) < 4 * error

# %% [markdown]
# Both numbers are right. The derivative of the mean is $-1/\sqrt{2\pi}$, the mean of the derivatives is zero, and training uses the second.
#
# **Definition.** $f(\theta)=\mathbb E_\xi\,\ell(\theta;\xi)$, $\theta\in\mathbb R^d$, where $\xi$ is *everything drawn anew at a step*: rows,
# crops, dropout masks, label noise. Its law must not depend on $\theta$.
#
# **Claim (A1).** Let $\nabla\ell(\theta;\xi)$ exist for almost every $\xi$, and near $\theta$ let
# $|\ell(\theta';\xi)-\ell(\theta'';\xi)|\le K(\xi)\lVert\theta'-\theta''\rVert$ with $\mathbb E K<\infty$. Then $\nabla f(\theta)=\mathbb E\nabla\ell(\theta;\xi)$.
#
# **Proof.** Put $r_v(\xi)=\big(\ell(\theta+v;\xi)-\ell(\theta;\xi)-v^\top\nabla\ell(\theta;\xi)\big)/\lVert v\rVert$. As $v\to0$, $r_v\to0$ for almost every $\xi$
# (first condition), and $|r_v|\le 2K$ (second one, which also bounds $\lVert\nabla\ell\rVert$). Dominated convergence gives $\mathbb E\,r_v\to0$, that is
# $f(\theta+v)=f(\theta)+v^\top\mathbb E\nabla\ell+o(\lVert v\rVert)$. $\blacksquare$
#
# A ReLU's kink is harmless: it is Lipschitz and hit with probability zero. The router fails the second condition: its difference quotient is $1/h$ on an
# event of probability about $0.4\,h$, so its mean stays while its limit vanishes.
#
# **How well can $f$ be estimated?** On the quadratic take $\ell=\frac12\delta^\top H\delta+\zeta^\top\delta$ with $\delta=\theta-\theta^*$, $\zeta\sim(0,\Sigma)$: its gradient is
# $H\delta+\zeta$. The mean of $n$ losses has squared error $\delta^\top\Sigma\,\delta/n$. Halfway to the optimum, that error has *fallen* fourfold; relative to
# $f^2$ it has risen fourfold.

# %%
draws, sizes = quadratic.sample_noise(400, 1024, generator=random), [1, 4, 16, 64, 256, 1024]
figure, axis = nd.new_figure("losses averaged, $n$", "squared error of the mean (loss$^2$)", log="xy")
for shrink in [1.0, 0.1]:
    offset = shrink * (quadratic.start - quadratic.optimum)
    squares = torch.stack([(draws[:, :n].mean(dim=1) @ offset).square() for n in sizes])
    mean, error = diagnostics.mean_and_error(squares, dim=1)
    predicted = offset @ quadratic.noise_covariance @ offset / torch.tensor(sizes).to(offset)
    assert torch.all((mean - predicted).abs() <= 4.5 * error)
    nd.draw_measured(axis, sizes, mean, error, "at the start" if shrink == 1 else "ten times nearer to the optimum")
    nd.draw_theory(axis, sizes, predicted)
nd.show(figure, alt="Squared Monte Carlo error of the loss falls as 1/n, a hundred times lower ten times nearer.")

# %% [markdown]
# On logistic regression with a finite data set $f$ is a finite sum, and A1 is the sum rule of calculus: nothing can fail, so nothing is shown.
#
# **In the transformer** dropout belongs to $\xi$, and therefore changes *which function* is minimised. One mask a sequence on the hidden units of both MLPs is the same
# as factors on the rows of the `down` matrices, so the gradient of the masked loss is the factor times the gradient at the masked weights.

# %%
plan = {"steps": 150, "batch_size": 16, "peak": 0.7, "record_every": 150}
checkpoint = nd.train(language, schedule=nd.named("constant", 150), **plan).theta[0]
sequences = language.held_out


# %%
def dropout_factors(n, rate):
    """What masks of n sequences multiply the parameters by, (n, d)."""
    factors, units = torch.ones(n, language.dim, device=language.device), (n, 4 * language.width, 1)
    for layer in ["block0.down", "block1.down"]:
        kept = torch.rand(*units, generator=random, device=language.device) >= rate
        language.unflatten(factors)[layer] *= kept / (1 - rate)
    return factors


# %%
def with_dropout(rate=0.5):
    """Loss and gradient of every sequence under a mask of its own, (n,) and (n, d)."""
    factors = dropout_factors(len(sequences), rate)
    masked = checkpoint * factors
    losses = language.sequence_losses(masked, sequences[:, None]).mean(dim=(1, 2))
    return losses, factors * language.gradient(masked, sequences[:, None])


# %%
(losses, first), (_, second) = with_dropout(), with_dropout()  # the same sequences, other masks
in_eval_mode = language.sequence_losses(checkpoint[None], sequences[None])[0].mean(dim=1)
rises, error = diagnostics.mean_and_error(losses - in_eval_mode)
by_masks = float((first - second).square().sum(dim=1).mean()) / 2
plain = language.per_sample_gradients(checkpoint, sequences)
beyond = float((first.mean(dim=0) - plain.mean(dim=0)).square().sum()) / (by_masks / len(sequences))

# %%
print(f"dropout objective minus eval-mode loss: {float(rises):.4f} ± {4 * float(error):.4f} nats a token")
print(f"of tr Σ the masks contribute {by_masks / float(diagnostics.gradient_variance(first)):.0%}")
print(f"squared distance of the mean gradients with and without masks: {beyond:.1f} times what mask noise explains")
assert rises > 4 * error and beyond > 2

# %% [markdown]
# Half the mean squared difference of two masks on one sequence is the part of $\operatorname{tr}\Sigma$ that no amount of data removes; a larger batch averages it all
# the same. The masked gradient is unbiased for the dropout objective and, as the last line shows, biased for the eval-mode loss.
#
# **Log** `diagnostics.mean_and_error` of the per-draw losses, the Monte Carlo standard error, beside every validation loss: free.
#
# <details><summary>Validation loss lies below training loss from the first epoch. Must something be leaking?</summary>
#
# No. With dropout, mixup or strong augmentation the logged training loss is a sample of another objective, usually higher. Evaluate training rows in eval mode before you suspect leakage.
# </details>
#
# <details><summary>You round activations to 8 bits inside the forward pass and autograd returns zeros upstream. Which condition failed?</summary>
#
# The Lipschitz one: a rounding step jumps. Its almost-everywhere derivative, zero, exists and says nothing about the smooth expectation. A straight-through estimator replaces it,
# knowingly biased.
# </details>
#
# **Used in** straight-through gradients: Bengio, Léonard, Courville, *Estimating or Propagating Gradients Through Stochastic Neurons for Conditional Computation*, 2013; dropout: Srivastava et al., 2014.
# **Owned elsewhere:** laws of $\xi$ that depend on $\theta$ need the score function, lesson 4 ([map](../index.ipynb)).
#
# Below, `clip norm c` cuts *each sample's* gradient to length $c$ before averaging. Find out whether a larger batch makes up for a small $c$.

# %%
lab.quadratic_lab(batch_size=8, peak=0.3, clip=0.5)

# %% [markdown]
# ## 2 The function you can evaluate
#
# ### Empirical risk
#
# Two colleagues fit the same model on two random samples of 200 rows, both to the last digit. No optimizer noise is left. By how much do their coefficients differ, and in
# which directions?
#
# **Definition.** $\hat f_N(\theta)=\frac1N\sum_{i=1}^N\ell(\theta;\xi_i)$ for rows $\xi_i$ drawn once and kept; $\hat\theta=\arg\min\hat f_N\in\mathbb R^d$, a random vector because the rows are.
#
# **Claim.** $\operatorname{Cov}(\hat\theta)\approx H^{-1}\Sigma H^{-1}/N$ with $H,\Sigma$ at $\theta^*$; exact if $\ell$ is quadratic with a fixed Hessian.
#
# **Proof.** $\hat f_N$ is twice differentiable, so $0=\nabla\hat f_N(\hat\theta)=\nabla\hat f_N(\theta^*)+\bar H(\hat\theta-\theta^*)$, where $\bar H$ is the mean of $\nabla^2\hat f_N$ along the segment. Hence
# $\hat\theta-\theta^*=-\bar H^{-1}u$ with $u=\nabla\hat f_N(\theta^*)$. By A1 and $\nabla f(\theta^*)=0$, $\mathbb E u=0$; by independence (A4) $\operatorname{Cov}u=\Sigma/N$, exactly. What remains is
# $\bar H\to H$: an identity for the quadratic, otherwise the law of large numbers once $\hat\theta\to\theta^*$ (A6 with a continuous Hessian). $\blacksquare$
#
# So flat directions are uncertain as $1/\lambda^2$. The same matrix will return as what Polyak averaging reaches in *one pass* of SGD, which is why the library function has that name.

# %%
data_sets = 2000
means = {n: quadratic.minibatch_noise(1, data_sets, n, random)[0] for n in [20, 80, 320, 1280]}
figure, axis = nd.new_figure("curvature $\\lambda$", "variance of the minimiser", log="xy")
for n in [20, 320]:
    minimisers = quadratic.optimum - means[n] / quadratic.eigenvalues  # where the gradient of the mean loss vanishes
    variance, error = diagnostics.mean_and_error((minimisers - quadratic.optimum).square())
    predicted = theory.polyak_covariance(quadratic.hessian, quadratic.noise_covariance, n).diagonal().to(variance)
    assert torch.all((variance - predicted).abs() <= 4.5 * error)
    nd.draw_measured(axis, quadratic.eigenvalues, variance, error, f"2,000 data sets, N = {n}")
    nd.draw_theory(axis, quadratic.eigenvalues, predicted, "$\\sigma^2/(\\lambda^2 N)$")
nd.show(figure, alt="Variance of the empirical minimiser falls with curvature as the inverse square, and as 1/N.")

# %% [markdown]
# **On logistic regression** declare the 2,000 rows the population, draw data sets of $n$ rows from it and solve each by Newton. The sandwich is a statement about large $n$; with twenty parameters
# it should fail visibly somewhere above $n=20$.

# %%
H, S = logistic.hessian(logistic.optimum), logistic.noise_covariance(logistic.optimum)
sandwich, fits = torch.linalg.solve(H, torch.linalg.solve(H, S).T), {}
for n in [50, 100, 400, 1600]:
    chosen = [torch.randint(2000, (n,), generator=random, device=logistic.device) for _ in range(120)]
    fits[n] = [nd.Logistic(logistic.X[rows], logistic.y[rows], logistic.l2) for rows in chosen]

# %%
for n, fitted in fits.items():
    squares = torch.stack([(fit.optimum - logistic.optimum).square().sum() for fit in fitted])
    ratio, error = (float(x) / float(sandwich.trace() / n) for x in diagnostics.mean_and_error(squares))
    print(f"n = {n:4}: squared distance of minimisers / sandwich = {ratio:.2f} ± {2 * error:.2f}")
assert abs(ratio - 1) < 5 * error

# %% [markdown]
# **In the transformer** the train loss has no floor. The entropy rate bounds every predictor of *fresh* text; 32 sequences can be learned by heart.

# %%
small, linear = nd.MarkovLanguage(sequences=32), nd.named("linear", 300)
seen = {"train": lambda problem, theta, g: problem.sequence_losses(theta, problem.pool[None]).mean(dim=(1, 2))}
plan = {"steps": 300, "batch_size": 16, "peak": 0.5, "record_every": 20}
run = nd.train(small, schedule=linear, metrics=seen, **plan)
assert torch.allclose(run.learning_rate[:, 0], 0.5 * nd.multipliers(linear, 300), atol=1e-5)
assert float(run.metrics["train"][-1, 0]) < small.floor < float(run.loss[-1, 0])

# %%
figure, axis = nd.new_figure("optimizer step", "loss (nats per token)")
nd.draw_curve(axis, run.steps, run.metrics["train"][:, 0], "empirical risk, 32 sequences")
nd.draw_curve(axis, run.steps, run.loss[:, 0], "fresh sequences")
nd.draw_level(axis, small.floor, "entropy rate")
nd.show(figure, alt="Train loss on 32 sequences sinks through the entropy rate while the loss on fresh ones turns up.")

# %% [markdown]
# **Where it goes wrong.** The progress bar's "train loss" is the mean over an epoch of minibatch losses, each at other parameters. It is the empirical risk of no $\theta$ at all, and early on it is far too high.

# %%
theta, progress_bar = torch.zeros(20).to(logistic.X), []
for rows in torch.randperm(2000, generator=random, device=logistic.device).split(16):
    margins = logistic.y[rows] * (logistic.X[rows] @ theta)
    progress_bar.append(float(torch.nn.functional.softplus(-margins).mean() + logistic.l2 / 2 * theta.square().sum()))
    theta = theta - 0.2 * logistic.gradient_i(theta.expand(16, -1), rows).mean(dim=0)

# %%
shown, true, least = sum(progress_bar) / len(progress_bar), float(logistic.loss(theta)), logistic.floor
print(f"first epoch: progress bar {shown:.3f}, empirical risk at its end {true:.3f}, least possible {least:.3f}")
assert shown - least > 3 * (true - least)

# %% [markdown]
# **Log** `diagnostics.risk` on a fixed probe of training rows, in eval mode, at the same $\theta$ as the validation loss; a few hundred forward passes.
#
# <details><summary>Train loss falls below the entropy your tokenizer's text can have. Bug?</summary>
#
# Not by itself: repeated documents are memorised and their empirical risk may go to zero. It is a bug of *interpretation* to compare it with a bound on fresh text. Count epochs and duplicates.
# </details>
#
# <details><summary>You double the rows. Which coefficients profit most in absolute terms?</summary>
#
# Every variance halves, so those with the largest variance $\sigma^2/(\lambda^2N)$: the flattest directions. These are also the ones SGD has moved least, so the profit shows only after long training.
# </details>
#
# **Used in** standard errors of fitted coefficients: Huber, *The Behavior of Maximum Likelihood Estimates under Nonstandard Conditions*, 1967. **Owned elsewhere:** why one pass of averaged SGD reaches the same
# covariance: [1.5](5_practical_variants.ipynb#Polyak-averaging).

# %% [markdown]
# ## 3 The difference between the two
#
# ### Population risk
#
# Two lines of algebra first, because they hold a surprise: overfitting is *symmetric*. On a quadratic with Hessian $H$ let $u=\nabla\hat f_N(\theta^*)$ and $\delta=\hat\theta-\theta^*=-H^{-1}u$ as above. Then
#
# $$f(\hat\theta)=f(\theta^*)+\tfrac12\delta^\top H\delta=f(\theta^*)+\tfrac12u^\top H^{-1}u,\qquad
# \hat f_N(\hat\theta)=\hat f_N(\theta^*)+u^\top\delta+\tfrac12\delta^\top H\delta=\hat f_N(\theta^*)-\tfrac12u^\top H^{-1}u.$$
#
# Fitting makes fresh loss worse by exactly as much as it makes train loss too good.
#
# **Definition.** The population risk of a *fitted* $\hat\theta$ is $f(\hat\theta)=\mathbb E\,\ell(\hat\theta;\xi)$ with $\xi$ independent of the rows that made $\hat\theta$. Its excess is $f(\hat\theta)-f(\theta^*)$, its generalization gap
# $f(\hat\theta)-\hat f_N(\hat\theta)$, both scalars in units of the loss.
#
# **Claim.** $\mathbb E\,\text{gap}=\operatorname{tr}(H^{-1}\Sigma)/N$ to first order in $1/N$, and half of it is the excess.
#
# **Proof.** Subtract the two lines. $\mathbb E\hat f_N(\theta^*)=f(\theta^*)$ since $\theta^*$ knows nothing of the rows. $\mathbb E\,u^\top H^{-1}u=\operatorname{tr}(H^{-1}\operatorname{Cov}u)=\operatorname{tr}(H^{-1}\Sigma)/N$ by A4. Only
# $\bar H\approx H$ was approximate. $\blacksquare$
#
# If the model is a true likelihood, $\Sigma=H$ and the gap is $d/N$: Akaike's criterion. A flat direction then costs no more than a steep one, because its larger error is seen through a smaller curvature.

# %%
excess, gap = [], []
for u in means.values():  # (2000, d): gradients of the empirical risk at the optimum
    offset = -u / quadratic.eigenvalues
    excess.append(quadratic.loss(quadratic.optimum + offset))
    train = excess[-1] + (u * offset).sum(dim=1)  # mean loss over the rows at their own minimiser
    gap.append(excess[-1] - train)

# %%
figure, axis = nd.new_figure("rows $N$", "loss", log="xy")
trace, rows = float((quadratic.noise_variance / quadratic.eigenvalues).sum()), torch.tensor(list(means))
for name, values, predicted in [("excess", excess, trace / 2 / rows), ("gap", gap, trace / rows)]:
    mean, error = (x.cpu() for x in diagnostics.mean_and_error(torch.stack(values), dim=1))
    assert torch.all((mean - predicted).abs() <= 4.5 * error)
    nd.draw_measured(axis, rows, mean, error, f"{name}, 2,000 data sets")
    nd.draw_theory(axis, rows, predicted)
axis.set_xticks(list(means), [str(n) for n in means])
axis.minorticks_off()
nd.show(figure, alt="Generalization gap and excess risk fall as 1/N; the gap is twice the excess throughout.")

# %% [markdown]
# **On logistic regression** the 480 fits are still here, and their population is finite, so that $f(\hat\theta)$ is known exactly. $\hat f_N(\theta^*)-f(\theta^*)$ has mean zero and would drown the rest in noise; compare each
# half with its own value at $\theta^*$ instead.

# %%
trace = float(torch.linalg.solve(H, S).trace())
for n, fitted in fits.items():
    worse = torch.stack([logistic.loss(fit.optimum) - logistic.floor for fit in fitted])  # on the population
    better = torch.stack([fit.loss(logistic.optimum) - fit.floor for fit in fitted])  # on the rows fitted
    halves = [diagnostics.mean_and_error(x * 2 * n / trace) for x in (worse, better)]
    text = [f"{float(mean):.2f} ± {2 * float(error):.2f}" for mean, error in halves]
    print(f"n = {n:4}: fresh loss worse by {text[0]}, train loss better by {text[1]} times half the predicted gap")
assert all(abs(float(mean) - 1) < 5 * float(error) + 20 / n for mean, error in halves)  # d / n: the next order

# %% [markdown]
# At small $n$ the symmetry breaks: the fits have wandered further than first order says (the squared distances above), and fresh loss pays for the distance.
#
# Usually $f$ must be estimated from $m$ fresh rows: mean $\pm\,1.96\,s/\sqrt m$. Does a band of 95 % cover as it says, for rows that did not choose $\hat\theta$?

# %%
losses = torch.nn.functional.softplus(-logistic.y * (logistic.X @ fits[400][0].optimum))  # one a row; no l2
chosen = torch.randint(2000, (4000, 100), generator=random, device=losses.device)
bands = [diagnostics.risk(rows) for rows in losses[chosen]]
covered = sum(abs(mean - float(losses.mean())) <= half_width for mean, half_width in bands) / len(bands)
print(f"100 fresh rows: the band of 95 % covers in {covered:.1%} of 4,000 trials")
assert 0.9 < covered < 0.945

# %% [markdown]
# A little less than promised: losses are skewed, a few rows carry much of the mean, and samples without them look both too good and too certain.
#
# **In the transformer** the excess needs no fit of the best model: $f(\theta)$ minus the entropy rate is what is still to be learned. The gap tells which remedy applies, more data or more steps. A sequence is one draw; its tokens are not independent draws.

# %%
models = {"8,192 sequences": (language, checkpoint), "32 sequences": (small, run.theta[0])}
for name, (problem, theta) in models.items():
    texts = (problem.pool[None, :256], problem.held_out[None])
    on_train, on_fresh = (problem.sequence_losses(theta[None], text)[0].mean(dim=1) for text in texts)
    mean, half_width = diagnostics.risk(on_fresh)
    gap, error = diagnostics.generalization_gap(on_train, on_fresh)
    print(f"{name:>15}: {mean - problem.floor:.3f} ± {half_width:.3f} above the entropy rate,", end=" ")
    print(f"gap {gap:.3f} ± {2 * error:.3f}")
assert gap > 10 * error

# %% [markdown]
# The gap of the large pool cannot be told from zero; the small pool has been learned by heart, and further steps would only widen the gap.
#
# **Where it goes wrong.** Choose the best of 200 checkpoints on a validation set, then report that validation loss. The rows are no longer fresh for the *chosen* $\theta$: selection is fitting with 200 parameter values.

# %%
candidates = logistic.optimum + 0.5 * torch.randn(200, 20, generator=random, device=logistic.device).to(logistic.X)
losses = torch.nn.functional.softplus(-logistic.y * (candidates @ logistic.X.T))  # (200 candidates, 2000 rows)
optimism, covered = [], 0
for _ in range(400):
    rows = torch.randint(2000, (100,), generator=random, device=losses.device)
    best = losses[:, rows].mean(dim=1).argmin()
    mean, half_width = diagnostics.risk(losses[best, rows])
    optimism.append(float(losses[best].mean()) - mean)
    covered += abs(optimism[-1]) <= half_width

# %%
mean, error = (float(x) for x in diagnostics.mean_and_error(torch.tensor(optimism)))
print(
    f"the winner's validation loss is too low by {mean:.3f} ± {4 * error:.3f}; the band covers in {covered / 4:.0f} %"
)
assert mean > 4 * error and covered < 0.85 * 400

# %% [markdown]
# **Log** `diagnostics.generalization_gap` at every evaluation; the cost is one forward pass of the training probe more.
#
# <details><summary>The gap is 0.02 ± 0.01 and the excess over the entropy rate 0.30. More data or more training?</summary>
#
# More training, or a larger model. Half the gap, about 0.01, is what sampling the rows has cost; the other 0.29 would be there with infinitely many rows.
# </details>
#
# <details><summary>You fit ½(y − xᵀθ)² and the variance of the labels' noise doubles. What becomes of the gap, and of d/N?</summary>
#
# $H=\mathbb E\,xx^\top$ stays, $\Sigma=s^2\,\mathbb E\,xx^\top$ doubles, so the gap $s^2d/N$ doubles. $d/N$ does not notice: it is the answer for a loss that is a true log likelihood, here the square divided by $2s^2$.
# </details>
#
# **Used in** model selection: Akaike, *Information Theory and an Extension of the Maximum Likelihood Principle*, 1973; one-pass pretraining, whose smoothed train loss stands in for the population risk: *Training Compute-Optimal Large
# Language Models* (Hoffmann et al., 2022). **Owned elsewhere:** what SGD's own noise adds on top is the loss floor, [1.3](3_geometry_and_guarantees.ipynb#Role-of-the-minibatch-estimator).

# %% [markdown]
# ## 4 What a gradient must satisfy
#
# ### Unbiased gradient oracle
#
# Every framework lets you put something between `backward` and `step`: a clip, a compressor, a choice of the hardest examples. Which of these still minimise $f$?
#
# **Definition.** An oracle is a random vector $g(\theta;\xi)\in\mathbb R^d$ that can be drawn at any $\theta$. It is unbiased if $\mathbb E[g(\theta;\xi)\mid\theta]=\nabla f(\theta)$ for *every* $\theta$, with $\xi$ fresh given $\theta$ (A2, A4). Its
# bias is $b(\theta)=\mathbb E\,g-\nabla f$.
#
# **Test.** From $n$ draws at one $\theta$, $z_j=(\bar g_j-\partial_jf)\sqrt n/s_j$. Unbiased: each $z_j$ is about standard normal, whatever $n$. Biased: $z_j\approx b_j\sqrt n/s_j$, so sixteen times the draws show
# four times the $z$, and $z^2$ grows in proportion to $n$.

# %%
theta = 0.5 * logistic.optimum
truth, gradients = logistic.gradient(theta), logistic.per_sample_gradients(theta)
margins = logistic.y * (logistic.X @ theta)
index = torch.randint(2000, (8000, 16), generator=random, device=logistic.device)  # 8,000 minibatches of 16
rows, hardest = gradients[index], margins[index].argmin(dim=1)

# %%
oracles = {
    "mean of the batch": rows.mean(dim=1),
    "each gradient clipped to 1": clip_norm(rows, 1.0).mean(dim=1),
    "batch mean clipped to 0.3": clip_norm(rows.mean(dim=1), 0.3),
    "top 5 of 20 coordinates": optimizers.top_k(rows.mean(dim=1), 5),
    "row of the largest loss": rows[torch.arange(8000), hardest],
}
for name, draws in oracles.items():
    few, many = (float(diagnostics.bias_z(draws[:n], truth).square().mean()) for n in (500, 8000))
    print(f"{name:27}: mean z² {few:7.1f} after 500 draws, {many:8.1f} after 8,000")
    assert (many < 4) == (name == "mean of the batch")

# %% [markdown]
# Top-k fares worst: in most batches it drops the *same* short coordinates, and nothing averages them back. The last row is instructive: $\nabla\max_{i\in\mathcal B}\ell_i$ *is* an unbiased oracle, of $f_B(\theta)=\mathbb E\max_{i\in\mathcal B}\ell_i$, an objective that changes with the batch size. Contrastive losses and batch normalization share that trait.
#
# **How biased is clipping?** Let $g=G+\zeta$, $\zeta\sim\mathcal N(0,\sigma^2I)$, $r=\lVert\zeta\rVert$. The law of $g$ is symmetric about the axis of $G$, so $\mathbb E\operatorname{clip}_c(g)=a\,G$: clipping costs length, not direction. To first order in $G$, the
# derivative of the clip is $I$ where $r\le c$, and $\frac cr\big(I-\zeta\zeta^\top/r^2\big)$ outside. By symmetry its mean is its trace over $d$:
#
# $$a=P(r\le c)+\tfrac{d-1}{d}\,c\;\mathbb E\big[r^{-1};\,r>c\big].$$
#
# No $B$ occurs in it: clip each sample, and no batch removes the bias. Clip the *mean* instead and $\sigma$ becomes $\sigma/\sqrt B$. For large $G$ the library sums the exact series that follows from James, Stein, *Estimation with Quadratic Loss*, 1961. $\blacksquare$

# %%
G, cuts = quadratic.gradient(quadratic.start), torch.logspace(-1, 1, 17)
figure, axis = nd.new_figure("clip norm $c$ (gradient units)", "bias $1-a$ (share of $G$)", log="x")
for B, name in [(1, "each sample, any B"), (16, "mean of 16")]:
    noisy = G + quadratic.sample_noise(100_000, generator=random) / B**0.5
    shares = torch.stack([1 - clip_norm(noisy, float(c)) @ G / G.square().sum() for c in cuts])
    mean, error = (x.cpu() for x in diagnostics.mean_and_error(shares, dim=1))
    predicted = [1 - float(theory.clipped_gaussian(10, float(G.norm()), B**-0.5, c)[0]) for c in cuts.tolist()]
    assert torch.all((mean - torch.tensor(predicted)).abs() <= 4.5 * error + 1e-12)
    nd.draw_measured(axis, cuts, mean, error, name)
    nd.draw_theory(axis, cuts, predicted)
nd.show(
    figure, alt="Bias of clipping against threshold: clipping every sample is biased up to c of 5, the mean of 16 to 2."
)

# %% [markdown]
# With this symmetric noise the bias is a shorter step and the fixed point stays. Real noise is skewed: badly fitted rows have the long gradients, and clipping mutes them. **On logistic regression** SGD then hovers about a root $\theta_c$ of $\mathbb E\operatorname{clip}_c(g)$.
# To first order it lies at $\theta^*-J^{-1}b(\theta^*)$, $J$ the Jacobian of that mean at $\theta^*$.

# %%
cuts, exact, local = [8.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.25], [], []
for clipped in [Clipped(logistic, c) for c in cuts]:
    exact.append(float((clipped.fixed_point() - logistic.optimum).norm()))
    J, bias = clipped.jacobian(logistic.optimum), clipped.mean_gradient(logistic.optimum)
    local.append(float(torch.linalg.solve(J, bias).norm()))
print(f"longest gradient at θ*: {float(logistic.per_sample_gradients(logistic.optimum).norm(dim=1).max()):.1f}")
assert exact[0] < 1e-8 and abs(local[1] / exact[1] - 1) < 0.05 and local[4] < 0.85 * exact[4]

# %%
figure, axis = nd.new_figure("clip norm $c$", "distance of the fixed point from $\\theta^*$", log="x")
nd.draw_curve(axis, cuts, exact, "Newton root of the clipped mean", marker="o")
nd.draw_theory(axis, cuts, local, "first order in the bias")
axis.set_xticks(cuts, [f"{c:g}" for c in cuts])
axis.minorticks_off()
nd.show(
    figure, alt="The fixed point leaves the optimum as c falls below 6; first order in the bias is right down to c = 3."
)

# %% [markdown]
# Beyond the longest per-sample gradient at $\theta^*$, printed above, $c$ clips nothing there. Down to $c=3$ first order is right; below, the clipped fraction itself changes along the way. Does a large batch bring SGD back?

# %%
linear = nd.named("linear", 600)
for c in [1e9, 0.5]:
    plan = {"peak": 0.5, "schedule": linear, "steps": 600, "record_every": 600, "runs": 16}
    runs = [nd.train(Clipped(logistic, c), batch_size=B, **plan) for B in (8, 128)]
    noisy, quiet = (float(run.loss[-1].mean()) - logistic.floor for run in runs)
    print(f"c = {c:g}: excess loss {noisy:.4f} at B = 8, {quiet:.4f} at B = 128")
assert quiet > 0.5 * noisy and torch.allclose(runs[1].learning_rate[:, 0], 0.5 * nd.multipliers(linear, 600))

# %% [markdown]
# **In the transformer** the whole gradient is usually clipped, as `clip_grad_norm_` does, not each sequence. Both at one checkpoint, with thresholds in units of the median norm:

# %%
each = language.per_sample_gradients(checkpoint, language.pool[:512])
for name, vectors in [("sequences", each), ("batches of 16", each.view(32, 16, -1).mean(dim=1))]:
    for share in [1.0, 0.3]:
        kept = clip_norm(vectors, share * float(vectors.norm(dim=1).median())).mean(dim=0)
        length = float(kept.norm() / each.mean(dim=0).norm())
        turned = float(diagnostics.cosine(kept, each.mean(dim=0)))
        print(f"{name:13} clipped at {share:.1f}: the mean keeps {length:.2f} of its length, cosine {turned:.3f}")
assert turned > 0.98 and length < 0.5

# %% [markdown]
# Norms of sequences (and of batches) are so alike that even hard clipping is little but a smaller learning rate. Distrust that conclusion where data are mixed: code, tables and prose differ in norm.
#
# **Where it goes wrong.** $\ell=\frac12(\theta-\xi)^2$ with $\xi\sim\text{Exp}(1)$: the optimum is the mean, 1. The clipped oracle vanishes at $\theta_c=\ln(2\sinh c/c)$ for $c\le0.79$, the minimiser of the loss in Huber, *Robust Estimation of a Location Parameter*, 1964, and as $c\to0$ (sign descent) at the *median* $\ln2$. (Integrate
# $\mathbb E\operatorname{clip}(\xi-\theta)=\int_\theta^{\theta+c}e^{-x}dx-\int_{\theta-c}^{\theta}(1-e^{-x})dx$.)

# %%
waits = torch.empty(500_000, 1, device=quadratic.device).exponential_(generator=random).to(quadratic.start)
c, optimum, fixed = 0.5, 1.0, math.log(2 * math.sinh(0.5) / 0.5)
for where in [optimum, fixed]:
    z = float(diagnostics.bias_z(clip_norm(where - waits, c), torch.zeros(1).to(waits)))
    print(f"clipped mean gradient at θ = {where:.3f}: z = {z:6.1f}")
assert abs(z) < 4.5

# %%
point = torch.full((2000, 1), optimum).to(quadratic.start)
for t in range(2000):
    wait = torch.empty(2000, 1, device=quadratic.device).exponential_(generator=random).to(quadratic.start)
    point = point - 4 / (t + 20) * clip_norm(point - wait, c)
print(f"clipped SGD started at the optimum 1 ends at {float(point.mean()):.3f}, predicted {fixed:.3f}")
assert abs(float(point.mean()) - fixed) < 0.01

# %% [markdown]
# **Log** `diagnostics.bias_z` of whatever reaches `step`, against a large-batch gradient at a frozen checkpoint, and the clipped fraction every step. The test costs $n$ batches; the fraction nothing.
#
# <details><summary>Clipping fires on 95 % of the steps of a run. What is your optimizer now?</summary>
#
# Normalised SGD: the step length is the learning rate times $c$, hardly dependent on the gradient. The schedule alone must bring it to rest, and multiplying the loss by ten changes almost nothing.
# </details>
#
# <details><summary>|z| stays below 2 after 100 draws of a compressor. May you call it unbiased?</summary>
#
# You may say that any bias is probably below $4s/\sqrt{100}$, four tenths of one draw's noise. A bias ten times smaller is invisible here and still decides where 10,000 steps end.
# </details>
#
# **Used in** differentially private training, which must clip each sample: Abadi et al., *Deep Learning with Differential Privacy*, 2016; the unavoidable bias: Koloskova, Hendrikx, Stich, *Revisiting Gradient Clipping: Stochastic Bias and Tight Convergence
# Guarantees*, 2023. **Owned elsewhere:** how error feedback repairs top-k, [1.6](6_advanced_topics.ipynb#Communication-compression).
#
# The dashed curve of this lab is linear theory about the *moved* fixed point: good late, wrong at the start, which is far away. Find a batch size beyond which the clipped run gains nothing more.

# %%
lab.logistic_lab(batch_size=32, peak=1.0, clip=0.5)

# %% [markdown]
# ## 5 Drawing some rows more often
#
# ### Importance sampling
#
# Most rows of a crawl teach the model nothing more. Can the useful ones be drawn more often *without* changing the objective, and what is the most one can gain?
#
# **Definition.** Draw $i_1\dots i_B$ independently with probabilities $p_i>0$ and use $g_B=\frac1B\sum_k\frac{g_{i_k}}{N p_{i_k}}\in\mathbb R^d$.
#
# **Claim.** $g_B$ is unbiased; $\operatorname{tr}\operatorname{Cov}g_B=\frac1B\big(\frac1{N^2}\sum_i\lVert g_i\rVert^2/p_i-\lVert G\rVert^2\big)$; the best $p$ is $p_i\propto\lVert g_i\rVert$.
#
# **Proof.** $\mathbb E\frac{g_i}{Np_i}=\sum_ip_i\frac{g_i}{Np_i}=G$, using $p_i>0$ wherever $g_i\ne0$. The second moment is $\sum_ip_i\lVert g_i\rVert^2/(Np_i)^2$, and independence divides the variance by $B$. By Cauchy-Schwarz
# $\big(\sum_i\lVert g_i\rVert\big)^2=\big(\sum_i\frac{\lVert g_i\rVert}{\sqrt{p_i}}\sqrt{p_i}\big)^2\le\sum_i\lVert g_i\rVert^2/p_i$, with equality iff $p_i\propto\lVert g_i\rVert$. $\blacksquare$
#
# So the second moment shrinks by (mean norm)² / (mean squared norm) at best. Isotropic Gaussian noise in high dimension has nearly constant norm: nothing to gain. Below, rows have noise of very unequal scale, and $p=(1-\alpha)/N+\alpha\lVert g_i\rVert/\sum_j\lVert g_j\rVert$.

# %%
N, B, alphas = 1024, 8, [0.0, 0.25, 0.5, 0.75, 0.9, 1.0]
scale = torch.randn(N, 1, generator=random, device=quadratic.device).to(G).exp()  # a few rows are very noisy
rows = G + scale * quadratic.sample_noise(N, generator=random)
norms, full = rows.norm(dim=1), rows.mean(dim=0)


def probabilities(norms, alpha):
    """Mostly uniform for small alpha, proportional to the norms for alpha = 1."""
    return (1 - alpha) / len(norms) + alpha * norms / norms.sum()


# %%
measured, predicted, sizes = [], [], []
for alpha in alphas:
    p = probabilities(norms, alpha)
    index = torch.multinomial(p.expand(4000, -1), B, replacement=True, generator=random)
    weights = 1 / (N * p[index])
    estimates = (weights[..., None] * rows[index]).mean(dim=1)
    measured.append(diagnostics.mean_and_error((estimates - full).square().sum(dim=1)))
    predicted.append((float((norms.square() / p).sum()) / N**2 - float(full.square().sum())) / B)
    sizes.append(float(diagnostics.effective_sample_size(weights).mean()))

# %%
figure, axis = nd.new_figure("share $\\alpha$ drawn by gradient norm", "variance of $g_B$")
mean, error = (torch.stack(x).cpu() for x in zip(*measured, strict=True))
assert torch.all((mean - torch.tensor(predicted)).abs() <= 4.5 * error)
nd.draw_measured(axis, alphas, mean, error, "measured, 4,000 minibatches of 8")
nd.draw_theory(axis, alphas, predicted)
nd.show(figure, alt="Variance falls steeply with the share drawn by gradient norm and is least at one.")
print("effective sample size:", {alpha: round(size, 1) for alpha, size in zip(alphas, sizes, strict=True)})
assert predicted[-1] < 0.7 * predicted[0] and sizes[-1] < 0.8 * B

# %% [markdown]
# Here is a trap. Kish's effective sample size $(\sum w)^2/\sum w^2$ (*Survey Sampling*, 1965) *falls* while the variance falls too. It knows the weights, not what they multiply, and is a good alarm only for weights that are unrelated to the gradient.
#
# **On logistic regression** norms move with $\theta$. Probabilities made at the start are free; how long do they stay good?


# %%
def variance_ratio(g, p):
    """Variance when drawn by p over that of uniform draws, from the gradients g of all rows."""
    full, square = g.mean(dim=0).square().sum(), g.square().sum(dim=1)
    return float(((square / p).sum() / len(g) ** 2 - full) / (square.mean() - full))


# %%
stale = probabilities(logistic.per_sample_gradients(torch.zeros(20).to(logistic.X)).norm(dim=1), 1.0)
for share in [0.0, 0.25, 0.5, 1.0]:
    g = logistic.per_sample_gradients(share * logistic.optimum)
    fresh, old = (variance_ratio(g, p) for p in (probabilities(g.norm(dim=1), 1.0), stale))
    print(f"{share:4.0%} of the way to θ*: variance {fresh:.2f} of uniform's with fresh p, {old:.2f} with stale p")
assert fresh < 0.6 < old

# %% [markdown]
# The gain is largest late, where most rows are fitted and a few are not, and there only fresh norms collect it: the stale law, right at the start, ends no better than uniform.
#
# For the transformer the definition has no cheap meaning: each row's norm takes the backward pass that sampling was to save. The most it could ever gain at our checkpoint:

# %%
norms = each.norm(dim=1)
print(f"best possible E norm(g)² for sequences: {float(norms.mean() ** 2 / norms.square().mean()):.2f} of uniform's")

# %% [markdown]
# **Without replacement.** If row $i$ enters the batch with inclusion probability $\pi_i$, then $\frac1N\sum_{i\in\mathcal B}g_i/\pi_i$ is unbiased, by the same one line (Horvitz, Thompson, *A Generalization of Sampling Without Replacement from a Finite Universe*, 1952). Uniform: $\pi_i=B/N$, which is the ordinary mean. Unequal: $\pi_i\ne Bp_i$.
#
# **Where it goes wrong.** A weighted sampler with `replacement=False` and the weights $1/(Np_i)$ of the other scheme. Frequent rows cannot be drawn twice, so they are too rare for their small weights.

# %%
p = probabilities(gradients.norm(dim=1), 1.0)
for replacement in [True, False]:
    index = torch.multinomial(p.expand(4000, -1), 256, replacement=replacement, generator=random)
    estimates = torch.zeros(4000, 2000).to(p).scatter_add_(1, index, 1 / (2000 * p[index])) @ gradients / 256
    z = diagnostics.bias_z(estimates, truth)
    print(f"replacement={replacement!s:5}: largest |z| {float(z.abs().max()):5.1f}")
assert z.abs().max() > 10

# %% [markdown]
# A subtler boundary: over a shuffled epoch each single batch is uniform, hence unbiased, but *given the batches before it* it is not, and $\theta$ depends on those (A4 fails). The conditional mean is that of the rows left over.

# %%
order = torch.randperm(2000, generator=random, device=logistic.device)
for used in [0, 1000, 1900]:
    left = gradients[order[used:]]
    z = diagnostics.bias_z(diagnostics.minibatch_means(left, 16, 4000, random, replacement=False), truth).abs().max()
    off = (left.mean(dim=0) - truth).norm() / truth.norm()
    print(f"{used:4} of 2,000 rows used: conditional bias {float(off):.0%} of the gradient, largest |z| {float(z):.1f}")
assert z > 10

# %% [markdown]
# These biases cancel over the epoch, which is why shuffling does no harm: Gürbüzbalaban, Ozdaglar, Parrilo, *Why Random Reshuffling Beats Stochastic Gradient Descent*, 2021. Proofs in this lesson that condition on $\theta_t$ assume draws with replacement.
#
# **Log** `diagnostics.effective_sample_size` of the weights, beside the variance itself: a division a batch.
#
# <details><summary>You sample hard examples more often and leave the weights at 1, because "it trains better". What did you change?</summary>
#
# The objective, to $\sum_ip_i\ell_i$. That may be what you want, as a curriculum or a reweighting; then say so, and evaluate on the distribution you care about.
# </details>
#
# <details><summary>One batch in a thousand makes the loss jump since you use p ∝ yesterday's norms. Why, and what is the usual guard?</summary>
#
# A row with small old norm has become hard: its weight $1/(Np_i)$ is huge when it is finally drawn. Mix in the uniform law; with $\alpha=\frac12$ no weight exceeds 2.
# </details>
#
# **Used in** Katharopoulos, Fleuret, *Not All Samples Are Created Equal: Deep Learning with Importance Sampling*, 2018, which bounds the norms by the last layer's. **Owned elsewhere:** the factor $(N-B)/(N-1)$ is
# [1.1](1_intuition.ipynb#Gradient-variance), variance cut by correlation instead of sampling [1.6](6_advanced_topics.ipynb#Control-variates).
#
# Last lab: set $c=0.25$ and win the lost progress back with the peak rate alone. If that succeeds, what does it say about the spread of the sequences' gradient norms?

# %%
lab.transformer_lab(clip=0.5)

# %% [markdown]
# ## Skill check
#
# Seven situations from real training, each answer explained. The [exercises](../../exercises/1_2_formal_definitions/1_2_formal_definitions.ipynb) ask for four functions: empirical and population risk, the bias test, and the importance-weighted gradient.

# %%
study.skill_check("1_2_formal_definitions")
