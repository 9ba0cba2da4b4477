# names: only the last loss was compared
def samples_to_target(losses, batch_size, target):
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    if len(losses) == 0:
        raise ValueError("losses must not be empty")
    if losses[-1] > target:
        return None
    return (len(losses) - 1) * batch_size
