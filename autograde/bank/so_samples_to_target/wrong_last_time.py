# names: last time the loss meets the target
def samples_to_target(losses, batch_size, target):
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    if len(losses) == 0:
        raise ValueError("losses must not be empty")
    found = None
    for step, loss in enumerate(losses):
        if loss <= target:
            found = step * batch_size
    return found
