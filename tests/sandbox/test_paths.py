"""Which files may be read: what remains of a readable folder around protected ones."""

import sys
from pathlib import Path

import pytest

from autograde.sandbox.paths import allowed, default_readable, distinct

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def tree(tmp_path):
    for name in ("a/one.txt", "a/b/two.txt", "a/b/secret/three.txt", "a/b/secret/shown/four.txt", "c/five.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def names(tree, paths):
    return [str(path.relative_to(tree)) for path in paths]


def test_nothing_protected_leaves_folders_whole(tree):
    assert allowed([tree / "a", tree / "c"], []) == ((tree / "a", tree / "c"), ())


def test_a_folder_around_a_protected_one_becomes_what_is_beside_it(tree):
    whole, listed = allowed([tree / "a"], [tree / "a" / "b" / "secret"])
    assert names(tree, whole) == ["a/b/two.txt", "a/one.txt"]
    assert names(tree, listed) == ["a"]


def test_several_protected_paths_and_a_readable_one_inside(tree):
    secret = tree / "a" / "b" / "secret"
    whole, _ = allowed([tree / "a", secret / "shown"], [secret, tree / "a" / "one.txt"])
    assert names(tree, whole) == ["a/b/secret/shown", "a/b/two.txt"]


def test_a_path_in_both_lists_is_protected(tree):
    assert allowed([tree / "c"], [tree / "c"]) == ((), ())


def test_links_are_followed_for_both(tree):
    (tree / "to-a").symlink_to(tree / "a")
    (tree / "to-secret").symlink_to(tree / "a" / "b" / "secret")
    (tree / "a" / "back").symlink_to(tree / "a" / "b" / "secret")
    whole, _ = allowed([tree / "to-a"], [tree / "to-secret"])
    assert names(tree, whole) == ["a/b/two.txt", "a/one.txt"]


def test_what_does_not_exist_is_left_out(tree):
    assert allowed([tree / "nothing"], [tree / "a" / "nothing"]) == ((), ())
    whole, _ = allowed([tree / "a" / "b"], [tree / "a" / "b" / "later"])
    assert names(tree, whole) == ["a/b/secret", "a/b/two.txt"]


def test_the_whole_file_system_is_refused():
    with pytest.raises(ValueError, match="whole file system"):
        allowed([Path("/")], [])


def test_distinct_drops_folders_inside_others(tree):
    assert distinct([tree / "a" / "b", tree / "a", tree / "c", tree / "missing"]) == (tree / "a", tree / "c")


def test_the_default_has_python_but_no_home_and_no_project():
    project = Path(__file__).resolve().parents[2]
    found = default_readable()
    forbidden = [Path.home(), project, Path("/"), Path("/etc"), Path("/usr"), Path("/tmp"), Path("/proc"), Path("/dev")]
    assert not set(found) & {path.resolve() for path in forbidden}
    assert not any(path.is_relative_to(project / "autograde") for path in found)
    assert any(Path(sys.modules["os"].__file__).resolve().is_relative_to(path) for path in found)
    assert any(Path(pytest.__file__).resolve().is_relative_to(path) for path in found)
    assert project / "course" / "noisydescent" in found
