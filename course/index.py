# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Noisy Descent
#
# How noisy gradients train networks. You will predict what a training run does before it runs, lay the prediction over the measurement, and learn what
# it means when the two disagree.
#
# **How to use it.** Run a notebook from top to bottom; move the sliders of its labs; unfold a question only after you have an answer; then do the
# exercises, which `check(...)` grades on the spot. Everything works without a GPU, and uses one where there is one.
#
# ## Map of the course
#
# | no. | lesson | notebooks |
# |---|---|---|
# | 1 | Stochastic optimization | [1.1 Intuition](1_stochastic_optimization/1_intuition.ipynb) · [1.2 Formal definitions](1_stochastic_optimization/2_formal_definitions.ipynb) · [1.3 Geometry and guarantees](1_stochastic_optimization/3_geometry_and_guarantees.ipynb) · [1.4 Algorithms and dynamics](1_stochastic_optimization/4_algorithms_and_dynamics.ipynb) · [1.5 Practical variants](1_stochastic_optimization/5_practical_variants.ipynb) · [1.6 Advanced topics](1_stochastic_optimization/6_advanced_topics.ipynb) |
# | 2 | Learning-rate schedules | 2.1 to 2.6, in the same six steps |
# | 3 | Adaptive learning rates | 3.1 to 3.6 |
# | 4 | The training system | 4.1 Boundaries and bugs · 4.2 Randomness · 4.3 Scale, checkpoints and the checklist |
#
# Linked notebooks are written; the others are named here so that you know where a question belongs.
#
# | assignment | exercises |
# |---|---|
# | [1.1 Intuition](../exercises/1_1_intuition/1_1_intuition.ipynb) | minibatch gradient, gradient variance, SGD, samples to target, critical batch size, Robbins-Monro |
# | <a href="../exercises/1_2_formal_definitions/1_2_formal_definitions.ipynb">1.2 Formal definitions</a> | empirical risk, population risk, bias test, importance sampling |
# | <a href="../exercises/1_3_geometry_and_guarantees/1_3_geometry_and_guarantees.ipynb">1.3 Geometry and guarantees</a> | expected squared norm, descent bound, steady state, largest stable rate, strongly convex bound |
# | <a href="../exercises/1_4_algorithms_and_dynamics/1_4_algorithms_and_dynamics.ipynb">1.4 Algorithms and dynamics</a> | scaling rules, steps and examples, fitting the critical batch size, Robbins-Monro rate, gradient cosine, power iteration |
# | <a href="../exercises/1_5_practical_variants/1_5_practical_variants.ipynb">1.5 Practical variants</a> | Polyak averaging, distributed mean, accumulation, local SGD, federated averaging and its fixed point |
# | <a href="../exercises/1_6_advanced_topics/1_6_advanced_topics.ipynb">1.6 Advanced topics</a> | noise scale, control variate, SVRG, SAGA, top-k, quantization, temperature, noise tracker |

# %% [markdown]
# What the notebooks import is yours to keep using: [the library, function by function](api.md).

# %% [markdown]
# ## What this machine can do
#
# The labs choose their device and the number of threads by themselves. To force one, call `nd.use_device("cpu")` before you build a problem.

# %%
import time

import torch

import noisydescent as nd

print("device:", nd.default_device(), "· torch", torch.__version__, "· threads", torch.get_num_threads())

# %% [markdown]
# A short run of the transformer lab tells how fast the live labs will be here: under five seconds for these 100 optimizer steps is comfortable.

# %%
language = nd.MarkovLanguage()
start = time.perf_counter()
run = nd.train(language, steps=100, batch_size=16, peak=0.5, schedule=nd.named("linear", 100), record_every=100)
print(
    f"{time.perf_counter() - start:.1f} s; loss {run.loss[0, 0]:.2f} → {run.loss[-1, 0]:.2f}, entropy floor {language.floor:.2f}"
)

# %% [markdown]
# ## Conventions
#
# Field terms as in PyTorch: an *optimizer step* changes the parameters once; a *minibatch* of size $B$ is what one gradient is averaged over; the learning
# rate multiplies the update outside any momentum buffer. Losses are in nats where they are cross-entropies. Dashed black lines are predictions, bands are three standard
# errors of what was measured.
