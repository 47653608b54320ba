"""A problem as named columns and back: what both file formats have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from solver.instances.invalid import InvalidInstance
from solver.problem import Ints, Openings, Orders, Pairs, Problem
from solver.validation import InvalidProblem, require_valid

PROBLEM_FORMAT = "imaging-allocation-problem"
PLAN_FORMAT = "imaging-allocation-plan"
VERSION = 1

TABLES: dict[str, type[Orders | Pairs | Openings]] = {
    "orders": Orders,
    "pairs": Pairs,
    "openings": Openings,
}


def number_columns() -> list[str]:
    """Return the dotted names of all whole-numbered columns of a problem."""
    names = [
        f"{table}.{column.name}"
        for table, kind in TABLES.items()
        for column in fields(kind)
        if column.name != "key"
    ]
    return [*names, "contract_ceiling"]


KEY_COLUMNS = ("orders.key", "openings.key", "scanner_key")


def column_of(problem: Problem, name: str) -> Ints:
    """Return one whole-numbered column by its dotted name."""
    table, _, column = name.partition(".")
    part = getattr(problem, table)
    found: Ints = getattr(part, column) if column else part
    return found


def keys_of(problem: Problem, name: str) -> tuple[str, ...]:
    """Return one column of keys by its dotted name."""
    table, _, column = name.partition(".")
    part = getattr(problem, table)
    found: tuple[str, ...] = getattr(part, column) if column else part
    return found


def assemble(
    file: Path,
    numbers: Mapping[str, Ints],
    keys: Mapping[str, tuple[str, ...]],
    policy_version: str,
) -> Problem:
    """Return the valid problem made of these columns, or raise `InvalidInstance`."""

    def part(table: str) -> dict[str, Ints]:
        return {
            column.name: numbers[f"{table}.{column.name}"]
            for column in fields(TABLES[table])
            if column.name != "key"
        }

    problem = Problem(
        orders=Orders(key=keys["orders.key"], **part("orders")),
        pairs=Pairs(**part("pairs")),
        openings=Openings(key=keys["openings.key"], **part("openings")),
        contract_ceiling=numbers["contract_ceiling"],
        scanner_key=keys["scanner_key"],
        policy_version=policy_version,
    )
    try:
        require_valid(problem)
    except InvalidProblem as error:
        fault = error.faults[0]
        row = f" for {fault.key!r}" if fault.key else ""
        raise InvalidInstance(
            file,
            field=fault.column,
            row=None,
            found=f"is {fault.value}{row} ({fault.code})",
            remedy=fault.remedy,
        ) from error
    return problem


def whole_numbers(file: Path, field: str, values: object) -> Ints:
    """Return a list of whole numbers as a column, or raise `InvalidInstance`."""
    if not isinstance(values, list):
        raise InvalidInstance(
            file,
            field=field,
            row=None,
            found=f"is of type {type(values).__name__}",
            remedy="Give a list of whole numbers.",
        )
    for row, value in enumerate(values):
        # bool is a kind of int in Python, but true is not a number of minutes.
        if type(value) is not int:
            raise InvalidInstance(
                file,
                field=field,
                row=row,
                found=f"is {value!r}",
                remedy="Give a whole number.",
            )
        if not -(2**63) <= value < 2**63:
            raise InvalidInstance(
                file,
                field=field,
                row=row,
                found=f"is {value}",
                remedy="Give a number that fits in 64 bits.",
            )
    return np.array(values, dtype=np.int64)


def texts(file: Path, field: str, values: object) -> tuple[str, ...]:
    """Return a list of texts as keys, or raise `InvalidInstance`."""
    if not isinstance(values, list):
        raise InvalidInstance(
            file,
            field=field,
            row=None,
            found=f"is of type {type(values).__name__}",
            remedy="Give a list of texts.",
        )
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise InvalidInstance(
                file, field=field, row=row, found=f"is {value!r}", remedy="Give a text."
            )
    return tuple(values)


def require_format(file: Path, document: Mapping[str, object], name: str) -> None:
    """Raise `InvalidInstance` unless the document is of this format and version."""
    for field, wanted in (("format", name), ("version", VERSION)):
        found = document.get(field)
        if type(found) is not type(wanted) or found != wanted:
            raise InvalidInstance(
                file,
                field=field,
                row=None,
                found=f"is {found!r}",
                remedy=f"This version of the software reads {wanted!r}.",
            )


def require_field(file: Path, document: Mapping[str, object], name: str) -> object:
    """Return a field by its dotted name, or raise `InvalidInstance`."""
    value: object = document
    for step in name.split("."):
        if not isinstance(value, Mapping) or step not in value:
            raise InvalidInstance(
                file, field=name, row=None, found="is missing", remedy="Add it."
            )
        value = value[step]
    return value
