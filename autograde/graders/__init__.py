"""Pytest graders, one module a notebook."""
