import numpy as np
import torch


class TopKCompressor:
    def __init__(self, k):
        if not k >= 1:
            raise ValueError("k: at least one entry")
        self._k = int(k)
        self._residual = 0.0

    def compress(self, g):
        g = g.numpy()
        if not np.isscalar(self._residual) and self._residual.shape != g.shape:
            raise ValueError("shape of the gradient")
        total = self._residual + g
        out = np.zeros_like(total)
        k = min(self._k, total.size)
        chosen = np.argpartition(np.abs(total), total.size - k, axis=None)[total.size - k :]
        out.flat[chosen] = total.flat[chosen]
        self._residual = total - out
        return torch.from_numpy(out)
