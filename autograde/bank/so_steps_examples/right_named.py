from collections import namedtuple

Cost = namedtuple("Cost", "S E")


def steps_and_examples(batch, s_min, e_min):
    if batch <= 0:
        raise ValueError("batch size")
    if s_min <= 0:
        raise ValueError("s_min")
    if e_min <= 0:
        raise ValueError("e_min")
    r = batch * s_min / e_min
    return Cost(S=s_min * (1 + 1 / r), E=e_min * (1 + r))
