# names: geometric mean
import math


def steps_and_examples(batch, s_min, e_min):
    for k, v in dict(batch=batch, s_min=s_min, e_min=e_min).items():
        if not v > 0:
            raise ValueError(k)
    S = math.sqrt(s_min * e_min / batch)
    return S, batch * S
