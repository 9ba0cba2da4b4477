"""nbgrader's stages mapped onto the folders of this project.

nbgrader reads this file when it is started in `autograde/`; from elsewhere, with JUPYTER_CONFIG_PATH=autograde.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from jinja2 import pass_context

# nbgrader runs `alembic` by its bare name: it is beside this Python, also when the environment is not activated.
programs = str(Path(sys.executable).parent)
if programs not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])

root = Path(__file__).resolve().parent.parent
class_folder = root / "autograde" / "class"
class_folder.mkdir(exist_ok=True)

c = get_config()  # noqa: F821 (nbgrader defines it)
c.CourseDirectory.course_id = "noisydescent"
c.CourseDirectory.root = str(root)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "autograde/class/submitted"
c.CourseDirectory.autograded_directory = "autograde/class/autograded"
c.CourseDirectory.feedback_directory = "autograde/class/feedback"
c.CourseDirectory.solution_directory = "autograde/class/solution"
c.CourseDirectory.source_with_tests_directory = "autograde/class/source_with_tests"
c.CourseDirectory.db_url = f"sqlite:///{class_folder / 'gradebook.db'}"
# nbgrader copies whatever lies beside a notebook: the .py source, with all the solutions, must stay behind.
c.CourseDirectory.ignore = [
    *(".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback"),  # nbgrader's defaults
    *("*.py", ".pytest_cache", ".ruff_cache"),
]
# Inside the project, so that an instructor needs no root rights; for a real class name a shared folder instead.
c.Exchange.root = str(class_folder / "exchange")
# exercises/ is under version control and made anew each time: without this, nbgrader would skip what is there already
# and not enter the assignment into a new gradebook.
c.GenerateAssignment.force = True
c.ExportPlugin.to = str(class_folder / "grades.csv")
# Names in it that a spreadsheet would run as a formula are escaped.
c.ExportApp.plugin_class = "autograde.classroom.export.SafeCsvExport"

# Submissions are taken in, executed and scored by the project's own engine, in its sandbox. What nbgrader does to a
# submitted notebook before (it stops at a damaged cell) has no place: the notebook is rebuilt from the release.
step = "autograde.classroom.nbgrader_step"
c.Autograde.exporter_class = f"{step}.SubmissionExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    f"{step}.SandboxedGrading",  # in the place of nbgrader's Execute
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
    f"{step}.RecordResult",
]


# Students' markdown and outputs are cleaned of scripts, in the feedback and in formgrader. These are functions and not
# names because JupyterLab makes formgrader's exporter when it starts, and should not have to import torch for it.
def cleaning(name):
    return getattr(import_module("autograde.classroom.feedback"), name)


@pass_context
def markdown(context, source):
    return cleaning("markdown")(context, source)


def clean(fragment):
    return cleaning("clean")(fragment)


def plain_outputs(notebook, resources):
    return cleaning("plain_outputs")(notebook, resources)


c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {"markdown2html": markdown, "clean_html": clean}
c.HTMLExporter.preprocessors = [plain_outputs]
c.GenerateFeedback.exporter_class = "autograde.classroom.feedback.FeedbackExporter"
# For the Validate button, which runs a notebook as it is: one test cell runs all tests of an exercise, and the first
# cell imports torch on a machine that may be busy.
c.Execute.timeout = 120
