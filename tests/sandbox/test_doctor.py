"""The doctor: all attacks are held here, and it notices when a layer is missing."""

import os

import pytest

from autograde.sandbox import doctor
from autograde.sandbox.bubblewrap import unavailable
from autograde.sandbox.confinement import layers

NO_SECCOMP = "program=bytes([6, 0, 0, 0, 0, 0, 0xFF, 0x7F])"  # one instruction: allow
NO_FILES = "landlock=0"
NO_MEANS = "means=namespaces.Means(False, False, False, False)"


def patch(monkeypatch, code, *only):
    """Change the doctor's process by some code, and let it try `only` these attacks (none named: all)."""
    code += "\nevery = doctor.attacks"
    if only:
        code += f"\ndoctor.attacks = lambda: [attack for attack in every() if attack.name in {only!r}]"
    assert set(only) <= {attack.name for attack in doctor.attacks()}
    monkeypatch.setattr(doctor, "START", doctor.START.replace("\ndoctor.harness(", f"\n{code}\ndoctor.harness("))


def weaken(monkeypatch, changes, *only):
    """Leave some layers out in the doctor's process; the others stay."""
    code = f"""
from dataclasses import replace
from autograde.sandbox import namespaces
strong = doctor.prepare
doctor.prepare = lambda *arguments, **options: replace(strong(*arguments, **options), {", ".join(changes)})
"""
    patch(monkeypatch, code, *only)


def verdicts():
    return {outcome.attack: outcome.held for outcome in doctor.run()}


def test_every_attack_is_held_here(capsys):
    if missing := "; ".join(reason for reason in layers().values() if reason):
        pytest.skip(f"not every layer works here: {missing}")
    assert doctor.main() == 0
    lines = capsys.readouterr().out.splitlines()
    count = len(doctor.todo())
    assert count >= 23 and lines[-1] == f"{count} of {count} attacks held"
    assert all("  held (" in line for line in lines[1:-2]) and len(lines) == count + 3


def test_without_seccomp_it_says_so(monkeypatch, capsys):
    bad = ["make processes (at most 50)", "leave a process behind", "undo the confinement"]
    good = ["read a protected file", "write outside scratch", "read the parent's environment and memory"]
    weaken(monkeypatch, [NO_SECCOMP], *bad, *good)
    assert doctor.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert {line.split("  ")[0] for line in lines if "NOT held" in line} == set(bad)
    assert {line.split("  ")[0] for line in lines if " held (" in line} == set(good)
    assert "made 50 processes" in lines[1 + lines[1:].index(next(line for line in lines if line.startswith("make")))]
    assert lines[-1] == "3 of 6 attacks held"


def test_without_landlock_files_are_read(monkeypatch):
    bad = ["read a protected file", "read it through a link made in scratch", "read it by system calls"]
    good = ["make processes (at most 50)", "connect over TCP", "signal the parent", "write outside scratch"]
    weaken(monkeypatch, [NO_FILES], *bad, *good)
    assert verdicts() == dict.fromkeys(bad, False) | dict.fromkeys(good, True)


def test_without_landlock_and_mounts_files_are_written(monkeypatch):
    bad = ["write outside scratch", "change mode, owner or times of a file outside", "fill the disk (at most 500 MiB)"]
    weaken(monkeypatch, [NO_FILES, NO_MEANS, NO_SECCOMP], *bad)
    assert verdicts() == dict.fromkeys([*bad, "all of them together"], False)


def test_without_seccomp_and_landlock_the_network_and_the_parent_are_reached(monkeypatch):
    bad = ["connect over TCP", "send over UDP", "reach another program's UNIX socket", "signal the parent"]
    bad.append("look up a name")
    weaken(monkeypatch, [NO_SECCOMP, NO_FILES, NO_MEANS], *bad)
    assert verdicts() == dict.fromkeys(bad, False)


def test_each_layer_holds_the_network_alone(monkeypatch):
    attacks = ["connect over TCP", "reach another program's UNIX socket"]
    for others in ([NO_SECCOMP, NO_FILES], [NO_SECCOMP, NO_MEANS], [NO_FILES, NO_MEANS]):
        with monkeypatch.context() as changes:
            weaken(changes, others, *attacks)
            assert verdicts() == dict.fromkeys(attacks, True), others


@pytest.mark.slow
def test_without_limits_on_resources_they_are_used(monkeypatch):
    bad = ["make threads (at most 1,000)", "use CPU time without end"]
    bad += ["take 3 GiB of private memory", "take 3 GiB of shared memory"]
    code = "from autograde.sandbox import resources\nresources.apply = lambda limits, count_threads: None"
    patch(monkeypatch, code, *bad)
    assert verdicts() == dict.fromkeys(bad, False)


def test_files_left_open_are_found(monkeypatch):
    code = "from autograde.sandbox import confinement\nconfinement.close_all_but = lambda kept: None"
    patch(monkeypatch, code, "read a file that was open at the start", "read a protected file")
    assert verdicts() == {"read a file that was open at the start": False, "read a protected file": True}


def test_a_doctor_that_dies_is_not_a_success(monkeypatch):
    patch(
        monkeypatch,
        "import os\ndoctor.layer_of = lambda kind, confinement: 'none' if kind == 'files' else os._exit(9)",
    )
    outcomes = doctor.run()
    assert not outcomes[-1].held and "exit code 9" in outcomes[-1].detail


def test_an_attack_with_a_mistake_in_it_is_not_a_success(monkeypatch):
    patch(
        monkeypatch,
        "from autograde.sandbox.attacks import Attack\n"
        "doctor.attacks = lambda: [Attack('broken', 'files', '', 'no_such_name'),"
        " Attack('leaves', 'files', '', 'os._exit(0)'), Attack('dies', 'files', '', 'os.abort()')]",
    )
    outcomes = doctor.run()
    assert [outcome.held for outcome in outcomes] == [False, False, False]
    assert "NameError" in outcomes[0].detail and "ended" in outcomes[1].detail and "SIG" in outcomes[2].detail


def test_the_fallback_holds_too():
    if missing := unavailable():
        pytest.skip(missing)
    failed = [outcome for outcome in doctor.run(in_bubblewrap=True) if not outcome.held]
    # Nobody counts the threads of root, and inside bubblewrap root has no other user id to take.
    allowed = {"make threads (at most 1,000)"} if os.geteuid() == 0 else set()
    assert {outcome.attack for outcome in failed} <= allowed, failed
