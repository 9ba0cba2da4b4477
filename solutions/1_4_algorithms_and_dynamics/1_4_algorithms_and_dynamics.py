# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] locked="dynamics-opening"
# # 1.4 Algorithms and dynamics: assignment
#
# Six functions for somebody who changes the batch size of a run, or its learning rate, and wants to know beforehand
# what will happen: two scaling rules, the trade between steps and samples and its fit to measurements, the variance
# that a $1/t$ schedule leaves, and two diagnostics of a run under way. The lesson is <a href="../../course/1_stochastic_optimization/4_algorithms_and_dynamics.ipynb">1.4 Algorithms and
# dynamics</a>; no function needs another.
#
# **How to work.** Put your code where `raise NotImplementedError()` stands, run that cell, then the check below it;
# both as often as you please. The report of a check gives the points of each test and, where one fails, the mistake
# that would explain your result. Tests marked hidden draw other inputs when the instructor grades.
#
# **House rules.** Vectors are `torch.float64` and scalars are Python floats unless a test says otherwise. Leave every
# argument as you found it. An argument that makes no sense is a `ValueError` with the argument's name in its message;
# if two of them contradict each other, either name is right.
#
# **Handing in.** Restart the kernel, run all cells, save without renaming, submit. Locked cells are restored before
# grading: keep your own experiments in cells that you add.

# %% locked="dynamics-setup"
import torch

from autograde import check

# %% [markdown] statement="so-scale-lr"
# *The run was tuned at a batch of 256. Tomorrow it moves to a machine that holds 1,024 samples at once: which learning
# rate do you try first?*
#
# Two rules are in use. Goyal et al. (2017) move the rate in proportion to the batch, which suits SGD as long as noise,
# not curvature, limits the step. Adam divides each coordinate by the root mean square of its own gradient, which is
# mostly noise and falls as $1/\sqrt B$, so that half of the work is done already and the root of the ratio is left
# (Malladi, Lyu, Panigrahi, Arora, 2022):
#
# $$\texttt{linear:}\quad \eta' = \eta\,\frac{B'}{B}, \qquad\qquad \texttt{sqrt:}\quad \eta' = \eta\,\sqrt{\frac{B'}{B}} .$$
#
# - `base_lr` is $\eta$, tuned at `base_batch` $= B$; the new batch size is `batch` $= B'$, which may be the smaller of
#   the two.
# - `rule` is the string `"linear"` or `"sqrt"`, any other value a `ValueError`; so is a batch size (either one) that
#   is not positive.
# - Returns $\eta'$, a float.
#
# ```python
# scale_lr(0.1, 256, 1024, "linear")  # 0.4
# scale_lr(0.1, 256, 1024, "sqrt")    # 0.2
# scale_lr(0.3, 48, 12, "sqrt")       # 0.15
# ```
#
# <details><summary>Hint</summary>
#
# Both rules are powers of one ratio. Write that ratio down once, and make sure that it is not rounded when the batch
# shrinks.
# </details>


# %% solution="so-scale-lr"
def scale_lr(base_lr, base_batch, batch, rule):
    """Learning rate for batch size `batch`, given that base_lr suits base_batch; a float.

    rule is "linear" (rate in proportion to the batch size) or "sqrt" (to its square root).
    Raises ValueError naming the batch size that is not positive, or rule when it is neither of the two.
    """
    ### BEGIN SOLUTION
    if base_batch <= 0:
        raise ValueError(f"base_batch must be positive, got {base_batch}")
    if batch <= 0:
        raise ValueError(f"batch must be positive, got {batch}")

    # True division: 96 // 256 is 0, and a learning rate of 0 trains without complaint and learns nothing.
    ratio = batch / base_batch
    if rule == "linear":
        # k steps at rate eta and one step at k eta with k times the batch see the same samples and travel equally far, as
        # long as the gradient hardly changes on the way. eta/B stays the same, and with it the noise in the iterates.
        return base_lr * ratio
    if rule == "sqrt":
        # Divided by its own noise, a step has length eta at any batch size. The random parts of k such steps add up to
        # sqrt(k) eta, which is one step at this rate; its signal is sqrt(k) times clearer, so it goes as far as the k did.
        return base_lr * ratio**0.5
    # Falling through to one of the rules would turn a typing error into a wrong run.
    raise ValueError(f'rule must be "linear" or "sqrt", got {rule!r}')
    ### END SOLUTION


# %% [markdown] statement="so-steps-examples" lesson="about: <a>"
# *Finance counts the samples you process, the deadline counts the optimizer steps. What does a batch of 512 cost in
# each currency?*
#
# With an infinite batch a target loss still takes $S_{\min}$ optimizer steps; with tiny batches it still takes
# $E_{\min}$ samples. In between, $S$ steps and $E = BS$ samples lie on a hyperbola (McCandlish, Kaplan, Amodei, 2018):
#
# $$\left(\frac{S}{S_{\min}} - 1\right)\left(\frac{E}{E_{\min}} - 1\right) = 1 .$$
#
# Solve it for the run at batch size $B$.
#
# - `batch` $= B$, `s_min` $= S_{\min}$ and `e_min` $= E_{\min}$ are positive numbers, not always whole ones; each of
#   them is refused with a `ValueError` when it is zero or negative.
# - Returns the pair $(S, E)$ of floats, steps first. A curve is wanted, so nothing is rounded.
#
# ```python
# steps, examples = steps_and_examples(32, s_min=100, e_min=6400)
# steps     # 300.0
# examples  # 9600.0
# ```
#
# <details><summary>Hint</summary>
#
# Put $E = BS$ into the equation and multiply out: the terms without $S$ cancel, and what is left can be divided by
# $S$. Then look at $B = E_{\min}/S_{\min}$, where both costs must be twice their minimum.
# </details>


# %% solution="so-steps-examples"
def steps_and_examples(batch, s_min, e_min):
    """Optimizer steps S and samples E = batch * S to the target loss, a pair of floats (S, E).

    (S, E) lies on the hyperbola (S/s_min - 1)(E/e_min - 1) = 1.
    Raises ValueError naming the argument that is not positive.
    """
    ### BEGIN SOLUTION
    for name, value in (("batch", batch), ("s_min", s_min), ("e_min", e_min)):
        if value <= 0:
            raise ValueError(f"{name} must be positive, got {value}")

    # (S - s_min)(B S - e_min) = s_min e_min. Multiplied out, s_min e_min stands on both sides; dividing the rest by S
    # leaves B S = e_min + B s_min: the samples are those that averaging cannot save, plus B for each step that it cannot.
    steps = s_min + e_min / batch
    # Each step reads B samples. This is e_min + B s_min again, computed so that E = B S holds whatever was done above.
    return steps, batch * steps
    ### END SOLUTION


# %% [markdown] statement="so-fit-critical-batch" lesson="continues <a>"
# *You trained at six batch sizes, a few seeds each, and wrote down when each run met the target. Up to which batch
# size was a larger one worth its money?*
#
# At batch size $B_i$ the target took $S_i$ optimizer steps. The hyperbola says $S = S_{\min} + E_{\min}/B$, a straight
# line in the variable $x = 1/B$. Fit it by ordinary least squares, every run with the same weight:
#
# $$(S_{\min}, E_{\min}) = \operatorname*{arg\,min}_{a,\,b}\ \sum_{i=1}^{n} \left(S_i - a - \frac{b}{B_i}\right)^2 .$$
#
# The critical batch size is then $E_{\min}/S_{\min}$.
#
# - `batches` and `steps` are lists of numbers, or 1-D tensors, of one length $n$, in any order. A batch size may occur
#   several times (other seeds): each run is one point.
# - Returns $(S_{\min}, E_{\min})$ as floats. Points on a line are fitted exactly. Noise can push an estimate below
#   zero; that is a warning worth seeing, so return it as it is.
# - `ValueError`: lengths that differ, a batch size that is not positive, and fewer than two *different* batch sizes,
#   through which no single line goes.
#
# ```python
# s_min, e_min = fit_critical_batch([8, 16, 32, 64], [900, 500, 300, 200])
# s_min, e_min  # (100.0, 6400.0)
# ```
#
# <details><summary>Hint</summary>
#
# Slope and intercept of a line through points $(x_i, y_i)$ come from two centred sums. Watch which of the two you were
# asked for first. Fitting $E_i = B_i S_i$ against $B_i$ gives the same line on perfect data and another one on real
# data, since it trusts large batches more.
# </details>


# %% solution="so-fit-critical-batch"
def fit_critical_batch(batches, steps):
    """Ordinary least squares of steps on 1/batches: the pair of floats (s_min, e_min), intercept and slope.

    batches and steps: lists or 1-D tensors of equal length n; steps[i] were needed at batch size batches[i].
    Raises ValueError naming steps when the lengths differ, batches when one is not positive or fewer than two differ.
    """
    ### BEGIN SOLUTION
    # A tensor of whole numbers divides in float32; float64 from the start keeps all digits.
    batches = torch.as_tensor(batches, dtype=torch.float64)
    steps = torch.as_tensor(steps, dtype=torch.float64)
    if len(batches) != len(steps):
        raise ValueError(f"steps must have one entry for each of the {len(batches)} batches, got {len(steps)}")
    if bool((batches <= 0).any()):
        raise ValueError("batches must all be positive")
    if len(batches.unique()) < 2:
        raise ValueError("batches must hold at least two different batch sizes to fix a line")

    # The errors are in S, and S is what enters unscaled. Multiplying the equation by B first, to fit E = e_min + s_min B,
    # would multiply every error by B too and leave the fit to the largest batches alone.
    x = 1 / batches
    # Centred sums lose no digits, unlike n sum(x^2) - sum(x)^2, a small difference of large numbers.
    dx = x - x.mean()
    e_min = (dx @ (steps - steps.mean())) / (dx @ dx)
    # The line goes through the point of means.
    s_min = steps.mean() - e_min * x.mean()
    return s_min.item(), e_min.item()
    ### END SOLUTION


# %% [markdown] statement="so-rm-rate" lesson="see <a>"
# *Halving the constant of a $1/t$ schedule made the run slightly better; halving it once more ruined it. Where is the
# cliff?*
#
# Take SGD in one dimension on $f(\theta) = \frac\lambda2\theta^2$ with gradients $\lambda\theta + \zeta$, where
# $\zeta$ has mean zero and variance $\sigma^2$, and the rates $\eta_t = c/t$. The second moment follows $\mathbb
# E\,\theta_{t+1}^2 = (1 - c\lambda/t)^2\, \mathbb E\,\theta_t^2 + c^2\sigma^2/t^2$. Return
#
# $$\lim_{t\to\infty} t\,\mathbb E\,\theta_t^2 = \begin{cases} \dfrac{c^2\sigma^2}{2c\lambda - 1} & \text{if } 2c\lambda > 1, \\[8pt]
# \infty & \text{otherwise,} \end{cases}$$
#
# - for floats `c` $= c$, `lam` $= \lambda$ and `noise_var` $= \sigma^2$, as a float. Below the cliff the second moment
#   falls as $t^{-2c\lambda}$, slower than $1/t$; *on* it, as $\log t / t$. Both times $t\,\mathbb E\,\theta_t^2$ grows
#   without bound: `float("inf")`.
# - `c` and `lam` must be positive and `noise_var` not negative, otherwise `ValueError`.
#
# ```python
# rm_asymptotic_variance(1.0, lam=2.0, noise_var=3.0)   # 1.0
# rm_asymptotic_variance(0.25, lam=2.0, noise_var=3.0)  # inf
# ```
#
# <details><summary>Hint</summary>
#
# Insert $\mathbb E\,\theta_t^2 = v/t$ into the recursion, keep the terms of order $1/t^2$, and you have an equation
# for $v$. The formula turns negative below the cliff and divides by zero on it, so decide before you divide.
# </details>


# %% solution="so-rm-rate"
def rm_asymptotic_variance(c, lam, noise_var):
    """Limit of t E(theta_t^2) for SGD with rate c/t on curvature lam and gradient noise of variance noise_var; a float.

    inf when 2 c lam <= 1.
    Raises ValueError naming c or lam when it is not positive, noise_var when it is negative.
    """
    ### BEGIN SOLUTION
    for name, value in (("c", c), ("lam", lam)):
        if value <= 0:
            raise ValueError(f"{name} must be positive, got {value}")
    if noise_var < 0:
        raise ValueError(f"noise_var must not be negative, got {noise_var}")

    # 2 c lam is the power with which the start is forgotten, t^(-2 c lam). If that is no faster than the 1/t of the noise,
    # then the start (below 1), or its resonance with the noise (at 1), decides, and t E(theta^2) has no finite limit.
    excess = 2 * c * lam - 1
    if excess <= 0:
        return float("inf")
    # v/(t+1) = v/t - v/t^2 + ..., so v (2 c lam - 1) = c^2 noise_var. The best c is 1/lam, with noise_var / lam^2: too small
    # a c is punished by the denominator, too large a one only by the factor c.
    return c**2 * noise_var / excess
    ### END SOLUTION


# %% [markdown] statement="so-gradient-cosine" lesson="a tool for the <a>"
# *Consecutive minibatch gradients point in opposite directions, and the loss no longer moves. Is the run bouncing
# between the walls of a valley?*
#
# A model's gradient arrives as a list, one tensor a layer. For this question it is a single vector of $\mathbb R^d$:
# with layers $\ell$ and entries $j$,
#
# $$\cos(g, h) = \frac{\sum_\ell \sum_j g_{\ell j}\, h_{\ell j}}
# {\sqrt{\sum_\ell \sum_j g_{\ell j}^2}\ \sqrt{\sum_\ell \sum_j h_{\ell j}^2}} .$$
#
# - `g1` and `g2` are lists, or tuples, of tensors; `g1[i]` and `g2[i]` have the same shape, which differs from layer
#   to layer and can be `()` for a single number. Some are views that are not contiguous. Returns a float in $[-1, 1]$.
# - When either gradient is zero in all its entries there is no direction to compare: `0.0`. A layer of zeros among
#   others is nothing special.
# - Only direction matters. A gradient of norm $10^{-9}$, as late in training, has one as well as any other.
# - `ValueError`: lists of different lengths, and layers whose shapes disagree, even if they would broadcast.
#
# ```python
# g1 = [torch.tensor([[3.0, 0.0], [0.0, 0.0]]), torch.tensor([4.0])]
# g2 = [torch.tensor([[1.0, 2.0], [2.0, 0.0]]), torch.tensor([0.0])]
# gradient_cosine(g1, g2)                        # 0.2
# gradient_cosine(g1, [torch.zeros(2, 2), -g1[1]])  # -0.8
# ```
#
# <details><summary>Hint</summary>
#
# Three sums over all entries of all layers decide everything: one mixed, two of squares. The average of the layers'
# own cosines is a different quantity, in which a bias of ten entries weighs as much as a matrix of a million.
# </details>


# %% solution="so-gradient-cosine"
def gradient_cosine(g1, g2):
    """Cosine of the angle between two gradients, lists of tensors with equal shapes in pairs; a float.

    All layers count as one vector; 0.0 when either gradient is zero.
    Raises ValueError naming g2 when the lists differ in length or a pair of layers in shape.
    """
    ### BEGIN SOLUTION
    # zip stops at the shorter list without a word, and a (3,) times a (1,) broadcasts: both would go unnoticed.
    if len(g1) != len(g2):
        raise ValueError(f"g2 must have as many tensors as g1, {len(g1)}, got {len(g2)}")
    for layer, (a, b) in enumerate(zip(g1, g2, strict=True)):
        if a.shape != b.shape:
            raise ValueError(f"g2[{layer}] must have the shape of g1[{layer}], {tuple(a.shape)}, got {tuple(b.shape)}")

    # Layer by layer nothing is concatenated: no copy of all parameters is needed, only three running sums.
    dot = sum((a * b).sum().item() for a, b in zip(g1, g2, strict=True))
    square1 = sum(a.square().sum().item() for a in g1)
    square2 = sum(b.square().sum().item() for b in g2)
    # The case of zero is told apart exactly. A small constant in the denominator would do it too, but would also shrink the
    # cosine of honest gradients that happen to be small.
    if square1 == 0.0 or square2 == 0.0:
        return 0.0
    # Two roots, not the root of the product, which underflows earlier.
    return dot / (square1**0.5 * square2**0.5)
    ### END SOLUTION


# %% [markdown] statement="so-power-iteration" lesson="towards the <a>"
# *Gradient descent is stable along a direction of curvature $\lambda$ while $\eta < 2/\lambda$. The Hessian of your
# model would not fit on a thousand disks: how do you learn its largest eigenvalue all the same?*
#
# A product $Hv$ costs about two gradients and never forms $H$. Let $v_0$ be random and
#
# $$v_{k+1} = \frac{H v_k}{\lVert H v_k \rVert}, \qquad \rho_k = \frac{v_k^\top H v_k}{v_k^\top v_k} .$$
#
# $v_k$ turns towards the eigenvector whose eigenvalue is largest in magnitude, and the Rayleigh quotient $\rho_k$
# towards that eigenvalue, with its sign.
#
# - `hvp(v)` takes a `float64` vector $(d,)$ and returns $Hv$, same shape, for a symmetric $H$ that need not be
#   positive; `dim` is $d$.
# - `iters` products are yours, plus one more if you like: return $\rho_k$ for $k =$ `iters` (which takes the extra
#   product), or for $k =$ `iters` $- 1$, whose product the last step has computed anyway. A float.
# - Draw $v_0$ from `generator`, with normal entries for instance. Any fixed start is orthogonal to the wanted
#   eigenvector for some $H$.
# - The size of $H$ must not matter: eigenvalues of $10^{6}$ and of $10^{-9}$ both occur. Where $Hv$ is exactly zero,
#   the answer is `0.0`.
# - `dim` or `iters` below one: `ValueError`.
#
# ```python
# H = torch.tensor([[1.0, 2.0], [2.0, -2.0]], dtype=torch.float64)
# generator = torch.Generator().manual_seed(0)
# top_eigenvalue(lambda v: H @ v, 2, 50, generator)  # -3.0
# ```
#
# (The eigenvalues of this $H$ are $2$ and $-3$: fifty products shrink the wrong part by $(2/3)^{50}$.)
#
# <details><summary>Hint</summary>
#
# The norm of $Hv_k$ tends to $|\lambda|$ and has lost the sign. Keep $v_k$ and $Hv_k$ side by side for a moment: their
# inner product has not.
# </details>


# %% solution="so-power-iteration"
def top_eigenvalue(hvp, dim, iters, generator):
    """Eigenvalue of largest magnitude, with its sign, of the symmetric (dim, dim) matrix behind hvp; a float.

    hvp maps a float64 vector (dim,) to its product with the matrix. Power iteration from a start drawn from generator,
    then the Rayleigh quotient: iters products and one more.
    Raises ValueError naming dim or iters when it is below one.
    """
    ### BEGIN SOLUTION
    if dim < 1:
        raise ValueError(f"dim must be at least 1, got {dim}")
    if iters < 1:
        raise ValueError(f"iters must be at least 1, got {iters}")

    # Normal entries favour no direction: the share of the wanted eigenvector is about 1/sqrt(dim), zero never.
    v = torch.randn(dim, generator=generator, dtype=torch.float64)
    v = v / v.norm()
    for _ in range(iters):
        product = hvp(v)
        norm = product.norm()
        if norm == 0.0:
            return 0.0
        # Without this division the vector grows as lambda^k: 1e6 to the 30th power still fits into float64, its square does
        # not. For a negative eigenvalue v changes sign each time, which does no harm: the quotient is even in v.
        v = product / norm
    # The norm of H v would converge as fast, its error too is quadratic in that of v, but it is never negative: a saddle
    # would look like a valley. v has length one, so no denominator is needed.
    return torch.dot(v, hvp(v)).item()
    ### END SOLUTION
