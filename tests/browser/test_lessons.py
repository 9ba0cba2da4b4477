"""Every lesson as a learner meets it: it runs from top to bottom in a browser, what its concepts add to the labs
changes the pictures, and its skill check answers."""

import re
import time

import jupytext
import pytest

from noisydescent.labs import KNOBS
from tests.browser import jupyter

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LESSONS = [(jupyter.ROOT / name).with_suffix(".py") for name in jupyter.LESSONS]
NAMES = ("quadratic_lab", "logistic_lab", "transformer_lab")
IMAGE = ".widget-html-content img"
NEW_PICTURE = "([before, image]) => [...document.querySelectorAll(image)].every(i => i.src !== before)"
# What is the same in every lesson is looked at more closely in the first.
first_lesson = pytest.mark.parametrize("lesson", LESSONS[:1], indirect=True, ids=[LESSONS[0].stem])


@pytest.fixture(scope="module", params=LESSONS, ids=[path.stem for path in LESSONS])
def lesson(request, browser, lab_server):
    """The page of a lesson, open and run. One for all that is tested on it: running it takes most of a minute."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(jupyter.HANG)
    page = context.new_page()
    page.path = request.param
    jupyter.open_notebook(page, lab_server, str(request.param.relative_to(jupyter.ROOT).with_suffix(".ipynb")))
    began = time.perf_counter()
    jupyter.run_all(page)
    page.seconds = time.perf_counter() - began
    yield page
    context.close()
    lab_server.end_kernels()


def labs_of(path):
    """Name of a lab -> the line that opens it, and the knobs that it names."""
    found = {}
    for cell in jupytext.read(path).cells:
        match = re.match(r"lab\.(\w+)\((.*)\)$", cell.source.strip())
        if cell.cell_type == "code" and match:
            found[match[1]] = match[0], [name for name in KNOBS if re.search(rf"\b{name}=", match[2])]
    return found


def test_its_labs_move(lesson, record_property):
    record_property("notebook", (str(lesson.path.relative_to(jupyter.ROOT)), lesson.seconds))
    labs = labs_of(lesson.path)
    assert set(labs) == set(NAMES)
    for name in NAMES:
        line, knobs = labs[name]
        panel = jupyter.outputs(lesson, line).first
        panel.scroll_into_view_if_needed()
        for knob in knobs or ["peak"]:
            move(lesson, panel, KNOBS[knob].description if knobs else "peak rate")
        panel.locator("[aria-live]", has_text="learning rate applied = intended").wait_for()
        panel.scroll_into_view_if_needed()
        jupyter.screenshot(lesson, f"{lesson.path.stem}_{name}")


def move(page, panel, label):
    """Another value of the control called `label`; waits until the picture is another one."""
    before = panel.locator(IMAGE).get_attribute("src")
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
    page.wait_for_function(NEW_PICTURE, arg=[before, IMAGE])


def test_every_picture_has_a_text_alternative(lesson):
    outputs = [output.get("data", {}) for cell in jupyter.cells(lesson) for output in cell.get("outputs", [])]
    texts = ["".join(data.get("text/html", "")) for data in outputs if "image/png" in data]
    assert len(texts) >= 5 and all(re.search(r'alt="[^"]{20,}"', text) for text in texts)


def test_its_skill_check_answers(lesson):
    panel = jupyter.outputs(lesson, "study.skill_check(").first
    panel.scroll_into_view_if_needed()
    assert "not attempted" in panel.inner_text()
    jupyter.screenshot(lesson, f"{lesson.path.stem}_skill_check_before")
    panel.get_by_role("button", name="A", exact=True).first.click()
    lesson.wait_for_function("panel => panel.innerText.includes('in progress')", arg=panel.element_handle())
    jupyter.screenshot(lesson, f"{lesson.path.stem}_skill_check_after")


@first_lesson
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("label", ["batch size", "peak rate", "warmup fraction"])
def test_a_slider_changes_the_picture_by_keyboard(lesson, name, label):
    panel = jupyter.outputs(lesson, f"lab.{name}(").first
    before = panel.locator(IMAGE).get_attribute("src")
    handle = panel.locator(".widget-inline-hbox", has_text=label).locator(".noUi-handle").first
    handle.focus()
    handle.press("ArrowRight")
    lesson.wait_for_function(NEW_PICTURE, arg=[before, IMAGE])
    # at once, or when the live training has come to its end
    panel.locator("[aria-live]", has_text="learning rate applied = intended").wait_for()
    panel.scroll_into_view_if_needed()
    jupyter.screenshot(lesson, f"lesson_{name}_{label.replace(' ', '_')}")


@first_lesson
def test_live_training_can_be_stopped_and_shows_how_far_it_came(lesson):
    panel = jupyter.outputs(lesson, "lab.transformer_lab(").first
    handle = panel.locator(".widget-inline-hbox", has_text="peak rate").locator(".noUi-handle").first
    handle.focus()
    handle.press("ArrowLeft")
    panel.locator("[aria-live]", has_text="of 300").wait_for()
    panel.get_by_role("button", name="stop").click()
    panel.locator("[aria-live]", has_text="stopped at step").wait_for()
    jupyter.screenshot(lesson, "lesson_transformer_lab_stopped")


@first_lesson
def test_choosing_a_schedule_changes_the_picture(lesson):
    panel = jupyter.outputs(lesson, "lab.quadratic_lab(").first
    picture = panel.locator(IMAGE)
    before = picture.get_attribute("src")
    panel.locator("select").select_option("cosine")
    lesson.wait_for_function(NEW_PICTURE, arg=[before, IMAGE])
    assert "cosine schedule" in picture.get_attribute("alt")
    jupyter.screenshot(lesson, "lesson_quadratic_lab_schedule")
