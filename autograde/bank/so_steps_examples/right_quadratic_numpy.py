import numpy as np


def steps_and_examples(batch, s_min, e_min):
    """B S^2 - (e_min + B s_min) S = 0: the root that is not zero."""
    for value, name in zip([batch, s_min, e_min], ["batch", "s_min", "e_min"]):
        if value <= 0:
            raise ValueError(name)
    roots = np.roots([batch, -(e_min + batch * s_min), 0.0])
    steps = np.max(roots.real)
    return steps, steps * batch
