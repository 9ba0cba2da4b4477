from autograde.escape import printable, spreadsheet  # noqa: F401
