"""The trusted side: exercises, their tests, and the process that judges answers."""
