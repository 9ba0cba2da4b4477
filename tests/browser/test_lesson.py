"""Lesson 1.1 as a learner meets it: it runs from top to bottom in a browser, and its sliders change its pictures."""

import pytest

from tests.browser import jupyter

pytestmark = pytest.mark.browser
LESSON = "course/1_stochastic_optimization/1_intuition.ipynb"


@pytest.fixture(scope="module")
def lesson(browser, lab_server):
    """The lesson, open and run. One page for the module: running it takes most of a minute."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(30_000)
    page = context.new_page()
    jupyter.open_notebook(page, lab_server, LESSON)
    jupyter.run_all(page, timeout=180)
    yield page
    context.close()


def slide(page, panel, label, key, times=1):
    """Press `key` on the control of `panel` called `label`, and return the picture's source before and after."""
    picture = panel.locator(".widget-html-content img")
    before = picture.get_attribute("src")
    handle = panel.locator(".widget-inline-hbox", has_text=label).locator(".noUi-handle").first
    handle.focus()
    for _ in range(times):
        handle.press(key)
    image = ".widget-html-content img"
    page.wait_for_function(
        "([before, image]) => [...document.querySelectorAll(image)].every(i => i.src !== before)", arg=[before, image]
    )
    return before, picture.get_attribute("src")


@pytest.mark.parametrize("name", ["quadratic_lab", "logistic_lab", "transformer_lab"])
@pytest.mark.parametrize("label", ["batch size", "peak rate", "warmup fraction"])
def test_a_slider_changes_the_picture_by_keyboard(lesson, name, label):
    panel = jupyter.outputs(lesson, f"lab.{name}(").first
    before, after = slide(lesson, panel, label, "ArrowRight")
    assert before != after
    # at once, or when the live training has come to its end
    panel.locator("[aria-live]", has_text="learning rate applied = intended").wait_for()
    panel.scroll_into_view_if_needed()
    jupyter.screenshot(lesson, f"lesson_{name}_{label.replace(' ', '_')}")


def test_live_training_can_be_stopped_and_shows_how_far_it_came(lesson):
    panel = jupyter.outputs(lesson, "lab.transformer_lab(").first
    handle = panel.locator(".widget-inline-hbox", has_text="peak rate").locator(".noUi-handle").first
    handle.focus()
    handle.press("ArrowLeft")
    panel.locator("[aria-live]", has_text="of 300").wait_for()
    panel.get_by_role("button", name="stop").click()
    panel.locator("[aria-live]", has_text="stopped at step").wait_for()
    jupyter.screenshot(lesson, "lesson_transformer_lab_stopped")


def test_choosing_a_schedule_changes_the_picture(lesson):
    panel = jupyter.outputs(lesson, "lab.quadratic_lab(").first
    picture = panel.locator(".widget-html-content img")
    before = picture.get_attribute("src")
    panel.locator("select").select_option("cosine")
    lesson.wait_for_function(
        "before => [...document.querySelectorAll('.widget-html-content img')].every(i => i.src !== before)", arg=before
    )
    assert "cosine schedule" in picture.get_attribute("alt")
    jupyter.screenshot(lesson, "lesson_quadratic_lab_schedule")


def test_every_picture_has_a_text_alternative(lesson):
    html = [
        output["data"].get("text/html", "")
        for cell in jupyter.cells(lesson)
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(html) >= 10
    for text in html:
        assert 'alt="' in ("".join(text)) and 'alt=""' not in "".join(text)


def test_the_skill_check_answers(lesson):
    panel = jupyter.outputs(lesson, "study.skill_check(").first
    panel.scroll_into_view_if_needed()
    assert "not attempted" in panel.inner_text()
    jupyter.screenshot(lesson, "lesson_skill_check_before")
    panel.get_by_role("button", name="A", exact=True).first.click()
    lesson.wait_for_function("panel => panel.innerText.includes('in progress')", arg=panel.element_handle())
    jupyter.screenshot(lesson, "lesson_skill_check_after")
