import torch


def matched_lr(lr, batch, new_batch):
    """Equal temperature, solved in float32 tensors."""
    for name, value in {"batch": batch, "new_batch": new_batch}.items():
        if value < 1:
            raise ValueError(f"{name} = {value} makes no sense")
    temperature = torch.tensor(lr, dtype=torch.float32) / batch
    return temperature * new_batch
