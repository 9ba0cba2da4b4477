"""Grading a class: from the submitted folders to the gradebook, the feedback and the report."""
