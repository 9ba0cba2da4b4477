# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1.1 Intuition: what a noisy gradient does to training
#
# **Previous:** [map of the course](../index.ipynb) · **Next:** [1.2 Formal definitions](2_formal_definitions.ipynb) ·
# **Reading time:** 35 minutes, running time under one minute ·
# **Exercises:** [assignment 1.1](../../exercises/1_1_intuition/1_1_intuition.ipynb)
#
# 1. [Why this matters for training](#1-Why-this-matters-for-training): gradient variance
# 2. [The object](#2-The-object:-parameters,-objective,-algorithm,-diagnostic): the minibatch estimator
# 3. [The historical arc](#3-The-historical-arc): batch-size scaling
# 4. [What belongs here](#4-What-belongs-here): the critical batch size
# 5. [A first mental model for language models](#5-A-first-mental-model-for-language-model-training): the Robbins-Monro schedule
#
# Every idea is met three times: on a quadratic, where the answer can be computed and laid over the measurement; on logistic
# regression, whose optimum we know to eight digits; and in a small transformer that learns a source of known entropy, so that you can
# see how far its loss still has to fall.

# %%
import torch

import noisydescent as nd
from noisydescent import diagnostics, lab, study, theory

torch.set_num_threads(1)  # tiny tensors: handing half of one to a second thread costs more than it saves
quadratic = nd.Quadratic(torch.logspace(-1, 0, 10), noise=1.0)
logistic = nd.Logistic.gaussian_classes()
language = nd.MarkovLanguage()
random = nd.generator(0)

# %% [markdown]
# ## 1 Why this matters for training
#
# A full gradient of a language model would read the whole corpus before the first step. Nobody waits for that: a few thousand
# tokens give a gradient that is wrong in a known way, and a cheap wrong step now beats a right one next month. The whole subject is
# bookkeeping for that trade: how wrong is the gradient, what does the error do to the parameters, and which knob (batch size,
# learning rate, schedule) pays for it at the best price.
#
# ### Gradient variance
#
# You train with batch size 8 and the loss curve is fuzzy; at 128 it is smooth and every step costs sixteen times as much. Before
# paying, you would like one number that says what the fuzz is made of.
#
# **Definition.** At fixed $\theta \in \mathbb R^d$ let $g_i = \nabla_\theta \ell(\theta; \xi_i) \in \mathbb R^d$, $i = 1 \dots N$, be the
# per-sample gradients, with mean $\nabla f$ and covariance $\Sigma = \frac1N \sum_i (g_i - \nabla f)(g_i - \nabla f)^\top$. The
# gradient variance at batch size $B$ is the mean squared length of the error,
# $V_B = \mathbb E\lVert g_B - \nabla f\rVert^2 = \operatorname{tr}\operatorname{Cov}(g_B)$, a scalar in squared gradient units.
#
# **Claim.** Rows drawn independently: $V_B = \operatorname{tr}\Sigma / B$. Rows drawn without replacement:
# $V_B = \frac{\operatorname{tr}\Sigma}{B}\,\frac{N-B}{N-1}$.
#
# **Proof.** Write $e_k$ for the error of the $k$-th row drawn. Then $B^2 V_B = \sum_k \mathbb E\lVert e_k\rVert^2 + \sum_{k \ne l}
# \mathbb E\, e_k^\top e_l$. Each of the $B$ first terms is $\operatorname{tr}\Sigma$. With independent rows the others vanish. Without replacement, all
# ordered pairs have one common value $c$; and when $B = N$ the batch *is* the data, so $V_N = 0$ and
# $N \operatorname{tr}\Sigma + N(N-1)c = 0$, hence $c = -\operatorname{tr}\Sigma/(N-1)$. Put that back for general $B$:
# $B\operatorname{tr}\Sigma\,(1 - \frac{B-1}{N-1})$. $\blacksquare$

# %%
batch_sizes = [1, 4, 16, 64, 256, 512, 896, 1024]
rows = {
    "quadratic": quadratic.per_sample_gradients(quadratic.start, 1024, random),
    "logistic": logistic.per_sample_gradients(torch.zeros(20).to(logistic.X))[:1024],
}


def draw_variance(axis, gradients, replacement):
    """Measured and predicted V_B; outside four standard errors is a contradiction, not bad luck."""
    measured = [diagnostics.sampled_variance(gradients, b, 2000, random, replacement) for b in batch_sizes]
    mean, error = (torch.stack(values) for values in zip(*measured, strict=True))
    population = None if replacement else len(gradients)
    trace = float(diagnostics.gradient_variance(gradients))
    predicted = torch.tensor([theory.gradient_variance(trace, b, population) for b in batch_sizes]).to(mean)
    assert torch.all((mean - predicted).abs() <= 4 * error + 1e-12)
    how = "with replacement" if replacement else "without"
    nd.draw_measured(axis, batch_sizes, mean, error, f"measured, {how}")
    nd.draw_theory(axis, batch_sizes, predicted.clamp_min(1e-6), f"theory, {how}", style="--" if replacement else ":")


# %% [markdown]
# Both panels below are log-log, so $\operatorname{tr}\Sigma/B$ is a straight line of slope $-1$. Notice where the dotted line leaves the dashed
# one: not before the batch is a sizeable part of the data. With a corpus of $10^{12}$ tokens the correction is
# invisible, and with 1,024 samples it ends at exactly zero.

# %%
figure, axes = nd.new_figure(
    "batch size $B$ (samples)", "gradient variance $V_B$", log="xy", panels=2, title=list(rows)
)
for axis, gradients in zip(axes, rows.values(), strict=True):
    draw_variance(axis, gradients, replacement=True)
    draw_variance(axis, gradients, replacement=False)
    axis.set_ylim(bottom=float(axis.lines[0].get_ydata().min()) / 5)
nd.show(
    figure, alt="Gradient variance falls as one over batch size; without replacement it bends down to zero at B = N."
)

# %% [markdown]
# **In the transformer** one trace hides several stories. We take per-sequence gradients at the start and after 100
# steps and split $\operatorname{tr}\Sigma$ by layer. The trace of a block-diagonal part is additive, so the shares sum to one
# without any approximation.

# %%
halfway = nd.train(language, steps=100, batch_size=16, peak=0.5, schedule=nd.named("constant", 100), record_every=100)
sequences = language.held_out[:128]
shares = {}

# %%
for when, theta in [("start", language.initial(1, random)[0]), ("step 100", halfway.theta[0])]:
    layers = language.unflatten(language.per_sample_gradients(theta, sequences))
    shares[when] = diagnostics.gradient_variance_by_layer(layers)
    top = sorted(shares[when], key=shares[when].get)[-3:]
    total = sum(shares[when].values())
    print(
        f"{when:>8}: tr Σ = {total:.3f}; largest:",
        {name: f"{shares[when][name] / total:.0%}" for name in reversed(top)},
    )

# %%
figure, axis = nd.new_figure("share of tr Σ (fraction)", "layer")
for offset, (when, by_layer) in enumerate(shares.items()):
    values = torch.tensor(list(by_layer.values()))
    axis.barh(torch.arange(len(values)) + 0.4 * offset, values / values.sum(), height=0.4, label=when)
axis.set_yticks(range(len(by_layer)), by_layer, fontsize=7)
nd.show(
    figure, alt="Share of the gradient variance in each layer of the transformer, at the start and after 100 steps."
)

# %% [markdown]
# **Where it goes wrong.** `shuffle=False` on a file sorted from easy to hard, as a curriculum by an older model's margin leaves it.
# Neighbours in the file pull the same way, so $e_k^\top e_l$ in the proof is positive instead of zero, and the nominal
# batch size overstates how much was averaged.

# %%
gradients = logistic.per_sample_gradients(torch.zeros(20).to(logistic.X))
margin = logistic.y * (logistic.X @ logistic.optimum)
in_file_order = gradients[margin.argsort()][:1984].view(31, 64, -1).mean(dim=1)
excess = (in_file_order - gradients.mean(dim=0)).square().sum(dim=1).mean() / (
    diagnostics.gradient_variance(gradients) / 64
)
print(f"unshuffled: variance is {float(excess):.1f} times tr Σ / 64, as if B were {64 / float(excess):.1f}")
assert excess > 3

# %% [markdown]
# **Log** `diagnostics.gradient_variance` on a few hundred per-sample gradients every thousand steps, split by layer; it costs
# one extra batch.
#
# <details><summary>Doubling the batch left the measured variance unchanged. Name two causes that are not bugs in the formula.</summary>
#
# The extra samples may be copies (data-parallel workers that share a seed, a shard listed twice), or neighbours (windows cut from one
# document). In both, $e_k^\top e_l > 0$ and the effective number of samples did not double. Count distinct documents in a batch.
# </details>
#
# <details><summary>Your data set has 50,000 images and you use B = 512 without replacement. How wrong is tr Σ / B?</summary>
#
# By the factor $(50000-512)/49999$, that is 1 % too large. Nobody corrects for it, and within one epoch the errors of
# successive batches are very slightly anticorrelated for the same reason.
# </details>
#
# **Used in** choosing batch sizes from measured noise: McCandlish, Kaplan, Amodei and the OpenAI Dota Team, *An Empirical Model of Large-Batch Training*,
# 2018. **Owned elsewhere:** what the variance does to the loss floor is the
# <a href="3_geometry_and_guarantees.ipynb#Role-of-the-minibatch-estimator">role of the minibatch estimator</a>, 1.3.

# %% [markdown]
# ## 2 The object: parameters, objective, algorithm, diagnostic
#
# Four things are always on the table. The *parameters* $\theta \in \mathbb R^d$; the *objective* $f(\theta) = \mathbb E_\xi\,\ell(\theta;\xi)$, which nobody
# can evaluate; the *algorithm*, here $\theta_{t+1} = \theta_t - \eta_t\, g_B(\theta_t)$ with PyTorch's convention that the learning rate
# multiplies the gradient and nothing else; and a *diagnostic*, a number logged on the way that can contradict you. Most arguments about training
# are arguments between the second and the fourth.
#
# ### Minibatch estimator
#
# Somebody changes `reduction="mean"` to `"sum"` and training explodes. Somebody else drops `drop_last=True` and nothing visible happens, although
# the gradient is now wrong on average. What must a batch gradient be?
#
# **Definition.** For indices $i_1 \dots i_B$ drawn uniformly from $\{1..N\}$, the minibatch estimator is
# $g_B = \frac1B\sum_{k=1}^B \nabla\ell(\theta; \xi_{i_k}) \in \mathbb R^d$; an index that is drawn twice counts twice.
#
# Three lines of algebra say what matters. Each index is uniform, so
# $\mathbb E\,\nabla \ell(\theta;\xi_{i_k}) = \frac1N\sum_i \nabla\ell(\theta;\xi_i) = \nabla f(\theta)$ for *every* $k$; expectation is linear, so
# $\mathbb E\, g_B = \nabla f$ whatever the dependence between the indices; and the sum, $B g_B$, has expectation $B\,\nabla f$. $\blacksquare$
#
# To see bias you average. The mean of $n$ independent estimates has squared error $\operatorname{tr}\Sigma/(Bn)$ if they are unbiased and
# $B\operatorname{tr}\Sigma/n + (B-1)^2\lVert\nabla f\rVert^2$ if they are sums: more patience removes the first term and never the second.

# %%
B, counts = 8, [1, 4, 16, 64, 256, 1024]
slope, trace = quadratic.gradient(quadratic.start), float(quadratic.noise_variance.sum())
estimates = slope + quadratic.sample_noise(200, 1024, generator=random) / B**0.5  # 200 repetitions of 1,024 minibatches

# %%
figure, axis = nd.new_figure("minibatch gradients averaged, n", "squared error of the average", log="xy")
for label, factor in [("mean over the batch", 1), ("sum over the batch", B)]:
    error = [(factor * estimates[:, :n].mean(dim=1) - slope).square().sum(dim=1) for n in counts]
    mean, error = diagnostics.mean_and_error(torch.stack(error), dim=1)
    predicted = factor**2 * trace / (B * torch.tensor(counts)) + (factor - 1) ** 2 * slope.square().sum()
    assert torch.all((mean - predicted).abs() <= 4 * error)
    nd.draw_measured(axis, counts, mean, error, label)
    nd.draw_theory(axis, counts, predicted)
nd.show(figure, alt="Error of averaged minibatch gradients: falls as 1/n for the mean, stays on a plateau for the sum.")

# %% [markdown]
# The plateau is the signature to remember: an average that stops improving has found its bias.
#
# **On logistic regression** the sum is not a different method, only a learning rate that silently grew $B$ times. With $\eta = 0.05$ per sample
# it trains at $B = 4$ and blows up once $B\eta$ passes $2/L$, the stability limit set by the largest curvature $L$.

# %%
limit = 2 / float(torch.linalg.eigvalsh(logistic.hessian(logistic.optimum))[-1])
print(f"stability limit at the optimum 2/L = {limit:.2f}; full-batch loss at the optimum {logistic.floor:.3f}")

# %%
for B in [4, 16, 64, 256]:
    both = nd.sweep(logistic, steps=200, batch_sizes=[B], peaks=[0.05, 0.05 * B], seeds=16)
    mean, summed = both.loss[0, 0, 0, :, :, -1].mean(dim=1)  # the last record of 16 seeds, for either rate
    print(f"B = {B:3}: mean → {mean:.3f}    sum, that is a rate of {0.05 * B:5.2f} → {summed:.3g}")
assert summed > 2 * mean

# %% [markdown]
# **In the transformer** the denominator hides in the padding. Two sequences of lengths 16 and 4 share a batch. Dividing the summed loss by
# all positions, padding included, shrinks the gradient by the fill fraction; averaging per-sequence means gives a token of the short sequence
# four times the weight of one in the long sequence, which also turns the gradient.

# %%
theta = halfway.theta.clone().requires_grad_()
real = (torch.arange(16) < torch.tensor([[16], [4]])).to(language.device)  # (2, 16): which tokens are not padding
losses = language.sequence_losses(theta, language.held_out[None, :2])[0]

# %%
reductions = {
    "mean over real tokens": (losses * real).sum() / real.sum(),
    "mean over padding too": (losses * real).mean(),
    "mean of the sequences' means": ((losses * real).sum(dim=1) / real.sum(dim=1)).mean(),
}
gradients = {name: torch.autograd.grad(value, theta, retain_graph=True)[0][0] for name, value in reductions.items()}

# %%
right = gradients["mean over real tokens"]
for name, g in gradients.items():
    print(
        f"{name:29}: norm g_B = {g.norm() / right.norm():.3f} of the right one, cosine {diagnostics.cosine(g, right):.3f}"
    )

# %% [markdown]
# **Where it goes wrong.** 2,000 rows in batches of 1,024: the second batch holds 976. Average the two batch means, as a
# validation loop often does with its losses, and the rows of the short batch weigh more. Make the batches 1,984 and 16 and each of the last
# sixteen rows weighs 124 times one of the others.

# %%
gradients = logistic.per_sample_gradients(torch.zeros(20).to(logistic.X))
for first in [1024, 1984]:
    mean_of_means = (gradients[:first].mean(dim=0) + gradients[first:].mean(dim=0)) / 2
    error = (mean_of_means - gradients.mean(dim=0)).norm() / gradients.mean(dim=0).norm()
    print(
        f"batches of {first} and {2000 - first}: the mean of batch means is off by {float(error):.1%} of the gradient"
    )
assert error > 0.05

# %% [markdown]
# **Log** `norm g_B` and `diagnostics.cosine(g_B, previous g_B)`: the norm jumps by the batch size when a reduction changes, and the cosine does not
# move at all. That pair is how you tell a changed denominator from a changed direction.
#
# <details><summary>Sampling without replacement makes indices dependent. Is the estimator still unbiased?</summary>
#
# Yes: the proof used that each index is uniform and that expectation is linear. Dependence enters the variance
# only (the factor $(N-B)/(N-1)$ above).
# </details>
#
# <details><summary>Gradient norm 3.1 yesterday, 24.8 today, same data, cosine between the two 0.99. What changed?</summary>
#
# The ratio is 8. Somebody sums over a batch, a micro-batch loop or a data-parallel group of eight where it was averaged before.
# Divide there; do not "fix" it by an eighth of the learning rate, because clipping thresholds and logged norms would stay wrong.
# </details>
#
# **Used in** every data-parallel trainer, which averages gradients over workers: Goyal et al., *Accurate, Large Minibatch SGD: Training
# ImageNet in 1 Hour*, 2017, section 3, lists the normalisation mistakes. **Owned elsewhere:** formal unbiasedness tests are in
# [1.2](2_formal_definitions.ipynb#Unbiased-gradient-oracle), unequal shards in [1.5](5_practical_variants.ipynb#Distributed-SGD).

# %% [markdown]
# ## 3 The historical arc
#
# Robbins and Monro (*A Stochastic Approximation Method*, 1951) solved equations seen only through noise, one observation a step. Polyak and Juditsky
# (*Acceleration of Stochastic Approximation by Averaging*, 1992) made the noise average itself away. For neural networks the question
# then turned from "does it converge" to "what does hardware that computes a thousand gradients at once buy": Goyal et al. (2017) trained with 8,192
# images a step by scaling the learning rate, Shallue et al. (*Measuring the Effects of Data Parallelism on Neural Network Training*, 2019) measured
# where that stops paying, and McCandlish et al. (2018) predicted it from the noise.
#
# ### Batch-size scaling
#
# The cluster doubles. Same data, same samples, batch twice as large, half the steps: do you get the same model in half the time?
# Look first, then explain. Each point below is the best of 28 learning rates *for that batch size*, because a comparison in which one side was tuned and the
# other was not measures the tuning.

# %%
samples, rates = 4096, torch.logspace(-2.5, 0.2, 28, dtype=torch.float64)
batch_sizes = [1, 4, 16, 64, 256, 1024]
best = {}

# %%
for B in batch_sizes:
    every_rate = rates.expand(samples // B, -1)  # (steps, 28): constant schedules, all at once and without sampling
    final = theory.expected_loss(quadratic.eigenvalues, quadratic.noise_variance, B, every_rate, quadratic.start)[-1]
    best[B] = (float(final.min()), float(rates[final.argmin()]))

# %%
measured = []
for B, (_, rate) in best.items():
    plan = {"steps": samples // B, "schedule": nd.named("constant", samples // B), "record_every": samples}
    run = nd.train(quadratic, batch_size=B, peak=rate, runs=256, **plan)
    assert torch.allclose(run.learning_rate, torch.tensor(rate).double())  # as applied is as intended
    measured.append(diagnostics.mean_and_error(run.loss[-1], dim=0))

# %%
mean, error = (torch.stack(values) for values in zip(*measured, strict=True))
predicted = torch.tensor([loss for loss, _ in best.values()])
assert torch.all((mean - predicted).abs() <= 4 * error)

# %%
figure, (left, right) = nd.new_figure(
    "batch size $B$ (samples)", ["loss after 4,096 samples", "best learning rate"], log="xy", panels=2
)
nd.draw_measured(left, batch_sizes, mean, error, "measured, 256 seeds")
nd.draw_theory(left, batch_sizes, predicted, "exact expectation")
nd.draw_curve(right, batch_sizes, [rate for _, rate in best.values()], "best of 28", marker="o")
nd.draw_theory(right, batch_sizes[:5], [best[1][1] * B for B in batch_sizes[:5]], "proportional to B", style=":")
nd.show(
    figure,
    alt="Loss after a fixed number of samples is flat up to batch size 64 and then rises; best rate grows with B.",
)
print({B: f"{loss:.4f} at rate {rate:.3g}" for B, (loss, rate) in best.items()})

# %% [markdown]
# **Definition.** *Batch-size scaling* is the curve $B \mapsto \min_\eta \mathbb E f(\theta_{n/B})$ at a fixed number $n$ of samples, or, turned round,
# the steps $S(B)$ and samples $E(B) = B\,S(B)$ needed to reach a fixed loss.
#
# **Why flat, then worse.** In an eigendirection with curvature $\lambda$ let $\eta = B\eta_1$, the linear rule. After $n/B$ steps the mean has shrunk by
# $(1-B\eta_1\lambda)^{n/B} = \exp\!\big({-n\eta_1\lambda}\,(1 + \tfrac12 B\eta_1\lambda + \dots)\big)$, and the variance tends to the fixed point of
# $s \leftarrow (1-\eta\lambda)^2 s + \eta^2\sigma^2/B$, which is $s_\infty = \frac{\eta\sigma^2}{B\lambda(2-\eta\lambda)} = \frac{\eta_1\sigma^2}{\lambda(2 - B\eta_1\lambda)}$. In
# both, $B$ appears only as $B\eta_1\lambda$. While that is small for the steepest direction the outcome depends on $n$ alone: *flat*. Once
# $B\eta_1 L$ nears 2 the rate cannot follow $B$ any more, the steps that were given up are not made good, and the curve rises. $\blacksquare$
#
# **On logistic regression** the same fact has axes you can buy: steps (time) and samples (compute). Each batch size gets the same twelve rates and eight seeds.

# %%
budget = {2: 1024, 8: 512, 32: 256, 128: 128, 512: 128}  # batch size: optimizer steps, more than enough for each
twelve = [10 ** (-1.6 + 0.2 * k) for k in range(12)]
result = nd.sweep(logistic, steps=budget, batch_sizes=list(budget), peaks=twelve, seeds=8, records=128)

# %%
plane = []
for B in budget:
    excess = result.at(batch_size=B, optimizer="sgd", schedule="constant").mean(dim=1) - logistic.floor
    record = diagnostics.steps_to_target(excess, target=0.02).min()  # at the best of the twelve rates
    steps_needed = float(result.steps[B][int(record)])
    plane.append((B, steps_needed, B * steps_needed))

# %%
figure, axis = nd.new_figure("optimizer steps to excess loss 0.02", "samples to excess loss 0.02", log="xy")
B, steps_needed, samples_needed = zip(*plane, strict=True)
nd.draw_curve(axis, steps_needed, samples_needed, "best of twelve rates", marker="o")
for label, x, y in plane:
    axis.annotate(f"B = {label}", (x, y), textcoords="offset points", xytext=(6, 4))
nd.show(
    figure, alt="Steps against samples to a fixed excess loss: small batches save samples, large batches save steps."
)
assert steps_needed[0] > 4 * steps_needed[-1] and samples_needed[-1] > 2 * samples_needed[0]

# %% [markdown]
# The theory is local here: curvature at the start is more than twice that at the optimum, so the best rate is a compromise and the curve
# bends earlier than the quadratic would say. **The transformer** bends too, at a batch of some tens of sequences:

# %%
budget = {4: 120, 16: 60, 64: 30}
result = nd.sweep(language, steps=budget, batch_sizes=list(budget), peaks=[0.5, 1.0], seeds=2, records=20)
for B in budget:
    losses = result.at(batch_size=B, optimizer="sgd", schedule="constant").mean(dim=1)  # (rates, records)
    needed = int(result.steps[B][int(diagnostics.steps_to_target(losses, target=2.25).min())])
    print(
        f"B = {B:2} sequences: {needed:3.0f} steps, {B * needed:5.0f} sequences to 2.25 nats (floor {language.floor:.2f})"
    )

# %% [markdown]
# **Where it goes wrong.** Keep the rate that was best at $B = 1$ and enlarge the batch. It looks like a law of nature that "large batches train
# worse"; it is a learning rate that was never changed.

# %%
untuned = {}
for B in batch_sizes:
    rates_used = torch.full((samples // B,), best[1][1])
    untuned[B] = float(
        theory.expected_loss(quadratic.eigenvalues, quadratic.noise_variance, B, rates_used, quadratic.start)[-1]
    )
print({B: f"{loss / best[B][0]:.1f} times the tuned loss" for B, loss in untuned.items()})
assert untuned[256] > 20 * best[256][0]

# %% [markdown]
# **Log** `diagnostics.steps_to_target` together with samples seen, never one alone: a plot over steps flatters large batches and a plot over samples
# flatters small ones.
#
# <details><summary>At B = 64 you tuned a rate of 0.25. What do you try first at B = 256, and at B = 1024?</summary>
#
# Four times the rate at 256: the right panel is still on the dotted line there. At 1024 the line would ask for 4, above this quadratic's
# limit of 2; the best rate stops short of it and part of the batch is wasted.
# </details>
#
# <details><summary>A colleague shows loss against epochs: B = 32 beats B = 512. Is the small batch better?</summary>
#
# Equal epochs are equal samples, so this is the rising part of the left panel, if both rates were tuned. Ask for the tuning, then
# for the same plot against wall-clock time, where one step of 512 may cost little more than one of 32.
# </details>
#
# **Used in** scaling a recipe to more accelerators: Goyal et al., 2017; how far, over many models and data sets: Shallue et al., 2019.
# **Owned elsewhere:** square-root scaling for adaptive methods is one of the
# <a href="4_algorithms_and_dynamics.ipynb#Batch-size-scaling-rules">scaling rules</a> of 1.4.
#
# Move the batch size below from 1 to 256 and then raise the peak rate in proportion. The dashed curve is computed, not fitted.

# %%
lab.quadratic_lab(batch_size=8, peak=0.3)

# %% [markdown]
# ## 4 What belongs here
#
# This lesson is about the *noise of sampling*: which rows happened to be in the batch. Rounding, dropout masks, stale workers and the order of a data
# pipeline are noise too, with other laws; lesson 4 takes them apart. How curvature is corrected belongs to lesson 3, and how the rate changes over time to
# lesson 2. What remains here is one question with a price tag.
#
# ### Critical batch size
#
# The quadratic curve had a knee beyond 64, the transformer's near 16. Could you have known before paying for the sweep?
#
# **Definition.** Let $G = \nabla f(\theta)$, $H$ the Hessian ($d \times d$) and $\Sigma$ the per-sample covariance at the present $\theta$. The critical
# batch size is $B_{\text{noise}} = \frac{\operatorname{tr}(H\Sigma)}{G^\top H G}$; its cheap stand-in, exact when $H$ is a multiple of the identity, is
# $B_{\text{simple}} = \frac{\operatorname{tr}\Sigma}{\lVert G\rVert^2}$. Both are in samples.
#
# **Derivation.** One step on a quadratic: $f(\theta-\eta g_B) = f - \eta\, G^\top g_B + \frac{\eta^2}{2} g_B^\top H g_B$. Take expectations with
# $\mathbb E\,g_B g_B^\top = GG^\top + \Sigma/B$ to get $\mathbb E\,\Delta = -\eta\lVert G\rVert^2 + \frac{\eta^2}{2}\big(G^\top H G + \operatorname{tr}(H\Sigma)/B\big)$.
# A parabola in $\eta$: its minimum is at $\eta^* = \lVert G\rVert^2 / (G^\top HG + \operatorname{tr}(H\Sigma)/B)$, with the gain
#
# $$-\mathbb E\,\Delta = \frac{\lVert G\rVert^4}{2\,G^\top H G}\cdot\frac{1}{1 + B_{\text{noise}}/B}.$$
#
# So a step at $B = B_{\text{noise}}$ gains exactly half of what a noiseless step could. Below, gain is nearly proportional to $B$ (samples are used fully);
# above, nearly constant (they are wasted). $\blacksquare$

# %%
G, H, S = quadratic.gradient(quadratic.start), quadratic.hessian, quadratic.noise_covariance
batch_sizes = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
predicted = theory.expected_gain(G, H, S, batch_sizes)
knee = theory.critical_batch_size(G, H, S)
simple = theory.simple_noise_scale(G, float(S.trace()))
print(f"B_noise = {knee:.2f} samples, B_simple = {simple:.2f}")

# %%
gains = []
for B in batch_sizes.tolist():
    rate = G.square().sum() / (G @ H @ G + (H * S).sum() / B)
    estimates = G + quadratic.sample_noise(4000, generator=random) / B**0.5
    gains.append(quadratic.loss(quadratic.start) - quadratic.loss(quadratic.start - rate * estimates))
mean, error = diagnostics.mean_and_error(torch.stack(gains), dim=1)
assert torch.all((mean - predicted).abs() <= 4 * error)

# %%
figure, axis = nd.new_figure("batch size $B$ (samples)", "expected gain of one step (loss)", log="x")
nd.draw_measured(axis, batch_sizes, mean, error, "measured, 4,000 draws")
nd.draw_theory(axis, batch_sizes, predicted)
axis.axvline(knee, color="#555555", linestyle=":", label=f"B_noise = {knee:.1f}")
nd.show(figure, alt="Expected gain of one step rises with batch size, reaching half its limit at B_noise.")

# %% [markdown]
# That knee belongs to *this* $\theta$. The one of the training curve above was far larger because, as $\theta$ falls, $\lVert G\rVert^2$ shrinks and $\Sigma$ does not.
# **On logistic regression** follow it down: along gradient descent we compare $B_{\text{simple}}$ with the knee that curvature gives, and check the
# parabola itself by measuring the gain of one step.

# %%
descent = [torch.zeros(20).to(logistic.X)]
for _ in range(100):
    descent.append(descent[-1] - 0.5 * logistic.gradient(descent[-1]))  # full batch, no noise

# %%
path = []
for step in [0, 5, 20, 50, 100]:
    theta = descent[step]
    G, H, S = logistic.gradient(theta), logistic.hessian(theta), logistic.noise_covariance(theta)
    knee, simple = theory.critical_batch_size(G, H, S), theory.simple_noise_scale(G, float(S.trace()))
    path.append((float(logistic.loss(theta)) - logistic.floor, simple, knee))
    batch = diagnostics.minibatch_means(logistic.per_sample_gradients(theta), 64, 2000, random)
    rate = G.square().sum() / (G @ H @ G + (H * S).sum() / 64)
    gains = (logistic.loss(theta) - logistic.loss(theta - rate * batch)) / theory.expected_gain(G, H, S, 64)
    ratio, error = (float(value) for value in diagnostics.mean_and_error(gains))
    print(f"step {step:3}: B_simple {simple:8.1f}  B_noise {knee:8.1f}  gain/parabola {ratio:.2f} ± {2 * error:.2f}")

# %%
excess, simple, knee = zip(*path, strict=True)
figure, axis = nd.new_figure("excess loss $f - f^*$", "batch size (samples)", log="xy")
nd.draw_curve(axis, excess, simple, "B_simple", marker="o")
nd.draw_curve(axis, excess, knee, "B_noise", marker="s")
axis.invert_xaxis()
nd.show(figure, alt="Both critical batch sizes grow by orders of magnitude as the excess loss falls.")

# %% [markdown]
# Read the printed ratio: at the start the parabola is off by more than its error bar, because $H$ changes along the step; later it is right. **In the
# transformer** nobody forms $H$; what is logged is $B_{\text{simple}}$ from per-sequence gradients, with the bias of $\lVert\bar g\rVert^2$ taken off.

# %%
plan = {"batch_size": 16, "peak": 0.5, "record_every": 200}
for steps in [1, 20, 60, 150]:
    run = nd.train(language, steps=steps, schedule=nd.named("constant", steps), **plan)
    gradients = language.per_sample_gradients(run.theta[0], language.held_out)
    print(
        f"step {steps:3}: loss {float(run.loss[-1, 0]):.3f}  B_simple = {diagnostics.noise_scale(gradients):6.1f} sequences"
    )

# %% [markdown]
# **Where it goes wrong.** Estimating $\lVert G\rVert^2$ by the squared norm of a mean of $n$ gradients. Its expectation is
# $\lVert G\rVert^2 + \operatorname{tr}\Sigma/n$, so the quotient can hardly exceed $n$, however noisy the truth: you measure your own sample size. At the
# logistic optimum the true value is infinite.

# %%
gradients = logistic.per_sample_gradients(logistic.optimum)
for n in [16, 64, 256]:
    sample = gradients[torch.randint(2000, (n,), generator=random, device=gradients.device)]
    naive = theory.simple_noise_scale(sample.mean(dim=0), float(sample.var(dim=0, correction=0).sum()))
    print(f"n = {n:3}: naive {naive:6.1f} samples, bias removed: {diagnostics.noise_scale(sample):.3g}")
    assert naive < 4 * n

# %% [markdown]
# **Log** `diagnostics.noise_scale`, averaged over time before dividing; 256 per-sequence gradients every few hundred steps are enough.
#
# <details><summary>Your batch is 40 times below the logged B_simple. Should you raise it?</summary>
#
# Only if steps are what you pay for. Below the knee every sample is used nearly fully, so the small batch is the economical one; a larger batch buys
# fewer steps at the same number of samples. Above the knee it buys neither.
# </details>
#
# <details><summary>B_simple says 50, B_noise says 1000. Which directions carry the noise?</summary>
#
# $\operatorname{tr}(H\Sigma)$ weighs noise by curvature and $G^\top HG$ weighs signal by it. The ratio of 20 means that the gradient points mostly along flat
# directions while the noise sits in the steep ones, where it forces the rate down.
# </details>
#
# **Used in** setting the batch size of language-model runs, also rising during the run: McCandlish et al., 2018, sections 2 and 4; Kaplan et al., *Scaling Laws
# for Neural Language Models*, 2020. **Owned elsewhere:** the two-batch estimator is the
# [gradient noise scale](6_advanced_topics.ipynb#Gradient-noise-scale) of 1.6, the hyperbola of steps and samples is fitted in
# <a href="4_algorithms_and_dynamics.ipynb#Critical-batch-size-and-stability">1.4</a>.
#
# In this lab the dashed curve is the *local* theory. Find the peak rate at which it stops being true.

# %%
lab.logistic_lab(batch_size=16, schedule="cosine", peak=0.3)

# %% [markdown]
# ## 5 A first mental model for language-model training
#
# A pretraining run sees each token about once. The loss has a floor, the entropy of the text, that no optimizer passes. Above the floor sit three things: what
# the model has not learned yet, what it never can, and a layer of *noise that the learning rate itself keeps up*. The last layer is the one you can have back
# for free, by lowering the rate at the end; that is why the loss of real runs drops visibly during the final decay.
#
# ### Robbins-Monro schedule
#
# When may the rate stay up, how fast must it come down, and how slowly?
#
# Start with a failure. At constant $\eta$ the recursion of section 3 stops at $s_\infty > 0$: the loss has a plateau
# $\frac12\sum_i \frac{\eta\sigma_i^2}{B(2-\eta\lambda_i)}$, about proportional to $\eta$. At the other extreme $\eta_t = c/(t+1)^2$ moves by a finite total
# and stops wherever it is.
#
# **Definition.** A Robbins-Monro schedule is a sequence $\eta_t > 0$ with $\sum_t \eta_t = \infty$ and $\sum_t \eta_t^2 < \infty$. For
# $\eta_t = c/(t+t_0)^p$ that is $\frac12 < p \le 1$.
#
# **Proof that it suffices (one eigendirection).** Let $q_t = \mathbb E(\theta_t-\theta^*)^2$ and drop the finitely many steps with $\eta_t\lambda > 1$. Then
# $q_{t+1} = (1-\eta_t\lambda)^2 q_t + \eta_t^2\sigma^2/B \le (1-\eta_t\lambda)q_t + \eta_t^2\sigma^2/B$. Unroll from step $s$:
# $q_T \le q_s\prod_{t=s}^{T-1}(1-\eta_t\lambda) + \frac{\sigma^2}{B}\sum_{t\ge s}\eta_t^2$. Given $\varepsilon$, choose $s$ so that the second term is
# below $\varepsilon$ (the tail of a convergent series). Then let $T$ grow: the product is at most $\exp(-\lambda\sum_{t=s}^{T-1}\eta_t) \to 0$. Hence $q_T \to 0$.
# $\blacksquare$
#
# The first condition is also necessary: without it the product converges to a positive number, and the start is never forgotten.

# %%
steps, peak = 3000, 0.5
powers = {
    "constant": lambda t: 1.0,
    "p = 1": lambda t: 20 / (t + 20),
    "p = 0.6": lambda t: (20 / (t + 20)) ** 0.6,
    "p = 2": lambda t: (20 / (t + 20)) ** 2,
}

# %%
figure, axis = nd.new_figure("optimizer step", "loss $f$", log="xy")
for name, schedule in powers.items():
    plan = {"batch_size": 4, "peak": peak, "schedule": schedule, "steps": steps}
    run = nd.train(quadratic, runs=64, record_every=50, **plan)
    mean, error = diagnostics.mean_and_error(run.loss, dim=1)
    exact = theory.expected_loss_of(quadratic, **plan)
    assert torch.all((mean - exact[run.steps]).abs() <= 5 * error + 1e-12)
    nd.draw_measured(axis, run.steps[1:], mean[1:], error[1:], name, band=True)
    nd.draw_theory(axis, run.steps[1:], exact[run.steps[1:]], "")
nd.show(figure, alt="Loss on the quadratic: the constant rate and p = 2 level off, p = 0.6 and p = 1 keep falling.")

# %% [markdown]
# The bands are three standard errors of 64 seeds and the dashed curves are exact. The two plateaus look alike and are opposites: one has too much motion
# left, the other none. The rate tells them apart, and so does the floor, which is predictable only for the first:

# %%
floor = theory.loss_floor(quadratic.eigenvalues, quadratic.noise_variance, 4, peak)
constant = theory.expected_loss_of(quadratic, 4, peak, powers["constant"], steps)[-1]
left_over = theory.expected_loss_of(quadratic, 4, peak, powers["p = 2"], steps)
drift = torch.prod(1 - peak * nd.multipliers(powers["p = 2"], steps) * float(quadratic.eigenvalues.min()))

# %%
print(f"constant: floor predicted {floor:.4f}, after {steps} steps {float(constant):.4f}")
print(f"p = 2: {float(left_over[-1]):.4f}; the flattest direction kept {float(drift):.0%} of its start")
assert abs(float(constant) / floor - 1) < 1e-3 and drift > 0.1

# %% [markdown]
# **On logistic regression** the floor is a local prediction: with $H$ and $\Sigma$ taken at the optimum it should be right while the iterates stay where $f$
# looks quadratic, that is for small rates.

# %%
eigenvalues, basis = torch.linalg.eigh(logistic.hessian(logistic.optimum))
noise = (basis.T @ logistic.noise_covariance(logistic.optimum) @ basis).diagonal()

# %%
floors = {}
for rate, steps in [(0.05, 4000), (0.2, 2000), (0.8, 1000), (3.2, 1000)]:
    plan = {"batch_size": 4, "schedule": nd.named("constant", steps), "steps": steps, "record_every": 20}
    run = nd.train(logistic, runs=64, peak=rate, **plan)
    tail = (run.loss[len(run.steps) // 2 :] - logistic.floor).mean(dim=0)  # second half, one value a seed
    measured, error = diagnostics.mean_and_error(tail)
    floors[rate] = float(measured) / theory.loss_floor(eigenvalues, noise, 4, rate)
    print(
        f"rate {rate}: excess {float(measured):.4f} ± {float(error):.4f}, measured / local theory = {floors[rate]:.2f}"
    )
assert abs(floors[0.05] - 1) < 0.15 < abs(floors[3.2] - 1)

# %% [markdown]
# The agreement fades as the rate grows: the iterates then wander into regions of other curvature, and at the largest rate the quadratic picture is
# simply wrong.
#
# **In the transformer** we cannot wait for $t\to\infty$, and need not: what matters in a finite run is the noise layer removed at the end. Eight paired seeds,
# same start, same peak, same batches; one keeps its rate, one goes linearly to zero.

# %%
plan = {"steps": 160, "batch_size": 8, "peak": 0.7, "runs": 8, "record_every": 20, "seed": 3}
kept = nd.train(language, schedule=nd.named("constant", 160), **plan)
decayed = nd.train(language, schedule=nd.named("linear", 160), **plan)

# %%
assert torch.allclose(decayed.learning_rate[:, 0], 0.7 * nd.multipliers(nd.named("linear", 160), 160), atol=1e-5)
gain, error = diagnostics.mean_and_error(kept.loss[-1] - decayed.loss[-1])
print(f"constant ends {float(gain):.3f} ± {2.36 * float(error):.3f} nats above linear decay (95 % interval, 8 pairs)")
assert gain > 2.36 * error

# %%
figure, axis = nd.new_figure("optimizer step", "held-out loss (nats per token)")
for name, run in [("constant", kept), ("linear to zero", decayed)]:
    mean, error = diagnostics.mean_and_error(run.loss, dim=1)
    nd.draw_measured(axis, run.steps, mean, error, name, band=True)
nd.draw_level(axis, language.floor, "entropy rate of the source")
nd.show(figure, alt="Linear decay ends nearer to the entropy rate than a constant learning rate of the same peak.")

# %% [markdown]
# **Where it goes wrong.** A $1/t$ schedule stepped once a micro-batch instead of once an optimizer step. With eight micro-batches a step the rate
# runs down eight times too early, and nothing in the loop complains.

# %%
by_step = nd.multipliers(lambda t: 20 / (t + 20), 500)
by_micro_batch = nd.multipliers(lambda t: 20 / (8 * t + 20), 500)

# %%
for name, shape in [("optimizer steps", by_step), ("micro-batches", by_micro_batch)]:
    end = theory.expected_loss(quadratic.eigenvalues, quadratic.noise_variance, 4, 0.5 * shape, quadratic.start)[-1]
    print(f"counted in {name:15}: total path {0.5 * float(shape.sum()):5.1f}, loss {float(end):.4f}")
assert by_step.sum() > 3 * by_micro_batch.sum()

# %% [markdown]
# **Log** the learning rate as applied (`train` reads it back from the update itself) and the mean loss of the last stretch against $\eta$: a floor that halves when
# $\eta$ halves is noise, one that does not is something else.
#
# <details><summary>The loss has been flat for 10,000 steps. One experiment tells "noise floor" from "stuck"; which?</summary>
#
# Halve the rate for a few hundred steps from a checkpoint. On a noise floor the loss falls at once and settles at about half the excess. If it goes on flat, or falls
# more slowly than before, the rate was not what held it.
# </details>
#
# <details><summary>Robbins and Monro ask for Σ η = ∞, but your run ends at step 100,000 with rate zero. Are you violating the theory?</summary>
#
# It says nothing about finite runs. With a known horizon the question is how to split a finite path: enough total rate to forget the start, little of it at the end. Lesson
# 2 computes the best split; decaying to zero at the horizon is close to it.
# </details>
#
# **Used in** the decay phase of language-model training: Hägele et al., *Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations*, 2024. The original
# conditions: Robbins, Monro, 1951. **Owned elsewhere:** rates of $c/t$ are the
# <a href="4_algorithms_and_dynamics.ipynb#Robbins-Monro-rate">Robbins-Monro rate</a> of 1.4; every schedule is lesson 2 ([map](../index.ipynb)).
#
# The last lab trains the transformer while you watch: let a slider go to start a run, stop it when you have seen enough. Lower the batch size, then try to
# win the loss back with the schedule alone.

# %%
lab.transformer_lab()

# %% [markdown]
# ## Skill check
#
# Answers are explained either way. Then do the [exercises](../../exercises/1_1_intuition/1_1_intuition.ipynb): six functions, from the minibatch gradient to the
# Robbins-Monro test.

# %%
study.skill_check("1_1_intuition")
