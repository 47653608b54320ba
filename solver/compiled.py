"""The one place where functions become machine code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

# No fastmath: operations keep their order and are not fused, so that the same inputs
# give the same bits on every machine. No reference counting (`_nrt`): kernels make no
# arrays, and counting on every call of a small rule takes ten times as long as the
# rule.
OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}


def _stamp() -> str:
    """Return a digest of this package's source, instances included."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


STAMP = _stamp()


def kernel(function: F) -> F:
    """Compile `function` on first call, cache it on disk, and release the GIL."""
    return _compiled(function, OPTIONS)


def inlined(function: F) -> F:
    """Compile `function` into its callers: for small rules inside inner loops.

    Passing all columns of a problem to a function costs more than such a rule does.
    """
    return _compiled(function, {**OPTIONS, "forceinline": True})


def _compiled(function: F, options: dict[str, Any]) -> F:
    compiled: Any = njit(**options)(function)
    # Numba renews a cached kernel when its own file changes, but not when a rule that
    # it calls does, which lives in another file. Stamp it with the whole package.
    compiled._cache._cache_file._source_stamp = STAMP  # noqa: SLF001
    return cast("F", compiled)
