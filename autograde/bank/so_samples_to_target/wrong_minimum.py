# names: smallest loss is used
def samples_to_target(losses, batch_size, target):
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    if len(losses) == 0:
        raise ValueError("losses must not be empty")
    values = [float(loss) for loss in losses]
    if min(values) > target:
        return None
    return values.index(min(values)) * batch_size
