"""JupyterLab as a learner first meets it."""

import nbformat
import pytest

from tests.browser import jupyter

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def write_notebook(lab, name, *sources):
    """Put a notebook with these code cells into the served folder."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), lab.root / name)
    return name


def test_opens_on_the_index_without_pop_up(page, lab_server):
    page.goto(f"{lab_server.url}/?token={jupyter.TOKEN}")
    page.wait_for_selector(f"{jupyter.NOTEBOOK} .jp-MarkdownCell h1")
    assert page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current").inner_text().strip() == "index.ipynb"
    # The question whether news are wanted comes when the application is there and its settings are read. What is said
    # after that stands alone, if nothing was asked.
    page.evaluate(
        """async () => {
            await jupyterapp.restored;
            await jupyterapp.serviceManager.settings.fetch('@jupyterlab/apputils-extension:notification');
            await jupyterapp.commands.execute('apputils:notify', {message: 'after it', options: {autoClose: false}});
        }"""
    )
    toasts = page.locator(".Toastify__toast")
    toasts.filter(has_text="after it").wait_for()
    assert toasts.count() == 1, toasts.all_inner_texts()
    assert page.locator(".jp-Dialog").count() == 0
    jupyter.screenshot(page, "index")


def test_validate_button_on_an_exercise(page, lab_server):
    jupyter.open_notebook(page, lab_server, "exercises/1_1_intuition/1_1_intuition.ipynb")
    button = page.locator(f"{jupyter.NOTEBOOK} .jp-Toolbar").get_by_text("Validate", exact=True)
    button.wait_for(state="visible")
    jupyter.screenshot(page, "exercise")


def test_run_all_runs_every_cell(page, lab_server):
    """The helpers of the other browser tests do what they say, widgets included."""
    slider = "import ipywidgets as w\ns = w.IntSlider(value=3, max=8, description='batch')\nx = w.HTML('start')"
    watch = "s.observe(lambda change: setattr(x, 'value', f'batch size {2 ** change.new}'), 'value')\nw.VBox([s, x])"
    name = write_notebook(lab_server, "small.ipynb", "1 + 1", slider, watch, "print(6 * 7)")
    jupyter.open_notebook(page, lab_server, name)
    jupyter.run_all(page)
    assert jupyter.outputs(page, "print(6 * 7)").inner_text().strip() == "42"

    handle = jupyter.cell(page, "s.observe").locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    jupyter.cell(page, "s.observe").get_by_text("batch size 16", exact=True).wait_for()


def test_run_all_reports_an_error(page, lab_server):
    name = write_notebook(lab_server, "broken.ipynb", "1 / 0", "print('never reached')")
    jupyter.open_notebook(page, lab_server, name)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        jupyter.run_all(page)
