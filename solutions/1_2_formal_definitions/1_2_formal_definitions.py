# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] locked="formal-definitions-opening"
# # 1.2 Formal definitions: assignment
#
# A training run reports numbers that stand for others: the training loss for the loss on unseen data, a minibatch gradient for the
# full one. Here you write the objective, the error bar of an evaluation, a test that catches a biased gradient, and the weights
# that remove one kind of bias. The lesson is [1.2 Formal definitions](../../course/1_stochastic_optimization/2_formal_definitions.ipynb).
#
# **How to work.** Each exercise has one cell to fill in (delete `raise NotImplementedError()`) and one below it that checks the answer.
# Checking costs nothing, so do it early: the report lists what works and, for what does not, the mistake it most resembles. Part of the
# points belongs to hidden tests on inputs nobody has seen.
#
# **House rules.** As before: `torch.float64` tensors and Python floats unless stated, arguments are never changed, and an argument
# that makes no sense raises a `ValueError` that names it (where two contradict each other, either name is fine).
#
# **Handing in.** Once the checks are as good as you want them, run everything in a fresh kernel, save, and submit the notebook as it is named. Locked cells are restored before grading.

# %% locked="formal-definitions-setup"
import torch

from autograde import check

# %% [markdown] statement="so-empirical-risk" lesson="lesson: []"
# *The training loss went to `inf` after one step with a large learning rate. Are the parameters lost, or only the way the loss is computed?*
#
# What full-batch training minimises is the mean loss over the data at hand, here for logistic regression with labels
# $y_i \in \{-1, +1\}$ and an l2 penalty:
#
# $$\hat f(\theta) = \frac1N \sum_{i=1}^N \log\left(1 + e^{-y_i x_i^\top\theta}\right) + \frac{\lambda_2}{2} \lVert\theta\rVert^2 .$$
#
# The half makes the gradient of the penalty $\lambda_2\theta$, which is what `weight_decay` adds to a gradient in `torch.optim.SGD`.
#
# - `theta` $(d,)$, `X` $(N, d)$, `y` $(N,)$ of one floating dtype; `l2` is $\lambda_2$, a number. Returns a float.
# - A parameter vector gone astray is when you need this number most: it has to be right for $|x_i^\top\theta|$ up to $10^4$.
# - `ValueError`: an `X` that is not a matrix or has no rows, a `theta` or a `y` whose length does not fit it, a negative `l2`.
#
# ```python
# theta = torch.tensor([2.0, -1.0])
# X = torch.tensor([[1.0, 1.0], [0.0, 2.0], [3.0, 1.0], [1.0, 0.0]])
# y = torch.tensor([1.0, -1.0, -1.0, 1.0])
# empirical_risk(theta, X, y)          # about 1.3935
# empirical_risk(theta, X, y, l2=0.4)  # about 2.3935
# ```
#
# <details><summary>Hint</summary>
#
# $\log(1 + e^{u}) = \max(u, 0) + \log(1 + e^{-|u|})$ needs no exponential of a positive number. Several functions of PyTorch do exactly this;
# a logarithm taken of a finished sigmoid does not.
# </details>


# %% solution="so-empirical-risk"
def empirical_risk(theta, X, y, l2=0.0):
    """Mean logistic loss of theta (d,) on X (N, d) with labels y (N,) in {-1, +1}, plus l2/2 norm(theta)^2; a float.

    Raises ValueError naming the argument when shapes disagree, X has no rows or l2 is negative.
    """
    ### BEGIN SOLUTION
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError(f"X must be a matrix (N, d) with at least one row, got shape {tuple(X.shape)}")
    if theta.shape != (X.shape[1],):
        raise ValueError(f"theta must have shape ({X.shape[1]},), one entry for each column of X")
    if y.shape != (X.shape[0],):
        raise ValueError(f"y must have shape ({X.shape[0]},), one label for each row of X")
    if l2 < 0:
        raise ValueError(f"l2 must not be negative, got {l2}: the risk would have no minimum")

    margins = y * (X @ theta)
    # logaddexp(0, u) is log(e^0 + e^u), computed with the larger exponent taken out: u = 1e4 gives 1e4, where exp(u) is inf.
    losses = torch.logaddexp(torch.zeros_like(margins), -margins)
    # The mean stands over the losses only. The penalty belongs to theta, not to a row: dividing it by N as well would make
    # its strength depend on how much data there is.
    return losses.mean().item() + 0.5 * l2 * theta.square().sum().item()
    ### END SOLUTION


# %% [markdown] statement="so-population-risk" lesson="see []"
# *Checkpoint A has a validation loss of 2.31, checkpoint B one of 2.29, both on the same 500 fresh sequences. Which of the digits
# would change with 500 others?*
#
# Losses $\ell_1, \dots, \ell_n$ on samples that played no part in training are independent draws whose expectation is the population risk.
# Their mean estimates it, and by the central limit theorem the interval $\bar\ell \pm h$ covers it with probability about $c$, where
#
# $$\bar\ell = \frac1n\sum_{i=1}^n \ell_i, \qquad h = z\, \frac{s}{\sqrt n}, \qquad s^2 = \frac{1}{n-1}\sum_{i=1}^n (\ell_i - \bar\ell)^2, \qquad
# \Phi(z) = \frac{1 + c}{2},$$
#
# with $\Phi$ the standard normal distribution function. For $c = 0.95$, $z$ is close to 1.96; other confidences need other quantiles.
#
# - `loss_samples` $(n,)$, `confidence` is $c$. Returns the pair $(\bar\ell, h)$ of floats.
# - Use the normal quantile for every $n$, not Student's. (Which of them is wider for small $n$ is worth a thought.)
# - `ValueError` for `loss_samples` that is not one-dimensional or has fewer than two entries, and for a `confidence` outside the open
#   interval $(0, 1)$.
#
# ```python
# loss_samples = torch.tensor([2.0, 3.0, 4.0, 7.0])
# population_risk(loss_samples)                  # (4.0, 2.1170)
# population_risk(loss_samples, confidence=0.5)  # (4.0, 0.7285)
# ```
#
# <details><summary>Hint</summary>
#
# The probability outside the interval is $1 - c$, half of it on each side. `torch.special.ndtri` and `statistics.NormalDist` know the inverse
# of $\Phi$. Ask of your standard deviation what it divides by.
# </details>


# %% solution="so-population-risk"
def population_risk(loss_samples, confidence=0.95):
    """Mean of fresh losses (n,) and the half-width of its normal confidence interval, two floats.

    Standard error with n - 1. Raises ValueError naming loss_samples when it is not a vector of two or more losses,
    confidence when it is not between 0 and 1.
    """
    ### BEGIN SOLUTION
    from statistics import NormalDist

    if loss_samples.ndim != 1 or len(loss_samples) < 2:
        raise ValueError(f"loss_samples must have shape (n,) with n >= 2, got {tuple(loss_samples.shape)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie strictly between 0 and 1, got {confidence}")

    mean = loss_samples.mean().item()
    # The mean is fitted to these very losses, which takes one of the n degrees of freedom: correction=1 (torch.var's
    # default, not NumPy's) makes s^2 unbiased. Unlike in an exact sum over a known population, here the n are a sample.
    standard_error = loss_samples.std(correction=1).item() / len(loss_samples) ** 0.5
    # Two tails share the error 1 - c, so the upper end is the quantile at 1 - (1 - c)/2 = (1 + c)/2.
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    return mean, quantile * standard_error
    ### END SOLUTION


# %% [markdown] statement="so-bias-test" lesson="idea: []"
# *A colleague clips the gradient of every sample before averaging and says that it only removes noise. You can draw a thousand such
# gradients: does their mean miss the full gradient by more than chance?*
#
# Let $e_1, \dots, e_n \in \mathbb R^d$ be independent draws of a gradient estimate and $g \in \mathbb R^d$ the exact gradient. In coordinate $j$
# the error of the mean, in units of its own standard error, is
#
# $$z_j = \frac{\bar e_j - g_j}{s_j / \sqrt n}, \qquad s_j^2 = \frac{1}{n-1} \sum_{i=1}^n (e_{ij} - \bar e_j)^2 .$$
#
# For an unbiased estimate every $z_j$ is roughly standard normal, whatever $n$ is. A biased one gives itself away by a $|z_j|$ that grows
# like $\sqrt n$, and its sign tells the direction: negative when the estimate is too small.
#
# - `estimates` $(n, d)$, one draw a row; `truth` $(d,)$. Returns $(d,)$. No coordinate of the draws is constant.
# - `ValueError` for `estimates` that is no matrix or has fewer than two rows, and for a `truth` that does not have shape $(d,)$.
#
# ```python
# estimates = torch.tensor([[1.0, 0.0], [3.0, 2.0], [2.0, 4.0], [2.0, 6.0]])
# bias_z(estimates, torch.tensor([1.0, 3.5]))  # tensor([ 2.4495, -0.3873])
# ```
#
# <details><summary>Hint</summary>
#
# There are two spreads to keep apart: that of a single draw, which does not shrink with $n$, and that of the mean of $n$ draws, which does.
# </details>


# %% solution="so-bias-test"
def bias_z(estimates, truth):
    """z-scores (d,) of the mean of estimates (n, d) against truth (d,), with the n - 1 standard error.

    Raises ValueError naming estimates when it is not a matrix of two or more rows, truth when its shape does not fit.
    """
    ### BEGIN SOLUTION
    if estimates.ndim != 2 or len(estimates) < 2:
        raise ValueError(f"estimates must be a matrix (n, d) with n >= 2, got shape {tuple(estimates.shape)}")
    if truth.shape != (estimates.shape[1],):
        # Without this check a truth of one entry would be broadcast over all coordinates, and nobody would notice.
        raise ValueError(f"truth must have shape ({estimates.shape[1]},), got {tuple(truth.shape)}")

    n = len(estimates)
    # dim=0: each coordinate has a scale of its own. A spread pooled over coordinates would let one noisy coordinate hide
    # the bias of all the others.
    standard_error = estimates.std(dim=0, correction=1) / n**0.5
    return (estimates.mean(dim=0) - truth) / standard_error
    ### END SOLUTION


# %% [markdown] statement="so-importance-sampling" lesson="derived in []"
# *Rare classes are drawn ten times as often as common ones. Is the model still being trained on the loss you report?*
#
# Row $i$ of $N$ is drawn with probability $p_i$, independently $B$ times, which gives the row numbers `idx`. The plain mean of the drawn gradients
# estimates $\sum_i p_i g_i$. Return the estimate whose expectation is the mean gradient $\frac1N\sum_i g_i$ for any such $p$:
#
# $$\hat g = \frac1B \sum_{b=1}^{B} \frac{g_{i_b}}{N\, p_{i_b}}, \qquad i_b = \mathtt{idx}[b] .$$
#
# - `per_sample` $(N, d)$ holds the gradients of *all* rows, `p` $(N,)$ their probabilities, `idx` $(B,)$ integers, in which a row may occur more
#   than once. Returns $(d,)$.
# - A row with $p_i = 0$ is fine as long as it is not in `idx`.
# - Probabilities carry rounding errors: accept a `p` whose sum differs from one by less than $10^{-3}$, and use it as it is.
# - `ValueError` when `per_sample` is not a matrix, `p` does not have $N$ entries or does not sum to one, a drawn row has $p_i = 0$ or less, or
#   `idx` is empty.
#
# ```python
# per_sample = torch.tensor([[1.0, 0.0], [0.0, 2.0], [4.0, 4.0]])
# p = torch.tensor([0.25, 0.25, 0.5])
# importance_gradient(per_sample, p, torch.tensor([2, 0]))  # tensor([2.0000, 1.3333])
# ```
#
# <details><summary>Hint</summary>
#
# Take $B = 1$ and write the expectation as a sum over the rows: what must multiply $g_i$ to cancel the $p_i$ in front of it and leave $1/N$?
# The weights of one minibatch need not sum to $B$; forcing them to would bring a bias back.
# </details>


# %% solution="so-importance-sampling"
def importance_gradient(per_sample, p, idx):
    """Unbiased estimate (d,) of the mean row of per_sample (N, d) from rows idx (B,) drawn with probabilities p (N,).

    Raises ValueError naming the argument when shapes disagree, p does not sum to one within 1e-3, idx is empty, or a
    drawn row has no positive probability.
    """
    ### BEGIN SOLUTION
    if per_sample.ndim != 2:
        raise ValueError(f"per_sample must be a matrix (N, d), got shape {tuple(per_sample.shape)}")
    n_rows = len(per_sample)
    if p.shape != (n_rows,):
        raise ValueError(f"p must have one probability for each of the {n_rows} rows, got shape {tuple(p.shape)}")
    if len(idx) == 0:
        raise ValueError("idx is empty: the mean over no rows is undefined")
    if abs(p.sum().item() - 1) > 1e-3:
        raise ValueError(f"p must sum to one, its sum is {p.sum().item()}")
    drawn = p[idx]
    if (drawn <= 0).any():
        raise ValueError("p is zero for a row in idx, which therefore cannot have been drawn")

    # E of one term: sum_i p_i g_i / (N p_i) = mean of g. Each draw needs only its own probability, so rows that are over-
    # represented count less in exact proportion. Dividing by the sum of the weights instead of B would be a ratio of two
    # random numbers: often less noisy, but biased.
    weights = 1 / (n_rows * drawn)
    return (weights[:, None] * per_sample[idx]).mean(dim=0)
    ### END SOLUTION
