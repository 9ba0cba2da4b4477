"""A round of federated averaging: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "asks_twice": Patch(
        "right_common",
        {
            "for _ in range(local_steps):": """
            for _ in range(local_steps):
                print("norm", float(client(theta).norm()))
            """,
        },
        names="A client is called",
    ),
    "by_largest": Patch(
        "right_common",
        {
            "w = w / w.sum()": "w = w / w.max()",
        },
        names="divided by the largest one",
    ),
    "change_returned": Patch(
        "right_common",
        {
            "return w @ torch.stack(models)": "return w @ (torch.stack(models) - server)",
        },
        names="change came back instead",
    ),
    "change_subtracted": Patch(
        "right_common",
        {
            "return w @ torch.stack(models)": "return server - w @ (torch.stack(models) - server)",
        },
        names="subtracted from the server",
    ),
    "changes_not_normalised": Patch(
        "right_common",
        {
            "w = w / w.sum()": "",
            "return w @ torch.stack(models)": "return server + w @ (torch.stack(models) - server)",
        },
        names="changes are weighted by w_k without division",
    ),
    "lengths_unchecked": Patch(
        "right_common",
        {
            "if len(clients) != len(weights) or len(clients) == 0:": "if len(clients) == 0:",
            "return w @ torch.stack(models)": "return sum(share * model for share, model in zip(w, models))",
        },
        names="2 clients with 3 weights | 2 clients with 1 weight",
    ),
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
    "models_returned": Patch(
        "right_common",
        {
            "return w @ torch.stack(models)": "return torch.stack(models)",
        },
        names="came back, (K, d)",
    ),
    "no_step_check": Patch(
        "right_common",
        {
            """
            if local_steps < 1:
                raise ValueError("local_steps must be positive")
            """: "",
        },
        names="accepted local_steps = 0",
    ),
    "normalised_twice": Patch(
        "right_common",
        {
            "return w @ torch.stack(models)": "return w @ torch.stack(models) / len(models)",
        },
        names="divided by the number of clients once more",
    ),
    "not_normalised": Patch(
        "right_common",
        {
            "w = w / w.sum()": "",
        },
        names="not divided by their sum",
    ),
    "one_step": Patch(
        "right_common",
        {
            "for _ in range(local_steps):": "for _ in range(1):",
        },
        names="takes one local step",
    ),
    "one_step_more": Patch(
        "right_common",
        {
            "for _ in range(local_steps):": "for _ in range(local_steps + 1):",
        },
        names="One local step too many",
    ),
    "over_clients": Patch(
        "right_common",
        {
            "w = w / w.sum()": "w = w / len(w)",
        },
        names="divided by the number of clients: divide by sum(w)",
    ),
    "pair_returned": Patch(
        "right_common",
        {
            "return w @ torch.stack(models)": "return w @ torch.stack(models), models",
        },
        names="returned a tuple",
    ),
    "reversed": Patch(
        "right_common",
        {
            """
            for client in clients:
                theta = server
                for _ in range(local_steps):
                    theta = theta - lr * client(theta)
                models.append(theta)
            """: """
            for client in clients:
                theta = server
                for _ in range(local_steps):
                    theta = theta - lr * client(theta)
                models.append(theta)
            w = w.flip(0)
            """,
        },
        names="reverse order",
    ),
    "sequential": Patch(
        "right_common",
        {
            "models = []": """
            models = []
            theta = server
            """,
            "theta = server": "",
        },
        names="Each client starts where the one before",
    ),
    "server_in_place": Patch(
        "right_common",
        {
            "theta = theta - lr * client(theta)": "theta -= lr * client(theta)",
        },
        names="changed its input `server` in place",
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
    "softmax": Patch(
        "right_common",
        {
            "w = w / w.sum()": "w = w.softmax(dim=0)",
        },
        names="softmax",
    ),
    "stale_gradient": Patch(
        "right_common",
        {
            "theta = theta - lr * client(theta)": "theta = theta - lr * client(server)",
        },
        names="taken at the server for all local steps",
    ),
    "synchronous": Patch(
        "right_common",
        {
            """
            models = []
            for client in clients:
                theta = server
                for _ in range(local_steps):
                    theta = theta - lr * client(theta)
                models.append(theta)
            return w @ torch.stack(models)
            """: """
            theta = server
            for _ in range(local_steps):
                theta = theta - lr * (w @ torch.stack([client(theta) for client in clients]))
            return theta
            """,
        },
        names="gradients are averaged at every step",
    ),
    "uphill": Patch(
        "right_common",
        {
            "theta = theta - lr * client(theta)": "theta = theta + lr * client(theta)",
        },
        names="uphill",
    ),
    "weighted_rates": Patch(
        "right_common",
        {
            "for client in clients:": "for client, share in zip(clients, w):",
            "theta = theta - lr * client(theta)": "theta = theta - lr * share * client(theta)",
            "return w @ torch.stack(models)": "return torch.stack(models).mean(dim=0)",
        },
        names="scale the clients' learning rates",
    ),
    "weights_ignored": Patch(
        "right_common",
        {
            "return w @ torch.stack(models)": "return torch.stack(models).mean(dim=0)",
        },
        names="weights are ignored",
    ),
}
