# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1.5 Practical variants: averages over time, memory and machines
#
# **Previous:** [1.4 Algorithms and dynamics](4_algorithms_and_dynamics.ipynb) · **Next:**
# [1.6 Advanced topics](6_advanced_topics.ipynb) · **Reading time:** 40 minutes, and under one to run, four processes included ·
# **Exercises:** [assignment 1.5](../../exercises/1_5_practical_variants/1_5_practical_variants.ipynb)
#
# 1. [Average the iterates](#1-Average-the-iterates): Polyak averaging
# 2. [Average the gradients of many machines](#2-Average-the-gradients-of-many-machines): distributed SGD
# 3. [Average over time what does not fit at once](#3-Average-over-time-what-does-not-fit-at-once): gradient accumulation
# 4. [Average the models, seldom](#4-Average-the-models,-seldom): local SGD
# 5. [Average models that want different things](#5-Average-models-that-want-different-things): federated averaging
#
# Five methods, one verb. They differ in *what* is averaged (iterates, gradients, models) and *when*, and every bug in
# them is a wrong weight or a wrong moment. Quadratics tell exactly which average loses nothing; logistic regression
# adds curvature that changes along the way; the transformer, and four real processes, show what is left of the theory
# in use.

# %%
import inspect
import math

import torch

import noisydescent as nd
from noisydescent import diagnostics, lab, optimizers, processes, study, theory
from noisydescent.training import distance_to_optimum

torch.set_num_threads(1)  # four worker processes will want the cores
quadratic = nd.Quadratic(torch.logspace(-1, 0, 10), noise=1.0)
logistic, language = nd.Logistic.gaussian_classes(), nd.MarkovLanguage()
H, S = logistic.hessian(logistic.optimum), logistic.noise_covariance(logistic.optimum)
random = nd.generator(0)

# %% [markdown]
# ## 1 Average the iterates
#
# ### Polyak averaging
#
# The last hundred checkpoints of a run score within the noise of each other. Which one do you ship? None of them: ship
# their mean. How good is it, and does it depend on the learning rate you happened to use?
#
# **Definition.** $\bar\theta_t = \frac1t\sum_{s=0}^{t-1}\theta_s \in \mathbb R^d$, the equal-weight mean of the points
# at which gradients were taken, kept as a running mean; the first `start` points may be left out. The path
# $\theta_{s+1} = \theta_s - \eta g_B(\theta_s)$ is not touched.
#
# **Claim.** Let $f$ be quadratic with $H \succ 0$, noise covariance $\Sigma/B$ and constant $\eta < 2/L$. Then
# $t\operatorname{Cov}(\bar\theta_t) \to H^{-1}\Sigma H^{-1}/B$, *without* $\eta$.
#
# **Proof.** With $g_B = H(\theta_s-\theta^*) + \zeta_s$ the update reads
# $\eta H(\theta_s-\theta^*) = (\theta_s - \theta_{s+1}) - \eta\zeta_s$. Sum over $s < t$: the differences telescope,
# and division by $\eta t$ leaves
#
# $$\bar\theta_t - \theta^* = \frac{H^{-1}(\theta_0-\theta_t)}{\eta t} - H^{-1}\,\frac1t\sum_{s<t}\zeta_s.$$
#
# The second term has covariance $H^{-1}\Sigma H^{-1}/(Bt)$, exactly. In the first, $\theta_t$ has bounded variance,
# which is where $\eta < 2/L$ enters, so it contributes $O(t^{-2})$, and $O(t^{-3/2})$ through the cross term.
# $\blacksquare$
#
# *SGD convergence* at a constant rate thus has two senses. The last iterate converges *in law* only, to a cloud of
# variance $\approx\eta\sigma^2/(2B\lambda)$; its time average converges in mean square, at rate $1/t$. Nothing
# unbiased beats the limit. Before it, `theory.polyak_variance` sums the geometric weights exactly.

# %%
B, seeds, rates = 4, 128, [0.1, 0.5, 1.6]
times = torch.tensor([2, 5, 10, 30, 100, 300, 1000], device=quadratic.device)
per_run = torch.tensor(rates, device=quadratic.device).double().repeat_interleave(seeds)
oracle = quadratic.oracle(len(per_run), B, random)
path = optimizers.local_sgd([oracle], quadratic.initial(len(per_run)), per_run, 1000, 1)  # (1001, 384, 10)
averages = (path.cumsum(dim=0)[times - 1] / times[:, None, None]).unflatten(1, (3, seeds))

# %%
figure, axis = nd.new_figure("steps averaged, $t$", r"$t \cdot$ tr Cov$(\bar\theta_t)$", log="xy")
for rate, found in zip(rates, averages.unbind(dim=1), strict=True):
    expected = (1 - (1 - rate * quadratic.eigenvalues) ** times[:, None]) / (times[:, None] * rate)
    error = (found - (expected / quadratic.eigenvalues * quadratic.start)[:, None]).square().sum(dim=2)
    mean, error = diagnostics.mean_and_error(times[:, None] * error, dim=1)
    predicted = times * theory.polyak_variance(quadratic.eigenvalues, 1.0, B, rate, times).sum(dim=1)
    assert torch.all((mean - predicted).abs() <= 4.5 * error)
    nd.draw_measured(axis, times, mean, error, f"measured, rate {rate}")
    nd.draw_theory(axis, times, predicted, "exact")
limit = theory.polyak_covariance(quadratic.hessian, quadratic.noise_covariance, 1, B).trace()
nd.draw_level(axis, limit, "limit, for every rate")
nd.show(figure, alt="Scaled variance of the average against t: three learning rates rise to one common limit.")

# %% [markdown]
# All approach the limit from below, the smallest rate last. Its average is not better at $t = 10$: it has hardly
# moved, and what is missing in variance sits in the first term of the proof as bias. So a large stable rate, which
# makes the *last* iterate worst, forgets soonest and costs the average nothing in the limit.
#
# **On logistic regression** that temptation is punished. The stationary cloud is lopsided, because curvature is lower
# on one side, and the average converges to the *mean of the cloud*, off $\theta^*$ by $O(\eta)$ (Dieuleveut, Durmus,
# Bach, *Bridging the Gap between Constant Step Size Stochastic Gradient Descent and Markov Chains*, 2020). We start at
# $\theta^*$, so that nothing has to be forgotten, and compare with $\frac12\operatorname{tr}(\Sigma H^{-1})/(Bt)$.

# %%
steps, seeds, ratios = 2500, 32, {}
best = 0.5 * float((H @ theory.polyak_covariance(H, S, steps, 8)).trace())


def from_the_optimum(rate):
    """Excess loss of the last and of the averaged iterate, (32,) each."""
    client = [logistic.oracle(seeds, 8, random)]
    path = optimizers.local_sgd(client, logistic.optimum.repeat(seeds, 1), rate, steps, 1)
    return (value - logistic.floor for value in diagnostics.last_and_averaged(logistic.loss, path))


# %%
for rate in [0.1, 0.4, 1.6]:
    last, averaged = from_the_optimum(rate)
    ratios[rate], error = (float(value) for value in diagnostics.mean_and_error(averaged / best))
    print(f"rate {rate}: last {last.mean():.4f}, average {ratios[rate]:.2f} ± {2 * error:.2f} times the local theory")
assert abs(ratios[0.1] - 1) < 0.4 and ratios[1.6] > 20

# %% [markdown]
# A longer run shrinks the variance and leaves that bias: averaging replaces decay only while the loss is quadratic
# over the cloud.
#
# **In the transformer**, one constant-rate path of 200 steps, four paired seeds, scored in several ways:

# %%
client = [language.oracle(4, 8, random)]
path = optimizers.local_sgd(client, language.initial(4, random), 0.7, 200, 1)  # (201, 4, 26 thousand)
for start in [0, 50, 150]:
    last, averaged = diagnostics.last_and_averaged(language.loss, path, start)
    gain, error = (float(value) for value in diagnostics.mean_and_error(last - averaged))
    print(f"average from step {start:3}: {gain:+.3f} ± {3.18 * error:.3f} nats better than the last (95 %, 4 pairs)")
assert gain > 3.18 * error

# %%
share = 0.95 ** torch.arange(200, -1, -1, device=path.device).to(path)
exponential = torch.einsum("t,trd->rd", share / share.sum(), path)
print(f"exponential average, β = 0.95: {float((last - language.loss(exponential)).mean()):+.3f} nats")
taken_off = gain / float(last.mean() - language.floor)
print(f"the last fifty steps: {taken_off:.0%} of the last iterate's distance to the entropy rate is gone")
assert taken_off > 0.35

# %% [markdown]
# About half of what separated the weights from the floor was motion that cancels in a mean. No horizon had to be fixed
# for it, unlike for a decaying rate.
#
# **Where averaging loses.** Keep the points from step 0 and the untrained weights stay in the mean, with the weight
# $1/(\eta t)$ of the telescoped term, whereas the last iterate forgets them exponentially. From a start 30 away:

# %%
far = nd.Quadratic(torch.logspace(-1, 0, 10), noise=1.0, start=30 * torch.ones(10))
path = optimizers.local_sgd([far.oracle(64, B, random)], far.initial(64), 0.5, 300, 1)
for start in [0, 150]:
    last, averaged = (float(value.mean()) for value in diagnostics.last_and_averaged(far.loss, path, start))
    print(f"average from step {start:3}: loss {averaged:.3f}, last iterate {last:.3f}")
    assert (averaged > 2 * last) == (start == 0)

# %% [markdown]
# **Log** `diagnostics.last_and_averaged`: a running mean is one more copy of the weights, and the score one more
# evaluation. The gap between its two numbers estimates what decaying the rate would win now.
#
# <details><summary>An exponential average with β = 0.9999 scores far worse than the raw weights after 2,000 steps. Broken?</summary>
#
# Its window is $1/(1-\beta) = 10{,}000$ steps: 82 % of the weight still sits on the initialisation. Correct for that
# bias, or let β grow with the step.
# </details>
#
# <details><summary>You decay linearly to zero and averaging the last tenth gains nothing. Why?</summary>
#
# With $\eta \to 0$ the last iterate is itself a weighted mean of recent gradients; the cloud that averaging would
# remove is gone.
# </details>
#
# **Used in** stochastic weight averaging: Izmailov et al., *Averaging Weights Leads to Wider Optima and Better
# Generalization*, 2018; the theorem: Polyak, Juditsky, *Acceleration of Stochastic Approximation by Averaging*, 1992.
# **Owned elsewhere:** the same sandwich $H^{-1}\Sigma H^{-1}/N$ as spread of an
# [empirical minimiser](2_formal_definitions.ipynb#Empirical-risk); decaying rates are
# [1.4](4_algorithms_and_dynamics.ipynb#Robbins-Monro-rate).

# %% [markdown]
# ## 2 Average the gradients of many machines
#
# ### Distributed SGD
#
# Four machines, a quarter of the batch each. What must they exchange so that nobody could tell from the weights that
# there were four, and what does a fourfold batch buy in the bound of 1.3?
#
# **Definition.** Workers $k = 1..K$ hold the same $\theta$; worker $k$ draws $B_k$ samples and computes their mean
# gradient $g_k \in \mathbb R^d$. An *all-reduce* gives everyone $\bar g = \sum_k B_k g_k / \sum_k B_k$, and all step
# by $-\eta\bar g$.
#
# **Claim.** (i) $\bar g$ is the mean over all $\sum_k B_k$ samples; the plain mean $\frac1K\sum_k g_k$ multiplies the
# weight of worker $k$'s samples by $\sum_j B_j/(KB_k)$. (ii) *Strongly convex SGD*: if $f$ is $\mu$-strongly convex
# and $L$-smooth, $\eta \le 1/L$, and draws are independent with $B_k = B$:
# $\mathbb E\lVert\theta_t-\theta^*\rVert^2 \le (1-\eta\mu)^t D_0 + \frac{\eta\operatorname{tr}\Sigma}{\mu KB}$.
#
# **Proof.** (i) $B_kg_k$ is a sum over samples; one of them counts $1/(KB_k)$ in the plain mean and $1/\sum_j B_j$ in
# the right one. (ii) Independence makes $\operatorname{Cov}\bar g = \Sigma/(KB)$, so with $x = \theta_t - \theta^*$
# one step has mean square $\lVert x - \eta\nabla f\rVert^2 + \eta^2\operatorname{tr}\Sigma/(KB)$. Smoothness gives
# $\lVert\nabla f\rVert^2 \le 2L(f-f^*)$ and strong convexity $x^\top\nabla f \ge f - f^* + \frac\mu2\lVert x\rVert^2$;
# hence $\lVert x-\eta\nabla f\rVert^2 \le (1-\eta\mu)\lVert x\rVert^2 - 2\eta(1-\eta L)(f-f^*)$, whose last term is
# not positive for $\eta \le 1/L$. Unrolling, the noise sums to
# $\eta^2\frac{\operatorname{tr}\Sigma}{KB}\sum_j(1-\eta\mu)^j \le \frac{\eta\operatorname{tr}\Sigma}{\mu KB}$.
# $\blacksquare$
#
# $K$ stands under the noise and nowhere else: more machines lower the floor and do not shorten the approach. They do
# so only by letting you raise $\eta$.

# %%
machines, rate = [1, 2, 4, 8, 16], 0.3
squares = []
for K in machines:
    clients = [quadratic.oracle(256, B, random) for _ in range(K)]
    end = optimizers.local_sgd(clients, quadratic.initial(256), rate, 200, local_steps=1)[-1]
    squares.append(diagnostics.mean_and_error(end.square().sum(dim=1)))
mean, error = (torch.stack(values).cpu() for values in zip(*squares, strict=True))

# %%
exact = torch.tensor(
    [float(theory.stationary_variance(quadratic.eigenvalues, 1.0, K * B, rate).sum()) for K in machines]
)
bound = torch.tensor([theory.strongly_convex_bound(10.0, rate, 0.1, 10.0, K * B, 200) for K in machines])
assert torch.all((mean - exact).abs() <= 4.5 * error) and 4 < bound[0] / exact[0] < 6

# %%
figure, axis = nd.new_figure("workers $K$, four samples each", r"$\mathbb{E}\,\|\theta_{200}-\theta^*\|^2$", log="xy")
axis.set_xscale("log", base=2)
nd.draw_measured(axis, machines, mean, error, "measured, 256 seeds")
nd.draw_theory(axis, machines, exact, "stationary, batch KB")
nd.draw_theory(axis, machines, bound, "strongly convex bound", style=":")
nd.show(figure, alt="Distance to the optimum falls as one over the workers, on the exact line, below the bound.")

# %% [markdown]
# The bound is about five times too high, at every $K$: it charges every direction the smallest curvature.
#
# **Now with real processes.** Four fresh interpreters join a `torch.distributed` group (gloo, on the loopback
# interface) and run the function printed below. They live as long as the `with` block and end with it, also when it
# fails or you interrupt the kernel. Logistic regression first, with equal and with unequal shards; then the
# transformer, averaged as `DistributedDataParallel` does.

# %%
print(inspect.getsource(processes.data_parallel_sgd))

# %%
cpu = nd.generator(1, "cpu")  # gloo works on the CPU's tensors
on_cpu, zero = nd.Logistic.gaussian_classes(device="cpu"), torch.zeros(20).double()
of_rows = processes.row_gradient(on_cpu)
rows = torch.randint(2000, (100, 32), generator=cpu)  # 100 minibatches of 32
by_label = on_cpu.y.argsort().split([1400, 200, 200, 200])  # whole shards, sorted: mostly one label in each

# %%
small_model = nd.MarkovLanguage(device="cpu")
of_text = processes.sequence_gradient(small_model)
text = small_model.pool[torch.randint(8192, (30, 32), generator=cpu)]
start = small_model.initial(1, cpu)[0]

# %%
with processes.Workers(4) as workers:

    def parallel(gradient, theta, shards, rate, weighted=True):
        tasks = [(gradient, theta, shard, rate) for shard in shards]
        return workers.run(processes.data_parallel_sgd, tasks, weighted=weighted)

    equal = parallel(of_rows, zero, rows.split([8, 8, 8, 8], dim=1), 0.5)
    unequal = parallel(of_rows, zero, rows.split([2, 4, 8, 18], dim=1), 0.5)
    model = parallel(of_text, start, text.split([8, 8, 8, 8], dim=1), 0.7)
    right, wrong = (parallel(of_rows, zero, [[shard] * 300 for shard in by_label], 1.5, how) for how in (True, False))

# %%
found = {"equal shards": (equal, of_rows, zero, rows, 0.5), "unequal shards": (unequal, of_rows, zero, rows, 0.5)}
found["transformer"] = (model, of_text, start, text, 0.7)
for name, (replicas, gradient, theta, batches, rate) in found.items():
    for batch in batches:  # one process with all 32 samples
        theta = theta - rate * gradient(theta, batch)
    gap = diagnostics.max_difference(replicas[0], theta)
    print(f"{name:14}: {gap:.1e} from one process; replicas identical: {all(map(replicas[0].equal, replicas))}")
    assert gap < (1e-12 if theta.dtype == torch.float64 else 1e-4)

# %% [markdown]
# The difference is rounding: $(a+b)+c \ne a+(b+c)$ in floating point, and four partial sums associate otherwise than
# one; float32 has $10^{-7}$ of it where float64 has $10^{-16}$. Changing the number of workers therefore changes the
# last digits of a run, and no setting of seeds can prevent it. The replicas, by contrast, agree *to the bit*: the
# all-reduce forms each sum once and sends out the result.
#
# **The failure that converges.** Shards of 1,400, 200, 200 and 200 rows, full gradients, so no sampling noise at all.
# Unweighted, a row of a small shard counts seven times one of the large shard, and the run descends as smoothly as the
# right one, to somewhere else.

# %%
for name, replicas in [("weighted by shard size", right), ("plain mean of four", wrong)]:
    distance = float((replicas[0] - on_cpu.optimum).norm())
    print(
        f"{name:22}: {distance:.1e} from the optimum, excess loss {float(on_cpu.loss(replicas[0])) - on_cpu.floor:.1e}"
    )
assert (right[0] - on_cpu.optimum).norm() < 1e-3 < 0.02 < distance

# %% [markdown]
# **Log** `diagnostics.max_difference` between rank 0's weights and the others', every few thousand steps; one
# broadcast. Anything but exact zero means a missed all-reduce or a replica with a state of its own.
#
# <details><summary>Four workers, and the loss curve is as noisy as with one. What was shared that should not be?</summary>
#
# The sampler's seed. Identical minibatches make $g_1 = \dots = g_4$, the mean is $g_1$, and its covariance is
# $\Sigma/B$: step (ii) used independence. The replicas agree perfectly, so this check is silent.
# </details>
#
# <details><summary>At equal rate and batch, 16 workers reach the target no sooner than 4. Is the network at fault?</summary>
#
# Counting steps, no: $(1-\eta\mu)^tD_0$ has no $K$. If the target lies above the floor, only a larger rate converts
# workers into fewer steps.
# </details>
#
# **Used in** every data-parallel trainer: Li et al., *PyTorch Distributed: Experiences on Accelerating Data Parallel
# Training*, 2020. **Owned elsewhere:** the
# [strongly convex template](3_geometry_and_guarantees.ipynb#Strongly-convex-proof-template),
# [fewer bits](6_advanced_topics.ipynb#Communication-compression), and time and bytes of an all-reduce in lesson 4
# ([map](../index.ipynb)).
#
# In this lab four workers take $E$ steps each between averagings (the readout counts the samples of one). At $E=1$ the
# curve is that of section 2. Raise $E$ to 32: what returns to the old level after every averaging, and what does not?

# %%
lab.quadratic_lab(batch_size=8, local_steps=1)

# %% [markdown]
# ## 3 Average over time what does not fit at once
#
# ### Gradient accumulation
#
# ```python
# for micro_batch in batch.chunk(k):
#     model(micro_batch).mean().backward()     # .grad adds up
# optimizer.step()
# ```
#
# The loop runs, trains, and is wrong. By how much, in which optimizer will you notice, and is the `/ k` that everybody
# adds enough?
#
# **Definition.** Micro-batches $j = 1..k$ with $n_j$ tokens and mean-token gradients $g_j$ are *accumulated* into
# $g = \sum_j n_j g_j/\sum_j n_j$, followed by one optimizer step. With equal $n_j$ that is $\frac1k\sum_j g_j$, one
# batch of $kB$.
#
# **What goes wrong.** $\sum_j g_j = k\cdot\frac1k\sum_j g_j$: for SGD a learning rate of $k\eta$. And
# $\frac1k\sum_j g_j$ with unequal $n_j$ gives a token of micro-batch $j$ the weight $1/(kn_j)$ in place of
# $1/\sum_i n_i$: short texts are overrated. Both are seen on the quadratic, where SGD at $k\eta$ has an exact curve.

# %%
k, B, eta = 4, 2, 0.2


def loop(divisor):
    """Loss of 256 runs after 0 .. 60 optimizer steps of k micro-batches, and their exact expectation."""
    draw = quadratic.oracle(256, B, random)
    accumulated = [lambda theta: sum(draw(theta) for _ in range(k)) / divisor]
    path = optimizers.local_sgd(accumulated, quadratic.initial(256), eta, 60, 1)
    exact = theory.expected_loss_of(quadratic, k * B, eta * k / divisor, nd.named("constant", 60), 60)
    return quadratic.loss(path), exact


# %%
figure, axis = nd.new_figure("optimizer step", "loss $f$", log="y")
for name, divisor in [("sum / k", k), ("without 1/k", 1)]:
    losses, exact = loop(divisor)
    mean, error = (value.cpu() for value in diagnostics.mean_and_error(losses, dim=1))
    assert torch.all((mean - exact).abs() <= 4.5 * error + 1e-12)
    nd.draw_measured(axis, range(61), mean, error, name, band=True)
    nd.draw_theory(axis, range(61), exact, "exact, rate η or kη")
nd.show(
    figure,
    alt="Loss of both loops on the exact curves for rates eta and k eta; without 1/k it stops at a higher floor.",
)

# %% [markdown]
# At first the bug even looks like progress: a rate four times as high, which nobody chose, falls faster and then stops
# at a floor more than four times as high. Had $\eta$ been tuned to the edge, it would diverge.
#
# **Is accumulating worth it?** That is a question about *nonconvex SGD*, and its answer uses no convexity. Sum the
# [descent lemma](3_geometry_and_guarantees.ipynb#Gradient-variance-inequality), with $\eta \le 1/L$, over $T$ steps,
# telescope the losses and divide by $\eta T/2$:
#
# $$\frac1T\sum_{t<T}\mathbb E\lVert\nabla f(\theta_t)\rVert^2 \le \frac{2(f(\theta_0)-f^*)}{\eta T} + \frac{\eta L\operatorname{tr}\Sigma}{kB}.$$
#
# Only $L$-smoothness and a bound on $\operatorname{tr}\Sigma$ along the path were used. At $n$ samples, $T = n/(kB)$:
# the first term grows with $k$, the second falls. $\blacksquare$ Accumulation buys memory, not progress; past the
# minimum it spends samples on precision that the step cannot use. **Logistic regression** draws the same U, below the
# bound:

# %%
n, sizes = 8192, [8, 32, 128, 512, 2048]
L = float(torch.linalg.eigvalsh(logistic.X.T @ logistic.X / 2000)[-1] / 4 + logistic.l2)  # holds at every theta


def mean_square(size):
    """Mean over the run of the full gradient's squared norm, for 16 seeds: mean and standard error."""
    client = [logistic.oracle(16, size, random)]
    path = optimizers.local_sgd(client, logistic.initial(16), 0.5 / L, n // size, 1)[:-1]
    return diagnostics.mean_and_error(torch.stack([logistic.gradient(theta).square().sum(1) for theta in path]).mean(0))


# %%
mean, error = (torch.stack(values).cpu() for values in zip(*map(mean_square, sizes), strict=True))
fall = float(logistic.loss(torch.zeros_like(logistic.optimum))) - logistic.floor
trace = float(diagnostics.gradient_variance(logistic.per_sample_gradients(torch.zeros_like(logistic.optimum))))
bound = torch.tensor([2 * fall / (0.5 / L * n / size) + 0.5 * trace / size for size in sizes])
assert torch.all(mean < bound) and mean[1] < mean[0] and mean[1] < mean[-1]

# %%
figure, axis = nd.new_figure("samples a step, $kB$", r"mean of $\|\nabla f\|^2$ over the run", log="xy")
nd.draw_measured(axis, sizes, mean, error, "measured, 8,192 samples")
nd.draw_theory(axis, sizes, bound, "nonconvex bound")
nd.show(figure, alt="At equal samples the mean squared gradient is U-shaped in the batch, and so is the bound above.")

# %% [markdown]
# **In the transformer**, four micro-batches of four texts each, of 16, 4, 4 and 4 tokens. PyTorch's own `.grad` does
# the adding:

# %%
trained = nd.train(language, steps=100, batch_size=16, peak=0.5, schedule=nd.named("constant", 100), record_every=100)
lengths = torch.tensor([16, 4, 4, 4], device=language.device)
real = torch.arange(16, device=language.device) < lengths[:, None]  # (4, 16): which tokens are no padding


def gradient(scale):
    """Accumulated over the micro-batches; `scale(j)` multiplies the mean-token loss of micro-batch j."""
    theta = trained.theta.clone().requires_grad_()
    for j, texts in enumerate(language.held_out[:16].chunk(4)):
        losses = language.sequence_losses(theta, texts[None])[0]
        (scale(j) * losses[:, real[j]].mean()).backward()  # adds to theta.grad
    return theta.grad


# %%
theta = trained.theta.clone().requires_grad_()
losses = language.sequence_losses(theta, language.held_out[None, :16])[0][real.repeat_interleave(4, dim=0)]
(one_batch,) = torch.autograd.grad(losses.mean(), theta)
loops = {"tokens / all tokens": lambda j: lengths[j] / lengths.sum(), "1 / k": lambda j: 1 / 4, "none": lambda j: 1.0}
differences = {name: diagnostics.relative_difference(gradient(scale), one_batch) for name, scale in loops.items()}
print({f"weight {name}": f"{value:.1e}" for name, value in differences.items()})
assert differences["tokens / all tokens"] < 1e-5 < 0.5 < differences["1 / k"]

# %% [markdown]
# Token weights agree to rounding. The customary $1/k$ is off by more than half of the gradient, although the four
# losses look alike: three short micro-batches hold 3/7 of the tokens and get 3/4 of the weight. With no divisor the
# error is that, times four.
#
# **The bug that Adam hides.** Scale all gradients by $k$, and $m/\sqrt v$ does not notice:

# %%
adam, weights = optimizers.rule("adam"), [torch.zeros_like(one_batch)]
(step, _), (step_of_sum, _) = (adam(weights, [c * one_batch], None, 1e-3) for c in (1, 4))
hidden = diagnostics.relative_difference(step_of_sum[0], step[0])
print(f"gradient off by a factor of 4, Adam's update by {hidden:.1e}; norm against a clipping threshold: 4 times")
assert hidden < 1e-2

# %% [markdown]
# It surfaces where gradients meet a fixed scale: the clipping threshold, $\epsilon$, the logged norm. A run that moves
# from Adam to SGD then "needs" a rate $k$ times lower, and the tuning is blamed.
#
# **Log** `diagnostics.relative_difference` between the accumulated gradient and one batch of the same samples, once
# when a job starts; it costs one batch, which may be small.
#
# <details><summary>The model has batch normalisation. Every weight is right and the relative difference is still 3 %. Why?</summary>
#
# Linearity is used on a loss that is a *sum over samples*. Batch statistics, like the negatives of a contrastive loss,
# tie the samples of a micro-batch together: other chunks are another objective.
# </details>
#
# <details><summary>Where does clipping go: after each backward, or before the step?</summary>
#
# Before the step, once. Clipped after each backward, the first micro-batches are scaled down again and again with the
# growing sum: the result depends on their order, and is biased towards the last.
# </details>
#
# **Used in** nearly all fine-tuning on one device. The unweighted mean sat in widely used trainers until 2024: Hugging
# Face, *Fixing Gradient Accumulation*, 2024. The nonconvex bound: Ghadimi, Lan, *Stochastic First- and Zeroth-Order
# Methods for Nonconvex Stochastic Programming*, 2013. **Owned elsewhere:** padding inside a batch is
# [1.1](1_intuition.ipynb#Minibatch-estimator); schedules that count micro-batches are lesson 2
# ([map](../index.ipynb)).

# %% [markdown]
# ## 4 Average the models, seldom
#
# ### Local SGD
#
# Two buildings, and a link on which an all-reduce takes as long as fifty steps. Could the workers not each run on, and
# average their *weights* now and then? Start with three lines of algebra.
#
# **Definition.** From a common $\theta$, worker $k$ takes $E$ steps
# $\theta_k \leftarrow \theta_k - \eta g_k(\theta_k)$ on its own minibatches of $B$; then all set
# $\theta_k \leftarrow \bar\theta = \frac1K\sum_j\theta_j$. The *client drift* is
# $D = \frac1K\sum_k\lVert\theta_k-\bar\theta\rVert^2$, in squared weight units.
#
# **Claim** (quadratic, additive noise, equal distributions). Whatever $E$, $\bar\theta$ follows SGD with minibatches
# of $KB$. After $j$ steps of a round, with $a_i = 1 - \eta\lambda_i$,
#
# $$\mathbb E D_j = \Big(1-\frac1K\Big)\sum_i\frac{\eta^2\sigma_i^2}{B}\,\frac{1-a_i^{2j}}{1-a_i^2}.$$
#
# **Proof.** Average the updates:
# $\bar\theta \leftarrow \bar\theta - \eta\big(H(\bar\theta-\theta^*) + \bar\zeta\big)$, since a *linear* gradient of
# the mean is the mean of the gradients; $\bar\zeta$ has covariance $\Sigma/(KB)$. Subtract:
# $\delta_k = \theta_k - \bar\theta$ obeys $\delta_k \leftarrow (I-\eta H)\delta_k - \eta(\zeta_k-\bar\zeta)$ from $0$,
# and $\zeta_k - \bar\zeta$ has variance $(1-\frac1K)\sigma_i^2/B$. Sum the geometric series. $\blacksquare$
#
# So on a quadratic, averaging *once, at the end* loses nothing. Drift grows like $j$ at first, then saturates at the
# variance of a lone worker.

# %%
K, B, eta, every = 4, 2, 0.3, {1: 5, 8: 1, 64: 1}
exact = theory.expected_loss_of(quadratic, K * B, eta, nd.named("constant", 128), 128)
drift = theory.expected_drift(quadratic.eigenvalues, 1.0, B, torch.full((64,), eta), 65, K).sum(dim=1).cpu()
labels = ["optimizer step", "local steps since the averaging"], ["loss of the averaged model", "client drift"]
figure, (left, right) = nd.new_figure(*labels, log="y", panels=2)

# %%
for E, skip in every.items():
    clients = [quadratic.oracle(256, B, random) for _ in range(K)]
    server = optimizers.local_sgd(clients, quadratic.initial(256), eta, 128 // E, E)
    mean, error = (value.cpu() for value in diagnostics.mean_and_error(quadratic.loss(server), dim=1))
    assert torch.all((mean - exact[::E]).abs() <= 4.5 * error + 1e-12)
    nd.draw_measured(left, range(0, 129, E * skip), mean[::skip], error[::skip], f"E = {E}")
    models = optimizers.client_models(server[-1], clients, eta, E)
    mean, error = (value[None].cpu() for value in diagnostics.mean_and_error(diagnostics.client_drift(models)))
    assert abs(mean[0] - drift[E]) <= 4.5 * error[0]
    nd.draw_measured(right, [E], mean, error, f"E = {E}")

# %%
nd.draw_theory(left, range(129), exact, "one process, batch KB")
nd.draw_theory(right, range(1, 65), drift[1:], "exact")
nd.show(figure, alt="Loss of the mean lies on one exact curve for every E; drift rises with E and levels off.")

# %% [markdown]
# **On logistic regression** the first step of the proof fails: the mean of the workers' gradients differs from the
# gradient at the mean, to leading order by half the third derivative contracted with the drift. Price it per *round*,
# which is what the link charges for:

# %%
K, B, rates, rounds_of = 8, 4, [0.1, 1.6], {1: 512, 8: 64, 64: 8}  # 512 steps each


def excess(rate, E):
    """Excess loss of the server after every round: means and standard errors over 16 seeds."""
    clients = [logistic.oracle(16, B, random) for _ in range(K)]
    server = optimizers.local_sgd(clients, logistic.initial(16), rate, rounds_of[E], E)[1:]
    return [value.cpu() for value in diagnostics.mean_and_error(logistic.loss(server) - logistic.floor, dim=1)]


curves = {(rate, E): excess(rate, E) for rate in rates for E in rounds_of}

# %%
titles = {"panels": 2, "title": [f"rate {rate}" for rate in rates]}
figure, axes = nd.new_figure("rounds of communication", "excess loss of the average", log="xy", **titles)
for (rate, E), (mean, error) in curves.items():
    shown = slice(None, None, 8 if E == 1 else 1)
    rounds = range(1, len(mean) + 1)[shown]
    nd.draw_measured(axes[rates.index(rate)], rounds, mean[shown], error[shown], f"E = {E}", band=True)
nd.show(
    figure,
    alt="Many local steps win per round at a small rate; at a large rate they level off far above one local step.",
)

# %%
ends = {key: float(mean[-1]) for key, (mean, _) in curves.items()}
print({f"rate {rate}, E = {E}": f"{loss:.4f}" for (rate, E), loss in ends.items()})
assert ends[1.6, 64] > 3 * ends[1.6, 1] and ends[0.1, 64] < 1.3 * ends[0.1, 1]

# %% [markdown]
# At the small rate, 8 rounds do what 512 did, for free. At the large one the drift is wide enough to feel the third
# derivative, and $E = 64$ ends several times higher: what is averaged there are eight nearly independent clouds, so
# the server inherits the biased centre of [Polyak averaging](#Polyak-averaging), and neither more machines nor more
# rounds remove it.
#
# **In the transformer**, equal steps and 1/24 of the communication:

# %%
for E in [1, 4, 24]:
    stream = nd.generator(5)
    start, clients = language.initial(2, stream), [language.oracle(2, 4, stream) for _ in range(4)]
    server = optimizers.local_sgd(clients, start, 0.7, 72 // E, E)[-1]
    drift = diagnostics.client_drift(optimizers.client_models(server, clients, 0.7, E)).mean()
    print(f"E = {E:2}: loss {language.loss(server).mean():.3f} nats after {72 // E:2} rounds, drift {drift:.2f}")

# %% [markdown]
# Drift rises with $E$, as it must, and the loss of the average hardly follows: a pair of seeds cannot tell $E = 4$
# from $E = 1$.
#
# **Two ways to lose it.** *No common start*: two networks trained alone sit in different basins, their units permuted,
# and the straight line between them climbs. *Numerical stability*: sending bfloat16 weights (8 significant bits)
# deletes every update below $2^{-9}$ of its weight; sending the *difference* to the last average rounds relative to
# the update instead. Full gradients below, so that rounding is all there is.

# %%
plan = {"steps": 150, "batch_size": 16, "peak": 0.7, "schedule": nd.named("linear", 150), "record_every": 150}
alone = nd.train(language, runs=2, **plan)
assert torch.allclose(alone.learning_rate[:, 0], 0.7 * nd.multipliers(plan["schedule"], 150), atol=1e-4)
untrained, each = alone.loss.mean(dim=1).tolist()
middle = float(language.loss(alone.theta.mean(dim=0, keepdim=True)))
print(f"two networks: {each:.3f} nats each, their mean {middle:.3f}, untrained {untrained:.3f}")
assert middle > each + 0.2

# %%
sent = {
    "weights": lambda new, old: new.bfloat16().to(new),
    "differences": lambda new, old: old + (new - old).bfloat16(),
}
for name, send in sent.items():
    theta = logistic.initial(1)
    for _ in range(250):
        theta = send(optimizers.client_models(theta, [logistic.gradient], 0.1, 8)[0], theta)
    sent[name] = float(logistic.loss(theta)[0]) - logistic.floor
print({f"{name} in bfloat16": f"excess {excess:.1e}" for name, excess in sent.items()})
assert sent["weights"] > 50 * sent["differences"]

# %% [markdown]
# **Log** `diagnostics.client_drift` just before each averaging: a pass over the weights and one number to sum. Compare
# it with $\eta^2\operatorname{tr}\Sigma E/B$; far above means unequal data, not noise.
#
# <details><summary>Drift no longer grows from E = 64 to E = 256. May you go on to E = 1,000?</summary>
#
# As far as drift is concerned, yes: each worker already wanders in its stationary cloud. Whatever bias that causes is
# paid in full at 64. During the approach, though, workers also follow *different paths*, and there it still grows.
# </details>
#
# <details><summary>The workers run AdamW. What happens to its moments at an averaging?</summary>
#
# They are estimates along each worker's own path. Keep them local, or average them too (three times the traffic);
# resetting them costs a warmup each round.
# </details>
#
# **Used in** training over slow links: Douillard et al., *DiLoCo: Distributed Low-Communication Training of Language
# Models*, 2023, averages differences after hundreds of local steps. Analysis: Stich, *Local SGD Converges Fast and
# Communicates Little*, 2019. **Owned elsewhere:** cutting bits rather than rounds is
# [1.6](6_advanced_topics.ipynb#Communication-compression).
#
# The dashed curve is again the quadratic theory with $H$, $\Sigma$ of the optimum, for the *workers' own* models. Raise the
# rate towards 1: which part leaves the dashes first, the teeth or the level right after an averaging? Compare $E=1$.

# %%
lab.logistic_lab(batch_size=4, peak=0.3, local_steps=32)

# %% [markdown]
# ## 5 Average models that want different things
#
# ### Federated averaging
#
# Keyboards on phones: the text must not leave them, and no two owners write alike. You run local SGD with weights
# $w_k \propto n_k$. It converges, every round reproducibly to the same weights. Are they the minimiser of anything?


# %%
def turned(angle, *curvatures):
    c, s = math.cos(angle), math.sin(angle)
    basis = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    return basis @ torch.diag(torch.tensor(curvatures, dtype=torch.float64)) @ basis.T


A = torch.stack([turned(0.3, 1.0, 0.05), turned(1.4, 0.6, 0.1), turned(2.3, 0.3, 0.2)]).to(quadratic.device)
optima = torch.tensor([[0.0, 2.0], [-1.5, -1.0], [2.0, -1.0]]).to(A)
weights, eta, many = torch.tensor([3.0, 2.0, 1.0]).to(A), 0.5, [1, 2, 4, 8, 16, 32, 64, 128]
fixed = torch.stack([theory.fedavg_fixed_point(A, optima, weights, eta, E) for E in many])


def client(hessian, optimum):
    return lambda theta: (theta - optimum) @ hessian + 0.2 * torch.randn(theta.shape, generator=random, device=A.device)


# %%
ends = []
for E in many:
    clients = [client(*pair) for pair in zip(A, optima, strict=True)]
    end = optimizers.fedavg(clients, A.new_zeros(128, 2), weights, eta, max(8, 300 // E), E)[-1]
    ends.append(diagnostics.mean_and_error(end, dim=0))
mean, error = (torch.stack(values) for values in zip(*ends, strict=True))
assert torch.all((mean - fixed).abs() <= 4.5 * error)

# %%
labels = [r"$\theta_1$", "local steps $E$"], [r"$\theta_2$", "distance to the global optimum"]
figure, (left, right) = nd.new_figure(*labels, panels=2)
nd.draw_measured(left, mean[:, 0], mean[:, 1], error[:, 1], "measured, 128 seeds")
nd.draw_theory(left, fixed[:, 0], fixed[:, 1], "fixed points, E = 1 to 128")
left.plot(*optima.T.cpu(), "k*", markersize=10, label="clients' optima")
left.set(ylim=(-1.5, 3.4))
for i in [0, -1]:
    left.annotate(f"E = {many[i]}", mean[i].tolist(), textcoords="offset points", xytext=(8, 2))
right.set_xscale("log", base=2)
nd.draw_measured(right, many, (mean - fixed[0]).norm(dim=1), error.norm(dim=1), "measured")
nd.draw_theory(right, many, (fixed - fixed[0]).norm(dim=1), "fixed point")
nd.show(
    figure, alt="Where rounds settle moves from the global optimum toward the mean of the clients' optima as E grows."
)

# %% [markdown]
# **Definition.** $F = \sum_k w_kf_k$ with $\sum_k w_k = 1$, $f_k$ client $k$'s objective. A round sends $\theta$ to
# all, each takes $E$ steps of its own, and the server sets $\theta \leftarrow \sum_kw_k\theta_k$.
#
# **Claim.** For $f_k = \frac12(\theta-\theta_k^*)^\top A_k(\theta-\theta_k^*)$, $A_k \succ 0$, $\eta < 2/L$ for each,
# the rounds contract to the one $\theta$ with $\sum_kw_k\big(I-(I-\eta A_k)^E\big)(\theta-\theta_k^*) = 0$.
#
# **Proof.** A local step multiplies $\theta_k - \theta_k^*$ by $I-\eta A_k$, so a round is the affine map
# $\theta \mapsto \sum_kw_k\big[\theta_k^* + (I-\eta A_k)^E(\theta-\theta_k^*)\big]$. Each power has norm below one, by
# $0 < \eta\lambda < 2$, and so has their convex combination: one fixed point, approached geometrically. Set $\theta$
# equal to its image. Additive noise of mean zero leaves the expectation as it is. $\blacksquare$
#
# Read off the ends. $E=1$: $\sum_kw_kA_k(\theta-\theta_k^*)=0$, the minimiser of $F$. $E\to\infty$: the powers vanish,
# leaving $\theta=\sum_kw_k\theta_k^*$, which ignores how much each client *cares*. Between, expanding to second order,
# $\nabla F(\theta) \approx \frac{\eta(E-1)}2\sum_kw_kA_k^2(\theta-\theta_k^*)$. And if all $A_k$ are equal, they
# factor out: clients may disagree about the optimum as they like, and FedAvg is exact. It is disagreement about
# *curvature* that costs.
#
# **On logistic regression**: three clients, two of which see one label only. (With an intercept: without one, this
# data looks the same from both classes, and label skew would be no skew at all.) The local theory takes $A_k$ and the
# Newton step of each client at $\theta^*$.

# %%
X = torch.cat([logistic.X, torch.ones_like(logistic.X[:, :1])], dim=1)
everyone = nd.Logistic(X, logistic.y, l2=0.01)
parts = logistic.y.argsort().split([700, 800, 500])  # by label: only -1, both, only +1
clients = [nd.Logistic(X[part], logistic.y[part], l2=0.01) for part in parts]
curvature = torch.stack([one.hessian(everyone.optimum) for one in clients])
own = torch.stack(
    [
        everyone.optimum - torch.linalg.solve(h, c.gradient(everyone.optimum))
        for h, c in zip(curvature, clients, strict=True)
    ]
)
weights = torch.tensor([float(len(part)) for part in parts], device=own.device)

# %%
settled, steps = {}, [1, 2, 4, 8, 16, 32, 64]  # the last two servers for each E
for E in steps:
    path = optimizers.fedavg(
        [one.gradient for one in clients], everyone.initial(1), weights, 0.5, max(60, 1600 // E), E
    )
    settled[E] = path[-2:, 0]
off = [float(distance_to_optimum(everyone, settled[E], None)[1]) for E in steps]
local = [theory.fedavg_fixed_point(curvature, own, weights, 0.5, E) for E in steps]
local = [float((point - everyone.optimum).norm()) for point in local]

# %%
print({f"E = {E}": f"measured / local theory {off[i] / local[i]:.2f}" for i, E in enumerate(steps) if E > 1})
assert off[0] < 1e-4 and abs(off[2] / local[2] - 1) < 0.08 and off[-1] / local[-1] < 0.8

# %%
figure, axis = nd.new_figure("local steps $E$", "distance to the global optimum", log="xy")
axis.set_xscale("log", base=2)
nd.draw_curve(axis, steps[1:], off[1:], "label-skewed clients", marker="o")
nd.draw_theory(axis, steps[1:], local[1:], "local theory")
nd.show(figure, alt="Distance to the global optimum grows with E; the local theory holds for small E, then overshoots.")

# %% [markdown]
# Up to $E = 4$ the quadratic picture is right within about 6 %. Beyond, clients walk far into regions where their
# logistic losses are flatter than at $\theta^*$, stop pulling, and the bias stays below the prediction.
#
# **Transformer:** no global optimum is known there, so a distance to it has no meaning; its drift was measured above.
#
# **The failure that looks like success.** Stop "when the server no longer moves":

# %%
for E in [1, 64]:
    before, after = settled[E]
    slope = float(everyone.gradient(after).norm())
    print(f"E = {E:2}: last round moved {float((after - before).norm()):.0e}, norm of the gradient of F {slope:.0e}")
assert (after - before).norm() < 1e-6 < 1e-2 < slope

# %% [markdown]
# **Log** `training.distance_to_optimum` where the optimum is known; elsewhere $\lVert\nabla F\rVert$ at the server, one
# weighted gradient average every few rounds. The size of the server's update says nothing about either.
#
# <details><summary>You can afford 100 times more rounds. Does the bias go away?</summary>
#
# No: the fixed point does not depend on the number of rounds. It does on $\eta(E-1)$, so lower $\eta$ over time, or E
# near the end.
# </details>
#
# <details><summary>Clients take one local <em>epoch</em>. Client 1 has 50 batches, client 2 has 5. Weights are n_k. What is wrong?</summary>
#
# $E_k$ now differs: for small $\eta$ client $k$ pulls with $w_kE_k \propto n_k^2$. Use equal $E$, or divide each
# difference by $E_k$ before weighting.
# </details>
#
# **Used in** keyboards on phones: McMahan et al., *Communication-Efficient Learning of Deep Networks from
# Decentralized Data*, 2017. A correction that restores the optimum: Karimireddy et al., *SCAFFOLD: Stochastic
# Controlled Averaging for Federated Learning*, 2020. **Owned elsewhere:** the idea behind that correction,
# [control variates](6_advanced_topics.ipynb#Control-variates); equal distributions are [local SGD](#Local-SGD).
#
# Last, the transformer with four workers, live. The jumps at every 32nd step are the drift being averaged away. Which
# shrinks them more: half the rate, or twice the batch? And what does a decaying schedule do to the last of them?

# %%
lab.transformer_lab(batch_size=8, local_steps=32, steps=160)

# %% [markdown]
# ## Skill check
#
# Seven situations, each with a number or a symptom to reason from. Six functions wait in the
# [exercises](../../exercises/1_5_practical_variants/1_5_practical_variants.ipynb), from a streaming mean to the fixed
# point of FedAvg.

# %%
study.skill_check("1_5_practical_variants")
