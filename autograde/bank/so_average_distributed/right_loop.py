import torch


def average_gradients(local_grads, local_batch_sizes):
    """Coordinate by coordinate with Python floats."""
    if len(local_grads) != len(local_batch_sizes):
        raise ValueError("as many local_batch_sizes as local_grads, please")
    if not local_grads:
        raise ValueError("local_grads is empty")
    for size in local_batch_sizes:
        if size < 1:
            raise ValueError(f"bad entry {size} in local_batch_sizes")
    rows = [g.tolist() for g in local_grads]
    if any(len(row) != len(rows[0]) for row in rows):
        raise ValueError("local_grads differ in length")
    result = []
    for j in range(len(rows[0])):
        value = 0.0
        for row, size in zip(rows, local_batch_sizes):
            value += size * row[j]
        result.append(value / sum(local_batch_sizes))
    return torch.tensor(result, dtype=local_grads[0].dtype)
