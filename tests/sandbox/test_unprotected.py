"""Where protection is missing nothing goes on, and the message says what to do."""

import sys

import pytest

from autograde.sandbox import bubblewrap, confinement, doctor, landlock, seccomp
from autograde.sandbox.confinement import Limits, Unprotected, default_readable, layers, prepare, require

REASON = "for the test"


def refuse(monkeypatch, *modules):
    for module in modules:
        monkeypatch.setattr(module, "unavailable", lambda: REASON)


@pytest.mark.parametrize(
    "missing",
    [(seccomp,), (landlock, bubblewrap), (seccomp, landlock, bubblewrap)],
    ids=["seccomp", "landlock and bubblewrap", "all"],
)
def test_it_refuses_without_a_needed_mechanism(monkeypatch, missing):
    refuse(monkeypatch, *missing)
    with pytest.raises(Unprotected, match=rf"{REASON}.*--no-sandbox") as caught:
        require()
    assert isinstance(caught.value, RuntimeError) and "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", [(landlock,), (bubblewrap,)], ids=["landlock", "bubblewrap"])
def test_one_of_landlock_and_bubblewrap_is_enough(monkeypatch, missing):
    for module in (seccomp, landlock, bubblewrap):
        monkeypatch.setattr(module, "unavailable", lambda: "")
    refuse(monkeypatch, *missing)
    require()


def test_another_system_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    for call in (require, lambda: prepare(default_readable(), [])):
        with pytest.raises(Unprotected, match="needs Linux"):
            call()
    assert set(layers().values()) == {"only Linux has it"}


def test_preparing_without_landlock_needs_bubblewrap_around_it(monkeypatch, place):
    with pytest.raises(Unprotected, match=r"secret\.txt can be read although Landlock is off"):
        prepare(default_readable(), [place / "protected"], landlock=False)
    refuse(monkeypatch, landlock)
    with pytest.raises(Unprotected, match="not inside bubblewrap"):
        prepare(default_readable(), [place / "protected"])


def test_preparing_without_seccomp_is_refused(monkeypatch):
    refuse(monkeypatch, seccomp)
    with pytest.raises(Unprotected, match=REASON):
        prepare(default_readable(), [])


def test_every_mechanism_is_named():
    found = layers()
    assert list(found) == ["landlock", "seccomp", "user namespaces", "network namespace", "tmpfs", "bubblewrap"]
    assert found["seccomp"] == "" and "" in (found["landlock"], found["bubblewrap"])


def test_a_system_call_that_libseccomp_does_not_know_is_an_error(monkeypatch):
    monkeypatch.setattr(seccomp, "DENIED", ["no_such_call"])
    with pytest.raises(RuntimeError, match="no_such_call"):
        seccomp.program()


def test_the_doctor_says_why_it_cannot_try(monkeypatch, capsys):
    refuse(monkeypatch, seccomp)
    assert doctor.main() == 1
    assert "--no-sandbox" in capsys.readouterr().err


@pytest.mark.parametrize("value", [0, -1, 1.5, None])
def test_limits_are_positive_whole_numbers(value):
    with pytest.raises(ValueError, match="the limit memory must be a positive whole number"):
        Limits(memory=value)


def test_a_trial_that_ends_badly_is_a_failure():
    assert confinement.tried(lambda: None) == ""
    assert confinement.tried(lambda: 1 / 0) == "division by zero"
    assert "status" in confinement.tried(lambda: confinement.os._exit(3))
