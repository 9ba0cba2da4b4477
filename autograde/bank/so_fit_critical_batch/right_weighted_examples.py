import torch


def fit_critical_batch(batches, steps):
    """E = e_min + s_min B, with weights 1/B^2 that undo the scaling of the errors; normal equations."""
    batches = torch.tensor([float(b) for b in batches], dtype=torch.float64)
    steps = torch.tensor([float(s) for s in steps], dtype=torch.float64)
    if len(batches) != len(steps):
        raise ValueError("lengths of batches and steps differ")
    if not (batches > 0).all():
        raise ValueError("non-positive entry in batches")
    if (batches == batches[0]).all():
        raise ValueError("all batches are equal")
    design = torch.stack([batches, torch.ones_like(batches)], dim=1)
    weights = batches**-2
    left = design.T @ (weights[:, None] * design)
    right = design.T @ (weights * batches * steps)
    s_min, e_min = torch.linalg.solve(left, right).tolist()
    return (s_min, e_min)
