"""Sharpness by power iteration: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "clip_negative": Patch(
        "right_common_2",
        {
            """
                v = w / w.norm()
            return (v @ hvp(v)).item()
            """: """
                v = w / n
            return max(0.0, (v @ hvp(v)).item())
            """,
        },
        names="0 came back for a negative",
    ),
    "entry_ratio": Patch(
        "right_common",
        {
            "return (v @ hvp(v)).item()": """
            w = hvp(v)
            return (w[0] / v[0]).item()
            """,
        },
        names="ratio of the first entries",
    ),
    "eps": Patch(
        "right_common",
        {
            """
            if not w.any():
                return 0.0
            v = w / w.norm()
            """: "v = w / (w.norm() + 1e-6)",
        },
        names="add nothing to the norm of Hv",
    ),
    "fixed_start": Patch(
        "right_common",
        {
            """
            v = torch.randn(dim, generator=generator, dtype=torch.float64)
            v = v / v.norm()
            """: "v = torch.ones(dim, dtype=torch.float64) / dim**0.5",
        },
        names="same for every generator",
    ),
    "generator_ignored": Patch(
        "right_common",
        {
            "v = torch.randn(dim, generator=generator, dtype=torch.float64)": """
            v = torch.randn(dim, dtype=torch.float64)
            """,
        },
        names="Two generators of the same seed",
    ),
    "iters_ignored": Patch(
        "right_common",
        {
            "for _ in range(iters):": "for _ in range(100):",
        },
        names="are allowed",
    ),
    "max_entry_quot": Patch(
        "right_common_2",
        {
            "n = w.norm()": "n = w.abs().max()",
            "v = w / w.norm()": "v = w / n",
        },
        names="length is not one",
    ),
    "mean_quot": Patch(
        "right_common_2",
        {
            "v /= v.norm()": """
            v /= v.norm()

            r = []
            """,
            "n = w.norm()": """
            n = w.norm()
            r.append((v @ w).item())
            """,
            """
                v = w / w.norm()
            return (v @ hvp(v)).item()
            """: """
                v = w / n
            return sum(r) / len(r)
            """,
        },
        names="quotients of all iterations are averaged",
    ),
    "nan_for_zero": Patch(
        "right_common",
        {
            """
            if not w.any():
                return 0.0
            """: "",
        },
        names="0/0 gives NaN",
    ),
    "norm": Patch(
        "right_common",
        {
            "return (v @ hvp(v)).item()": "return hvp(v).norm().item()",
        },
        names="without its sign",
    ),
    "normalised_product": Patch(
        "right_common",
        {
            """
                v = w / w.norm()
            return (v @ hvp(v)).item()
            """: """
                before, v = v, w / w.norm()
            return (before @ v).item()
            """,
        },
        names="divided by its own magnitude | as of two normalised vectors",
    ),
    "not_normalised": Patch(
        "right_common",
        {
            """
                w = hvp(v)
                if not w.any():
                    return 0.0
                v = w / w.norm()
            return (v @ hvp(v)).item()
            """: """
                v = hvp(v)
            vv = v @ v
            return (v @ hvp(v) / vv).item() if vv != 0 else 0.0
            """,
        },
        names="v is not normalised",
    ),
    "one_fewer": Patch(
        "right_common",
        {
            "for _ in range(iters):": "for _ in range(iters - 2):",
        },
        names="earlier v came back | use all the products",
    ),
    "own_seed": Patch(
        "right_common",
        {
            "v = torch.randn(dim, generator=generator, dtype=torch.float64)": """
            torch.manual_seed(0)
            v = torch.randn(dim, dtype=torch.float64)
            """,
        },
        names="same for every generator",
    ),
    "quotient_undivided": Patch(
        "right_common",
        {
            """
                v = w / w.norm()
            return (v @ hvp(v)).item()
            """: """
                v, u = w / w.norm(), w
            return (u @ hvp(u)).item()
            """,
        },
        names="divide it by v.v",
    ),
    "same_v": Patch(
        "right_common_2",
        {
            """
                v = w / w.norm()
            return (v @ hvp(v)).item()
            """: """
                w = w / n
            return (w @ hvp(w)).item()
            """,
        },
        names="multiplied only once",
    ),
    "two_products": Patch(
        "right_common",
        {
            """
            w = hvp(v)
            if not w.any():
            """: "if not hvp(v).any():",
            "v = w / w.norm()": "v = hvp(v) / hvp(v).norm()",
        },
        names="are allowed",
    ),
    "zero_tolerance": Patch(
        "right_common",
        {
            "if not w.any():": "if w.norm() < 1e-8:",
        },
        names="return 0.0 only where Hv is zero",
    ),
}
