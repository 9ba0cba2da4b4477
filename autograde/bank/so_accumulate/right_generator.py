def accumulate(micro_grads, micro_counts):
    if len(micro_grads) != len(micro_counts) or len(micro_counts) < 1:
        raise ValueError("micro_grads and micro_counts: same number, one or more")
    if any(n <= 0 for n in micro_counts):
        raise ValueError("micro_counts: a micro-batch has no tokens")
    if any(g.size() != micro_grads[0].size() for g in micro_grads):
        raise ValueError("micro_grads: different shapes")
    return sum(n * g for n, g in zip(micro_counts, micro_grads)) / sum(micro_counts)
