import torch


class TopKCompressor:
    def __init__(self, k):
        if k < 1:
            raise ValueError("k")
        self.k, self.r = k, None

    def compress(self, g):
        if self.r is not None and self.r.shape != g.shape:
            raise ValueError("gradient shape")
        c = g.detach().clone() if self.r is None else (g + self.r)
        c = c.contiguous()
        out = torch.zeros(c.shape, dtype=c.dtype)
        a = c.abs().reshape(-1).clone()
        for _ in range(min(self.k, a.numel())):
            j = int(a.argmax())
            a[j] = -1
            out.view(-1)[j] = c.view(-1)[j]
        self.r = c - out
        return out
