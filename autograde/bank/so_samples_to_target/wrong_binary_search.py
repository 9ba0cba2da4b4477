# names: binary search
def samples_to_target(losses, batch_size, target):
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    if len(losses) == 0:
        raise ValueError("losses must not be empty")
    low, high = 0, len(losses)
    while low < high:
        middle = (low + high) // 2
        if losses[middle] <= target:
            high = middle
        else:
            low = middle + 1
    return low * batch_size if low < len(losses) else None
