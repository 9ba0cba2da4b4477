"""Every ratio the course claims, measured in one run on this machine:  make bench

Prints a table and writes bench.json. A name as argument measures that one alone. Exit 1 when a bound is missed.
"""

import json
import os
import platform
import sys
from pathlib import Path

import torch

from tests.bench.grading import (
    grading_memory,
    grading_overhead,
    grading_scaling,
    grading_throughput,
    kill_resume,
)
from tests.bench.optimizer_step import PAIRS, optimizer_step
from tests.bench.slider import slider
from tests.bench.sweeps import floor_gap, sweep_logistic, sweep_quadratic, sweep_transformer

ROOT = Path(__file__).resolve().parent.parent.parent

# name -> (measurement, {figure: ("at least" or "at most", bound)}); no bound: a figure beside the others
MEASUREMENTS = {
    "sweep_quadratic": (sweep_quadratic, {"ratio": ("at least", 1000)}),
    "sweep_logistic": (lambda: sweep_logistic(32), {"ratio": ("at least", 80)}),
    "sweep_logistic, B = 8": (lambda: sweep_logistic(8), {}),
    "sweep_logistic, B = 128": (lambda: sweep_logistic(128), {}),
    "sweep_transformer": (sweep_transformer, {"ratio": ("at least", 2)}),
    "slider_quadratic": (lambda: slider("quadratic"), {"ratio": ("at least", 4), "ours_ms": ("at most", 80)}),
    "slider_logistic": (lambda: slider("logistic"), {"ratio": ("at least", 4), "ours_ms": ("at most", 80)}),
    **{
        f"optimizer_step, {name}": (lambda name=name: optimizer_step(name), {"ratio": ("at least", 1)})
        for name in PAIRS
    },
    "floor_gap": (floor_gap, {"gap": ("at most", 0.05), "seconds": ("at most", 15)}),
    "grading_throughput": (grading_throughput, {"ratio": ("at least", 10), "different_scores": ("at most", 0)}),
    "grading_overhead_s": (grading_overhead, {"seconds": ("at most", 0.25)}),
    "grading_memory_mb": (grading_memory, {"most_mib": ("at most", 120)}),
    "grading_scaling": (grading_scaling, {"ratio": ("at most", 1.15)}),
    "kill_resume": (
        kill_resume,
        {"kills": ("at least", 20), "lost": ("at most", 0), "doubled": ("at most", 0), "other": ("at most", 0)},
    ),
}


def main(wanted):
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        sys.exit(f"unknown measurement {unknown[0]!r}: there are {', '.join(MEASUREMENTS)}")
    results, missed = {}, []
    for name, (measure, bounds) in MEASUREMENTS.items():
        if wanted and name not in wanted:
            continue
        results[name] = found = measure()
        figures = "  ".join(f"{figure} {value:10.4g}" for figure, value in found.items())
        print(f"{name:26} {figures}", flush=True)
        for figure, (direction, bound) in bounds.items():
            if found[figure] < bound if direction == "at least" else found[figure] > bound:
                missed.append(f"{name}: {figure} is {found[figure]:.4g}, {direction} {bound} was expected")
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "torch": torch.__version__}
    (ROOT / "bench.json").write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
    print("\n".join(missed) if missed else "every bound is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
