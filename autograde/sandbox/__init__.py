"""Confinement of a process that runs code nobody vouches for: Landlock, seccomp, namespaces and limits (Linux)."""
