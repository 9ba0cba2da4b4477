def expected_square_norm(mean_grad, cov_trace, batch_size):
    if not batch_size > 0:
        raise ValueError(f"batch size {batch_size}")
    if not cov_trace >= 0:
        raise ValueError(f"cov_trace = {cov_trace}")
    total = cov_trace / batch_size
    for entry in mean_grad.tolist():
        total += entry * entry
    return total
