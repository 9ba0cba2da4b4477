import torch


def average_gradients(local_grads, local_batch_sizes):
    if len(local_grads) != len(local_batch_sizes) or len(local_grads) == 0:
        raise ValueError("local_grads / local_batch_sizes: lengths")
    sizes = torch.tensor(local_batch_sizes).float()
    if not (sizes > 0).all():
        raise ValueError("local_batch_sizes: all positive")
    try:
        columns = torch.stack(local_grads, dim=1).float()
    except RuntimeError as error:
        raise ValueError(f"local_grads: {error}") from None
    return columns @ (sizes / sizes.sum())
