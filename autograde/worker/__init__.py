"""The worker: a confined process that runs a student's cells and functions, and the pipe between it and the judge."""
