"""pyproject.toml, environment.yml and requirements.lock describe one environment."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.patience import HANG_SECONDS

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib", "bleach-with-css": "bleach"}
IMPORT_NAMES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "xdist": "pytest-xdist",
    "yaml": "pyyaml",
    "IPython": "ipykernel",
    "traitlets": "nbgrader",
}
OWN = {"noisydescent", "autograde", "tests"}


def requirements(*groups):
    """Requirements of pyproject.toml by canonical name; "" is the base group, other names are extras."""
    found = {}
    for group in groups:
        for line in PROJECT["optional-dependencies"][group] if group else PROJECT["dependencies"]:
            requirement = Requirement(line)
            assert requirement.name not in found, f"pyproject.toml names {requirement.name} twice"
            found[canonicalize_name(requirement.name)] = requirement
    return found


def lock_lines():
    """Lines of requirements.lock that are pins, as Requirements."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


# Not on conda-forge: `pip: -e .[lab]` in environment.yml brings it.
PIP_ONLY = {"pyseccomp"}


def test_conda_and_pyproject_agree():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    specs = [entry for entry in conda["dependencies"] if isinstance(entry, str)]
    pip = [line for entry in conda["dependencies"] if isinstance(entry, dict) for line in entry["pip"]]
    found = {}
    for spec in specs:
        name, floor = re.fullmatch(r"([a-z0-9-]+) *(.*)", spec).groups()
        found[CONDA_NAMES.get(name, name)] = SpecifierSet(floor)
    assert found.pop("python") == SpecifierSet(PROJECT["requires-python"])
    found.pop("pip")
    wanted = {name: requirement.specifier for name, requirement in requirements("", "lab").items()}
    assert set(wanted) >= PIP_ONLY
    assert found == {name: specifier for name, specifier in wanted.items() if name not in PIP_ONLY}
    assert pip == ["-e .[lab]"]


def test_pyproject_has_floors_only():
    for name, requirement in requirements("", "lab", "dev").items():
        operators = [specifier.operator for specifier in requirement.specifier]
        assert operators == [">="], f"{name}: {requirement.specifier} is more than a floor"


def test_lock_holds_every_requirement_at_or_above_its_floor():
    pins = {canonicalize_name(pin.name): pin for pin in lock_lines()}
    for name, requirement in requirements("", "lab", "dev").items():
        assert name in pins, f"{name} is not in requirements.lock: make lock"
        assert pins[name].marker is None, f"{name} is pinned for some systems only"
        (pin,) = pins[name].specifier
        assert requirement.specifier.contains(pin.version), f"{pins[name]} is below {requirement}"


def test_lock_is_exact_and_portable():
    names = []
    for pin in lock_lines():
        (specifier,) = pin.specifier
        assert specifier.operator == "==" and "*" not in specifier.version, f"{pin} is not exact"
        assert "+" not in specifier.version, f"{pin} names a build that only one index has"
        assert not pin.name.startswith(("nvidia-", "triton")), f"{pin} would force CUDA on every machine"
        names.append(canonicalize_name(pin.name))
    assert names == sorted(set(names)), "requirements.lock is not sorted, or names a package twice"
    assert "torch==2.13.0" in {str(pin) for pin in lock_lines()}


def test_lock_is_what_runs_here():
    """The tests' own environment is the locked one, when it is the .venv that make builds."""
    if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        pytest.skip(f"tests run in {sys.prefix}, not in the .venv that make builds from requirements.lock")
    from importlib.metadata import version

    wrong = {}
    for pin in lock_lines():
        if pin.marker is None or pin.marker.evaluate():
            (specifier,) = pin.specifier
            here = version(pin.name).partition("+")[0]
            if here != specifier.version:
                wrong[pin.name] = f"{here} here, {specifier.version} locked"
    assert not wrong


def third_party_imports(path):
    """Top-level names of modules that the file at `path` imports, without the standard library and our own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - OWN


@pytest.mark.parametrize(
    ("folder", "groups"),
    [("course/noisydescent", ("",)), ("autograde", ("", "lab")), ("tests", ("", "lab", "dev"))],
)
def test_every_import_is_declared(folder, groups):
    declared = set(requirements(*groups))
    undeclared = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        if "class" in path.relative_to(ROOT).parts:
            continue  # students' submissions
        names = {canonicalize_name(IMPORT_NAMES.get(name, name)) for name in third_party_imports(path)}
        # IPython is there whenever ipywidgets is, which brings a kernel with it.
        missing = names - declared - ({"ipykernel"} if "ipywidgets" in declared else set())
        if missing:
            undeclared[str(path.relative_to(ROOT))] = sorted(missing)
    assert not undeclared


def test_lock_markers_depend_on_system_and_python_only():
    for pin in lock_lines():
        names = set(re.findall(r"[a-z_]+", re.sub(r'"[^"]*"', "", str(pin.marker or "")))) - {"and", "or"}
        assert names <= {"sys_platform", "python_version"}, f"{pin}"


def test_both_packages_are_installed_from_this_tree():
    """Also from another folder, where neither is found by chance because it lies in the working directory."""
    code = "import autograde, noisydescent; print(autograde.__file__); print(noisydescent.__file__)"
    result = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, timeout=HANG_SECONDS)
    assert result.returncode == 0, result.stderr
    here = [Path(line).resolve() for line in result.stdout.splitlines()]
    assert here == [ROOT / "autograde" / "__init__.py", ROOT / "course" / "noisydescent" / "__init__.py"]


@pytest.mark.slow
def test_wheel_holds_the_library_the_graders_the_questions_and_the_templates(tmp_path):
    """What `pip install git+URL` installs, which is all that Colab sees."""
    import zipfile

    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    skip = shutil.ignore_patterns("__pycache__", "class", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "autograde", source / "autograde", ignore=skip)
    shutil.copytree(ROOT / "course" / "noisydescent", source / "course" / "noisydescent", ignore=skip)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*command, "--wheel-dir", str(tmp_path)], cwd=source, check=True, timeout=HANG_SECONDS)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for package in ("course/noisydescent", "autograde"):
        base = (ROOT / package).parent
        for path in (ROOT / package).rglob("*.py"):
            relative = path.relative_to(base).as_posix()
            if (path.parent / "__init__.py").exists():
                assert relative in names, f"{relative} is missing from the wheel"
    data = [*(ROOT / "course" / "noisydescent").rglob("*.toml"), *(ROOT / "autograde").rglob("templates/*.html")]
    assert {path.suffix for path in data} == {".toml", ".html"}
    for path in data:
        base = ROOT / "course" if path.suffix == ".toml" else ROOT
        assert path.relative_to(base).as_posix() in names, f"{path.name} is missing from the wheel"
    for path in (ROOT / "autograde" / "bank").glob("*/*.py"):
        installed = path.name in ("exercise.py", "mistakes.py")
        assert (path.relative_to(ROOT).as_posix() in names) == installed, f"{path}, with its answers left out"
    assert not [name for name in names if name.startswith("autograde/class/")]
