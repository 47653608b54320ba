"""What can be refused, as a tree; each fact has a stable code.

::

    DomainError
    ├── NotKnown                 known.not
    ├── TransitionRefused        order.transition
    ├── NotBookable              order.not_bookable
    ├── RulesBroken              slot.rules
    ├── SlotTaken                slot.taken
    ├── NoSlot                   slot.none
    ├── PatientBusy              patient.busy
    ├── HoldExpired              hold.expired
    ├── StaleVersion             version.stale
    ├── DuplicateOrder           order.duplicate
    ├── MappingConflict          mapping.conflict
    ├── PolicyConflict           policy.conflict
    ├── StoreUnavailable         store.unavailable
    └── InvalidValue             value.invalid

`api/errors.py` maps each code to an HTTP status and `hl7_adapters/ack.py` to an
acknowledgement; tests walk every subclass through both. Messages name the thing,
the value and the remedy, and never carry patient data.
"""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A request that a rule refuses."""

    code: ClassVar[str] = "domain"


class NotKnown(DomainError):
    """No such thing is stored."""

    code = "known.not"


class TransitionRefused(DomainError):
    """The order's state does not allow the action."""

    code = "order.transition"


class NotBookable(DomainError):
    """The order has no recorded vetting, or a safety answer is missing."""

    code = "order.not_bookable"


class RulesBroken(DomainError):
    """The slot breaks at least one hard rule for this order.

    Parameters
    ----------
    rules
        Names of the broken rules, in the order in which they are applied.
    message
        One sentence for a person.
    """

    code = "slot.rules"

    def __init__(self, message: str, rules: tuple[str, ...]) -> None:
        super().__init__(message)
        self.rules = rules


class SlotTaken(DomainError):
    """Another booking or hold overlaps on this scanner."""

    code = "slot.taken"


class NoSlot(DomainError):
    """Nothing is free in the time that was asked for."""

    code = "slot.none"


class PatientBusy(DomainError):
    """The patient has another appointment that overlaps."""

    code = "patient.busy"


class HoldExpired(DomainError):
    """The hold ran out before it was confirmed."""

    code = "hold.expired"


class StaleVersion(DomainError):
    """Somebody else changed the thing in the meantime; read it again."""

    code = "version.stale"


class DuplicateOrder(DomainError):
    """The placer number exists already with other content."""

    code = "order.duplicate"


class MappingConflict(DomainError):
    """Two meanings of one code, or two profiles for one sender, at one time."""

    code = "mapping.conflict"


class PolicyConflict(DomainError):
    """Two contents of the policy under one version's name."""

    code = "policy.conflict"


class InvalidValue(DomainError):
    """A value is outside what it may be."""

    code = "value.invalid"


class StoreUnavailable(DomainError):
    """The store cannot be used at the moment; nothing is wrong with the request.

    It is locked or full, or the connection was lost. The transaction is undone; where
    it was lost while committing, it may have been stored nevertheless.
    """

    code = "store.unavailable"
