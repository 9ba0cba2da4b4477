# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] locked="practical-variants-opening"
# # 1.5 Practical variants: assignment
#
# Six pieces of code about averages. Of iterates, so that one model sums up a run; of gradients, over machines and
# over micro-batches; and of whole models, once in a while, which is where an average begins to cost something. The
# lesson is
# <a href="../../course/1_stochastic_optimization/5_practical_variants.ipynb">1.5 Practical variants</a>.
# Exercises 2 and 3 are alike, 5 builds on what 4 teaches, and 6 explains what 5 does; otherwise any order will do.
#
# **How to work.** Your code goes where `raise NotImplementedError()` is. Run the cell, then the check below it, and
# repeat. A failed test earns nothing, but says in a sentence what your result looks like. Tests that are called
# hidden use inputs which only the instructor's seed decides.
#
# **House rules.** Expect `torch.float64` tensors; a test that uses others says so. Arguments must not be changed, and that
# includes tensors inside lists. For arguments that the text rules out raise a `ValueError` whose message names one of
# those at fault.
#
# **Handing in.** *Kernel → Restart Kernel and Run All Cells*, save, submit this file under its name. Only the
# solution cells and cells you added are read.

# %% locked="practical-variants-setup"
import torch

from autograde import check

# %% [markdown] statement="so-polyak-average"
# *The learning rate is constant, and the last hundred checkpoints differ only by noise. You have room for one more
# copy of the weights. Which one do you keep?*
#
# Keep their mean. After points $\theta_0, \theta_1, \dots$ have been handed over, of which the first $s$ = `start`
# are skipped because they still remember the initialisation,
#
# $$\bar\theta = \frac1n \sum_{i=s}^{s+n-1} \theta_i , \qquad n = \text{number of points averaged so far},$$
#
# every one of the $n$ points with the same weight. Write `class PolyakAverage`:
#
# - `PolyakAverage(start=0)` makes an empty average.
# - `update(theta)` hands over the next point. The first `start` calls leave no trace but that they are counted.
# - `value` is a property, $\bar\theta$ as a tensor shaped like `theta`. As long as nothing was averaged, it is
#   `None`.
# - `theta` may be one tensor that the training loop changes in place between two calls. And a `value` that was read
#   once stays what it was, whatever is updated later. Storing all points also works, at the price of one copy of the
#   weights a step.
# - `ValueError` for a negative `start`, and for a `theta` of another shape than the one before.
#
# ```python
# average = PolyakAverage(start=1)
# average.update(torch.tensor([9.0, 9.0]))
# average.value is None  # True
# average.update(torch.tensor([1.0, 2.0]))
# average.update(torch.tensor([2.0, 6.0]))
# average.value          # tensor([1.5000, 4.0000])
# ```
#
# <details><summary>Hint</summary>
#
# How far does the mean of $n - 1$ numbers move when the $n$-th arrives? Write it as a step from the old mean towards
# the new number. For the last point on the list above ask of every tensor that you store: who else can write into
# this memory?
# </details>


# %% solution="so-polyak-average"
class PolyakAverage:
    """Equal-weight mean of the points handed to update, kept as a running mean; the first `start` are skipped.

    Raises ValueError naming start when it is negative, theta when its shape is not that of the points before.
    """

    def __init__(self, start=0):
        ### BEGIN SOLUTION
        if start < 0:
            raise ValueError(f"start must not be negative, got {start}")
        # On the object, not on the class: two averages of one run (from step 0 and from step 1000, say) are common.
        self.start = start
        self.seen = 0
        self.shape = None
        self.mean = None
        ### END SOLUTION

    def update(self, theta):
        """Take in the next point, a tensor of the same shape at every call."""
        ### BEGIN SOLUTION
        if self.shape is not None and theta.shape != self.shape:
            raise ValueError(f"theta must keep the shape {tuple(self.shape)}, got {tuple(theta.shape)}")
        self.shape = theta.shape
        self.seen += 1
        count = self.seen - self.start
        if count < 1:
            return
        if count == 1:
            # A copy: the optimizer is about to write into the memory of theta. detach, because a mean that drags the
            # graph of every step along would grow until memory ends.
            self.mean = theta.detach().clone()
        else:
            # Adding up first and dividing later gives the same number, until the float32 sum of a million points has
            # no digits left for the next one. A new tensor, not "+=", because somebody may hold on to the mean as it
            # was.
            self.mean = self.mean + (theta.detach() - self.mean) / count
        ### END SOLUTION

    @property
    def value(self):
        """The mean so far, or None before anything was averaged."""
        ### BEGIN SOLUTION
        # None rather than zeros: an all-zero network evaluates without complaint, and its loss would be logged as
        # that of the mean.
        return self.mean
        ### END SOLUTION


# %% [markdown] statement="so-average-distributed"
# *Four workers share a batch, and the last of them got the remainder. Why does the loss settle somewhere else than on
# one machine?*
#
# Worker $k$ has $B_k$ rows of the batch and sends the mean $g_k$ of their gradients. Return what a single machine
# with all rows would have computed,
#
# $$\bar g = \frac{1}{\sum_k B_k} \sum_k \sum_{i \in \text{shard } k} \nabla \ell_i(\theta),$$
#
# exactly, and from the $g_k$ and $B_k$ alone.
#
# - `local_grads` is a list of $K \ge 1$ tensors $(d,)$, in `local_batch_sizes` are the $K$ positive integers $B_k$,
#   as a list in the same order. Returns $(d,)$.
# - `ValueError`: lists of different length, empty lists, a batch size of zero or below, gradients that differ in
#   shape.
#
# ```python
# local_grads = [torch.tensor([1.0, 0.0]), torch.tensor([4.0, -3.0])]
# average_gradients(local_grads, [2, 1])  # tensor([ 2., -1.])
# ```
#
# <details><summary>Hint</summary>
#
# Undo the division that every worker did before it sent. What is then left to divide by?
# </details>


# %% solution="so-average-distributed"
def average_gradients(local_grads, local_batch_sizes):
    """Mean gradient (d,) over all rows, from the mean gradients (d,) of the workers and their numbers of rows.

    local_grads: list of K tensors; local_batch_sizes: list of K positive integers.
    Raises ValueError naming the list at fault when lengths or shapes disagree, there is no worker, or a size is below 1.
    """
    ### BEGIN SOLUTION
    if len(local_grads) != len(local_batch_sizes) or len(local_grads) == 0:
        raise ValueError(
            f"local_grads and local_batch_sizes must be equally long and not empty, got {len(local_grads)} "
            f"and {len(local_batch_sizes)} entries"
        )
    if any(size < 1 for size in local_batch_sizes):
        # A worker without rows has no mean: frameworks give NaN, which a weight of zero would not remove (0 * NaN is
        # NaN).
        raise ValueError(f"local_batch_sizes must be positive, got {list(local_batch_sizes)}")
    if any(grad.shape != local_grads[0].shape for grad in local_grads):
        raise ValueError(f"local_grads must agree in shape, got {[tuple(grad.shape) for grad in local_grads]}")

    # B_k g_k is the sum over the rows of worker k, and sums of disjoint shards add up. A plain mean of the g_k would
    # give a row of a small shard more say than one of a large shard: the gradient of another objective, with another
    # minimiser.
    total = sum(local_batch_sizes)
    return sum(size / total * grad for size, grad in zip(local_batch_sizes, local_grads, strict=True))
    ### END SOLUTION


# %% [markdown] statement="so-accumulate"
# *Memory holds four texts at a time, and you want the step of a batch of sixty-four. The texts differ in length. Is
# dividing every loss by 16 enough?*
#
# A micro-batch $j$ with $n_j$ tokens leaves the gradient $g_j$ of its *mean* loss per token. The batch is meant to be
# one mean over all tokens, so
#
# $$g = \nabla_\theta\, \frac{1}{N} \sum_{j} \sum_{\tau \in \text{micro-batch } j} \ell_\tau(\theta), \qquad N = \sum_j n_j ,$$
#
# a sum in which a token of a short text weighs what a token of a long one does.
#
# - `micro_grads`: list of tensors $(d,)$, one a micro-batch. `micro_counts`: list with the $n_j$. Returns the
#   gradient $(d,)$ for the one optimizer step.
# - Tokens that are masked out are not counted, so a micro-batch of padding alone would have $n_j = 0$ and no mean:
#   `ValueError` naming `micro_counts`, as for negative counts.
# - Likewise `ValueError` when there are more entries in one list than in the other, none in both, or gradients of
#   unequal shape.
#
# ```python
# micro_grads = [torch.tensor([1.0, 5.0]), torch.tensor([3.0, -3.0])]
# accumulate(micro_grads, [30, 10])  # tensor([1.5000, 3.0000])
# ```
#
# <details><summary>Hint</summary>
#
# Linearity: $\nabla$ and $\sum$ change places. Express the inner sum by $g_j$ and $n_j$.
# </details>


# %% solution="so-accumulate"
def accumulate(micro_grads, micro_counts):
    """Gradient (d,) of the mean loss over all tokens, from the mean-token gradients (d,) of the micro-batches.

    micro_grads: list of k tensors; micro_counts: list of their k token counts, positive.
    Raises ValueError naming the list at fault when lengths or shapes disagree, they are empty, or a count is below 1.
    """
    ### BEGIN SOLUTION
    if len(micro_grads) != len(micro_counts) or len(micro_grads) == 0:
        raise ValueError(
            f"micro_grads ({len(micro_grads)}) and micro_counts ({len(micro_counts)}) must match, at least one"
        )
    if min(micro_counts) < 1:
        raise ValueError(f"micro_counts must be positive, got {list(micro_counts)}: skip a micro-batch without tokens")
    if len({tuple(grad.shape) for grad in micro_grads}) > 1:
        raise ValueError(f"micro_grads differ in shape: {[tuple(grad.shape) for grad in micro_grads]}")

    # The loop keeps what a training loop keeps: one buffer as large as a gradient, filled as micro-batches come by.
    # It is our own tensor, so adding in place spoils nobody's gradient.
    buffer = torch.zeros_like(micro_grads[0])
    for grad, count in zip(micro_grads, micro_counts, strict=True):
        buffer += count * grad
    # Divide at the end, when the number of tokens is known. A division by k in every backward pass, before the
    # lengths of the other micro-batches are known, cannot get this right: it is the mean of means, and overrates
    # short texts.
    return buffer / sum(micro_counts)
    ### END SOLUTION


# %% [markdown] statement="so-local-sgd"
# *An all-reduce over your link takes as long as thirty optimizer steps. What if the workers met every thirtieth step
# only, and averaged their weights instead of their gradients?*
#
# One round from the server's $\theta_r$: each of the $K$ workers sets $\theta^{(k)}_0 = \theta_r$ and takes $E$ =
# `local_steps` steps on its own,
#
# $$\theta^{(k)}_{e+1} = \theta^{(k)}_e - \eta\, g_k\!\left(\theta^{(k)}_e\right), \quad e = 0, \dots, E - 1, \qquad\text{then}\qquad
# \theta_{r+1} = \frac1K \sum_{k=1}^{K} \theta^{(k)}_E .$$
#
# - `grads` is a list of $K$ callables, `grads[k](theta)` returns $g_k(\theta)$ of shape $(d,)$; `theta0` $(d,)$; `lr`
#   is the float $\eta$.
# - Returns a tensor (rounds + 1, $d$) of the server's iterates: row 0 is `theta0`, row $r$ the average after round
#   $r$.
# - A worker may draw a fresh minibatch each time it is called, so call it once a local step.
# - `ValueError` for an empty `grads`, negative `rounds`, `local_steps` below 1, negative `lr`.
#
# ```python
# grads = [lambda theta: theta, lambda theta: 3.0 * (theta - 2.0)]
# local_sgd(grads, torch.tensor([4.0]), lr=0.5, rounds=2, local_steps=2)  # tensor([[4.0000], [1.7500], [1.1875]])
# ```
#
# <details><summary>Hint</summary>
#
# Three nested loops. Between which two of them does `theta` go back to the server's value? If your workers never
# differ from each other, you are averaging too often.
# </details>


# %% solution="so-local-sgd"
def local_sgd(grads, theta0, lr, rounds, local_steps):
    """Server iterates (rounds + 1, d) of local SGD from theta0 (d,).

    grads: list of callables theta -> gradient (d,), one a worker; every round has local_steps steps of size lr a worker.
    Raises ValueError naming grads when empty, rounds or lr when negative, local_steps when below 1.
    """
    ### BEGIN SOLUTION
    if len(grads) == 0:
        raise ValueError("grads is empty: there is no worker whose model could be averaged")
    if rounds < 0:
        raise ValueError(f"rounds must not be negative, got {rounds}")
    if local_steps < 1:
        raise ValueError(f"local_steps must be at least 1, got {local_steps}")
    if lr < 0:
        raise ValueError(f"lr must not be negative, got {lr}")

    server = theta0
    iterates = [server]
    for _ in range(rounds):
        models = []
        for grad in grads:
            # The broadcast: every worker begins the round at the same point. Without it the models drift apart for
            # good, and the mean of points in different basins is a point in none.
            theta = server
            for _ in range(local_steps):
                # The worker's own theta, which the others do not see before the round ends. With one local step this
                # is the mean of gradients at one point, that is, SGD on all the workers' minibatches together.
                theta = theta - lr * grad(theta)
            models.append(theta)
        server = torch.stack(models).mean(dim=0)
        iterates.append(server)
    return torch.stack(iterates)
    ### END SOLUTION


# %% [markdown] statement="so-fedavg"
# *One phone has ten thousand sentences, another has twelve. Both train for the same number of steps. How much of each
# should be in the new model?*
#
# Clients $k = 1..K$ start at the server's $\theta$ and take $E$ = `local_steps` steps
# $\theta_k \leftarrow \theta_k - \eta\, g_k(\theta_k)$ each. The server then sets
#
# $$\theta \leftarrow \frac{\sum_k w_k\, \theta_k}{\sum_k w_k} ,$$
#
# where the weight $w_k$ is usually the number of samples of client $k$ (McMahan, Moore, Ramage, Hampson, Agüera y
# Arcas, *Communication-Efficient Learning of Deep Networks from Decentralized Data*, 2017).
#
# - `server` $(d,)$ are the parameters before the round; `clients` is a list of callables theta → gradient, as `grads`
#   in exercise 4, called once a step as there.
# - `weights`: list of $K$ numbers or tensor $(K,)$. Their sum is positive and need not be one: twice the weights is
#   the same round. `lr` is $\eta$.
# - Returns the parameters $(d,)$ after the round.
# - `ValueError` unless there are as many weights as clients, for no clients, for `local_steps` below 1 and for a
#   negative `lr`.
#
# ```python
# clients = [lambda theta: theta, lambda theta: 3.0 * (theta - 2.0)]
# fedavg_round(torch.tensor([4.0]), clients, [3, 1], lr=0.5, local_steps=2)  # tensor([1.3750])
# ```
#
# <details><summary>Hint</summary>
#
# Try it with every client returning a zero gradient: no one moves, so the server must come back as it was, whatever
# the weights are.
# </details>


# %% solution="so-fedavg"
def fedavg_round(server, clients, weights, lr, local_steps):
    """Parameters (d,) after one round of federated averaging from server (d,).

    clients: list of callables theta -> gradient; weights: their K weights, list or tensor, of positive sum.
    Raises ValueError naming weights or clients when their numbers differ or are zero, local_steps below 1, lr below 0.
    """
    ### BEGIN SOLUTION
    if len(clients) != len(weights) or len(clients) == 0:
        raise ValueError(
            f"clients ({len(clients)}) and weights ({len(weights)}) must match, and there must be one at least"
        )
    if local_steps < 1:
        raise ValueError(f"local_steps must be at least 1, got {local_steps}")
    if lr < 0:
        raise ValueError(f"lr must not be negative, got {lr}")

    # Normalising matters more here than for gradients: a sum of weights of 1.1 is not a learning rate ten percent too
    # high, it blows the parameters themselves up by ten percent, every round.
    shares = torch.as_tensor(weights, dtype=server.dtype, device=server.device)
    shares = shares / shares.sum()
    average = torch.zeros_like(server)
    for client, share in zip(clients, shares, strict=True):
        theta = server
        for _ in range(local_steps):
            theta = theta - lr * client(theta)
        # The model is weighted, not the steps that lead to it: scaling the rate by the share instead would have small
        # clients stop halfway.
        average = average + share * theta
    return average
    ### END SOLUTION


# %% [markdown] statement="so-fedavg-fixed-point"
# *The server's parameters have not moved for fifty rounds. Why is the gradient of the global objective not zero
# there?*
#
# Let client $k$ have the quadratic objective
# $f_k(\theta) = \frac12 (\theta - \theta_k)^\top A_k\, (\theta - \theta_k)$ and take $E$ exact gradient steps of size
# $\eta$. Each of them multiplies the distance to its own optimum by $I - \eta A_k$. Hence a round leaves $\theta$
# where it is exactly if
#
# $$\sum_k w_k \left(I - (I - \eta A_k)^E\right)(\theta - \theta_k) = 0 ,$$
#
# and for $E > 1$ this is another point than the minimiser of $\sum_k w_k f_k$. Solve for it.
#
# - `hessians`: the symmetric, positive definite $A_k$ as a tensor $(K, d, d)$ or a list of $K$ matrices; `optima`:
#   the $\theta_k$, $(K, d)$ or a list of $K$ vectors; `weights`: tensor or list of $K$ numbers whose sum is positive,
#   not necessarily one. Numbers of samples will do.
# - `lr` is $\eta$, below $2 / \lambda_{\max}$ of every client; `local_steps` is $E$. Returns $(d,)$.
# - The exact point is wanted (running rounds until nothing moves any more also finds it, to as many digits as you
#   have patience).
# - `ValueError`: numbers of hessians, optima and weights that differ, matrices that are not square or do not fit the
#   optima, `local_steps` below 1, a negative `lr`.
#
# ```python
# hessians = torch.tensor([[[1.0]], [[3.0]]])
# optima = torch.tensor([[0.0], [2.0]])
# weights = torch.tensor([1.0, 1.0])
# fedavg_fixed_point(hessians, optima, weights, lr=0.5, local_steps=1)  # tensor([1.5000])
# fedavg_fixed_point(hessians, optima, weights, lr=0.5, local_steps=2)  # tensor([1.])
# ```
#
# <details><summary>Hint</summary>
#
# Collect what multiplies $\theta$ in a matrix on the left, the rest in a vector on the right: a linear system of size
# $d$. Its two ends are good tests: $E = 1$ has to give the minimiser of the weighted objective, a huge $E$ the
# weighted mean of the optima.
# </details>


# %% solution="so-fedavg-fixed-point"
def fedavg_fixed_point(hessians, optima, weights, lr, local_steps):
    """Fixed point (d,) of federated averaging on quadratic clients with local_steps steps of size lr a round.

    hessians (K, d, d), optima (K, d) and weights (K,): tensors, or lists of matrices, vectors and numbers.
    Raises ValueError naming the argument when numbers or shapes disagree, local_steps is below 1, or lr is negative.
    """
    ### BEGIN SOLUTION
    if not len(hessians) == len(optima) == len(weights) > 0:
        raise ValueError(
            f"hessians, optima and weights must be equally many: {len(hessians)}, {len(optima)} and {len(weights)}"
        )
    d = len(optima[0])
    if any(tuple(matrix.shape) != (d, d) for matrix in hessians) or any(tuple(point.shape) != (d,) for point in optima):
        raise ValueError(f"hessians must be ({d}, {d}) and optima ({d},) for every client")
    if local_steps < 1:
        raise ValueError(f"local_steps must be at least 1, got {local_steps}")
    if lr < 0:
        raise ValueError(f"lr must not be negative, got {lr}")

    identity = torch.eye(d, dtype=optima[0].dtype, device=optima[0].device)
    left, right = torch.zeros_like(identity), torch.zeros_like(optima[0])
    for matrix, optimum, weight in zip(hessians, optima, weights, strict=True):
        # How far a round carries this client of the way to its own optimum, one number for each eigendirection: lr *
        # lambda after one step, but never more than all the way. So many steps make a gentle client pull as hard as a
        # steep one, and curvature, which is what the global objective weighs clients by, stops counting.
        pull = identity - torch.linalg.matrix_power(identity - lr * matrix, local_steps)
        left = left + weight * pull
        right = right + weight * (pull @ optimum)
    # Weights stand on both sides, so their sum cancels. Solving is more accurate than inverting, and as short.
    return torch.linalg.solve(left, right)
    ### END SOLUTION
