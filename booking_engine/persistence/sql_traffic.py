"""What the stored messages say of each partner's feed, in few queries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    text,
)

from booking_engine.domain.alerts import Answers, FeedReading, p99
from booking_engine.domain.delivery_history import AttemptOutcome
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.mappings import MappingTable
from booking_engine.domain.messages import DeliveryStatus, MessageOutcome
from booking_engine.domain.orders import UNMAPPED, HoldCode, OrderStatus
from booking_engine.domain.schedule import AppointmentStatus
from booking_engine.persistence import guards
from booking_engine.persistence.statements import POSTGRESQL, Statement
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind

_MESSAGE: Final = TABLES[Kind.MESSAGE]
_DELIVERY: Final = TABLES[Kind.DELIVERY]
_ATTEMPT: Final = TABLES[Kind.ATTEMPT]
_ORDER: Final = TABLES[Kind.ORDER]
_APPOINTMENT: Final = TABLES[Kind.APPOINTMENT]
_ENTRY: Final = TABLES[Kind.DIARY]

NOT_TAKEN: Final = (
    MessageOutcome.REFUSED,
    MessageOutcome.UNREADABLE,
    MessageOutcome.FAILED,
)
"""Outcomes under which a refused message is filed."""
ACCEPTING: Final = (b"\rMSA|AA", b"\rMSA|CA")
"""In an acknowledgement of ours that lets the sender go on."""
MOST_HEARD: Final = 5000
IN_CONFLICT: Final = (HoldCode.DIARY_CONFLICT, HoldCode.BOOKED_ELSEWHERE)
"""What a diary's entry puts on an order whose booking it contradicts."""
_INSTANT: Final = _MESSAGE.c.received_at.type


def _refused(dialect: str) -> ColumnElement[bool]:
    """Return that a message was answered AE, AR, CE or CR, or not at all."""
    ack = _MESSAGE.c.ack
    # Neither engine has what the other has; escaping leaves ASCII as it is.
    found = (
        [
            func.strpos(func.encode(ack, "escape"), mark.decode("ascii"))
            for mark in ACCEPTING
        ]
        if dialect == POSTGRESQL
        else [func.instr(ack, literal(mark)) for mark in ACCEPTING]
    )
    return and_(
        _MESSAGE.c.outcome != MessageOutcome.PROCESSED.value,
        or_(*(_MESSAGE.c.outcome == outcome.value for outcome in NOT_TAKEN)),
        *(place == 0 for place in found),
    )


def _conflicts(name: ColumnElement[Any]) -> Select[Any]:
    """Count the bookings that a partner's diary contradicts.

    From the few booked orders that something was put on, to their bookings, to the
    entries: each by its own index, however long the diaries are.
    """
    order, booked, entry = _ORDER.c, _APPOINTMENT.c, _ENTRY.c
    lies_on_it = and_(
        entry.scanner == booked.scanner,
        entry.ends_at > booked.starts_at,
        entry.starts_at < booked.ends_at,
    )
    contradicts = (
        select(entry.id)
        .where(
            text(f"diary_entry.{guards.TAKING_SQL}"),
            entry.partner == name,
            or_(lies_on_it, entry.order_id == order.id),
        )
        .correlate_except(_ENTRY)
        .exists()
    )
    return (
        select(func.count())
        .select_from(_ORDER.join(_APPOINTMENT, booked.order_id == order.id))
        .where(
            text("imaging_order.status = 'booked' AND imaging_order.hold_codes <> ''"),
            or_(*(order.hold_codes.like(f"%,{code.value},%") for code in IN_CONFLICT)),
            booked.status == AppointmentStatus.BOOKED.value,
            booked.ends_at > bindparam("since", type_=_INSTANT),
            contradicts,
        )
    )


def _unplaced(name: ColumnElement[Any]) -> Select[Any]:
    """Count the entries of a partner's diary of which a room is not mapped."""
    entry = _ENTRY.c
    return select(func.count()).where(
        text(f"diary_entry.{guards.UNKNOWN_SQL}"),
        entry.partner == name,
        entry.ends_at > bindparam("since", type_=_INSTANT),
        # Of a name, the table stands first; see `rows.DiaryEntryRow`.
        cast(entry.unknown_names, String).like(f'%["{MappingTable.RESOURCE.value}"%'),
    )


def _expired(name: ColumnElement[Any]) -> Select[Any]:
    """Count the messages that waited in vain and were not replayed since."""
    message, replay = _MESSAGE.c, _MESSAGE.alias("replay")
    return select(func.count()).where(
        # Words and no parameter: the index over what is not processed is proven by it.
        text("inbound_message.outcome = 'expired'"),
        text("inbound_message.outcome <> 'processed'"),
        message.partner >= name,  # a range, so that this index and no other is used
        message.partner <= name,
        ~select(replay.c.id).where(replay.c.replay_of == message.id).exists(),
    )


def _readings(dialect: str) -> Select[Any]:
    name: ColumnElement[Any]
    if dialect == POSTGRESQL:
        given = func.unnest(bindparam("partners", type_=ARRAY(String)))
        name = given.column_valued("asked")  # no column of ours
    else:
        given = func.json_each(bindparam("partners", type_=JSON))
        name = given.table_valued("value").c.value
    message, delivery, order = _MESSAGE.c, _DELIVERY.c, _ORDER.c
    came = (
        message.partner == name,
        message.received_at >= bindparam("since", type_=_INSTANT),
    )
    last = (
        select(message.received_at)
        # A replay is a person's doing, no sign of life. Written as a range, so that
        # only the partner's own index gives the order: through all messages since, a
        # feed that fell silent would be the slowest to find.
        .where(
            message.partner >= name,
            message.partner <= name,
            message.replay_of.is_(None),
        )
        .order_by(message.partner.desc(), message.received_at.desc())
        .limit(1)
    )
    oldest = (
        select(delivery.created_at)
        .where(
            delivery.destination == name,
            delivery.status >= DeliveryStatus.PENDING.value,  # a range, likewise
            delivery.status <= DeliveryStatus.PENDING.value,
        )
        .order_by(delivery.status, delivery.sequence)
        .limit(1)
    )
    waiting = select(func.count()).where(
        order.status == OrderStatus.HELD.value,
        order.partner == name,
        or_(*(order.hold_codes.like(f"%,{code.value},%") for code in sorted(UNMAPPED))),
    )
    return select(
        name.label("partner"),
        last.scalar_subquery().label("last"),
        select(func.count()).where(*came).scalar_subquery().label("came"),
        select(func.count())
        .where(_refused(dialect), *came)
        .scalar_subquery()
        .label("refused"),
        oldest.scalar_subquery().label("oldest"),
        waiting.scalar_subquery().label("waiting"),
        _unplaced(name).scalar_subquery().label("unplaced"),
        _conflicts(name).scalar_subquery().label("conflicts"),
        _expired(name).scalar_subquery().label("expired"),
    )


def _heard(_: str) -> Select[Any]:
    last = (
        select(_ATTEMPT.c.delivery_id, _ATTEMPT.c.started_at)
        .add_columns(_ATTEMPT.c.duration_us, _ATTEMPT.c.outcome)
        .order_by(_ATTEMPT.c.id.desc())
        .limit(bindparam("most"))
        .subquery()
    )
    return (
        select(_DELIVERY.c.destination, last.c.duration_us, last.c.outcome)
        .join(last, last.c.delivery_id == _DELIVERY.c.id)
        .where(
            last.c.started_at >= bindparam("since", type_=_ATTEMPT.c.started_at.type),
            last.c.outcome != AttemptOutcome.FAILED.value,
        )
    )


def _between() -> tuple[ColumnElement[bool], ...]:
    return (
        _MESSAGE.c.partner == bindparam("partner"),
        _MESSAGE.c.received_at >= bindparam("begin", type_=_INSTANT),
        _MESSAGE.c.received_at < bindparam("end", type_=_INSTANT),
    )


def _sample(_: str) -> Select[Any]:
    message = _MESSAGE.c
    place = func.row_number().over(order_by=(message.received_at, message.id))
    numbered = select(message.id, place.label("place")).where(*_between()).subquery()
    return (
        select(message.raw)
        .join(numbered, numbered.c.id == message.id)
        .where(numbered.c.place % bindparam("step") == 0)
        .order_by(numbered.c.place)
        .limit(bindparam("most"))
    )


_HEARD: Final = Statement(_heard)
_READINGS: Final = Statement(_readings)
_CAME: Final = Statement(lambda _: select(func.count()).where(*_between()))
_REFUSED: Final = Statement(
    lambda on: select(func.count()).where(_refused(on), *_between())
)
_SAMPLE: Final = Statement(_sample)


def answers_heard(
    attempts: Iterable[tuple[PartnerId, float, str]],
) -> dict[PartnerId, Answers]:
    """Return the answers of each partner.

    Parameters
    ----------
    attempts
        Of each that was answered: to whom, how many seconds it took, its outcome.
    """
    found: dict[PartnerId, list[tuple[float, str]]] = {}
    for partner, seconds, outcome in attempts:
        found.setdefault(partner, []).append((seconds, outcome))
    return {
        partner: Answers(
            len(answers),
            sum(outcome != AttemptOutcome.ACCEPTED.value for _, outcome in answers),
            p99([seconds for seconds, _ in answers]),
        )
        for partner, answers in found.items()
    }


class SqlTraffic:
    """What the stored messages say of each feed."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def readings(
        self, partners: Iterable[PartnerId], since: datetime
    ) -> dict[PartnerId, FeedReading]:
        """Return how each feed stands, in one query."""
        t = self._transaction
        t.settle(
            *(Kind.MESSAGE, Kind.DELIVERY, Kind.ORDER),
            *(Kind.APPOINTMENT, Kind.DIARY),
        )
        found = t.rows(_READINGS, partners=sorted(set(partners)), since=since)
        return {
            row.partner: FeedReading(
                last_received_at=row.last,
                oldest_unsent_at=row.oldest,
                given=Answers(row.came, row.refused),
                unmapped=row.waiting,
                unplaced=row.unplaced,
                conflicts=row.conflicts,
                expired=row.expired,
            )
            for row in found
        }

    def heard(self, since: datetime) -> dict[PartnerId, Answers]:
        """Return how the partners answered us since then."""
        t = self._transaction
        t.settle(Kind.ATTEMPT, Kind.DELIVERY)
        return answers_heard(
            (PartnerId(row.destination), row.duration_us / 1e6, row.outcome)
            for row in t.rows(_HEARD, since=since, most=MOST_HEARD)
        )

    def volume(
        self, partner: PartnerId, begin: datetime, end: datetime
    ) -> tuple[int, int]:
        """Return how many messages came, and how many of them were refused."""
        t = self._transaction
        t.settle(Kind.MESSAGE)
        window = {"partner": partner, "begin": begin, "end": end}
        return t.rows(_CAME, **window)[0][0], t.rows(_REFUSED, **window)[0][0]

    def sample(
        self, partner: PartnerId, begin: datetime, end: datetime, *, most: int
    ) -> list[bytes]:
        """Return the bytes of at most so many messages, evenly over the time."""
        came, _ = self.volume(partner, begin, end)
        step = max(1, -(-came // most))
        found = self._transaction.rows(
            _SAMPLE, partner=partner, begin=begin, end=end, step=step, most=most
        )
        return [bytes(row.raw) for row in found]
