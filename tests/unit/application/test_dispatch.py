"""The dispatcher knows every command, and undoes what is not committed."""

import dataclasses

import pytest
from network import CLERK, FEED, dispatcher, receive

from booking_engine.application import (
    commands,
    diary_commands,
    patient_commands,
    request_commands,
)
from booking_engine.application.dispatch import HANDLERS
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import OrderId

PARTS = {
    commands.PlannedBooking,
    diary_commands.OrderNumbers,
    request_commands.StartRange,
}
"""Values that commands are made of."""


def test_every_command_has_a_handler_and_its_docstring_names_it():
    declared = {
        kind
        for module in (commands, diary_commands, patient_commands, request_commands)
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind)
        and kind.__module__.startswith(module.__name__)
    }
    assert set(HANDLERS) == declared - PARTS
    for kind, handler in HANDLERS.items():
        module = handler.__module__.rpartition(".")[2]
        assert f"`{module}.{handler.__name__}`" in kind.__doc__


def test_what_a_session_does_not_commit_is_undone():
    engine = dispatcher()
    with engine.session(FEED) as session:
        received = session.handle(receive())
        assert session.uow.orders.get(received.order_id)
    with engine.reading(CLERK) as session, pytest.raises(NotKnown):
        session.uow.orders.get(received.order_id)


def test_a_refused_command_changes_nothing():
    engine = dispatcher()
    with pytest.raises(NotKnown):
        engine.handle(commands.RejectOrder(OrderId("O-none"), "x"), CLERK)
    with engine.reading(CLERK) as session:
        assert session.uow.orders.counts() == {}
