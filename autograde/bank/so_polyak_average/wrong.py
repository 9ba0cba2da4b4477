"""Average of the iterates: wrong answers that differ little from a right one."""

from autograde.bank.answers import Patch

WRONG = {
    "changes_theta": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": """
            theta -= self.mean
            self.mean = self.mean + theta / n
            """,
        },
        names="changed its input `theta` in place",
    ),
    "count_ahead": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": "self.mean = self.mean + (theta - self.mean) / (n + 1)",
        },
        names="count runs ahead",
    ),
    "count_lags": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": "self.mean = self.mean + (theta - self.mean) / (n - 1)",
        },
        names="count lags behind",
    ),
    "counts_skipped": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": """
            self.mean = self.mean + (theta - self.mean) / self.seen
            """,
        },
        names="count includes the skipped updates | skipped points are counted",
    ),
    "default_list": Patch(
        "right_short_names",
        {
            "def __init__(self, start=0):": "def __init__(self, start=0, h=[]):",
            "self.avg = None": """
            self.avg = None
            self.h = h
            """,
            """
            self.n += 1
            if self.avg is None:
                self.avg = theta.clone()
            else:
                self.avg = (self.avg * (self.n - 1) + theta) / self.n
            """: """
            self.h.append(theta.clone())
            self.avg = sum(self.h) / len(self.h)
            """,
        },
        names="share their state",
    ),
    "detach_only": Patch(
        "right_short_names",
        {
            "self.avg = theta.clone()": "self.avg = theta.detach()",
        },
        names="keeps a reference to theta",
    ),
    "ema": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": "self.mean = self.mean + 0.1 * (theta - self.mean)",
        },
        names="exponential moving average (decay 0.9)",
    ),
    "ema_corrected": Patch(
        "right_common",
        {
            """
            if self.mean is None:
                self.mean = theta.clone()
            else:
                self.mean = self.mean + (theta - self.mean) / n
            """: """
            self.ema = 0.99 * (0 if n == 1 else self.ema) + 0.01 * theta
            self.mean = self.ema / (1 - 0.99**n)
            """,
        },
        names="bias-corrected exponential average (decay 0.99)",
    ),
    "half": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": "self.mean = self.mean + (theta - self.mean) / 2",
        },
        names="half and half",
    ),
    "in_place_value": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": "self.mean += (theta - self.mean) / n",
        },
        names="changed by a later update",
    ),
    "keeps_reference": Patch(
        "right_common",
        {
            "self.mean = theta.clone()": "self.mean = theta",
        },
        names="keeps a reference to theta",
    ),
    "last": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": "self.mean = theta.clone()",
        },
        names="The last point came back",
    ),
    "list_of_references": Patch(
        "right_common",
        {
            "self.start, self.seen, self.mean = start, 0, None": """
            self.start, self.seen, self.mean, self.points = start, 0, None, []
            """,
            """
            if self.mean is None:
                self.mean = theta.clone()
            else:
                self.mean = self.mean + (theta - self.mean) / n
            """: """
            self.points.append(theta)
            self.mean = sum(self.points) / n
            """,
        },
        names="keeps a reference to theta",
    ),
    "method": Patch(
        "right_common",
        {
            "@property": "",
        },
        names="value is a method",
    ),
    "no_shape_check": Patch(
        "right_common",
        {
            """
            if self.mean is not None and theta.shape != self.mean.shape:
                raise ValueError("theta must keep its shape")
            """: "",
        },
        names="for a theta of 3 entries after one of 5",
    ),
    "no_start_check": Patch(
        "right_common",
        {
            """
            if start < 0:
                raise ValueError("start must not be negative")
            """: "",
        },
        names="accepted start = -1",
    ),
    "raises_before": Patch(
        "right_common",
        {
            "def value(self):": """
            def value(self):
                if self.mean is None:
                    raise RuntimeError("no update yet")
            """,
        },
        names="before anything was averaged value is None",
    ),
    "resets_at_read": Patch(
        "right_short_names",
        {
            """
            if self.avg is None:
                self.avg = theta.clone()
            else:
                self.avg = (self.avg * (self.n - 1) + theta) / self.n
            """: "self.avg = theta.clone() if self.avg is None else self.avg + theta",
            "def value(self):": """
            def value(self):
                if self.avg is None:
                    return None
                self.avg = self.avg / self.n
            """,
        },
        names="Reading value twice",
    ),
    "shows_last_while_skipping": Patch(
        "right_common",
        {
            "n = self.seen - self.start": """
            n = self.seen - self.start
            self.last = theta.clone()
            """,
            "return self.mean": "return self.last if self.mean is None and self.seen else self.mean",
        },
        names="None before anything was averaged",
    ),
    "skips_one_less": Patch(
        "right_common",
        {
            "n = self.seen - self.start": "n = self.seen - max(self.start - 1, 0)",
        },
        names="one point too few is skipped",
    ),
    "skips_one_more": Patch(
        "right_common",
        {
            "n = self.seen - self.start": "n = self.seen - self.start - 1",
        },
        names="one point too many is skipped",
    ),
    "start_ignored": Patch(
        "right_common",
        {
            "n = self.seen - self.start": "n = self.seen",
        },
        names="start is ignored",
    ),
    "sum": Patch(
        "right_common",
        {
            "self.mean = self.mean + (theta - self.mean) / n": "self.mean = self.mean + theta",
        },
        names="The sum came back",
    ),
    "zero_init_counts_all": Patch(
        "right_short_names",
        {
            "self.n += 1": "",
            """
                self.avg = theta.clone()
            else:
                self.avg = (self.avg * (self.n - 1) + theta) / self.n
            """: """
                self.avg = torch.zeros_like(theta)
            self.avg = self.avg + (theta - self.avg) / self.t
            """,
        },
        names="skipped points are counted",
    ),
    "zeros_before": Patch(
        "right_common",
        {
            "class PolyakAverage:": """
            import torch
            class PolyakAverage:
            """,
            "return self.mean": "return torch.zeros(3, dtype=torch.float64) if self.mean is None else self.mean",
        },
        names="None before anything was averaged",
    ),
}
