# names: errors of log S
import torch


def fit_critical_batch(batches, steps):
    b = torch.as_tensor(batches, dtype=torch.float64)
    s = torch.as_tensor(steps, dtype=torch.float64)
    if len(b) != len(s):
        raise ValueError("batches and steps must have one length")
    if (b <= 0).any() or len(b.unique()) < 2:
        raise ValueError("batches must be positive and not all equal")
    x = 1 / b
    guess = torch.stack([0.5 * s.min(), (b * s).min()])
    for _ in range(50):
        predicted = guess[0] + guess[1] * x
        jacobian = torch.stack([1 / predicted, x / predicted], dim=1)
        step = torch.linalg.lstsq(jacobian, (s.log() - predicted.log())[:, None]).solution[:, 0]
        while (guess + step).min() <= 0:
            step = step / 2
        guess = guess + step
    return tuple(guess.tolist())
