"""Rows 18 to 24: files of the instructor, locked cells, metadata, outputs, the timestamp."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from autograde.sandbox.paths import ROOT
from tests.hostile import cells
from tests.hostile.cells import ASSIGNMENT, TARGET, heist, right
from tests.hostile.harness import SUBMITTED_AT, extra_cell, grade_id_of, write_submission
from tests.hostile.rows import case

SECOND = "so-gradient-variance"

# Files of the checkout are only opened, never written: an attack that gets through must not spoil the sources.
WRITERS = {
    "source": "return open('@ROOT@/autograde/judge/expect.py', 'r+b')",
    "tests": "return open('@ROOT@/autograde/bank/so_minibatch_gradient/exercise.py', 'ab')",
    "solution": "return open('@ROOT@/solutions/1_1_intuition/1_1_intuition.ipynb', 'r+b')",
    "configuration": "return open('@ROOT@/autograde/nbgrader_config.py', 'r+b')",
    "library": "import noisydescent\nreturn open(noisydescent.__file__, 'r+b')",
    "torch": "return open(torch.__file__, 'r+b')",
    "standard_library": "import json\nreturn open(json.__file__, 'r+b')",
    "bytecode": "import json.decoder as m\nreturn open(m.__cached__, 'r+b')",
    "site_packages": (
        "import os\nname = os.path.dirname(torch.__path__[0])\n"
        "return os.access(name, os.W_OK) and open(name + '/six.py', 'r+b')"
    ),
    "neighbour": "return open('@CLASS@/submitted/ada/1_1_intuition/1_1_intuition.ipynb', 'w').write('{}')",
    "neighbour_truncated": (
        "import os\nos.truncate('@CLASS@/submitted/ada/1_1_intuition/1_1_intuition.ipynb', 0)\nreturn True"
    ),
    "neighbour_removed": "import os\nos.remove('@CLASS@/submitted/ada/1_1_intuition/1_1_intuition.ipynb')\nreturn True",
    "neighbour_renamed": "import os\nos.rename('@CLASS@/submitted/ada', '@CLASS@/submitted/eve')\nreturn True",
    "neighbour_result": "return open('@CLASS@/results/1_1_intuition/ada.json', 'w').write('{}')",
    "own_submission": "return open('@CLASS@/submitted/mallory/1_1_intuition/1_1_intuition.ipynb', 'a').write(' ')",
    "own_result": "return open('@CLASS@/results/1_1_intuition/mallory.json', 'w').write('{}')",
    "new_student": "import os\nos.makedirs('@CLASS@/submitted/eve/1_1_intuition')\nreturn True",
    "outside": "return open('@OUTSIDE@/written', 'w').write('pwned')",
    "canary": "return open('@OUTSIDE@/canary.txt', 'a').write('pwned')",
    "canary_mode": "import os\nos.chmod('@OUTSIDE@/canary.txt', 0o777)\nreturn True",
    "canary_owner": "import os\nos.chown('@OUTSIDE@/canary.txt', 1, 1)\nreturn True",
    "canary_times": "import os\nos.utime('@OUTSIDE@/canary.txt', (0, 0))\nreturn True",
    "canary_attribute": "import os\nos.setxattr('@OUTSIDE@/canary.txt', 'user.x', b'x')\nreturn True",
    "canary_by_descriptor": "import os\nos.fchmod(os.open('@OUTSIDE@/canary.txt', os.O_PATH), 0o777)\nreturn True",
    "canary_linked_in": "import os\nos.link('@OUTSIDE@/canary.txt', 'mine')\nreturn open('mine', 'a').write('x')",
    "canary_symlinked_in": "import os\nos.symlink('@OUTSIDE@', 'mine')\nreturn open('mine/written', 'w').write('x')",
    "removed_tree": "import shutil\nshutil.rmtree('@OUTSIDE@')\nreturn True",
    "fifo": "import os\nos.mkfifo('@OUTSIDE@/fifo')\nreturn True",
    "device": "import os, stat\nos.mknod('@OUTSIDE@/null', stat.S_IFCHR | 0o666, os.makedev(1, 3))\nreturn True",
    "socket_file": "import socket\nsocket.socket(socket.AF_UNIX).bind('@OUTSIDE@/socket')\nreturn True",
    # A home of its own, in the scratch folder, would be fine.
    "home": """
        import os
        name = os.path.expanduser('~/hostile_suite')
        open(name, 'w').close()
        os.remove(name)
        return name.startswith(('/root', '/home'))
    """,
    "root_home": "import os\nopen('/root/hostile_suite', 'w').close()\nos.remove('/root/hostile_suite')\nreturn True",
    "tmp": "import os\nopen('/tmp/hostile_suite', 'w').close()\nos.remove('/tmp/hostile_suite')\nreturn True",
    "shared_memory": (
        "import os\nopen('/dev/shm/hostile_suite', 'w').close()\nos.remove('/dev/shm/hostile_suite')\nreturn True"
    ),
    "etc": "return open('/etc/hostname', 'r+b')",
    "kernel_settings": "return open('/proc/sys/kernel/hostname', 'r+b')",
    "core_pattern": "return open('/proc/sys/kernel/core_pattern', 'r+b')",
    "oom_score": "import os\nreturn open(f'/proc/{os.getppid()}/oom_score_adj', 'r+b')",
    "cgroup": (
        "import os\nos.mkdir('/sys/fs/cgroup/hostile_suite')\nos.rmdir('/sys/fs/cgroup/hostile_suite')\nreturn True"
    ),
    "terminal": "return open('/dev/tty', 'w')",
    "parents_memory": "import os\nreturn open(f'/proc/{os.getppid()}/mem', 'r+b')",
    "parents_output": "import os\nreturn open(f'/proc/{os.getppid()}/fd/1', 'wb')",
    "host_name": "import socket\nsocket.sethostname(socket.gethostname())\nreturn True",
    "limits_of_parent": (
        "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (64, 64))\nreturn True"
    ),
    "own_limits": """
        import resource
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)
        return True
    """,
    "priority": (
        "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 19)\n"
        "return os.getpriority(os.PRIO_PROCESS, os.getppid()) == 19"
    ),
    "affinity_of_parent": "import os\nos.sched_setaffinity(os.getppid(), {0})\nreturn True",
    "clock": "import time\ntime.clock_settime(time.CLOCK_REALTIME, time.time())\nreturn True",
    "git_hook": "return open('@ROOT@/.git/config', 'r+b')",
    "startup_file": (
        "import os\nname = os.path.join(get_ipython().profile_dir.startup_dir, 'x.py')\n"
        "open(name, 'w').close()\nos.remove(name)\nreturn name.startswith('/root')"
    ),
    "matplotlib_settings": "import matplotlib\nreturn open(matplotlib.matplotlib_fname(), 'r+b')",
}


@case(18, "writes gradebook, sources, configuration, neighbours", "zero")
def test_writing(arena):
    arena.answer(heist(**WRITERS))
    arena.survives(says="gradient|tried|replaced|installed|left")


WRITING_THE_GRADEBOOK = {
    "sqlite": """
        import sqlite3
        with sqlite3.connect('@CLASS@/gradebook.db') as book:
            book.execute('UPDATE grade SET auto_score = 99, manual_score = 99')
        return True
    """,
    "replaced": "return open('@CLASS@/gradebook.db', 'wb').write(b'')",
    "removed": "import os\nos.remove('@CLASS@/gradebook.db')\nreturn True",
    "locked": "import sqlite3\nsqlite3.connect('@CLASS@/gradebook.db').execute('BEGIN EXCLUSIVE')\nreturn True",
    "journal": "return open('@CLASS@/gradebook.db-journal', 'wb').write(b'x')",
    "seeds": "return open('@CLASS@/seeds.json', 'w').write('{\"1_1_intuition\": 0}')",
    "lock": "import os\nos.remove('@CLASS@/.grading.lock')\nreturn True",
    "by_nbgrader": """
        from nbgrader.api import Gradebook
        return Gradebook('sqlite:///@CLASS@/gradebook.db').assignments
    """,
}


@case(18, "writes gradebook, sources, configuration, neighbours", "zero")
def test_writing_the_gradebook(arena):
    """The gradebook is there from an earlier run; it must be as if nobody had tried."""
    write_submission(arena.folder, "mallory", arena.notebook)
    arena.grade()
    arena.answer(heist(**WRITING_THE_GRADEBOOK))
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(18, "writes gradebook, sources, configuration, neighbours", "zero")
def test_writing_aloud(arena):
    arena.answer(f"open('@OUTSIDE@/written', 'w')\n\n{right()}")
    arena.survives(says="PermissionError|Permission denied|FileNotFoundError|Read-only|tried")


@case(19, "edited locked cells, other points", "merit")
@pytest.mark.parametrize(
    "source", ["7.0", "print(7.0)", "", "check = lambda *a: 7.0\ncheck(1)", "import os\nos._exit(0)"]
)
def test_edited_checks(arena, source):
    arena.mistaken(TARGET, "sum")
    for cell in arena.notebook["cells"]:
        if cell["metadata"]["nbgrader"].get("grade"):
            cell["source"] = source
    arena.survives(says="check|locked")


@case(19, "edited locked cells, other points", "merit")
@pytest.mark.parametrize("points", [100, -5, 0, 1e308, "many", None, float("nan"), float("inf"), [7], True])
def test_other_points(arena, points):
    arena.mistaken(TARGET, "sum")
    for cell in arena.notebook["cells"]:
        if cell["metadata"]["nbgrader"].get("grade"):
            cell["metadata"]["nbgrader"]["points"] = points
    arena.survives()


@case(19, "edited locked cells, other points", "merit")
def test_edited_text_and_setup(arena):
    arena.mistaken(TARGET, "sum")
    arena.cell(f"{TARGET}-statement")["source"] = "This exercise is worth 100 points and mine are right."
    arena.cell("intuition-setup")["source"] = "import torch\n\ndef check(*anything):\n    return 7.0"
    arena.survives(says="setup|locked|intuition")


@case(19, "edited locked cells, other points", "merit")
def test_edited_checksums_and_locks(arena):
    arena.mistaken(TARGET, "sum")
    for cell in arena.notebook["cells"]:
        cell["metadata"]["nbgrader"] |= {"checksum": "0" * 32, "locked": False}
    arena.survives()


@case(20, "flags, ids and order changed", "merit")
@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, False), (None, "yes")])
def test_flags(arena, flags):
    arena.mistaken(TARGET, "sum")
    for cell in arena.notebook["cells"]:
        cell["metadata"]["nbgrader"] |= {"grade": flags[0], "solution": flags[1], "task": flags[0]}
    arena.survives()


def swapped_ids(arena):
    one, other = arena.cell(TARGET), arena.cell(SECOND)
    one["metadata"]["nbgrader"]["grade_id"], other["metadata"]["nbgrader"]["grade_id"] = SECOND, TARGET


def all_ids_the_same(arena):
    for cell in arena.notebook["cells"]:
        cell["metadata"]["nbgrader"]["grade_id"] = SECOND


def unknown_ids(arena):
    for number, cell in enumerate(arena.notebook["cells"]):
        cell["metadata"]["nbgrader"]["grade_id"] = f"unknown-{number}"


def strange_ids(arena):
    for cell, strange in zip(arena.notebook["cells"], [None, 7, [], {}, "", "../../x", "a\n", True] * 9, strict=False):
        cell["metadata"]["nbgrader"]["grade_id"] = strange


def no_metadata(arena):
    for cell in arena.notebook["cells"]:
        cell["metadata"] = {}


def strange_metadata(arena):
    for cell, strange in zip(arena.notebook["cells"], [None, 7, [], "text", {"nbgrader": []}] * 9, strict=False):
        cell["metadata"] = strange


def no_cell_ids(arena):
    for cell in arena.notebook["cells"]:
        cell.pop("id", None)


def same_cell_ids(arena):
    for cell in arena.notebook["cells"]:
        cell["id"] = "same"


def duplicated(arena):
    for cell in list(arena.notebook["cells"]):
        arena.notebook["cells"].append(dict(cell))


def duplicated_with_the_starter_last(arena):
    path = ROOT / "exercises" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    arena.notebook["cells"] += json.loads(path.read_text(encoding="utf-8"))["cells"]


def duplicated_with_the_starter_first(arena):
    path = ROOT / "exercises" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    arena.notebook["cells"][:0] = json.loads(path.read_text(encoding="utf-8"))["cells"]


def reversed_order(arena):
    arena.notebook["cells"].reverse()


def checks_first(arena):
    arena.notebook["cells"].sort(key=lambda cell: not grade_id_of(cell).endswith("-check"))


def only_solutions(arena):
    ids = {exercise.id for exercise in cells.exercises()}
    arena.notebook["cells"] = [cell for cell in arena.notebook["cells"] if grade_id_of(cell) in ids]


def checks_deleted(arena):
    arena.notebook["cells"] = [c for c in arena.notebook["cells"] if not grade_id_of(c).endswith("-check")]


def solutions_without_ids(arena):
    for exercise in cells.exercises():
        index = arena.index(exercise.id)
        arena.notebook["cells"][index] = extra_cell(arena.cell(exercise.id)["source"])


def solution_as_markdown(arena):
    cell = arena.cell(SECOND)
    cell["cell_type"] = "markdown"
    cell.pop("outputs", None)


def solution_as_raw(arena):
    arena.cell(SECOND)["cell_type"] = "raw"


def checks_as_markdown(arena):
    for cell in arena.notebook["cells"]:
        if cell["metadata"]["nbgrader"].get("grade"):
            cell["cell_type"] = "markdown"


def text_as_code(arena):
    for cell in arena.notebook["cells"]:
        cell["cell_type"] = "code"


def split(arena):
    """The two functions of one exercise in two cells, the second without metadata."""
    source = cells.named("so-robbins-monro", "right_closure")
    first, second = source.split("def satisfies_robbins_monro")
    arena.answer(first, "so-robbins-monro")
    arena.extra("def satisfies_robbins_monro" + second, "so-robbins-monro", offset=1)


def source_in_lines(arena):
    for cell in arena.notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)


def strangers_between(arena):
    strangers = [None, 7, [], {}, "cell", {"cell_type": "unknown", "source": "x"}, {"cell_type": "code"}]
    for stranger in [*strangers, {"cell_type": "code", "source": 7, "metadata": None}, {"cell_type": ["code"]}]:
        arena.notebook["cells"].insert(3, stranger)


@case(20, "flags, ids and order changed", "merit")
@pytest.mark.parametrize(
    "damage",
    [
        swapped_ids,
        all_ids_the_same,
        unknown_ids,
        strange_ids,
        no_metadata,
        strange_metadata,
        no_cell_ids,
        same_cell_ids,
        duplicated,
        duplicated_with_the_starter_last,
        duplicated_with_the_starter_first,
        reversed_order,
        checks_first,
        only_solutions,
        checks_deleted,
        solutions_without_ids,
        solution_as_markdown,
        solution_as_raw,
        checks_as_markdown,
        text_as_code,
        split,
        source_in_lines,
        strangers_between,
    ],
    ids=lambda damage: damage.__name__,
)
def test_rearranged(arena, damage):
    arena.mistaken(TARGET, "sum")
    damage(arena)
    arena.survives()


@case(20, "flags, ids and order changed", "zero")
@pytest.mark.parametrize("what", ["deleted", "starter", "empty", "comment"])
def test_missing_solution(arena, what):
    if what == "deleted":
        arena.notebook["cells"].remove(arena.cell(TARGET))
    else:
        starter = "def minibatch_gradient(theta, X, y, idx):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
        arena.answer({"starter": starter, "empty": "", "comment": "# later"}[what])
    arena.survives(says="not answered|not defined|missing")


@case(21, "schema version 1 or 99", "merit")
@pytest.mark.parametrize("version", [1, 2, 4, 99, -1, "3", None, 10**400, 3.5])
def test_schema_version(arena, version):
    arena.mistaken(TARGET, "sum")
    for cell in arena.notebook["cells"]:
        cell["metadata"]["nbgrader"]["schema_version"] = version
    arena.survives()


@case(21, "schema version 1 or 99", "merit")
@pytest.mark.parametrize("version", [0, 1, 4, 6, 99])
def test_minor_version(arena, version):
    arena.notebook["nbformat_minor"] = version
    arena.survives()


@case(22, "another kernelspec", "merit")
@pytest.mark.parametrize(
    "kernel",
    [
        {"name": "bash", "display_name": "Bash", "language": "bash"},
        {"name": "../../../../tmp/kernel", "display_name": "x", "language": "python"},
        {"name": "julia-1.9"},
        {"name": "python2", "language": "python"},
        {"argv": ["sh", "-c", "touch @OUTSIDE@/pwned"], "name": "python3"},
        {},
        None,
        "python3",
        [1],
    ],
)
def test_kernelspec(arena, kernel):
    arena.mistaken(TARGET, "sum")
    arena.notebook["metadata"]["kernelspec"] = json.loads(arena.fill(json.dumps(kernel)))
    arena.notebook["metadata"]["language_info"] = {"name": "R", "version": [3], "file_extension": ".sh"}
    arena.survives()


@case(22, "another kernelspec", "merit")
@pytest.mark.parametrize("metadata", [None, [], "text", 7])
def test_notebook_metadata(arena, metadata):
    arena.notebook["metadata"] = metadata
    arena.survives()


def result(value):
    return {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": {"text/plain": value, "text/html": f"<b>{value}</b>"},
    }


@case(23, "outputs forged in the submitted file", "merit")
@pytest.mark.parametrize(
    "outputs",
    [
        [result("7.0")],
        [result("7.0")] * 50,
        [result("1e308")],
        [{"output_type": "stream", "name": "stdout", "text": "7.0"}],
        [{"output_type": "display_data", "data": {"text/html": "7 of 7 points"}, "metadata": {}}],
        [{"output_type": "error", "ename": "x", "evalue": "x", "traceback": ["\x1b[31m"]}],
        [{"output_type": "unknown"}],
        [None, 7, []],
        None,
        {"text/plain": "7.0"},
        "7.0",
    ],
)
def test_forged_outputs(arena, outputs):
    arena.mistaken(TARGET, "sum")
    for cell in arena.notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": outputs, "execution_count": 99}
    text = arena.survives().notebook
    assert "1e308" not in text
    assert "7 of 7 points</div>" not in text


@case(24, "a back-dated or unreadable timestamp file", "review")
@pytest.mark.parametrize(
    "stamp",
    [
        "2020-01-01 00:00:00.000000 UTC",
        (SUBMITTED_AT - timedelta(hours=3)).strftime("%Y-%m-%d %H:%M:%S.%f UTC"),
        "1970-01-01 00:00:00 UTC",
        "0001-01-01 00:00:00 UTC",
        "9999-12-31 23:59:59 UTC",
        pytest.param(
            (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d %H:%M:%S.%f UTC"), id="in thirty days"
        ),
        "yesterday",
        "",
        "\0" * 100,
        "2025-01-10 12:00:00" + "0" * 2_000_000,
        b"\xff\xfe\x00\xd8",
        "nan",
        "2025-01-10 12:00:00 +99:99",
    ],
    ids=lambda stamp: repr(stamp[:30]),
)
def test_timestamp(arena, stamp):
    arena.beside("timestamp.txt", stamp)
    result = arena.survives(says="timestamp", refused=False)
    assert result.timestamp is None


@case(24, "a back-dated or unreadable timestamp file", "review")
def test_timestamp_is_a_folder(arena):
    (arena.submission / "timestamp.txt").mkdir()
    assert arena.survives(says="timestamp", refused=False).timestamp is None


@case(24, "a back-dated or unreadable timestamp file", "review")
def test_timestamp_is_a_fifo(arena):
    os.mkfifo(arena.submission / "timestamp.txt")
    assert arena.survives(says="timestamp|pipe|FIFO", refused=False).timestamp is None
