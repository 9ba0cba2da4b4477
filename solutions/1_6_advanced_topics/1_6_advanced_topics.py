# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] locked="advanced-topics-opening"
# # 1.6 Advanced topics: assignment
#
# Eight tools around the noise of a gradient: two that measure it, three that take it out, two that squeeze gradients into fewer bits
# without losing them, and one rule that keeps it as it is. The lesson is
# <a href="../../course/1_stochastic_optimization/6_advanced_topics.ipynb">1.6 Advanced topics</a>. The order is free, but SAGA is easier after SVRG, and the last exercise
# takes up the first.
#
# **How to work.** Each solution cell holds a starter; put your code where it raises `NotImplementedError`, run it, run the check underneath. Nothing is
# lost by failing a check, and the sentence it prints is meant to be read. Tests marked as hidden draw other inputs.
#
# **House rules.** The tensors you get are `torch.float64` if nothing else is announced; where a number is asked for, return a Python float. Arguments stay as they were.
# Random choices come from the `generator` that is handed in and from nowhere else, so that a run can be repeated. Arguments that the text
# excludes raise a `ValueError` whose message names one of the arguments at fault. Two exercises ask for a class: give every object its own state.
#
# **Handing in.** Restart the kernel, run all cells, save, submit. Only solution cells and cells you add yourself are kept.

# %% locked="advanced-topics-setup"
import torch

from autograde import check

# %% [markdown] statement="so-noise-scale"
# *Eight workers average their gradients at every step. The norms before and after the averaging are there for nothing: what do they say about the
# batch size?*
#
# Noise adds to a squared norm: $\mathbb E \lVert g_B \rVert^2 = \lVert \nabla f \rVert^2 + \operatorname{tr}\Sigma / B$. That is one straight line in $1/B$ with two
# unknowns, so two batch sizes settle it. With $\bar n_{\text{small}}, \bar n_{\text{big}}$ the means of the measured squared norms,
#
# $$G^2 = \frac{B_{\text{big}}\,\bar n_{\text{big}} - B_{\text{small}}\,\bar n_{\text{small}}}{B_{\text{big}} - B_{\text{small}}}, \qquad
# S = \frac{\bar n_{\text{small}} - \bar n_{\text{big}}}{1/B_{\text{small}} - 1/B_{\text{big}}}, \qquad B_{\text{simple}} = \frac{S}{G^2},$$
#
# unbiased for $\lVert\nabla f\rVert^2$ and $\operatorname{tr}\Sigma$ (McCandlish, Kaplan, Amodei and the OpenAI Dota Team, *An Empirical Model of Large-Batch Training*, 2018, appendix A).
#
# - `n_small[t]` and `n_big[t]` are squared norms, measured together at batch sizes `b_small` and `b_big`; lists of floats or one-dimensional tensors.
# - Returns the tuple $(G^2, S, B_{\text{simple}})$ of floats.
# - Average first and divide once. The quotient of a single pair is skewed, because its denominator is noisy, and averaging many does not mend that.
# - Estimates may come out negative; a negative $G^2$ says that there were too few pairs. Return the plain quotient, whatever its sign
#   ($G^2 = 0$ is not tried).
# - `ValueError` for sequences of different length or without entries, for a batch size that is not positive, and unless `b_small < b_big`.
#
# ```python
# # Quotients of the single pairs: 16 and 8, with mean 12.
# noise_scale([6.0, 10.0], [2.0, 4.0], 2, 8)  # about (1.3333, 13.3333, 10.0)
# ```
#
# <details><summary>Hint</summary>
#
# Feed the formulas with exact values, $n = G^2 + S/B$ for a $G^2$ and $S$ of your choice: they must come back.
# </details>


# %% solution="so-noise-scale"
def noise_scale(n_small, n_big, b_small, b_big):
    """(G2, S, B_simple): estimates of norm(grad f)^2, tr Sigma, and their quotient S / G2 in samples, as floats.

    n_small, n_big: squared gradient norms at batch sizes b_small < b_big, paired; lists of floats or 1-D tensors.
    Raises ValueError naming the argument when lengths differ, nothing was measured, or the batch sizes make no sense.
    """
    ### BEGIN SOLUTION
    if len(n_small) != len(n_big) or len(n_small) == 0:
        raise ValueError(f"n_small and n_big must be pairs, at least one: got {len(n_small)} and {len(n_big)} entries")
    if not 0 < b_small < b_big:
        raise ValueError(f"b_small and b_big must satisfy 0 < b_small < b_big, got {b_small} and {b_big}")

    # Both estimates are linear in the norms, so estimating from the means is the same as averaging the estimates of
    # the pairs. The quotient is not linear: E(S / G2) differs from E(S) / E(G2), and it is the latter that we want.
    mean_small = sum(float(value) for value in n_small) / len(n_small)
    mean_big = sum(float(value) for value in n_big) / len(n_big)

    # B E n = B G2 + S: multiplied by its batch size, every mean carries the same noise term S, which the difference removes.
    signal = (b_big * mean_big - b_small * mean_small) / (b_big - b_small)
    # E n = G2 + S / B: here it is the signal that the difference removes. What is left is the slope of the line in 1/B.
    noise = (mean_small - mean_big) / (1 / b_small - 1 / b_big)
    # No clamp: cutting negative estimates off at zero would make their mean too large, the very bias we just avoided.
    return signal, noise, noise / signal
    ### END SOLUTION


# %% [markdown] statement="so-control-variate"
# *You average something noisy. Something else, just as noisy, moves along with it, and of that one you know the mean. How much of the noise can
# you subtract?*
#
# Samples $f_1, \dots, f_n$ have the unknown mean $\mathbb E f$; samples $h_1, \dots, h_n$ were drawn together with them and have the known mean $\mu_h$. Whatever the coefficient
# $c$, the mean of $f_i - c\,(h_i - \mu_h)$ estimates $\mathbb E f$; its variance is smallest at
#
# $$c^* = \frac{\operatorname{Cov}(f, h)}{\operatorname{Var}(h)}, \qquad
# \text{estimate} = \bar f - c^*\,(\bar h - \mu_h), \qquad
# \frac{\text{variance after}}{\text{variance before}} = 1 - \rho^2,$$
#
# where $\rho$ is the correlation of $f$ and $h$. Covariance, variance and correlation are those of the sample, about the sample means.
#
# - `f` and `h` are tensors $(n,)$, `h_mean` is the float $\mu_h$. Returns the tuple (estimate, variance ratio) of floats.
# - `ValueError` unless `f` and `h` are one-dimensional and equally long, and for an `h` that is constant (a single sample is): it can
#   explain nothing. A constant `f` is not tried.
#
# ```python
# f = torch.tensor([1.0, 2.0, 4.0, 5.0])
# h = torch.tensor([0.0, 1.0, 2.0, 3.0])
# control_variate(f, h, 1.0)  # about (2.3, 0.02)
# ```
#
# <details><summary>Hint</summary>
#
# Whether you divide by $n$ or by $n - 1$ cancels, provided that it is the same in every place: the defaults of `np.cov`, `np.var` and `torch.var` do not
# agree. When $h$ came out too large on average and moves with $f$, then $f$ came out too large as well: that settles the sign.
# </details>


# %% solution="so-control-variate"
def control_variate(f, h, h_mean):
    """(estimate of the mean of f, variance after / variance before), floats, with the best coefficient of the sample.

    f and h: paired samples (n,); h_mean: the known mean of h.
    Raises ValueError naming f or h when their shapes do not fit, and naming h when it is constant.
    """
    ### BEGIN SOLUTION
    if f.ndim != 1 or h.shape != f.shape:
        raise ValueError(f"f and h must both have shape (n,), got {tuple(f.shape)} and {tuple(h.shape)}")

    # Sums instead of means throughout: the 1/n of numerator and denominator cancel, and no ddof can go astray.
    f_centred, h_centred = f - f.mean(), h - h.mean()
    spread = h_centred.square().sum()
    if spread == 0:
        raise ValueError("h is constant: a control variate that does not vary can explain nothing")
    shared = (f_centred * h_centred).sum()

    # This is the slope of the least-squares line of f on h, and the estimate is that line read off at h_mean.
    best = shared / spread
    estimate = f.mean() - best * (h.mean() - h_mean)
    # Var(f - c h) = Var f - 2 c Cov + c^2 Var h, which is Var f - Cov^2 / Var h at the best c. Weak correlations buy
    # little: rho = 0.5 takes away a quarter of the variance, rho = 0.99 all but a fiftieth.
    ratio = 1 - shared**2 / (spread * f_centred.square().sum())
    return estimate.item(), ratio.item()
    ### END SOLUTION


# %% [markdown] statement="so-svrg"
# *Fitting a model on n samples, you need eight digits, not two. Must the learning rate go to zero, or can the noise?*
#
# Keep a snapshot $s$ and the full gradient there. The gradient of sample $i$ at $s$ is a control variate for the one at $\theta$, its mean is known, and
# as $\theta$ and $s$ near the optimum together nothing is left of the noise (Johnson, Zhang, *Accelerating Stochastic Gradient Descent using
# Predictive Variance Reduction*, 2013). One epoch, from $\theta = s$:
#
# $$\mu = \frac1n \sum_{i=0}^{n-1} \nabla f_i(s), \qquad\text{then `inner` times}\quad \theta \leftarrow \theta - \eta\,\bigl(\nabla f_i(\theta) - \nabla f_i(s) + \mu\bigr),$$
#
# each time with a fresh index $i$, uniform on $\{0, \dots, n - 1\}$, with replacement, from `generator`. The last $\theta$ is the next snapshot.
#
# - `grad_i(theta, i)` returns $\nabla f_i(\theta)$ of shape $(d,)$; `theta0` $(d,)$ is the first snapshot; `lr` is a float, the same at every step.
# - Returns the snapshots $(\text{epochs} + 1, d)$, `theta0` first. Zero epochs give that single row.
# - Each epoch asks for $n + 2\,\text{inner}$ gradients. Keeping all $n$ gradients of the snapshot would save `inner` of them and cost a table of $n \times d$
#   numbers: that is SAGA's bargain, not this one's.
# - `ValueError` for `n` or `inner` below 1 and for negative `epochs`.
#
# ```python
# centres = torch.tensor([[0.0], [4.0]])
# generator = torch.Generator().manual_seed(0)
# svrg(lambda theta, i: theta - centres[i], 2, torch.tensor([6.0]), 0.5, 2, 2, generator)  # tensor([[6.0], [3.0], [2.25]])
# ```
#
# <details><summary>Hint</summary>
#
# Print the direction of the first inner step of an epoch, where $\theta = s$: it does not depend on $i$. And make sure that $s$ stays behind when $\theta$
# moves: two names are not two tensors.
# </details>


# %% solution="so-svrg"
def svrg(grad_i, n, theta0, lr, epochs, inner, generator):
    """Snapshots (epochs + 1, d) of SVRG from theta0 (d,), theta0 first; the next snapshot is the last inner iterate.

    grad_i(theta, i) -> (d,): gradient of sample i of n. Indices are drawn from generator, uniformly with replacement.
    Asks for n + 2 inner gradients an epoch. Raises ValueError naming n, inner or epochs when it is out of range.
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if inner < 1:
        raise ValueError(f"inner must be at least 1, got {inner}")
    if epochs < 0:
        raise ValueError(f"epochs must not be negative, got {epochs}")

    snapshots = [theta0]
    for _ in range(epochs):
        snapshot = snapshots[-1]
        # The expensive part. It pays because it is done once for `inner` cheap steps; inner is usually of the order of n.
        full = sum(grad_i(snapshot, i) for i in range(n)) / n
        theta = snapshot
        for _ in range(inner):
            i = torch.randint(n, (), generator=generator).item()
            # The same i in both terms: it is their correlation that removes noise. With two independent indices the
            # variance would be larger than that of plain SGD.
            theta = theta - lr * (grad_i(theta, i) - grad_i(snapshot, i) + full)
        # Given theta, the mean over i of the direction is the full gradient at theta: unbiased, as with SGD. The paper's
        # theorem takes a random inner iterate here; everyone uses the last, which is no worse in practice.
        snapshots.append(theta)
    return torch.stack(snapshots)
    ### END SOLUTION


# %% [markdown] statement="so-saga"
# *SVRG stops every epoch to pass over the whole data. If memory is cheap and such pauses are not, can the snapshot be kept fresh as you go?*
#
# SAGA remembers, for each sample, the gradient seen when that sample was last drawn (Defazio, Bach, Lacoste-Julien, *SAGA: A Fast Incremental Gradient
# Method with Support for Non-Strongly Convex Composite Objectives*, 2014). The table $T \in \mathbb R^{n \times d}$ starts with all gradients at
# $\theta_0$, $T_i = \nabla f_i(\theta_0)$. Step $t$ draws one index $i$, uniform on $\{0, \dots, n-1\}$, with replacement, from `generator`:
#
# $$\theta_{t+1} = \theta_t - \eta\Bigl(\nabla f_i(\theta_t) - T_i + \frac1n \sum_{j=0}^{n-1} T_j\Bigr), \qquad\text{and then}\quad T_i \leftarrow \nabla f_i(\theta_t) .$$
#
# - `grad_i(theta, i)`, `n`, `theta0` $(d,)$ and `lr` are as in SVRG; `steps` counts the steps.
# - Returns the tuple (last $\theta$ of shape $(d,)$, table $(n, d)$ after the last step). With `steps = 0`: `theta0` and the first table.
# - `grad_i` is called $n + \text{steps}$ times in all: each new gradient serves the step and the table.
# - `ValueError` for `n` below 1 and for negative `steps`.
#
# ```python
# centres = torch.tensor([[0.0], [4.0]])
# theta, table = saga(lambda theta, i: theta - centres[i], 2, torch.tensor([6.0]), 0.5, 1, torch.Generator().manual_seed(0))
# theta  # tensor([4.0])
# table  # tensor([[6.0], [2.0]])
# ```
#
# <details><summary>Hint</summary>
#
# Three values of the same moment meet in a step: the new gradient, the old row, the mean of the old table. Only after all three were used may the row
# change. If the row changes first you have another algorithm (SAG), whose steps are biased.
# </details>


# %% solution="so-saga"
def saga(grad_i, n, theta0, lr, steps, generator):
    """(theta, table): the last iterate (d,) of SAGA from theta0 (d,), and the gradients (n, d) it remembers by then.

    grad_i(theta, i) -> (d,): gradient of sample i of n. Indices are drawn from generator, uniformly with replacement.
    Asks for n + steps gradients. Raises ValueError naming n or steps when it is out of range.
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")

    # stack copies: changing rows of the table later on changes nobody else's tensors.
    table = torch.stack([grad_i(theta0, i) for i in range(n)])
    # The mean is carried along, so that a step costs O(d) and not O(n d). Over millions of steps rounding would creep into
    # it; recomputing it every n steps is the usual cure.
    mean = table.mean(dim=0)
    theta = theta0
    for _ in range(steps):
        i = torch.randint(n, (), generator=generator).item()
        new = grad_i(theta, i)
        change = new - table[i]
        # The mean over i of `change` is grad f(theta) - mean, so the direction is unbiased: change enters with weight one.
        # SAG gives it the weight 1/n, which is what you get if the table is updated first: less variance, but biased.
        theta = theta - lr * (change + mean)
        mean = mean + change / n
        table[i] = new
    return theta, table
    ### END SOLUTION


# %% [markdown] statement="so-top-k"
# *The network between two workers carries one gradient entry in a hundred. Which ones do you send, and what becomes of the others?*
#
# Sending the largest entries alone never moves the coordinates whose gradients are small but persistent. Error feedback (Stich, Cordonnier, Jaggi,
# *Sparsified SGD with Memory*, 2018) adds what was held back to the next gradient. Starting from $e_0 = 0$,
#
# $$c_t = g_t + e_t, \qquad m_t = \operatorname{top}_k(c_t), \qquad e_{t+1} = c_t - m_t ,$$
#
# where $\operatorname{top}_k$ keeps the $k$ entries of largest magnitude, with their values, and sets all others to zero. Write
# `class TopKCompressor` with the constructor `TopKCompressor(k)` and the method `compress(g)`, which returns $m_t$ and keeps $e_{t+1}$.
#
# - `g` is a tensor of any shape; the $k$ entries are counted over the whole tensor. $m_t$ is dense, of the same shape, with at most $k$ entries that are not zero.
# - If `g` has $k$ entries or fewer, all of them are sent. Among entries of equal magnitude any choice will do, but no more than $k$ are sent.
# - Every compressor serves one tensor and has its own $e$. Messages returned earlier stay as they are.
# - `ValueError` naming `k` in the constructor when it is below 1, and naming `g` when its shape is not that of the first call.
#
# ```python
# compressor = TopKCompressor(1)
# compressor.compress(torch.tensor([3.0, -2.0, 1.0]))  # tensor([3.0, 0.0, 0.0])
# compressor.compress(torch.tensor([1.0, -2.0, 0.5]))  # tensor([0.0, -4.0, 0.0])
# ```
#
# <details><summary>Hint</summary>
#
# Feed a gradient, then zeros: the messages must add up to the gradient before long. `torch.topk` looks at signed values and, left alone, at the last dimension only.
# </details>


# %% solution="so-top-k"
class TopKCompressor:
    """Sends the k entries of largest magnitude of gradient plus residual, and keeps the rest as the next residual.

    k at least 1, counted over the whole tensor. Raises ValueError naming k, or g when its shape changes between calls.
    """

    def __init__(self, k):
        ### BEGIN SOLUTION
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self.k = k
        # Set on the object, not on the class: the residual of one worker must not leak into the messages of another.
        self.residual = None
        ### END SOLUTION

    def compress(self, g):
        """The message: a dense tensor of the shape of g with at most k entries that are not zero."""
        ### BEGIN SOLUTION
        if self.residual is None:
            self.residual = torch.zeros_like(g)
        if g.shape != self.residual.shape:
            raise ValueError(f"g has shape {tuple(g.shape)}, the residual {tuple(self.residual.shape)}")

        # The choice is made after adding the residual: an entry too small to be sent grows from call to call until it wins.
        corrected = (g + self.residual).flatten()
        # topk returns exactly k positions whatever the ties; a threshold |c| >= t would send all of the tied entries.
        positions = corrected.abs().topk(min(self.k, corrected.numel())).indices
        message = torch.zeros_like(corrected)
        message[positions] = corrected[positions]
        # Nothing is lost: the sum of all messages is the sum of all gradients up to the present residual. It is this identity
        # that keeps the iterates within lr * residual of those that had applied every gradient in full.
        self.residual = (corrected - message).reshape(g.shape)
        return message.reshape(g.shape)
        ### END SOLUTION


# %% [markdown] statement="so-quantize" lesson="what the lesson calls <a> without memory"
# *Each entry of the gradient gets three bits instead of 32. How do you round so that SGD does not notice, on average?*
#
# QSGD (Alistarh, Grubic, Li, Tomioka, Vojnovic, *QSGD: Communication-Efficient SGD via Gradient Quantization and Encoding*, 2017) sends one norm, and a
# sign and a small integer for each entry. With $s$ levels and $\ell_i = s\,|v_i| / \lVert v \rVert_2$, a number in $[0, s]$,
#
# $$Q(v)_i = \lVert v \rVert_2\,\operatorname{sign}(v_i)\,\frac{\xi_i}{s}, \qquad
# \xi_i = \begin{cases} \lfloor \ell_i \rfloor + 1 & \text{with probability } \ell_i - \lfloor \ell_i \rfloor ,\\ \lfloor \ell_i \rfloor & \text{otherwise,}\end{cases}$$
#
# so that $\mathbb E\,Q(v) = v$: what is lost is not accuracy but certainty. The entries are rounded independently of one another.
#
# - `v` is a tensor $(d,)$, `levels` the integer $s$. Returns $Q(v)$ as a tensor $(d,)$ of ordinary numbers.
# - Random numbers come from `generator`, which moves on: the next call with it rounds afresh.
# - The zero vector has no direction to quantize; it comes back as zeros.
# - `levels` below 1 and a `v` that is not a vector raise `ValueError`.
#
# ```python
# generator = torch.Generator().manual_seed(0)
# stochastic_quantize(torch.tensor([3.0, 0.0, -4.0]), 5, generator)  # tensor([3.0, 0.0, -4.0])
# stochastic_quantize(torch.zeros(2), 5, generator)                  # tensor([0.0, 0.0])
# ```
#
# <details><summary>Hint</summary>
#
# If $u$ is uniform on $[0, 1)$, how often is $u$ below $0.3$? And how often does $\lfloor 2.3 + u \rfloor$ exceed 2? Check your function by averaging many results.
# </details>


# %% solution="so-quantize"
def stochastic_quantize(v, levels, generator):
    """QSGD: v (d,) rounded at random to multiples of norm(v) / levels, each entry up or down, with mean v; shape (d,).

    Random numbers are drawn from generator. Zeros stay zeros.
    Raises ValueError naming levels when it is below 1, v when it is not a vector.
    """
    ### BEGIN SOLUTION
    if levels < 1:
        raise ValueError(f"levels must be at least 1, got {levels}")
    if v.ndim != 1:
        raise ValueError(f"v must be a vector (d,), got shape {tuple(v.shape)}")

    norm = v.norm()
    if norm == 0:
        return torch.zeros_like(v)
    position = v.abs() * levels / norm
    below = position.floor()
    # rand is uniform on [0, 1), so rand < p has probability p exactly. Rounding to nearest would have a smaller error in each
    # entry, but the same one at every step: errors that repeat add up over a run, independent ones average out.
    up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < position - below
    # The l2 norm makes small entries fall to zero most of the time: at levels = 1 at most sqrt(d) entries survive, on average.
    return norm * v.sign() * (below + up) / levels
    ### END SOLUTION


# %% [markdown] statement="so-temperature"
# *A run was tuned at batch size 256 and moves to a machine that holds 96. Which learning rate leaves its noise alone?*
#
# For small learning rates SGD follows the stochastic differential equation $\mathrm d\theta = -\nabla f\,\mathrm dt + \sqrt{\eta/B}\;\Sigma^{1/2}\,\mathrm dW$, in which $\eta$ and $B$ occur only as
# the *temperature* $\eta / B$ (Mandt, Hoffman, Blei, *Stochastic Gradient Descent as Approximate Bayesian Inference*, 2017). Two runs of the same temperature have the same stationary law, and
# the same law of paths in the time $t = \eta \times \text{steps}$. Return the learning rate $\eta'$ with
#
# $$\frac{\eta'}{B'} = \frac{\eta}{B} .$$
#
# - `lr` is the float $\eta$, `batch` the integer $B$, `new_batch` the integer $B'$. Returns a float.
# - A batch size that is not positive, old or new: `ValueError`.
#
# ```python
# matched_lr(0.1, 256, 1024)  # 0.4
# matched_lr(0.1, 256, 96)    # 0.0375
# ```
#
# <details><summary>Hint</summary>
#
# Solve the equation for $\eta'$. Averaging over a larger batch takes noise out; which way must the learning rate go to put it back?
# </details>


# %% solution="so-temperature"
def matched_lr(lr, batch, new_batch):
    """Learning rate at which batch size new_batch has the temperature lr / batch; a float.

    Raises ValueError naming batch or new_batch when it is not positive.
    """
    ### BEGIN SOLUTION
    if batch < 1:
        raise ValueError(f"batch must be positive, got {batch}")
    if new_batch < 1:
        raise ValueError(f"new_batch must be positive, got {new_batch}")

    # This is the linear scaling rule, derived from the noise instead of from the steps. It holds while eta lambda is small in
    # every direction: past that the discrete steps matter, and the equation knows nothing of a largest stable rate.
    return lr * new_batch / batch
    ### END SOLUTION


# %% [markdown] statement="so-noise-tracker"
# *The noise scale of a language model grows tenfold in a run. How do you log a curve of it that is neither jagged nor a thousand steps late?*
#
# Every step $t$ yields a pair of squared norms, and from it $G^2_t$ and $S_t$ by the formulas of exercise 1 (for one pair). Both are far too noisy to divide. Smooth
# numerator and denominator, each by an exponential moving average that starts at zero, and divide those:
#
# $$\hat S_t = \beta\,\hat S_{t-1} + (1 - \beta)\,S_t, \qquad \hat G^2_t = \beta\,\hat G^2_{t-1} + (1 - \beta)\,G^2_t, \qquad B_{\text{simple}} = \hat S_t / \hat G^2_t .$$
#
# Averages that start at zero are too small at first, both by the factor $1 - \beta^t$: in the quotient it cancels, so correcting them is optional.
#
# Write `class NoiseScaleTracker` with the constructor `NoiseScaleTracker(decay)`, $\beta$ being `decay`, the method `update(n_small, n_big, b_small, b_big)`, and the
# property `b_simple`.
#
# - `n_small` and `n_big` are floats or tensors holding one number. The batch sizes may change from one update to the next, as they do where the batch grows during training.
# - `b_simple` is a float. Before the first update it is `float("nan")`. It is the plain quotient, also where that is negative. Reading it changes nothing.
# - `ValueError`: from the constructor unless $0 \le$ `decay` $< 1$, from `update` unless $0 <$ `b_small` $<$ `b_big`.
#
# ```python
# tracker = NoiseScaleTracker(0.5)
# tracker.update(6.0, 2.0, 2, 8)
# tracker.b_simple  # about 16.0
# tracker.update(10.0, 4.0, 2, 8)
# tracker.b_simple  # about 9.1429
# ```
#
# <details><summary>Hint</summary>
#
# After one update the decay cannot matter: the quotient is that of the pair. If yours depends on the decay there, one of the two averages is corrected and the other is not.
# </details>


# %% solution="so-noise-tracker"
class NoiseScaleTracker:
    """Simple noise scale over a run: exponential moving averages of tr Sigma and norm(grad f)^2, kept apart.

    decay in [0, 1) is the weight of the past. Raises ValueError naming decay, or b_small and b_big unless 0 < b_small < b_big.
    """

    def __init__(self, decay):
        ### BEGIN SOLUTION
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie in [0, 1), got {decay}")
        self.decay = decay
        self.noise = 0.0
        self.signal = 0.0
        self.updates = 0
        ### END SOLUTION

    def update(self, n_small, n_big, b_small, b_big):
        """Take in the squared norms of two gradients, at batch sizes b_small < b_big."""
        ### BEGIN SOLUTION
        if not 0 < b_small < b_big:
            raise ValueError(f"b_small and b_big must satisfy 0 < b_small < b_big, got {b_small} and {b_big}")
        # .item() of a tensor, or the number itself: a tracker that kept tensors of the graph would keep the graph alive.
        n_small, n_big = float(n_small), float(n_big)
        # The estimates are smoothed, not the norms: these mean something else as soon as a batch size changes.
        signal = (b_big * n_big - b_small * n_small) / (b_big - b_small)
        noise = (n_small - n_big) / (1 / b_small - 1 / b_big)
        self.signal = self.decay * self.signal + (1 - self.decay) * signal
        self.noise = self.decay * self.noise + (1 - self.decay) * noise
        self.updates += 1
        ### END SOLUTION

    @property
    def b_simple(self):
        """Quotient of the two averages, in samples; nan before the first update."""
        ### BEGIN SOLUTION
        if self.updates == 0:
            return float("nan")
        # Both averages lack the same factor 1 - decay^t, which the quotient does not see. Starting them at the first measurement
        # instead of at zero would look harmless and give that one measurement the weight of 1 / (1 - decay) of them.
        return self.noise / self.signal
        ### END SOLUTION
