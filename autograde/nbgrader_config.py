"""nbgrader's stages mapped onto the folders of this project.

nbgrader reads this file when it is started in `autograde/`; from elsewhere, with JUPYTER_CONFIG_PATH=autograde.
"""

import os
import sys
from pathlib import Path

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
# One test cell runs all tests of an exercise, and the first cell imports torch on a machine that may be busy.
c.Execute.timeout = 120
