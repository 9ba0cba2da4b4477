import torch


class TopKCompressor:
    def __init__(self, k):
        if k < 1:
            raise ValueError("k must be at least 1")
        self.k = k
        self.residual = None

    def compress(self, g):
        if self.residual is None:
            self.residual = torch.zeros_like(g)
        if g.shape != self.residual.shape:
            raise ValueError("g has another shape than before")
        c = g + self.residual
        flat = c.flatten()
        keep = flat.abs().topk(min(self.k, flat.numel())).indices
        message = torch.zeros_like(flat)
        message[keep] = flat[keep]
        message = message.reshape(g.shape)
        self.residual = c - message
        return message
