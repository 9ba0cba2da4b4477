# names: of 1 entry after one of 6 | of 4 entries after one of 6
import torch


class TopKCompressor:
    def __init__(self, k):
        if k < 1:
            raise ValueError("k must be at least 1")
        self.k = k
        self.residual = None

    def compress(self, g):
        total = g.clone() if self.residual is None else g + self.residual
        flat = total.flatten()
        kept = torch.zeros_like(flat)
        largest = flat.abs().topk(min(self.k, flat.numel())).indices
        kept[largest] = flat[largest]
        kept = kept.view_as(total)
        self.residual = total - kept
        return kept
