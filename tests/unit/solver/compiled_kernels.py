"""What the solver has compiled or loaded so far in this process."""

from __future__ import annotations

import importlib
import pkgutil

import solver


def compiled():
    """Return how many signatures each kernel has been compiled for."""
    found = {}
    for module in pkgutil.iter_modules(solver.__path__, "solver."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if hasattr(value, "signatures"):
                found[module.name, name] = len(value.signatures)
    return found
