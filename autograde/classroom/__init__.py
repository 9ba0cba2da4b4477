"""Grading a class: from the submitted folders to the gradebook, the feedback and the report."""

import sys

# nbformat imports jsonschema, which for checking the form of international web addresses compiles a grammar of over a
# second, in every process that grades. No notebook has such an address to check, and jsonschema goes without it.
sys.modules.setdefault("rfc3987_syntax", None)
