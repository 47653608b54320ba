"""Safety answers that their sender takes back stand until a clinician clears them.

That a risk is gone is never taken from a message alone. Whoever vets the order sees in
its history that the sender no longer says so.
"""

from __future__ import annotations

from booking_engine.application.context import Context
from booking_engine.application.history import log_change
from booking_engine.application.patient_commands import TakeBackPatientAnswers
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.orders import Action
from booking_engine.domain.safety import Answer


def take_back_patient_answers(
    command: TakeBackPatientAnswers, uow: UnitOfWork, context: Context
) -> Received:
    """Note on the patient's open orders that a sender no longer says yes.

    Said again, it is noted no second time. Orders without that answer are left alone.
    """
    known = uow.patients.by_keys(command.keys)
    keys = {*command.keys, *(key for one in known.values() for key in one.keys)}
    note = f"{command.question} taken back by {command.partner}; a clinician clears it"
    noted: list[OrderId] = []
    for order in uow.orders.of_patient(keys, open_only=True):
        risky = any(
            (one.question, one.answer) == (command.question, Answer.YES)
            for one in order.content.safety
        )
        if not risky or any(c.note == note for c in uow.orders.history(order.id)):
            continue
        log_change(order, order, Action.CHANGE, uow, context, note=note)
        noted.append(order.id)
    kind = ReceivedAs.HELD if noted else ReceivedAs.RECORDED
    return Received(None, kind, tuple(noted))
