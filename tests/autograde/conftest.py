import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def exercises():
    """The module with the engine's throw-away exercises."""
    path = Path(__file__).with_name("throwaway_exercises.py")
    spec = importlib.util.spec_from_file_location("throwaway_exercises", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
