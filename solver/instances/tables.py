"""A problem as named columns and back: what both file formats have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from solver.fault import InvalidProblem
from solver.instances.invalid import InvalidInstance
from solver.problem import Ints, Openings, Orders, Pairs, Problem
from solver.rules import (
    Bookings,
    Changeovers,
    Deliveries,
    Draws,
    Links,
    Needs,
    Rules,
    Shifts,
    Visits,
    Weights,
)
from solver.validation import require_valid

PROBLEM_FORMAT = "imaging-allocation-problem"
PLAN_FORMAT = "imaging-allocation-plan"
VERSION, PLAN_VERSION = 2, 4
OLDEST = 1
"""Version 1 has no rules; a problem of it is one that asks for none."""
WORTHS_SINCE = 3
"""Plans of earlier versions have no worths of their own in the certificate."""
SHARES_SINCE = 4
"""Plans of earlier versions do not count the fairness guard in the certificate."""

TABLES: dict[str, type[Orders | Pairs | Openings]] = {
    "orders": Orders,
    "pairs": Pairs,
    "openings": Openings,
}


RULE_TABLES: dict[str, type] = {
    "visits": Visits,
    "links": Links,
    "bookings": Bookings,
    "shifts": Shifts,
    "needs": Needs,
    "changeovers": Changeovers,
    "deliveries": Deliveries,
    "draws": Draws,
}
RULE_COLUMNS = ("scanner_place", "cohort", "contract_floor", "contract_price")


def rule_columns() -> list[str]:
    """Return the dotted names of the columns that version 2 brought."""
    names = [
        f"rules.{table}.{column.name}"
        for table, kind in RULE_TABLES.items()
        for column in fields(kind)
    ]
    return [*names, *(f"rules.{name}" for name in RULE_COLUMNS)]


def weight_names() -> list[str]:
    """Return the names of the numbers that hold for the plan as a whole."""
    return [weight.name for weight in fields(Weights)]


def number_columns(version: int = VERSION) -> list[str]:
    """Return the dotted names of all whole-numbered columns of a problem."""
    names = [
        f"{table}.{column.name}"
        for table, kind in TABLES.items()
        for column in fields(kind)
        if column.name != "key"
    ]
    names = [*names, "contract_ceiling"]
    return names if version == OLDEST else [*names, *rule_columns()]


KEY_COLUMNS = ("orders.key", "openings.key", "scanner_key")


def column_of(problem: Problem, name: str) -> Ints:
    """Return one whole-numbered column by its dotted name."""
    found: Any = problem
    for step in name.split("."):
        found = getattr(found, step)
    column: Ints = found
    return column


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
    weights: Mapping[str, int],
) -> Problem:
    """Return the valid problem made of these columns, or raise `InvalidInstance`.

    Without the rules' columns, as in version 1, the problem asks for nothing more.
    """

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
        rules=_rules(numbers, weights),
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


def _rules(numbers: Mapping[str, Ints], weights: Mapping[str, int]) -> Rules:
    if not all(name in numbers for name in rule_columns()):
        return Rules()
    tables: dict[str, Any] = {
        table: kind(
            **{
                column.name: numbers[f"rules.{table}.{column.name}"]
                for column in fields(kind)
            }
        )
        for table, kind in RULE_TABLES.items()
    }
    alone: dict[str, Any] = {name: numbers[f"rules.{name}"] for name in RULE_COLUMNS}
    return Rules(**tables, **alone, weights=Weights(**weights))


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


def require_format(file: Path, document: Mapping[str, object], name: str) -> int:
    """Return the document's version; raise `InvalidInstance` if it is not ours."""
    newest = PLAN_VERSION if name == PLAN_FORMAT else VERSION
    versions = range(OLDEST, newest + 1)
    found, version = document.get("format"), document.get("version")
    if found != name:
        wrong, value, wanted = "format", found, repr(name)
    elif type(version) is int and version in versions:
        return version
    else:
        wrong, value, wanted = "version", version, f"{OLDEST} to {newest}"
    raise InvalidInstance(
        file,
        field=wrong,
        row=None,
        found=f"is {value!r}",
        remedy=f"This version of the software reads {wanted}.",
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


def whole_number(file: Path, document: Mapping[str, object], name: str) -> int:
    """Return a whole number by its dotted name, or raise `InvalidInstance`."""
    value = require_field(file, document, name)
    if type(value) is not int:
        raise InvalidInstance(
            file,
            field=name,
            row=None,
            found=f"is {value!r}",
            remedy="Give a whole number.",
        )
    return value


def weights_of(
    file: Path, document: Mapping[str, object], version: int
) -> dict[str, int]:
    """Return the weights of a document; version 1 has none."""
    if version == OLDEST:
        return {}
    return {
        name: whole_number(file, document, f"rules.weights.{name}")
        for name in weight_names()
    }
