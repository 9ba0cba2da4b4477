"""From a key press on a slider to the changed picture, in Chromium on JupyterLab: our panel against `interact`."""

import json
import statistics
import tempfile
from pathlib import Path

from tests.browser.conftest import FLAGS
from tests.browser.jupyter import BROWSERS, Lab, cell, chromium, open_notebook, run_all

OURS = "from noisydescent import lab\nlab.{name}_lab()"

# What a course without a panel of its own has: ipywidgets.interact around an inline figure of the same content. It is
# given our measurement for nothing, so that only the way of showing it differs.
RIVAL = """\
%matplotlib inline
import ipywidgets, matplotlib.pyplot as plt
from noisydescent.labs import LabState
from noisydescent.labs.measurement import BATCH_SIZES, LABS
from noisydescent.schedules import NAMES

def draw(batch_size, schedule, peak, warmup):
    curves = LABS["{name}"].measure(LabState(batch_size, schedule, peak, warmup)).curves
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    left.plot(curves.steps, curves.mean, label="measured")
    left.fill_between(curves.steps, curves.mean - 3 * curves.error, curves.mean + 3 * curves.error, alpha=0.25)
    left.plot(curves.predicted, "k--", label="theory")
    left.set(xlabel="optimizer step", ylabel="loss", yscale="log")
    right.plot(curves.applied, label="as applied")
    right.plot(curves.intended, "k--", label="intended")
    right.set(xlabel="optimizer step", ylabel="learning rate", ylim=(0, None))
    for axis in (left, right):
        axis.grid(True)
        axis.legend()
    plt.show()

ipywidgets.interact(
    draw,
    batch_size=ipywidgets.SelectionSlider(options=BATCH_SIZES, value=8),
    schedule=ipywidgets.Dropdown(options=NAMES),
    peak=ipywidgets.FloatLogSlider(value=0.3, min=-2.5, max=0.5, step=0.05),
    warmup=ipywidgets.FloatSlider(value=0.0, min=0.0, max=0.5, step=0.05),
);
"""

# Resolves with the milliseconds from the next key press to the first frame that shows another picture, decoded.
WATCH = """
selector => {
  const shown = () => [...document.querySelectorAll(selector)].map(image => image.src).filter(Boolean).join();
  const before = shown();
  window.changed = new Promise(resolve => {
    window.addEventListener('keydown', () => {
      const start = performance.now();
      const look = async () => {
        const now = shown();
        if (now && now !== before) {
          await Promise.all([...document.querySelectorAll(selector)].map(image => image.decode()));
          requestAnimationFrame(() => resolve(performance.now() - start));
        } else setTimeout(look, 1);
      };
      look();
    }, {once: true, capture: true});
  });
}
"""


def notebook(source):
    code = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": [code], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def milliseconds(page, lab, path, mark, presses):
    """One latency for each of `presses` key presses on the peak slider; every press gives a state not seen before."""
    open_notebook(page, lab, path)
    run_all(page)
    output = cell(page, mark).locator(".jp-OutputArea")
    output.locator("img").first.wait_for()
    handle = output.locator(".widget-inline-hbox", has_text="peak").locator(".noUi-handle").first
    handle.focus()
    found = []
    for _ in range(presses):
        page.evaluate(WATCH, ".jp-OutputArea img")
        handle.press("ArrowLeft")
        found.append(page.evaluate("() => window.changed"))
        page.wait_for_timeout(150)  # a learner's pause; what is still under way is not charged to the next press
    return found


def slider(name, presses=18, warm_up=3):
    """Median milliseconds of both, and their ratio, on lab `name` ("quadratic" or "logistic")."""
    from playwright.sync_api import sync_playwright

    if chromium() is None:
        raise RuntimeError(f"no browser on the PATH: install one of {', '.join(BROWSERS)}")
    times = {}
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        for which, source in [("ours", OURS), ("rival", RIVAL)]:
            Path(scratch, f"{which}.ipynb").write_text(json.dumps(notebook(source.replace("{name}", name))))
        lab = Lab(scratch, scratch)
        try:
            lab.wait()
            browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=list(FLAGS))
            for which, mark in [("ours", "_lab()"), ("rival", "interact")]:
                page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
                times[which] = milliseconds(page, lab, f"{which}.ipynb", mark, presses)[warm_up:]
                page.close()
            browser.close()
        finally:
            lab.stop()
    ours, rival = (statistics.median(times[which]) for which in ("ours", "rival"))
    return {"ratio": rival / ours, "ours_ms": ours, "rival_ms": rival}


if __name__ == "__main__":
    for name in ("quadratic", "logistic"):
        print(name, slider(name))
