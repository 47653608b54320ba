"""Problems and plans as JSON: small enough to read, versioned, strict."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NoReturn

from solver.instances.invalid import InvalidInstance
from solver.instances.tables import (
    KEY_COLUMNS,
    OLDEST,
    PLAN_FORMAT,
    PLAN_VERSION,
    PROBLEM_FORMAT,
    SHARES_SINCE,
    VERSION,
    WORTHS_SINCE,
    assemble,
    column_of,
    keys_of,
    number_columns,
    require_field,
    require_format,
    texts,
    weight_names,
    weights_of,
    whole_number,
    whole_numbers,
)
from solver.plan import Certificate, CostTerms, Plan
from solver.problem import Problem
from solver.terms import Term

PLAN_COLUMNS = ("opening", "pair", "start_minute")
CERTIFICATE_COLUMNS = ("minute_price", "exam_price", "worth", "excess_share")
SINCE = {"worth": WORTHS_SINCE, "excess_share": SHARES_SINCE}
"""The version of plans from which a column of the certificate is there."""
FIRST_TERMS = (
    Term.WAITING,
    Term.LATENESS,
    Term.BREACH,
    Term.PAIR,
    Term.OPENING,
    Term.UNPLACED,
)
"""The terms of version 1; the others were not known to it."""


def save_json(problem: Problem, file: Path) -> None:
    """Write `problem`; the same problem always gives the same bytes."""
    file.write_bytes(problem_to_json(problem))


def problem_to_json(problem: Problem) -> bytes:
    """Return `problem` as the bytes of its file, for a store that has no files."""
    document: dict[str, object] = {
        "format": PROBLEM_FORMAT,
        "version": VERSION,
        "policy_version": problem.policy_version,
    }
    for name in KEY_COLUMNS:
        _put(document, name, list(keys_of(problem, name)))
    for name in number_columns():
        _put(document, name, column_of(problem, name).tolist())
    for name in weight_names():
        _put(document, f"rules.weights.{name}", getattr(problem.rules.weights, name))
    return _written(document)


def load_json(file: Path) -> Problem:
    """Read a problem; raise `InvalidInstance` for anything that is not one."""
    return problem_from_json(file.read_bytes(), file)


def problem_from_json(data: bytes, file: Path) -> Problem:
    """Return the problem in `data`; errors name `file` as where it came from."""
    document = _read(data, file)
    version = require_format(file, document, PROBLEM_FORMAT)
    policy = require_field(file, document, "policy_version")
    if not isinstance(policy, str):
        raise InvalidInstance(
            file,
            field="policy_version",
            row=None,
            found=f"is {policy!r}",
            remedy="Give a text.",
        )
    numbers = {
        name: whole_numbers(file, name, require_field(file, document, name))
        for name in number_columns(version)
    }
    keys = {
        name: texts(file, name, require_field(file, document, name))
        for name in KEY_COLUMNS
    }
    return assemble(file, numbers, keys, policy, weights_of(file, document, version))


def save_plan(plan: Plan, file: Path) -> None:
    """Write `plan`."""
    file.write_bytes(plan_to_json(plan))


def plan_to_json(plan: Plan) -> bytes:
    """Return `plan` as the bytes of its file, for a store that has no files."""
    certificate = plan.certificate
    document: dict[str, object] = {
        "format": PLAN_FORMAT,
        "version": PLAN_VERSION,
        "seconds": plan.seconds,
        "terms": {str(term): getattr(plan.terms, term) for term in Term},
        "certificate": {
            "bound": certificate.bound,
            **{
                name: getattr(certificate, name).tolist()
                for name in CERTIFICATE_COLUMNS
            },
        },
    }
    for name in PLAN_COLUMNS:
        document[name] = getattr(plan, name).tolist()
    return _written(document)


def load_plan(file: Path) -> Plan:
    """Read a plan; what it claims is for `verify` to judge."""
    return plan_from_json(file.read_bytes(), file)


def plan_from_json(data: bytes, file: Path) -> Plan:
    """Return the plan in `data`; errors name `file` as where it came from."""
    document = _read(data, file)
    version = require_format(file, document, PLAN_FORMAT)
    seconds = require_field(file, document, "seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidInstance(
            file,
            field="seconds",
            row=None,
            found=f"is {seconds!r}",
            remedy="Give a number of seconds.",
        )
    columns = {
        name: whole_numbers(file, name, require_field(file, document, name))
        for name in PLAN_COLUMNS
    }
    prices = {
        name: whole_numbers(
            file,
            f"certificate.{name}",
            require_field(file, document, f"certificate.{name}"),
        )
        for name in CERTIFICATE_COLUMNS
        if version >= SINCE.get(name, OLDEST)
    }
    return Plan(
        **columns,
        terms=CostTerms(
            **{
                str(term): whole_number(file, document, f"terms.{term}")
                for term in (FIRST_TERMS if version == OLDEST else Term)
            }
        ),
        certificate=Certificate(
            **prices, bound=whole_number(file, document, "certificate.bound")
        ),
        seconds=float(seconds),
    )


def _put(document: dict[str, object], name: str, value: object) -> None:
    *path, last = name.split(".")
    part = document
    for step in path:
        inner = part.setdefault(step, {})
        assert isinstance(inner, dict), f"{name} runs through a column"
        part = inner
    part[last] = value


def _written(document: dict[str, object]) -> bytes:
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return (text + "\n").encode()


def _read(data: bytes, file: Path) -> dict[str, object]:
    def refuse(constant: str) -> NoReturn:
        raise InvalidInstance(
            file,
            field="",
            row=None,
            found=f"holds {constant}",
            remedy="Give whole numbers only.",
        )

    def finite(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else refuse(text)

    try:
        document = json.loads(
            data.decode("utf-8"), parse_constant=refuse, parse_float=finite
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InvalidInstance(
            file,
            field="",
            row=None,
            found=f"is not JSON: {error}",
            remedy="Give a file that this package has written.",
        ) from error
    if not isinstance(document, dict):
        raise InvalidInstance(
            file,
            field="",
            row=None,
            found=f"holds a {type(document).__name__}",
            remedy="Give an object with the fields of the format.",
        )
    return document
