def gradient_variance(per_sample, batch_size, replacement=True):
    if per_sample.dim() != 2:
        raise ValueError("per_sample needs two dimensions")
    rows = per_sample.tolist()
    if not rows:
        raise ValueError("per_sample is empty")
    if batch_size < 1:
        raise ValueError("batch_size: at least one")
    n = len(rows)
    trace = 0.0
    for column in zip(*rows):
        mean = sum(column) / n
        trace += sum((value - mean) ** 2 for value in column) / n
    if replacement:
        return trace / batch_size
    return trace / batch_size * ((n - batch_size) / (n - 1))
