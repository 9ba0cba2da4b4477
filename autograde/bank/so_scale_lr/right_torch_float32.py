import torch


def scale_lr(base_lr, base_batch, batch, rule):
    if base_batch < 1:
        raise ValueError("base_batch: at least one sample is needed")
    if batch < 1:
        raise ValueError("batch: at least one sample is needed")
    ratio = torch.tensor(batch, dtype=torch.float32) / base_batch
    match rule:
        case "linear":
            return base_lr * ratio
        case "sqrt":
            return base_lr * torch.sqrt(ratio)
        case _:
            raise ValueError(f"there is no rule {rule}")
