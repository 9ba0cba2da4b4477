import math

import torch


def stochastic_quantize(v, levels, generator):
    if v.ndim != 1:
        raise ValueError("v is not a vector")
    if levels < 1:
        raise ValueError(f"levels = {levels}")
    values = v.tolist()
    norm = math.sqrt(sum(value * value for value in values))
    coins = torch.rand(len(values), generator=generator, dtype=torch.float64).tolist()
    result = []
    for value, coin in zip(values, coins):
        if norm == 0:
            result.append(0.0)
            continue
        place = abs(value) / norm * levels
        level = math.floor(place)
        if coin < place - level:
            level += 1
        result.append(math.copysign(norm * level / levels, value))
    return torch.tensor(result, dtype=v.dtype)
