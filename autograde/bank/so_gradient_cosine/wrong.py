"""Cosine between two gradients: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "absolute": Patch(
        "right_common",
        {
            "return (a @ b / (a.norm() * b.norm())).item()": "return (a @ b / (a.norm() * b.norm())).abs().item()",
        },
        names="sign is lost",
    ),
    "angle": Patch(
        "right_common",
        {
            "return (a @ b / (a.norm() * b.norm())).item()": """
            return torch.arccos((a @ b / (a.norm() * b.norm())).clamp(-1, 1)).item()
            """,
        },
        names="angle in radians",
    ),
    "correlation": Patch(
        "right_common",
        {
            """
            if not a.any() or not b.any():
                return 0.0
            """: """
            if not a.any() or not b.any():
                return 0.0
            a, b = a - a.mean(), b - b.mean()
            """,
        },
        names="centred first",
    ),
    "cosine_similarity": Patch(
        "right_common",
        {
            """
            if not a.any() or not b.any():
                return 0.0
            return (a @ b / (a.norm() * b.norm())).item()
            """: "return torch.nn.functional.cosine_similarity(a, b, dim=0).item()",
        },
        names="takes over where norms are small",
    ),
    "distance": Patch(
        "right_common",
        {
            "return (a @ b / (a.norm() * b.norm())).item()": "return 1 - (a @ b / (a.norm() * b.norm())).item()",
        },
        names="cosine distance",
    ),
    "eps": Patch(
        "right_common",
        {
            """
            if not a.any() or not b.any():
                return 0.0
            return (a @ b / (a.norm() * b.norm())).item()
            """: "return (a @ b / (a.norm() * b.norm() + 1e-8)).item()",
        },
        names="in the denominator of about 1e-08 takes over",
    ),
    "inner_product": Patch(
        "right_common",
        {
            """
            if not a.any() or not b.any():
                return 0.0
            return (a @ b / (a.norm() * b.norm())).item()
            """: "return (a @ b).item()",
        },
        names="inner product alone",
    ),
    "matrices_only": Patch(
        "right_common",
        {
            """
            for a, b in zip(g1, g2):
                if a.shape != b.shape:
                    raise ValueError("g1 and g2 must have the same shapes")
            """: """
            for a, b in zip(g1, g2):
                if a.shape != b.shape:
                    raise ValueError("g1 and g2 must have the same shapes")
            g1, g2 = [a for a in g1 if a.ndim], [b for b in g2 if b.ndim]
            """,
        },
        names="are left out",
    ),
    "mean_of_layers": Patch(
        "right_common",
        {
            """
            a = torch.cat([layer.flatten() for layer in g1])
            b = torch.cat([layer.flatten() for layer in g2])
            if not a.any() or not b.any():
                return 0.0
            return (a @ b / (a.norm() * b.norm())).item()
            """: """
            cosines = []
            for a, b in zip(g1, g2):
                norms = a.norm() * b.norm()
                cosines.append(((a * b).sum() / norms).item() if norms > 0 else 0.0)
            return sum(cosines) / len(cosines)
            """,
        },
        names="cosines of the layers are averaged",
    ),
    "nan_for_zero": Patch(
        "right_common",
        {
            """
            if not a.any() or not b.any():
                return 0.0
            """: "",
        },
        names="0/0 gives NaN",
    ),
    "norms_added": Patch(
        "right_common",
        {
            """
            a = torch.cat([layer.flatten() for layer in g1])
            b = torch.cat([layer.flatten() for layer in g2])
            if not a.any() or not b.any():
                return 0.0
            return (a @ b / (a.norm() * b.norm())).item()
            """: """
            dot = sum((a * b).sum() for a, b in zip(g1, g2))
            n1, n2 = sum(a.norm() for a in g1), sum(b.norm() for b in g2)
            return (dot / (n1 * n2)).item() if n1 * n2 > 0 else 0.0
            """,
        },
        names="norms of the layers are added",
    ),
    "norms_by_layer": Patch(
        "right_common",
        {
            """
            a = torch.cat([layer.flatten() for layer in g1])
            b = torch.cat([layer.flatten() for layer in g2])
            if not a.any() or not b.any():
                return 0.0
            return (a @ b / (a.norm() * b.norm())).item()
            """: """
            dot = sum((a * b).sum() for a, b in zip(g1, g2))
            norms = sum(a.norm() * b.norm() for a, b in zip(g1, g2))
            return (dot / norms).item() if norms > 0 else 0.0
            """,
        },
        names="multiplied layer by layer",
    ),
    "not_rooted": Patch(
        "right_common",
        {
            "return (a @ b / (a.norm() * b.norm())).item()": "return (a @ b / ((a @ a) * (b @ b))).item()",
        },
        names="roots are missing",
    ),
    "one_norm": Patch(
        "right_common",
        {
            "return (a @ b / (a.norm() * b.norm())).item()": "return (a @ b / a.norm()).item()",
        },
        names="Only the norm of g1",
    ),
    "returns_early": Patch(
        "right_common",
        {
            """
            a = torch.cat([layer.flatten() for layer in g1])
            b = torch.cat([layer.flatten() for layer in g2])
            if not a.any() or not b.any():
                return 0.0
            return (a @ b / (a.norm() * b.norm())).item()
            """: """
            for a, b in zip(g1, g2):
                norms = a.norm() * b.norm()
                if norms == 0:
                    return 0.0
                return ((a * b).sum() / norms).item()
            """,
        },
        names="Only the first layer",
    ),
    "tolerance": Patch(
        "right_common",
        {
            "if not a.any() or not b.any():": "if a.norm() < 1e-8 or b.norm() < 1e-8:",
        },
        names="0.0 for exact zeros alone",
    ),
}
