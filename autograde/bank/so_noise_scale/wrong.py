"""Gradient noise scale: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "biased_signal": Patch(
        "right_common",
        {
            "g2 = (b_big * big - b_small * small) / (b_big - b_small)": "g2 = big",
        },
        names="n_big as it stands still contains the noise",
    ),
    "big_batch_noise_free": Patch(
        "right_short_names",
        {
            "s = (s0 - b0) / (1 / b_small - 1 / b_big)": "s = b_small * (s0 - b0)",
        },
        names="free of noise",
    ),
    "clamped": Patch(
        "right_common",
        {
            "g2 = (b_big * big - b_small * small) / (b_big - b_small)": """
            g2 = (b_big * big - b_small * small) / (b_big - b_small)
            g2 = max(g2, 0.0)
            """,
            "return g2, s, s / g2": 'return g2, s, s / g2 if g2 > 0 else float("inf")',
        },
        names="cut off at zero",
    ),
    "epsilon": Patch(
        "right_short_names",
        {
            "return g2, s, s / g2": "return g2, s, s / (g2 + 1e-3)",
        },
        names="added to G2",
    ),
    "inf_when_negative": Patch(
        "right_common",
        {
            "return g2, s, s / g2": 'return g2, s, s / g2 if g2 > 0 else float("inf")',
        },
        names="inf came back for a negative G2",
    ),
    "inverse_missing": Patch(
        "right_common",
        {
            "s = (small - big) / (1 / b_small - 1 / b_big)": "s = (small - big) / (b_big - b_small)",
        },
        names="the noise falls with 1/B, so divide by",
    ),
    "last_pair": Patch(
        "right_common",
        {
            """
            small = float(sum(n_small)) / len(n_small)
            big = float(sum(n_big)) / len(n_big)
            """: """
            small = float(n_small[-1])
            big = float(n_big[-1])
            """,
        },
        names="only the last pair is used",
    ),
    "mean_of_ratios": Patch(
        "right_common",
        {
            "return g2, s, s / g2": """
            ratios = []
            for a, b in zip(n_small, n_big):
                g = (b_big * b - b_small * a) / (b_big - b_small)
                ratios.append((a - b) / (1 / b_small - 1 / b_big) / g)
            return g2, s, float(sum(ratios)) / len(ratios)
            """,
        },
        names="mean of the single quotients",
    ),
    "median": Patch(
        "right_short_names",
        {
            "def noise_scale(n_small, n_big, b_small, b_big):": """
            import statistics


            def noise_scale(n_small, n_big, b_small, b_big):
            """,
            """
            s0 = float(sum(n_small)) / len(n_small)
            b0 = float(sum(n_big)) / len(n_big)
            """: """
            s0 = statistics.median([float(x) for x in n_small])
            b0 = statistics.median([float(x) for x in n_big])
            """,
        },
        names="median",
    ),
    "multiplied": Patch(
        "right_common",
        {
            "s = (small - big) / (1 / b_small - 1 / b_big)": "s = (small - big) * (1 / b_small - 1 / b_big)",
        },
        names="multiplied by 1/b_small - 1/b_big",
    ),
    "no_order_check": Patch(
        "right_common",
        {
            """
            if not 0 < b_small < b_big:
                raise ValueError("need 0 < b_small < b_big")
            """: "",
        },
        names="b_small = 24 with b_big = 4 | b_small = b_big",
    ),
    "only_ratio": Patch(
        "right_common",
        {
            "return g2, s, s / g2": "return s / g2",
        },
        names="return the tuple (G2, S, B_simple)",
    ),
    "order": Patch(
        "right_common",
        {
            "return g2, s, s / g2": "return s / g2, g2, s",
        },
        names="stands first: return (G2, S, B_simple)",
    ),
    "sign_of_noise": Patch(
        "right_common",
        {
            "s = (small - big) / (1 / b_small - 1 / b_big)": "s = (big - small) / (1 / b_small - 1 / b_big)",
        },
        names="S: wrong sign",
    ),
    "squared_again": Patch(
        "right_common",
        {
            """
            small = float(sum(n_small)) / len(n_small)
            big = float(sum(n_big)) / len(n_big)
            """: """
            small = float(sum(n**2 for n in n_small)) / len(n_small)
            big = float(sum(n**2 for n in n_big)) / len(n_big)
            """,
        },
        names="squared norms already",
    ),
    "sums": Patch(
        "right_common",
        {
            """
            small = float(sum(n_small)) / len(n_small)
            big = float(sum(n_big)) / len(n_big)
            """: """
            small = float(sum(n_small))
            big = float(sum(n_big))
            """,
        },
        names="summed over the pairs",
    ),
    "upside_down": Patch(
        "right_common",
        {
            "return g2, s, s / g2": "return g2, s, g2 / s",
        },
        names="upside down",
    ),
    "weights_swapped": Patch(
        "right_common",
        {
            "g2 = (b_big * big - b_small * small) / (b_big - b_small)": """
            g2 = (b_big * small - b_small * big) / (b_big - b_small)
            """,
        },
        names="the weights are swapped",
    ),
    "zip_shortest": Patch(
        "right_common",
        {
            "if len(n_small) != len(n_big) or len(n_small) == 0:": "if len(n_small) == 0:",
        },
        names="3 entries in n_small and 2 in n_big",
    ),
}
