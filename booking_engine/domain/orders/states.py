"""The states of an order: who owns each, and what may follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class OrderStatus(StrEnum):
    """Where the order stands."""

    HELD = "held"
    REJECTED = "rejected"
    AWAITING_VETTING = "awaiting_vetting"
    VETTED = "vetted"
    WAITING = "waiting"
    BOOKED = "booked"
    ARRIVED = "arrived"
    PERFORMED = "performed"
    DID_NOT_ATTEND = "did_not_attend"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    TRANSFERRED = "transferred"


class Action(StrEnum):
    """What can happen to an order."""

    HOLD = "hold"
    RELEASE = "release"
    REJECT = "reject"
    VET = "vet"
    LIST = "list"
    BOOK = "book"
    UNBOOK = "unbook"
    MOVE = "move"
    ARRIVE = "arrive"
    PERFORM = "perform"
    MISS = "miss"
    CHANGE = "change"
    RESUBMIT = "resubmit"
    CANCEL = "cancel"
    REPLACE = "replace"
    TRANSFER = "transfer"


_S, _A = OrderStatus, Action
TRANSITIONS: dict[tuple[OrderStatus, Action], OrderStatus] = {
    (_S.HELD, _A.RELEASE): _S.AWAITING_VETTING,
    (_S.HELD, _A.HOLD): _S.HELD,
    (_S.HELD, _A.REJECT): _S.REJECTED,
    (_S.AWAITING_VETTING, _A.HOLD): _S.HELD,
    (_S.AWAITING_VETTING, _A.REJECT): _S.REJECTED,
    (_S.AWAITING_VETTING, _A.VET): _S.VETTED,
    # Vetted, but a safety answer is missing; listed once nothing blocks.
    (_S.VETTED, _A.HOLD): _S.HELD,
    (_S.VETTED, _A.VET): _S.VETTED,
    (_S.VETTED, _A.REJECT): _S.REJECTED,
    (_S.VETTED, _A.LIST): _S.WAITING,
    (_S.WAITING, _A.HOLD): _S.HELD,
    (_S.WAITING, _A.VET): _S.VETTED,
    (_S.WAITING, _A.REJECT): _S.REJECTED,
    (_S.WAITING, _A.BOOK): _S.BOOKED,
    (_S.BOOKED, _A.MOVE): _S.BOOKED,
    # The sender changed a booked request: a person looks, and the slot may stay.
    (_S.BOOKED, _A.VET): _S.BOOKED,
    (_S.BOOKED, _A.UNBOOK): _S.WAITING,
    (_S.BOOKED, _A.ARRIVE): _S.ARRIVED,
    (_S.BOOKED, _A.MISS): _S.DID_NOT_ATTEND,
    (_S.ARRIVED, _A.PERFORM): _S.PERFORMED,
    (_S.BOOKED, _A.PERFORM): _S.PERFORMED,
    # Scanned although we had not booked it: a fact, told by whoever did it.
    **{
        (status, _A.PERFORM): _S.PERFORMED
        for status in (
            _S.HELD,
            _S.AWAITING_VETTING,
            _S.VETTED,
            _S.WAITING,
            _S.DID_NOT_ATTEND,
        )
    },
    # What was asked has changed: nothing that was vetted before counts any more.
    **{
        (status, _A.RESUBMIT): _S.AWAITING_VETTING
        for status in (
            _S.HELD,
            _S.AWAITING_VETTING,
            _S.VETTED,
            _S.WAITING,
            _S.DID_NOT_ATTEND,
        )
    },
    # HAZ-2: a missed appointment always leads on; a person lists or closes it.
    (_S.DID_NOT_ATTEND, _A.LIST): _S.WAITING,
    # Arrived by mistake, or unfit: back to the list, or missed after all.
    (_S.ARRIVED, _A.UNBOOK): _S.WAITING,
    (_S.ARRIVED, _A.MISS): _S.DID_NOT_ATTEND,
    **{
        (status, _A.CHANGE): status
        for status in (
            _S.HELD,
            _S.AWAITING_VETTING,
            _S.VETTED,
            _S.WAITING,
            _S.BOOKED,
            _S.ARRIVED,
            _S.DID_NOT_ATTEND,
        )
    },
    **{
        (status, action): target
        for status in (
            _S.HELD,
            _S.AWAITING_VETTING,
            _S.VETTED,
            _S.WAITING,
            _S.BOOKED,
            _S.DID_NOT_ATTEND,
        )
        for action, target in (
            (_A.CANCEL, _S.CANCELLED),
            (_A.REPLACE, _S.REPLACED),
            (_A.TRANSFER, _S.TRANSFERRED),
        )
    },
}
"""The state table; a pair that is missing is refused."""

TERMINAL = frozenset(
    {_S.REJECTED, _S.PERFORMED, _S.CANCELLED, _S.REPLACED, _S.TRANSFERRED}
)


WITH_A_SLOT = frozenset({_S.BOOKED, _S.ARRIVED, _S.DID_NOT_ATTEND})
"""States in which what changes is put to a person instead of starting over."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """Who owns a state and how long an order may stay in it (HAZ-1)."""

    owner: str
    longest: timedelta


DWELL: dict[OrderStatus, Dwell] = {
    _S.HELD: Dwell("booking office", timedelta(days=1)),
    _S.AWAITING_VETTING: Dwell("vetting radiologist", timedelta(days=2)),
    _S.VETTED: Dwell("booking office", timedelta(days=2)),
    _S.WAITING: Dwell("booking office", timedelta(days=14)),
    _S.BOOKED: Dwell("booking office", timedelta(days=91)),
    _S.ARRIVED: Dwell("radiographer", timedelta(hours=12)),
    _S.DID_NOT_ATTEND: Dwell("booking office", timedelta(days=1)),
}
"""Every state that is not terminal has an owner; a test holds this to the enum."""
