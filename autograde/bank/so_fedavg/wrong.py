"""A round of federated averaging: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "lr_delta": Patch(
        "right_float32_weights",
        {
            """
            W = torch.tensor([float(w) for w in weights]).double()
            M = torch.stack([train(c) for c in clients], dim=1)
            return ((M.double() @ W) / W.sum()).to(server.dtype)
            """: """
            t = sum(float(w) for w in weights)
            return server + lr * sum(float(w) / t * (train(c) - server) for w, c in zip(weights, clients))
            """,
        },
        names="multiplied by lr once more",
    ),
    "server_weight": Patch(
        "right_float32_weights",
        {
            """
            W = torch.tensor([float(w) for w in weights]).double()
            M = torch.stack([train(c) for c in clients], dim=1)
            return ((M.double() @ W) / W.sum()).to(server.dtype)
            """: """
            t = sum(float(w) for w in weights) + 1
            return (server + sum(float(w) * train(c) for w, c in zip(weights, clients))) / t
            """,
        },
        names="server is averaged in",
    ),
}
