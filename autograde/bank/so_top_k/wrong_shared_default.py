# names: share
import torch


class TopKCompressor:
    def __init__(self, k, store={}):
        if k < 1:
            raise ValueError("k")
        self.k = k
        self.store = store

    def compress(self, g):
        self.r = self.store.get(tuple(g.shape), torch.zeros_like(g))
        if self.r.shape != g.shape:
            raise ValueError("g")
        c = g + self.r
        f = c.reshape(-1)
        idx = f.abs().topk(min(self.k, f.numel())).indices
        out = torch.zeros_like(f)
        out[idx] = f[idx]
        out = out.reshape(g.shape)
        self.store[tuple(g.shape)] = c - out
        return out
