"""One slot for one order, with all that the rules ask of it, read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.clock import LONDON
from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.eligibility import (
    OrderFacts,
    ScannerFacts,
    SessionFacts,
    order_facts,
    scanner_facts,
    session_facts,
    travel_km,
)
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import Appointment, ScanSession
from booking_engine.domain.vocabulary import ListType

InTheWay = Appointment | DiaryEntry


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How far the contract of a slot is used.

    Parameters
    ----------
    most, used
        Exams allowed, and exams that count already; the order's own does not.
    counted
        Names of those appointments in the way of the slot that count, too.
    """

    contract: str
    most: int
    used: int
    counted: frozenset[str]


@dataclass(frozen=True, slots=True)
class AskedSlot:
    """A slot for an order, with all that the rules ask of it.

    Parameters
    ----------
    session
        The list it should lie in, or ``None``: none is there.
    day
        The local day of the exam.
    list_type
        Whom the list is for now.
    ceiling
        ``None`` where the list is under no contract.
    taken, entries
        What lies on the scanner then: of other orders, and in diaries.
    elsewhere
        What the patient has then for other orders, wherever it is.
    """

    order: ImagingOrder
    scanner: ScannerId
    session: ScanSession | None
    starts_at: datetime
    ends_at: datetime
    now: datetime
    day: date
    order_facts: OrderFacts
    scanner_facts: ScannerFacts
    list_type: ListType | None
    ceiling: Ceiling | None
    taken: tuple[Appointment, ...]
    entries: tuple[DiaryEntry, ...]
    elsewhere: tuple[InTheWay, ...]

    @property
    def session_facts(self) -> SessionFacts:
        """What the rules ask of the list; of any at that time where there is none."""
        if self.session is None or self.list_type is None:
            return SessionFacts(1, self.order_facts.lists, self.day.toordinal())
        return session_facts(self.session, at=self.list_type, day=self.day)

    def without(self, names: frozenset[str]) -> AskedSlot:
        """Return the slot as it is once these appointments and entries are away."""
        ceiling = self.ceiling
        if ceiling is not None:
            freed = len(ceiling.counted & names)
            ceiling = replace(ceiling, used=ceiling.used - freed)
        return replace(
            self,
            ceiling=ceiling,
            taken=tuple(one for one in self.taken if one.id not in names),
            entries=tuple(one for one in self.entries if one.id not in names),
            elsewhere=tuple(one for one in self.elsewhere if one.id not in names),
        )


def asked_slot(
    order: ImagingOrder,
    scanner_id: ScannerId,
    session: ScanSession | None,
    starts_at: datetime,
    minutes: int,
    uow: UnitOfWork,
    context: Context,
) -> AskedSlot:
    """Gather what the rules ask of one slot.

    Parameters
    ----------
    session
        On this scanner, or ``None`` where none is there.

    Raises
    ------
    NotKnown
        The scanner or the exam is not in the catalogue.
    """
    catalogue = uow.catalogue()
    now_day = context.now.astimezone(LONDON).date()
    scanner = catalogue.scanner(scanner_id)
    travel = travel_km(order, catalogue.sites[scanner.site], catalogue)
    ends_at = starts_at + timedelta(minutes=minutes)
    engaged = uow.engaged(order.content.patient.key, scanner_id, starts_at, ends_at)
    theirs: tuple[InTheWay, ...] = (*engaged.of_patient, *engaged.entries_of_patient)
    elsewhere = tuple(one for one in theirs if one.order_id != order.id)
    taken = tuple(one for one in engaged.on_scanner if one.order_id != order.id)
    return AskedSlot(
        order=order,
        scanner=scanner_id,
        session=session,
        starts_at=starts_at,
        ends_at=ends_at,
        now=context.now,
        day=starts_at.astimezone(LONDON).date(),
        order_facts=order_facts(order, catalogue, today=now_day, policy=context.policy),
        scanner_facts=scanner_facts(scanner, catalogue, today=now_day, travel=travel),
        list_type=None if session is None else session.list_type_at(context.now),
        ceiling=_ceiling(order, session, (*taken, *elsewhere), uow),
        taken=taken,
        entries=tuple(engaged.entries_on_scanner),
        elsewhere=elsewhere,
    )


def _ceiling(
    order: ImagingOrder,
    session: ScanSession | None,
    in_the_way: Iterable[InTheWay],
    uow: UnitOfWork,
) -> Ceiling | None:
    """Return how far the list's contract is used, the order's own exam not counted."""
    if session is None or session.contract is None:
        return None
    contract = session.contract
    most = uow.catalogue().contracts[contract].ceiling
    used = uow.schedule.contract_use().get(contract, 0)
    live = uow.schedule.live_appointment(order.id)
    if live is not None:
        used -= uow.schedule.session(live.session_id).contract == contract
    counted = frozenset(
        one.id
        for one in in_the_way
        # Looked up only where it matters: a contract that is used up.
        if used >= most
        and isinstance(one, Appointment)
        and uow.schedule.session(one.session_id).contract == contract
    )
    return Ceiling(contract, most, used, counted)
