"""Noise scale over a run: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "biased_signal": Patch(
        "right_common",
        {
            "g2 = (b_big * n_big - b_small * n_small) / (b_big - b_small)": "g2 = n_big",
        },
        names="which still contains noise",
    ),
    "decay_swapped": Patch(
        "right_common",
        {
            """
            self.s = self.decay * self.s + (1 - self.decay) * float(s)
            self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
            """: """
            self.s = (1 - self.decay) * self.s + self.decay * float(s)
            self.g2 = (1 - self.decay) * self.g2 + self.decay * float(g2)
            """,
        },
        names="decay and 1 - decay are swapped",
    ),
    "decay_unchecked": Patch(
        "right_common",
        {
            """
            if not 0 <= decay < 1:
                raise ValueError("decay must lie in [0, 1)")
            """: "",
        },
        names="decay = 1",
    ),
    "factor_missing": Patch(
        "right_common_2",
        {
            'self.old = self.s / self.g if self.n else float("nan")': "",
            "self.s = self.d * self.s + (1 - self.d) * s": "self.s = self.d * self.s + s",
        },
        names="denominator's average only",
    ),
    "half_corrected": Patch(
        "right_common",
        {
            "return self.s / self.g2": "return self.s / (1 - self.decay**self.t) / self.g2",
        },
        names="correct both or none",
    ),
    "mean_of_ratios": Patch(
        "right_common",
        {
            """
            self.s = self.decay * self.s + (1 - self.decay) * float(s)
            self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
            """: "self.s = self.decay * self.s + (1 - self.decay) * float(s / g2)",
            "return self.s / self.g2": "return self.s / (1 - self.decay**self.t)",
        },
        names="The quotients are averaged",
    ),
    "method": Patch(
        "right_common",
        {
            "@property": "",
        },
        names="make it a property",
    ),
    "negative_to_inf": Patch(
        "right_common",
        {
            "return self.s / self.g2": 'return self.s / self.g2 if self.g2 > 0 else float("inf")',
        },
        names="inf came back where G2 is negative",
    ),
    "no_memory": Patch(
        "right_common",
        {
            """
            self.s = self.decay * self.s + (1 - self.decay) * float(s)
            self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
            """: "self.s, self.g2 = float(s), float(g2)",
        },
        names="Only the last pair is used",
    ),
    "norms_averaged": Patch(
        "right_common",
        {
            """
            self.s = self.decay * self.s + (1 - self.decay) * float(s)
            self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
            """: """
            self.s = self.decay * self.s + (1 - self.decay) * float(n_small)
            self.g2 = self.decay * self.g2 + (1 - self.decay) * float(n_big)
            self.sizes = b_small, b_big
            """,
            "return self.s / self.g2": """
            b, B = self.sizes
            return (self.s - self.g2) / (1 / b - 1 / B) / ((B * self.g2 - b * self.s) / (B - b))
            """,
        },
        names="squared norms are averaged instead",
    ),
    "one_update_late": Patch(
        "right_common_2",
        {
            "return self.s / self.g": "return self.old",
        },
        names="one update late",
    ),
    "only_s_averaged": Patch(
        "right_common_2",
        {
            """
            self.old = self.s / self.g if self.n else float("nan")
            self.g = self.d * self.g + (1 - self.d) * g
            """: "self.g = g",
        },
        names="Only S is averaged",
    ),
    "plain_mean": Patch(
        "right_common",
        {
            """
            self.s = self.decay * self.s + (1 - self.decay) * float(s)
            self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
            """: """
            self.s += float(s)
            self.g2 += float(g2)
            """,
        },
        names="plain mean over all updates",
    ),
    "reading_decays": Patch(
        "right_common",
        {
            """
            self.s = self.decay * self.s + (1 - self.decay) * float(s)
            self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
            """: "self.new = float(s), float(g2)",
            """
            if self.t == 0:
                return float("nan")
            """: """
            if self.t == 0:
                return float("nan")
            self.s = self.decay * self.s + (1 - self.decay) * self.new[0]
            self.g2 = self.decay * self.g2 + (1 - self.decay) * self.new[1]
            """,
        },
        names="Reading b_simple twice | one update late | only update may change",
    ),
    "starts_at_first": Patch(
        "right_common",
        {
            """
            self.s = self.decay * self.s + (1 - self.decay) * float(s)
            self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
            """: """
            if self.t == 0:
                self.s, self.g2 = float(s), float(g2)
            else:
                self.s = self.decay * self.s + (1 - self.decay) * float(s)
                self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
            """,
        },
        names="start at the first measurement",
    ),
    "starts_at_one": Patch(
        "right_common",
        {
            """
            self.s = 0.0
            self.g2 = 0.0
            """: """
            self.s = 1.0
            self.g2 = 1.0
            """,
        },
        names="Averages start at one",
    ),
    "upside_down": Patch(
        "right_common",
        {
            "return self.s / self.g2": "return self.g2 / self.s",
        },
        names="upside down",
    ),
    "zero_before": Patch(
        "right_common",
        {
            'return float("nan")': "return 0.0",
        },
        names="before the first update",
    ),
}
