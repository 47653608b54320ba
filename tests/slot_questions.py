"""Asks about slots, and changes what stands there, on the engine of `network`."""

from dataclasses import replace
from datetime import timedelta

from booking_desk import (
    WEDNESDAY_9,
)
from network import CLERK, NOW

from booking_engine.application.diary_commands import RecordEntry
from booking_engine.application.why_not import SlotQuestion, why_not
from booking_engine.domain.diary_entries import EntryKind, Stretch
from booking_engine.domain.identifiers import ScannerId

MR1, MR2, MRX, CT1 = (ScannerId(name) for name in ("MR1", "MR2", "MRX", "CT1"))


def ask(engine, order_id, scanner=MR1, at=WEDNESDAY_9, session_id=None):
    asked = None if session_id is not None else scanner
    question = SlotQuestion(order_id, at, session_id=session_id, scanner=asked)
    with engine.reading(CLERK) as session:
        return why_not(question, session.uow, session.context)


def kinds(answer):
    return [one.kind for one in answer.blockers]


def close(engine, scanner=MR1, at=WEDNESDAY_9, minutes=60):
    recorded = engine.handle(
        RecordEntry(
            partner=None,
            number="",
            kind=EntryKind.CLOSURE,
            stretches=(Stretch(scanner, at, at + timedelta(minutes=minutes)),),
            sent_at=NOW,
            reason="service",
        ),
        CLERK,
    )
    return recorded.entry_ids[0]


def save_session(engine, session_id, **changes):
    with engine.session(CLERK) as session:
        schedule = session.uow.schedule
        schedule.save_session(replace(schedule.session(session_id), **changes))
        session.commit()
