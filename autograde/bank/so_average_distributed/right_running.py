def average_gradients(local_grads, local_batch_sizes):
    """Merge the workers one by one, as a chain would."""
    if len(local_grads) != len(local_batch_sizes) or not local_grads:
        raise ValueError("local_grads and local_batch_sizes")
    if min(local_batch_sizes) <= 0:
        raise ValueError("local_batch_sizes must be positive")
    mean, seen = local_grads[0], local_batch_sizes[0]
    for gradient, size in zip(local_grads[1:], local_batch_sizes[1:]):
        if gradient.shape != mean.shape:
            raise ValueError("local_grads must all have one shape")
        seen += size
        mean = mean + (gradient - mean) * (size / seen)
    return mean
