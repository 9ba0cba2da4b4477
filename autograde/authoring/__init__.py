"""What makes the notebooks out of their sources."""
