"""`nbgrader export`: nbgrader's columns and numbers, with names that no spreadsheet runs as a formula."""

import csv
import io

import pytest
from nbgrader.plugins import CsvExportPlugin
from traitlets.config import Config, PyFileConfigLoader

from autograde.classroom.export import COLUMNS, SafeCsvExport
from autograde.classroom.gradebook import open_gradebook
from autograde.classroom.settings import class_settings
from autograde.sandbox.paths import ROOT

# nbgrader's own way with its sessions.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

FORMULA = '=cmd|"/C calc"!A0'


@pytest.fixture
def gradebook(tmp_path):
    with open_gradebook(class_settings(tmp_path)) as book:
        book.add_assignment("one", duedate="2030-01-01 00:00:00 UTC")
        book.add_notebook("one", "one")
        book.add_grade_cell("check", "one", "one", max_score=5, cell_type="code")
        book.add_student("ada", first_name="Ada", last_name="Lovelace", email="ada@example.org")
        book.add_student("boris", first_name=FORMULA, last_name="Comma, \nBreak", email="@SUM(A1)")
        book.add_submission("one", "ada", timestamp="2029-12-31 23:00:00 UTC")
        book.find_grade("check", "one", "one", "ada").manual_score = 3.5
        book.db.commit()
        yield book


def exported(plugin, gradebook, path, **options):
    exporter = plugin(**options)
    exporter.to = str(path)
    exporter.export(gradebook)
    return path.read_text(encoding="utf-8")


def test_honest_rows_are_those_of_nbgrader(gradebook, tmp_path):
    ours = exported(SafeCsvExport, gradebook, tmp_path / "ours.csv", student=["ada"])
    stock = exported(CsvExportPlugin, gradebook, tmp_path / "stock.csv", student=["ada"])
    assert ours == stock
    assert "ada,Lovelace,Ada,ada@example.org,3.5,0.0,3.5,5.0" in ours


def test_names_are_escaped(gradebook, tmp_path):
    text = exported(SafeCsvExport, gradebook, tmp_path / "grades.csv")
    rows = {row["student_id"]: row for row in csv.DictReader(io.StringIO(text))}
    boris = rows["boris"]
    assert tuple(boris) == COLUMNS and sorted(rows) == ["ada", "boris"]
    assert boris["first_name"] == f"'{FORMULA}"
    assert boris["last_name"] == "'Comma, \\nBreak"
    assert boris["email"] == "'@SUM(A1)"
    assert boris["timestamp"] == "" and float(boris["score"]) == 0


def test_choice_of_students_and_assignments(gradebook, tmp_path):
    gradebook.add_student("12")
    text = exported(SafeCsvExport, gradebook, tmp_path / "some.csv", student=[12], assignment=["one"])
    assert [row["student_id"] for row in csv.DictReader(io.StringIO(text))] == ["12"]
    assert exported(SafeCsvExport, gradebook, tmp_path / "none.csv", assignment=["two"]).strip() == ",".join(COLUMNS)


def test_it_is_the_default_of_nbgrader_export():
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(ROOT / "autograde")).load_config())
    assert config.ExportApp.plugin_class == f"{SafeCsvExport.__module__}.{SafeCsvExport.__name__}"
