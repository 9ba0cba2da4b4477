"""Top-k with error feedback: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "buffer_reused": Patch(
        "right_common",
        {
            "message = torch.zeros_like(flat)": """
            if not hasattr(self, "buffer"):
                self.buffer = torch.zeros_like(flat)
            message = self.buffer.zero_()
            """,
        },
        names="changed by a later call",
    ),
    "changes_g": Patch(
        "right_common",
        {
            "c = g + self.residual": "c = g.add_(self.residual)",
        },
        names="changed its input",
    ),
    "chosen_by_g": Patch(
        "right_common",
        {
            "keep = flat.abs().topk(min(self.k, flat.numel())).indices": """
            keep = g.flatten().abs().topk(min(self.k, flat.numel())).indices
            """,
        },
        names="chosen by |g|",
    ),
    "class_state": Patch(
        "right_common",
        {
            "class TopKCompressor:": """
            class TopKCompressor:
                residual = None
            """,
            "self.residual = None": "",
            "self.residual = torch.zeros_like(g)": "TopKCompressor.residual = torch.zeros_like(g)",
            "self.residual = c - message": "TopKCompressor.residual = c - message",
        },
        names="share the residual | share their residual",
    ),
    "first_residual_only": Patch(
        "right_short_names",
        {
            """
            if self.r is None:
                self.r = torch.zeros_like(g)
            """: """
            if self.r is None:
                self.r = torch.zeros_like(g)
                new = True
            else:
                new = False
            """,
            "self.r = c - out": """
            if new:
                self.r = c - out
            """,
        },
        names="residual of the first call",
    ),
    "k_plus_one": Patch(
        "right_common",
        {
            "keep = flat.abs().topk(min(self.k, flat.numel())).indices": """
            keep = flat.abs().topk(min(self.k + 1, flat.numel())).indices
            """,
        },
        names="One entry too many",
    ),
    "k_too_large": Patch(
        "right_common",
        {
            "keep = flat.abs().topk(min(self.k, flat.numel())).indices": "keep = flat.abs().topk(self.k).indices",
        },
        names="all of them are sent",
    ),
    "no_feedback": Patch(
        "right_common",
        {
            "c = g + self.residual": "c = g",
        },
        names="residual is forgotten",
    ),
    "residual_after_choice": Patch(
        "right_short_names",
        {
            "f = c.reshape(-1)": "f = g.reshape(-1)",
            "self.r = c - out": "out, self.r = out + self.r, g - out",
        },
        names="added after the choice",
    ),
    "residual_of_g": Patch(
        "right_common",
        {
            "self.residual = c - message": "self.residual = g - message",
        },
        names="The residual is g minus the message",
    ),
    "residual_sign": Patch(
        "right_common",
        {
            "self.residual = c - message": "self.residual = message - c",
        },
        names="residual has the wrong sign",
    ),
    "residual_twice": Patch(
        "right_common",
        {
            "self.residual = c - message": "self.residual = self.residual + c - message",
        },
        names="old residual is added twice",
    ),
    "returns_residual": Patch(
        "right_common",
        {
            "return message": "return self.residual",
        },
        names="All but k entries are sent | message and the residual are swapped",
    ),
    "rows": Patch(
        "right_common",
        {
            """
            flat = c.flatten()
            keep = flat.abs().topk(min(self.k, flat.numel())).indices
            message = torch.zeros_like(flat)
            message[keep] = flat[keep]
            message = message.reshape(g.shape)
            """: """
            keep = c.abs().topk(min(self.k, c.shape[-1]), dim=-1).indices
            message = torch.zeros_like(c).scatter(-1, keep, c.gather(-1, keep))
            """,
        },
        names="k entries of every row",
    ),
    "scaled": Patch(
        "right_common",
        {
            "return message": "return message * flat.numel() / self.k",
        },
        names="scaled by d/k",
    ),
    "sent_entries_stay": Patch(
        "right_common",
        {
            "self.residual = c - message": "self.residual = c",
        },
        names="What was sent stays in the residual",
    ),
    "shared_default": Patch(
        "right_short_names",
        {
            "def __init__(self, k):": "def __init__(self, k, store={}):",
            "self.r = None": "self.store = store",
            """
            if self.r is None:
                self.r = torch.zeros_like(g)
            """: "self.r = self.store.get(tuple(g.shape), torch.zeros_like(g))",
            "self.r = c - out": "self.store[tuple(g.shape)] = c - out",
        },
        names="share",
    ),
    "signed": Patch(
        "right_common",
        {
            "keep = flat.abs().topk(min(self.k, flat.numel())).indices": """
            keep = flat.topk(min(self.k, flat.numel())).indices
            """,
        },
        names="Signed values are compared",
    ),
    "smallest": Patch(
        "right_common",
        {
            "keep = flat.abs().topk(min(self.k, flat.numel())).indices": """
            keep = flat.abs().topk(min(self.k, flat.numel()), largest=False).indices
            """,
        },
        names="smallest entries are sent",
    ),
    "threshold": Patch(
        "right_common",
        {
            """
            keep = flat.abs().topk(min(self.k, flat.numel())).indices
            message = torch.zeros_like(flat)
            message[keep] = flat[keep]
            """: """
            threshold = flat.abs().topk(min(self.k, flat.numel())).values[-1]
            message = flat * (flat.abs() >= threshold)
            """,
        },
        names="more than k entries",
    ),
    "values_of_g": Patch(
        "right_common",
        {
            "message[keep] = flat[keep]": "message[keep] = g.flatten()[keep]",
        },
        names="send the values of g + residual, not of g | The residual serves the choice only",
    ),
    "values_only": Patch(
        "right_common",
        {
            "return message": "return flat[keep]",
        },
        names="The k values alone came back",
    ),
}
