# names: None came back although losses[0] meets the target
def samples_to_target(losses, batch_size, target):
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    if len(losses) == 0:
        raise ValueError("losses must not be empty")
    cost = next((step * batch_size for step, loss in enumerate(losses) if loss <= target), None)
    return cost or None
