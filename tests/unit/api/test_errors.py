"""Every refusal of the domain has its HTTP status, and the text of none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

import booking_engine.domain.errors as domain_errors
from api.output import KNOWN, explained
from api.problems import KINDS, problem_body
from booking_engine.domain.errors import DomainError, StoreUnavailable


def subclasses(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


@pytest.mark.parametrize(
    "kind", list(subclasses(DomainError)), ids=lambda k: k.__name__
)
def test_every_domain_error_has_a_status(kind: type[DomainError]):
    ours = kind is StoreUnavailable  # nothing is wrong with the request
    assert 400 <= KINDS[kind.code].status < (600 if ours else 500)


def test_the_statuses_are_those_of_the_conventions():
    agreed = {
        "known.not": 404,
        "slot.taken": 409,
        "order.not_bookable": 409,
        "hold.expired": 410,
        "version.stale": 412,
        "slot.rules": 422,
        "precondition.required": 428,
        "idempotency.required": 400,
        "idempotency.in_flight": 409,
        "idempotency.mismatch": 422,
    }

    assert {code: KINDS[code].status for code in agreed} == agreed


def test_a_problem_names_its_kind_by_an_address_that_is_served():
    body = problem_body("slot.taken", "MR1 is taken.", instance="abc")

    assert body == {
        "type": "/problems/slot.taken",
        "title": "Slot taken",
        "status": 409,
        "detail": "MR1 is taken.",
        "code": "slot.taken",
        "instance": "urn:request:abc",
    }


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_error_known_to_the_command_line_exists(name: str):
    module, _, kind = name.rpartition(".")

    assert issubclass(getattr(import_module(module), kind), Exception)


def test_a_known_error_becomes_one_line_and_a_fault_none():
    assert explained(domain_errors.SlotTaken("MR1 is\n taken.")) == "MR1 is taken."
    assert explained(FileNotFoundError(2, "No such file", "x.json")) == (
        "x.json: No such file"
    )
    assert explained(KeyError("x")) is None
