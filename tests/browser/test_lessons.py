"""Every lesson in a browser: it runs from top to bottom, and what its concepts add to the labs changes the pictures."""

import re

import jupytext
import pytest

from noisydescent.labs import KNOBS
from tests.browser import jupyter

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LESSONS = sorted((jupyter.ROOT / "course").glob("[0-9]*/*.py"))
NAMES = ("quadratic_lab", "logistic_lab", "transformer_lab")
IMAGE = ".widget-html-content img"


def labs_of(path):
    """Name of a lab -> the line that opens it, and the knobs that it names."""
    found = {}
    for cell in jupytext.read(path).cells:
        match = re.match(r"lab\.(\w+)\((.*)\)$", cell.source.strip())
        if cell.cell_type == "code" and match:
            found[match[1]] = match[0], [name for name in KNOBS if re.search(rf"\b{name}=", match[2])]
    return found


@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_a_lesson_runs_and_its_labs_move(browser, lab_server, path):
    labs = labs_of(path)
    assert set(labs) == set(NAMES)
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    jupyter.open_notebook(page, lab_server, str(path.relative_to(jupyter.ROOT).with_suffix(".ipynb")))
    jupyter.run_all(page, timeout=240)
    images = [o["data"] for c in jupyter.cells(page) for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(images) >= 5 and all(re.search(r'alt="[^"]{20,}"', "".join(data["text/html"])) for data in images)
    for name in NAMES:
        line, knobs = labs[name]
        panel = jupyter.outputs(page, line).first
        panel.scroll_into_view_if_needed()
        for knob in knobs or ["peak"]:
            move(page, panel, KNOBS[knob].description if knobs else "peak rate")
        panel.locator("[aria-live]", has_text="learning rate applied = intended").wait_for()
        panel.scroll_into_view_if_needed()
        jupyter.screenshot(page, f"{path.stem}_{name}")
    context.close()


def move(page, panel, label):
    """Another value of the control called `label`; waits until the picture is another one."""
    picture = panel.locator(IMAGE)
    before = picture.get_attribute("src")
    control = panel.locator(".widget-inline-hbox", has_text=label)
    if control.locator("select").count():
        menu = control.locator("select").first
        options = menu.locator("option").all_text_contents()
        menu.select_option(next(option for option in options if option != menu.locator("option:checked").inner_text()))
    else:
        handle = control.locator(".noUi-handle").first
        handle.focus()
        handle.press("ArrowLeft")
        if handle.get_attribute("aria-valuenow") == "0.0":
            handle.press("ArrowRight")
    page.wait_for_function(
        "([before, image]) => [...document.querySelectorAll(image)].every(i => i.src !== before)", arg=[before, IMAGE]
    )
