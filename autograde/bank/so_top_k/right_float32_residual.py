import torch


class TopKCompressor:
    """The residual is kept in float32; a sparse tensor is sent and made dense."""

    def __init__(self, k):
        if k < 1:
            raise ValueError("k")
        self.k = k

    def compress(self, g):
        residual = getattr(self, "residual", None)
        if residual is None:
            residual = torch.zeros(g.shape, dtype=torch.float32)
        if residual.shape != g.shape:
            raise ValueError("g has another shape than before")
        c = (g.float() + residual).reshape(-1)
        where = torch.topk(torch.abs(c), min(self.k, len(c)), sorted=False)[1]
        message = torch.sparse_coo_tensor(where[None], c[where], c.shape).to_dense()
        self.residual = (c - message).reshape(g.shape)
        return message.reshape(g.shape)
