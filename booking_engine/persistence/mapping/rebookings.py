"""Rebookings to rows and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from booking_engine.domain.decisions import MoveCause, Reasons
from booking_engine.domain.rebookings import (
    FrontierPoint,
    Line,
    LineOutcome,
    Rebooking,
    RebookingStatus,
)
from booking_engine.persistence import documents
from booking_engine.persistence.mapping.values import Values

_COLUMNS = ("id", "closure_id", "made_at", "improving", "version")
_PLAIN = (
    "made_by",
    "policy_version",
    "cost",
    "seconds",
    "most_moves",
    "gap",
    "decided_by",
    "note",
)


def rebooking_row(rebooking: Rebooking) -> Values:
    """Return the row of a rebooking."""
    return {
        **{name: getattr(rebooking, name) for name in _COLUMNS},
        "status": rebooking.status.value,
        "content": {
            **{name: getattr(rebooking, name) for name in _PLAIN},
            "improved_at": _text(rebooking.improved_at),
            "decided_at": _text(rebooking.decided_at),
            "frontier": [
                [point.moved, point.breaches, point.no_place, point.cost]
                for point in rebooking.frontier
            ],
            "lines": [_line_document(line) for line in rebooking.lines],
        },
    }


def rebooking_of(row: Any) -> Rebooking:
    """Return the rebooking of a row."""
    content = row.content
    return Rebooking(
        **{name: getattr(row, name) for name in _COLUMNS},
        **{name: content[name] for name in _PLAIN},
        status=RebookingStatus(row.status),
        improved_at=documents.instant_of(content, "improved_at"),
        decided_at=documents.instant_of(content, "decided_at"),
        frontier=tuple(FrontierPoint(*point) for point in content["frontier"]),
        lines=tuple(_line_of(line) for line in content["lines"]),
    )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _line_document(line: Line) -> Values:
    return {
        "number": line.number,
        "order_id": line.order_id,
        "appointment": [line.appointment_id, line.appointment_version],
        "cause": line.cause.value,
        "from": [line.scanner, line.starts_at.isoformat(), line.ends_at.isoformat()],
        "to": None if line.to is None else _reasons_document(line.to),
        "options": line.options,
        "excluded": [list(pair) for pair in line.excluded],
        "breach": line.breach,
        "needs": list(line.needs),
        "obstacle": line.obstacle,
        "outcome": line.outcome.value,
        "code": line.code,
    }


def _line_of(document: Values) -> Line:
    scanner, starts_at, ends_at = document["from"]
    appointment_id, version = document["appointment"]
    to = document["to"]
    return Line(
        number=document["number"],
        order_id=document["order_id"],
        appointment_id=appointment_id,
        appointment_version=version,
        cause=MoveCause(document["cause"]),
        scanner=scanner,
        starts_at=datetime.fromisoformat(starts_at),
        ends_at=datetime.fromisoformat(ends_at),
        to=None if to is None else _reasons_of(to),
        options=document["options"],
        excluded=_pairs(document["excluded"]),
        breach=document["breach"],
        needs=tuple(document["needs"]),
        obstacle=document["obstacle"],
        outcome=LineOutcome(document["outcome"]),
        code=document["code"],
    )


def _reasons_document(reasons: Reasons) -> Values:
    other = reasons.runner_up
    return {
        "chosen": documents.choice_document(reasons.chosen),
        "inputs": reasons.inputs,
        "options": reasons.options,
        "excluded": [list(pair) for pair in reasons.excluded],
        "runner_up": None if other is None else documents.choice_document(other),
    }


def _reasons_of(document: Values) -> Reasons:
    other = document["runner_up"]
    return Reasons(
        chosen=documents.choice_of(document["chosen"]),
        inputs=document["inputs"],
        options=document["options"],
        excluded=_pairs(document["excluded"]),
        runner_up=None if other is None else documents.choice_of(other),
    )


def _pairs(listed: list[list[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((rule, count) for rule, count in listed)
