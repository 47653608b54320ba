"""Large problems as a directory: one ``.npy`` file per column, and a manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.instances.invalid import InvalidInstance
from solver.instances.tables import (
    KEY_COLUMNS,
    PROBLEM_FORMAT,
    VERSION,
    assemble,
    column_of,
    keys_of,
    number_columns,
    require_format,
    weight_names,
    weights_of,
)
from solver.problem import Ints, Problem

MANIFEST = "manifest.json"


def save_columns(problem: Problem, directory: Path) -> None:
    """Write `problem` into `directory`, which is made if it does not exist."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in number_columns():
        np.save(_path(directory, name), column_of(problem, name), allow_pickle=False)
    for name in KEY_COLUMNS:
        keys = np.array(keys_of(problem, name), dtype=np.str_)
        np.save(_path(directory, name), keys, allow_pickle=False)
    manifest = {
        "format": PROBLEM_FORMAT,
        "version": VERSION,
        "policy_version": problem.policy_version,
        "orders": len(problem.orders.key),
        "pairs": int(problem.pairs.scanner.shape[0]),
        "openings": len(problem.openings.key),
        "rules": {
            "weights": {
                name: getattr(problem.rules.weights, name) for name in weight_names()
            }
        },
    }
    (directory / MANIFEST).write_text(
        json.dumps(manifest, indent=2) + "\n", encoding="utf-8"
    )


def load_columns(directory: Path) -> Problem:
    """Read a problem; raise `InvalidInstance` for anything that is not one."""
    file = directory / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidInstance(
            file,
            field="",
            row=None,
            found="does not exist",
            remedy="Give a directory that this package has written.",
        ) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidInstance(
            file,
            field="",
            row=None,
            found=f"is not JSON: {error}",
            remedy="Write the directory again.",
        ) from error
    if not isinstance(manifest, dict):
        raise InvalidInstance(
            file,
            field="",
            row=None,
            found=f"holds a {type(manifest).__name__}",
            remedy="Write the directory again.",
        )
    version = require_format(file, manifest, PROBLEM_FORMAT)
    numbers = {name: _numbers(directory, name) for name in number_columns(version)}
    keys = {name: _keys(directory, name) for name in KEY_COLUMNS}
    policy = str(manifest.get("policy_version", "unversioned"))
    weights = weights_of(file, manifest, version)
    return assemble(directory, numbers, keys, policy, weights)


def _path(directory: Path, name: str) -> Path:
    return directory / f"{name}.npy"


def _array(directory: Path, name: str) -> NDArray[Any]:
    file = _path(directory, name)
    try:
        column: NDArray[Any] = np.load(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise InvalidInstance(
            file, field=name, row=None, found="is missing", remedy="Add the column."
        ) from error
    except (ValueError, EOFError, OSError) as error:
        raise InvalidInstance(
            file,
            field=name,
            row=None,
            found=f"is not a numpy column: {error}",
            remedy="Write the column again with numpy.save.",
        ) from error
    return column


def _numbers(directory: Path, name: str) -> Ints:
    column = _array(directory, name)
    if column.dtype != np.int64 or column.ndim != 1:
        raise InvalidInstance(
            _path(directory, name),
            field=name,
            row=None,
            found=f"is {column.dtype} of shape {column.shape}",
            remedy="Give one dimension of int64.",
        )
    return column


def _keys(directory: Path, name: str) -> tuple[str, ...]:
    column = _array(directory, name)
    if column.dtype.kind != "U" or column.ndim != 1:
        raise InvalidInstance(
            _path(directory, name),
            field=name,
            row=None,
            found=f"is {column.dtype} of shape {column.shape}",
            remedy="Give one dimension of texts.",
        )
    return tuple(column.tolist())
