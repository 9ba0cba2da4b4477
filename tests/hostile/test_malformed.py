"""Rows 36 to 43: files that are no notebooks, or strange ones."""

import gzip
import html.parser
import io
import json
import os
import re
import socket
import stat
import tarfile
import zipfile

import pytest

from autograde.classroom.batch import grade_class
from tests.hostile import harness
from tests.hostile.cells import ASSIGNMENT, SEED, TARGET, right
from tests.hostile.harness import answered_notebook, extra_cell, read_results, write_submission
from tests.hostile.rows import case, variants

NOTEBOOK = answered_notebook()
TEXT = json.dumps(NOTEBOOK)

BROKEN = {
    "empty": b"",
    "spaces": b"   \n",
    "text": b"This is my homework.",
    "html": b"<!DOCTYPE html><html><body>Jupyter</body></html>",
    "list": b"[]",
    "list_of_cells": json.dumps(NOTEBOOK["cells"]).encode(),
    "number": b"41",
    "null": b"null",
    "string": b'"notebook"',
    "empty_object": b"{}",
    "truncated": TEXT.encode()[: len(TEXT) // 2],
    "trailing_comma": TEXT.encode()[:-1] + b",}",
    "two_notebooks": TEXT.encode() * 2,
    "merge_conflict": b"<<<<<<< HEAD\n" + TEXT.encode() + b"\n=======\n{}\n>>>>>>> theirs\n",
    "utf_16": TEXT.encode("utf-16"),
    "utf_16_without_mark": TEXT.encode("utf-16-le"),
    "utf_32": TEXT.encode("utf-32"),
    "latin_1": TEXT.replace("gradient", "Grö\u00dfe", 1).encode("latin-1", "replace").replace(b"\\u00df", b"\xdf")
    + b"\xe4",
    "bad_utf_8": TEXT.encode().replace(b"gradient", b"\xff\xfe\xfa", 1),
    "ebcdic": TEXT.encode("cp037", "replace"),
    "null_bytes": b"\0" * 1000,
    "null_byte_inside": TEXT.encode().replace(b"{", b"\0{", 1),
    "gzip": gzip.compress(TEXT.encode()),
    "pickle": b"\x80\x04\x95\x1e\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",
    "python": right().encode(),
    "nested": b"[" * 200_000 + b"]" * 200_000,
    "nested_objects": b'{"cells": ' * 100_000 + b"1" + b"}" * 100_000,
    "nested_in_a_cell": TEXT.encode().replace(b'"metadata": {}', b'"metadata": ' + b"[" * 50_000 + b"]" * 50_000, 1),
    "format_99": json.dumps(NOTEBOOK | {"nbformat": 99}).encode(),
    "format_3": json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}]}
    ).encode(),
    "format_text": json.dumps(NOTEBOOK | {"nbformat": "4"}).encode(),
    "format_list": json.dumps(NOTEBOOK | {"nbformat": [4]}).encode(),
    "format_huge": TEXT.encode().replace(b'"nbformat": 4', b'"nbformat": 4e400'),
    "format_long": TEXT.encode().replace(b'"nbformat": 4', b'"nbformat": ' + b"4" * 100_000),
    "no_format": json.dumps({k: v for k, v in NOTEBOOK.items() if not k.startswith("nbformat")}).encode(),
    "cells_object": json.dumps(NOTEBOOK | {"cells": {"0": NOTEBOOK["cells"][0]}}).encode(),
    "cells_text": json.dumps(NOTEBOOK | {"cells": "all"}).encode(),
    "cells_null": json.dumps(NOTEBOOK | {"cells": None}).encode(),
    "no_cells": json.dumps({k: v for k, v in NOTEBOOK.items() if k != "cells"}).encode(),
}


@case(36, "invalid JSON, empty, a list, UTF-16, nbformat 99", "review")
@pytest.mark.parametrize("name", [name for name in BROKEN if name != "nested_in_a_cell"])
def test_broken_notebook(arena, name):
    arena.file.write_bytes(BROKEN[name])
    arena.survives(refused=True, submit=False)


@case(36, "invalid JSON, empty, a list, UTF-16, nbformat 99", "review")
def test_deep_metadata(arena):
    """JSON that can be read but that nothing else could walk through."""
    arena.notebook["cells"].insert(3, extra_cell("pass"))
    text = json.dumps(arena.notebook).replace('"metadata": {}', '"metadata": ' + "[" * 900 + "]" * 900, 1)
    arena.file.write_text(text)
    arena.survives(refused=True, submit=False)


@case(36, "invalid JSON, empty, a list, UTF-16, nbformat 99", "review")
def test_key_twice(arena):
    """Which of two values counts is anybody's guess, so a person looks; the last one does, as in JupyterLab."""
    text = json.dumps(arena.notebook)
    arena.file.write_text(text[:-1] + ', "nbformat": 4}')
    arena.survives(says="twice", refused=False, submit=False)


@case(36, "invalid JSON, empty, a list, UTF-16, nbformat 99", "merit")
def test_byte_order_mark(arena):
    arena.file.write_bytes(b"\xef\xbb\xbf" + json.dumps(arena.notebook).encode())
    arena.survives(submit=False)


@case(37, "a 500 MB notebook, 100,000 cells", "review")
@pytest.mark.parametrize("size", [500 * 2**20, 2**40])
def test_huge_notebook(arena, size):
    """The file has holes and takes no room here; whoever reads it has to hold all of it."""
    with arena.file.open("wb") as file:
        file.write(b'{"cells": [')
        file.truncate(size)
    arena.survives(says="larg|big|MiB", refused=True, submit=False)


@case(37, "a 500 MB notebook, 100,000 cells", "review")
@pytest.mark.parametrize("kind", ["markdown", "code"])
def test_many_cells(arena, kind):
    cell = {"cell_type": kind, "metadata": {}, "source": "1"}
    arena.notebook["cells"] += [cell] * 100_000
    arena.survives(says="cells", refused=True)


@case(37, "a 500 MB notebook, 100,000 cells", "review")
@variants(spelled="cell\\u005ftype", spaced="cell_type")
def test_many_cells_hidden_from_a_count(arena, source):
    cells = ",".join([f'{{"{source}" : "raw","source":""}}'] * 100_000)
    arena.file.write_text(f'{{"nbformat": 4, "nbformat_minor": 5, "metadata": {{}}, "cells": [{cells}]}}')
    arena.survives(says="cells|objects", refused=True, submit=False)


@case(37, "a 500 MB notebook, 100,000 cells", "review")
@variants(lists="[" + "[]," * 4_000_000 + "[]]", objects="[" + "{}," * 4_000_000 + "{}]")
def test_small_file_large_memory(arena, source):
    """Three bytes of JSON can become a hundred in memory."""
    arena.file.write_text(TEXT[:-1] + ', "more": ' + source + "}")
    arena.survives(refused=True, submit=False)


@case(37, "a 500 MB notebook, 100,000 cells", "zero or merit")
@variants(
    long_line="x = '" + "x" * 4_000_000 + "'",
    many_lines="x = 1\n" * 400_000,
    many_names="\n".join(f"x{n} = {n}" for n in range(60_000)),
    deep_expression="x = " + "+".join(["1"] * 100_000),
)
def test_large_cell(arena, source):
    arena.answer(right() + "\n" + source)
    arena.survives(says="long|large|recursion|memory|raised|not defined|took|error|ended")


@case(38, "wrong, missing or second notebook", "review")
@pytest.mark.parametrize(
    "name", ["Untitled.ipynb", "1_1_intuition (1).ipynb", "1_1_Intuition.ipynb", "1_1_intuition.ipynb.txt", "x/y.ipynb"]
)
def test_wrong_name(arena, name):
    arena.beside(name, json.dumps(arena.notebook))
    arena.survives(says="notebook", refused=True, submit=False)


@case(38, "wrong, missing or second notebook", "review")
@pytest.mark.parametrize("what", ["nothing", "empty_folder", "another_assignment"])
def test_missing_notebook(arena, what):
    if what == "nothing":
        arena.beside("answer.py", right())
    if what == "another_assignment":
        other = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [extra_cell("print('hello')")]}
        arena.beside("1_2_other.ipynb", json.dumps(other))
    arena.survives(says="no notebook", refused=True, submit=False)


@case(38, "wrong, missing or second notebook", "review")
@pytest.mark.parametrize("name", ["1_1_intuition-Copy1.ipynb", "old/1_1_intuition.ipynb", "\u202elight.ipynb"])
def test_second_notebook(arena, name):
    arena.beside(name, json.dumps(arena.notebook).replace("torch.sigmoid", "torch.tanh"))
    arena.survives(says="more than one|second", refused=False)


@case(38, "wrong, missing or second notebook", "zero")
def test_notebook_of_another_assignment_under_this_name(arena):
    ids = tuple(arena.expected)
    arena.notebook["cells"] = [extra_cell("print('hello')")]
    arena.survives(zero=ids, says="not answered|missing|not defined")


@case(38, "wrong, missing or second notebook", "zero")
def test_no_cells(arena):
    ids = tuple(arena.expected)
    arena.notebook["cells"] = []
    arena.survives(zero=ids, says="not answered|missing|not defined")


SPECIAL = {
    "fifo": lambda path: os.mkfifo(path),
    "socket": lambda path: bound(path),
    "null_device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3)),
    "endless_device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5)),
    "folder": lambda path: path.mkdir(),
    "closed_folder": lambda path: path.mkdir(mode=0),
}


def bound(path):
    """A socket's file; its name is longer than an address may be, so it is bound from its folder."""
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path.name)
    finally:
        os.chdir(here)


def special(name, path):
    try:
        SPECIAL[name](path)
    except PermissionError:
        pytest.skip("only root may make devices")


@case(39, "FIFO, device, folder named like the notebook", "review")
@pytest.mark.parametrize("name", SPECIAL)
def test_special_notebook(arena, name):
    special(name, arena.file)
    arena.survives(says="notebook", refused=True, submit=False)


@case(39, "FIFO, device, folder named like the notebook", "review")
@pytest.mark.parametrize("name", [name for name in SPECIAL if "folder" not in name])
def test_special_file_beside(arena, name):
    special(name, arena.submission / "data.csv")
    arena.survives(says="pipe|socket|device|FIFO", refused=False)


@case(39, "FIFO, device, folder named like the notebook", "review")
@pytest.mark.parametrize("level", ["assignment", "student"])
@pytest.mark.parametrize("name", ["fifo", "null_device", "file"])
def test_special_folder(arena, level, name):
    """In place of the assignment's folder or of the student's; a student without a folder has handed in nothing."""
    arena.submission.rmdir()
    path = arena.submission
    if level == "student":
        arena.submission.parent.rmdir()
        path = arena.submission.parent
    path.write_text("x") if name == "file" else special(name, path)
    if level == "student":
        with_nobody_else(arena)
    else:
        arena.survives(refused=True, submit=False)


def with_nobody_else(arena):
    """Grade a class in which mallory's entry may be passed over, but not silently given points."""
    grade_class(ASSIGNMENT, arena.folder, jobs=2, seed=SEED, progress=False, executor=arena.pool.executor())
    results = read_results(arena.folder)
    assert harness.stable(results.pop("ada")) == arena.clean
    assert all(result.review and result.points == 0 for result in results.values())


@case(39, "FIFO, device, folder named like the notebook", "review")
def test_many_files(arena):
    for number in range(3000):
        (arena.submission / f"{number}.txt").touch()
    arena.survives(says="entries|files", refused=False)


@case(39, "FIFO, device, folder named like the notebook", "review")
def test_deep_folders(arena):
    path = arena.submission
    for _ in range(100):
        path = path / "d"
        path.mkdir()
    arena.survives(says="levels|folders|entries", refused=False)


def zipped(*names, content=b"x", target=None):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if target is not None:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                content = target.encode()
            archive.writestr(info, content)
    return buffer.getvalue()


def tarred(name, kind=tarfile.REGTYPE, target=""):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return buffer.getvalue()


def bomb():
    """50 MB of zeros in 50 kB, eight times over: enough to see whether anybody unpacks it."""
    inner = zipped("zeros", content=b"\0" * 50_000_000)
    return zipped(*[f"{n}.zip" for n in range(8)], content=inner)


ARCHIVES = {
    "bomb.zip": bomb,
    "parent.zip": lambda: zipped("../../../ada/1_1_intuition/1_1_intuition.ipynb", "../pwned"),
    "absolute.zip": lambda: zipped("/tmp/hostile_suite_pwned"),
    "link.zip": lambda: zipped("data", target="/etc/hostname"),
    "notebook.zip": lambda: zipped("1_1_intuition.ipynb", content=TEXT.encode()),
    "parent.tar.gz": lambda: tarred("../../pwned"),
    "link.tar.gz": lambda: tarred("data", tarfile.SYMTYPE, "/etc/hostname"),
    "device.tgz": lambda: tarred("data", tarfile.CHRTYPE),
    "bomb.gz": lambda: gzip.compress(b"\0" * 50_000_000),
    "disguised.txt": lambda: zipped("../pwned"),
    "broken.7z": lambda: b"7z\xbc\xaf\x27\x1c broken",
    "broken.rar": lambda: b"Rar!\x1a\x07\x00 broken",
    "1_1_intuition.zip": lambda: zipped("1_1_intuition/1_1_intuition.ipynb", content=TEXT.encode()),
}


@case(40, "archive bomb, `../` or absolute names in it", "review")
@pytest.mark.parametrize("name", ARCHIVES)
def test_archive_beside(arena, name):
    arena.beside(name, ARCHIVES[name]())
    arena.survives(says="archive", refused=False)


@case(40, "archive bomb, `../` or absolute names in it", "review")
@pytest.mark.parametrize("name", ARCHIVES)
def test_archive_instead(arena, name):
    arena.beside(name, ARCHIVES[name]())
    arena.survives(says="archive|no notebook", refused=True, submit=False)


@case(40, "archive bomb, `../` or absolute names in it", "review")
@pytest.mark.parametrize("name", ["bomb.zip", "notebook.zip", "parent.tar.gz"])
def test_archive_under_the_notebook_s_name(arena, name):
    arena.file.write_bytes(ARCHIVES[name]())
    arena.survives(says="archive", refused=True, submit=False)


STUDENTS = {
    "dots": "mal..lory",
    "leading_dots": "..mallory",
    "hidden": ".mallory",
    "newline": "mal\nlory",
    "return": "mal\rlory",
    "tab": "mal\tlory",
    "space": "mal lory",
    "trailing_space": "mallory ",
    "star": "mal*lory",
    "question": "mal?lory",
    "brackets": "[am]*",
    "braces": "{ada,mallory}",
    "option": "-rf",
    "long_option": "--regrade",
    "home": "~root",
    "variable": "$HOME",
    "command": "`id`",
    "semicolon": "ada;id",
    "pipe": "ada|id",
    "percent": "%s%n",
    "quote": "ada'--",
    "double_quote": 'ada"',
    "backslash": "ada\\..",
    "escape": "mal\x1b[31mlory",
    "bell": "mal\x07lory",
    "delete": "mal\x7flory",
    "right_to_left": "mal\u202eyrol",
    "zero_width": "ada\u200b",
    "line_separator": "mal\u2028lory",
    "formula": "=1+1",
    "colon": "c:mallory",
    "comma": "ada,mallory",
    "markup": "<script>x",
    "long": "m" * 255,
    "long_bytes": "é" * 120,
    "not_text": b"mal\xfflory",
}


@case(41, "student ids with .., newlines, globs, 300 characters", "review")
@pytest.mark.parametrize("name", STUDENTS)
def test_student_id(arena, name):
    arena.submission.rmdir()
    arena.submission.parent.rmdir()
    arena.student = os.fsdecode(STUDENTS[name])
    result = arena.survives(refused=True, recorded=False)
    if arena.student.isprintable():  # others cannot even be asked for
        assert harness.recorded_scores(arena.folder, arena.student) == []
    printed = "".join([*result.review, *(line for line in str(arena.summary.text()).splitlines(keepends=True))])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\u200b]", printed)


@case(41, "student ids with .., newlines, globs, 300 characters", "review")
@pytest.mark.parametrize("name", ["..", "../ada", "ada/../ada", "/etc", "", "*", "ada\0", "m" * 300, "ada/", "./ada"])
def test_student_asked_for(arena, name):
    """A name on the command line that is nobody's folder is refused before anything is graded."""
    arena.submission.rmdir()
    arena.submission.parent.rmdir()
    with pytest.raises(ValueError, match="no submission"):
        grade_class(
            ASSIGNMENT, arena.folder, students=[name], jobs=1, seed=SEED, progress=False, executor=arena.pool.executor()
        )
    assert not (arena.folder / "results").exists()


@case(41, "student ids with .., newlines, globs, 300 characters", "merit")
@pytest.mark.parametrize("name", ["ada.lovelace@example.org", "müller", "ada2", "ADA", "o_1-2+x", "張偉", "1234567"])
def test_ordinary_id(arena, name):
    arena.submission.rmdir()
    arena.submission.parent.rmdir()
    arena.student = name
    arena.survives()


@case(41, "student ids with .., newlines, globs, 300 characters", "merit")
def test_ids_that_look_alike(arena):
    """Composed and decomposed, upper and lower case: four people with results of their own."""
    names = ["mu\u0308ller", "m\u00fcller", "Ada"]
    for name in names:
        write_submission(arena.folder, name, arena.notebook)
    arena.survives()
    assert set(read_results(arena.folder)) >= {"ada", "mallory", *names}


@case(42, "null bytes or a syntax error in one cell", "zero")
@variants(
    null="x = 1\0\n",
    null_in_text="x = 'a\0b'\n",
    open_parenthesis="x = (1,\n",
    open_string="x = '''never closed\n",
    indentation="  x = 1\n x = 2\n",
    tabs="if True:\n        x = 1\n\ty = 2\n",
    python_2="print 'hello'\n",
    other_language="library(ggplot2); x <- c(1, 2)\n",
    wrong_encoding="# -*- coding: utf-7 -*-\nx = +AGE-\n",
    prompt=">>>>>>> theirs\n",
    deep="x = " + "(" * 500 + ")" * 500 + "\n",
    return_outside="return 7\n",
    bad_escape="x = '\\x'\n",
    walrus="(x := 1) = 2\n",
    nonlocal_outside="nonlocal x\n",
    star="from torch import *, nn\n",
    huge_number="x = " + "9" * 5000 + "\n",
    right_to_left="x = 1 \u202e\u2066 # y\n",
)
def test_unreadable_cell(arena, source):
    arena.answer(f"{source}\n{right()}")
    arena.survives(says="Error|syntax|null|not defined|encod|surrogate|deep|nest")


@case(42, "null bytes or a syntax error in one cell", "zero or merit")
def test_half_a_character(arena):
    """JSON can hold half of a pair of surrogates, which is no text that could be written to a file."""
    arena.answer(f"x = '\ud800'\n{right()}")
    arena.survives(says="Error|surrogate|encod")


@case(42, "null bytes or a syntax error in one cell", "merit")
@variants(null="x = 1\0", syntax="def (:", magic="%%no_such_magic", indentation="  x = 1\n x = 2")
def test_unreadable_cell_of_her_own(arena, source):
    arena.extra(source)
    arena.survives()


MARKUP = {
    "script": "<script>pwned()</script>",
    "script_split": "<scr<script>ipt>pwned()</scr</script>ipt>",
    "upper": "<SCRIPT SRC=//example.org/pwned.js></SCRIPT>",
    "event": '<img src=x onerror="pwned()">',
    "event_unquoted": "<img/src=x/onerror=pwned()>",
    "details": '<details open ontoggle="pwned()">x</details>',
    "link": "[click](javascript:pwned())",
    "link_html": '<a href="java&#10;script:pwned()">x</a>',
    "link_data": '<a href="data:text/html;base64,PHNjcmlwdD5wd25lZCgpPC9zY3JpcHQ+">x</a>',
    "reference": "[x][1]\n\n[1]: javascript:pwned()",
    "autolink": "<javascript:pwned()>",
    "image": "![x](javascript:pwned())",
    "frame": '<iframe srcdoc="<script>pwned()</script>"></iframe>',
    "object": '<object data="javascript:pwned()"></object><embed src="javascript:pwned()">',
    "form": '<form action="javascript:pwned()"><input type=submit formaction="javascript:pwned()"></form>',
    "meta": '<meta http-equiv="refresh" content="0;url=javascript:pwned()"><base href="//example.org/">',
    "style": '<style>@import "//example.org/pwned.css"; body {display: none}</style>',
    "svg": '<svg onload="pwned()"><script>pwned()</script><a xlink:href="javascript:pwned()"><text>x</text></a></svg>',
    "math": "$\\href{javascript:pwned()}{x}$ <math><mtext></mtext><annotation-xml><script>pwned()</script></math>",
    "closing": "</div></body></html><script>pwned()</script>",
    "comment": "<!--><script>pwned()</script>-->",
    "template": "<template><script>pwned()</script></template><noscript><p t='</noscript><script>pwned()</script>'>",
    "code": "```html\n</code></pre><script>pwned()</script>\n```",
    "heading": "# <script>pwned()</script>",
}


@case(43, "script in markdown, output or SVG", "merit")
def test_script_in_text(arena):
    for name in MARKUP:
        arena.extra(MARKUP[name], kind="markdown")
        arena.extra(MARKUP[name], kind="raw")
    arena.survives()
    no_script_in(feedback(arena))


MIMES = ("text/html", "image/svg+xml", "text/markdown", "text/latex", "application/javascript")


@case(43, "script in markdown, output or SVG", "merit")
@pytest.mark.parametrize("mime", MIMES)
def test_script_in_output(arena, mime):
    for name, markup in MARKUP.items():
        content = f"<svg xmlns='http://www.w3.org/2000/svg'>{markup}</svg>" if mime.startswith("image") else markup
        bundle = {mime: content, "text/plain": f"{name}: {content}"}
        arena.extra(f"from IPython.display import display\ndisplay({bundle!r}, raw=True)\nprint({content!r})")
    arena.survives()
    no_script_in(feedback(arena))


FROM_CODE = {
    "widget": "import ipywidgets\ndisplay(ipywidgets.HTML('<script>pwned()</script>'))",
    "representation": "class R:\n    def _repr_html_(self):\n        return '<script>pwned()</script>'\nR()",
    "error": "raise ValueError('<script>pwned()</script>')",
    "error_ansi": "raise ValueError('\\x1b]8;;javascript:pwned()\\x07click\\x1b]8;;\\x07<script>pwned()</script>')",
    "javascript": "%%javascript\npwned()",
    "html": "%%html\n<script>pwned()</script>",
    "source": "# </pre><script>pwned()</script>",
    "metadata": (
        "display({'text/html': '<script>pwned()</script>'}, raw=True, metadata={'text/html': {'isolated': True}})"
    ),
    "plot": "import matplotlib.pyplot as plt\nplt.title('<script>pwned()</script>')\nplt.show()",
}


@case(43, "script in markdown, output or SVG", "merit")
def test_script_from_code(arena):
    for source in FROM_CODE.values():
        arena.extra(source)
    arena.survives()
    no_script_in(feedback(arena))


@case(43, "script in markdown, output or SVG", "zero")
@variants(
    message=(
        "def minibatch_gradient(theta, X, y, idx):\n"
        "    raise ValueError('<script>pwned()</script><img onerror=pwned()>')"
    ),
    type_name="def minibatch_gradient(theta, X, y, idx):\n    return type('<script>pwned()</script>', (), {})()",
    error_name=(
        "def minibatch_gradient(theta, X, y, idx):\n    raise type('<script>pwned()</script>', (Exception,), {})"
    ),
)
def test_script_in_a_message(arena, source):
    arena.answer(source)
    arena.survives()
    no_script_in(feedback(arena))


@case(43, "script in markdown, output or SVG", "merit")
def test_script_in_metadata(arena):
    attack = "</title><script>pwned()</script>"
    arena.notebook["metadata"] |= {"title": attack, "authors": [{"name": attack}], "widgets": {"x": {"state": attack}}}
    arena.notebook["metadata"]["language_info"] = {"name": attack, "codemirror_mode": attack, "pygments_lexer": attack}
    arena.extra("![x](attachment:x.svg)", kind="markdown")
    arena.notebook["cells"][arena.index(TARGET) - 1]["attachments"] = {"x.svg": {"image/svg+xml": MARKUP["svg"]}}
    arena.survives()
    no_script_in(feedback(arena))


def feedback(arena):
    """The text of mallory's feedback page."""
    from autograde.classroom.feedback import make_feedback

    paths = [path for path in make_feedback(ASSIGNMENT, arena.folder) if arena.student in path.parts]
    assert paths, "there is no feedback"
    return "".join(path.read_text(encoding="utf-8") for path in paths)


class Page(html.parser.HTMLParser):
    """Collects what a browser would run or load."""

    def __init__(self):
        super().__init__()
        self.found = []
        self._script = False

    def handle_starttag(self, tag, attributes):
        self._script = tag == "script"
        for name, value in attributes:
            plain = re.sub(r"[\x00-\x20]", "", html.unescape(value or "")).lower()
            if name.startswith("on") or plain.startswith(("javascript:", "vbscript:", "data:text/html")):
                self.found.append(f"<{tag} {name}={value!r}>")
            if "example.org" in plain:
                self.found.append(f"<{tag} {name}={value!r}>")
        if tag in ("iframe", "object", "embed", "form", "base", "frame", "applet"):
            self.found.append(f"<{tag}>")

    def handle_endtag(self, tag):
        self._script = False

    def handle_data(self, data):
        if self._script and "pwned" in data:
            self.found.append(f"script: {data[:80]}")


def no_script_in(text):
    page = Page()
    page.feed(text)
    assert not page.found, f"the feedback page would run {page.found[:3]}"


def test_the_page_parser_sees_scripts():
    """What the tests of row 43 look for would be found."""
    for name in ("script", "event", "link_html", "frame", "object", "form", "svg", "closing"):
        with pytest.raises(AssertionError, match="would run"):
            no_script_in(MARKUP[name])
