from itertools import count


def samples_to_target(losses, batch_size, target):
    if len(losses) < 1:
        raise ValueError("losses: at least one value is needed")
    if batch_size < 1:
        raise ValueError("batch_size: at least one sample a step")
    return next((seen for seen, loss in zip(count(0, batch_size), losses) if float(loss) <= target), None)
