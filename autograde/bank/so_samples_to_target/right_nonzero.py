import torch


def samples_to_target(losses, batch_size, target):
    losses = torch.as_tensor(losses, dtype=torch.float64)
    if losses.numel() == 0:
        raise ValueError("no losses")
    if batch_size < 1:
        raise ValueError("batch size below one")
    met = (losses <= target).nonzero().flatten()
    return int(met[0]) * batch_size if met.numel() else None
