import torch


def steps_and_examples(batch, s_min, e_min):
    if not all(value > 0 for value in (batch, s_min, e_min)):
        bad = [name for name, value in zip(("batch", "s_min", "e_min"), (batch, s_min, e_min)) if value <= 0]
        raise ValueError(f"not positive: {', '.join(bad)}")
    b, s, e = torch.tensor([float(batch), float(s_min), float(e_min)])
    return torch.stack([s + e / b, e + b * s])
