"""The register of patients: whose a number is, versions, and orders found by it."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from booking_engine.domain.errors import StaleVersion
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.register import (
    KnownIdentifier,
    RegisteredPatient,
    keys_of,
    local_key,
    local_number_of,
    nhs_key,
    nhs_number_of,
)
from booking_engine.domain.vocabulary import Sex

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
NHS, LOCAL, OTHER = nhs_key("9990000018"), local_key("R0A", "1"), local_key("R0A", "2")


def patient(name, *keys, **given):
    known = tuple(KnownIdentifier(key, NOON) for key in keys)
    return RegisteredPatient(name, known, **given)


def add(store, *patients):
    with store.units() as uow:
        for each in patients:
            uow.patients.add(each)
        uow.commit()


def found(store, *keys):
    with store.units.reading() as uow:
        return uow.patients.by_keys(keys)


def by_key(identifiers):
    return sorted(identifiers, key=lambda known: known.key)


def test_every_field_comes_back(store):
    full = RegisteredPatient(
        "N1",
        (KnownIdentifier(LOCAL, NOON), KnownIdentifier(NHS, NOON, retired=True)),
        "Siân",
        "O'Brien",
        date(1970, 1, 2),
        Sex.FEMALE,
        "CF11",
        deceased=True,
        deceased_on=date(2026, 11, 1),
        death_at=NOON,
        death_by="north",
        merged_into="N2",
        person_at=NOON,
        visit_at=NOON + timedelta(hours=1),
        version=4,
    )
    add(store, full)

    (one,) = found(store, LOCAL).values()
    assert by_key(one.identifiers) == by_key(full.identifiers)
    assert replace(one, identifiers=()) == replace(full, identifiers=())


def test_each_key_finds_the_patient_and_unknown_ones_nobody(store):
    add(store, patient("N1", NHS, LOCAL))

    assert {k: p.id for k, p in found(store, NHS, LOCAL, OTHER).items()} == {
        NHS: "N1",
        LOCAL: "N1",
    }


def test_a_unit_finds_what_it_has_written_itself(store):
    with store.units() as uow:
        assert uow.patients.by_keys([LOCAL, OTHER]) == {}
        uow.patients.add(patient("N1", LOCAL))
        one = uow.patients.by_keys([LOCAL])[LOCAL]
        uow.patients.save(one.known_by([KnownIdentifier(OTHER, NOON)]))
        two = uow.patients.by_keys([LOCAL, OTHER])
        assert two[LOCAL] == two[OTHER]
        assert two[OTHER].version == 2


def test_a_number_that_moves_belongs_to_one_patient(store):
    add(store, patient("N1", NHS, LOCAL), patient("N2", OTHER))
    with store.units() as uow:
        both = uow.patients.by_keys([LOCAL, OTHER])
        moved = KnownIdentifier(LOCAL, NOON, retired=True)
        uow.patients.save(replace(both[LOCAL].without([LOCAL]), merged_into="N2"))
        uow.patients.save(both[OTHER].known_by([moved]))
        uow.commit()

    after = found(store, NHS, LOCAL, OTHER)
    assert {key: one.id for key, one in after.items()} == {
        NHS: "N1",
        LOCAL: "N2",
        OTHER: "N2",
    }
    assert after[LOCAL].is_retired(LOCAL)
    assert after[NHS].keys == (NHS,)


def test_it_does_not_matter_which_of_two_is_saved_first(store):
    add(store, patient("N1", NHS, LOCAL), patient("N2", OTHER))
    with store.units() as uow:
        both = uow.patients.by_keys([LOCAL, OTHER])
        uow.patients.save(both[OTHER].known_by([KnownIdentifier(LOCAL, NOON)]))
        uow.patients.save(both[LOCAL].without([LOCAL]))
        assert uow.patients.by_keys([LOCAL])[LOCAL].id == "N2"
        uow.commit()

    assert found(store, LOCAL)[LOCAL].id == "N2"


def test_a_number_that_was_taken_back_is_nobodys(store):
    add(store, patient("N1", NHS, LOCAL))
    with store.units() as uow:
        one = uow.patients.by_keys([LOCAL])[LOCAL]
        uow.patients.save(one.without([LOCAL]))
        assert uow.patients.by_keys([LOCAL]) == {}
        uow.commit()

    assert list(found(store, NHS, LOCAL)) == [NHS]


def test_what_somebody_else_changed_is_stale(store):
    add(store, patient("N1", LOCAL))
    one = found(store, LOCAL)[LOCAL]
    with store.units() as uow:
        uow.patients.save(replace(uow.patients.by_keys([LOCAL])[LOCAL], deceased=True))
        uow.commit()

    with store.units() as uow:
        uow.patients.save(one)
        with pytest.raises(StaleVersion):
            uow.commit()
        uow.rollback()


def test_an_undone_savepoint_forgets_the_patient(store):
    with store.units() as uow:
        with suppress(ZeroDivisionError), uow.savepoint():
            uow.patients.add(patient("N1", LOCAL))
            raise ZeroDivisionError
        assert uow.patients.by_keys([LOCAL]) == {}
        uow.commit()

    assert found(store, LOCAL) == {}


def test_orders_are_found_by_either_number(store, make):
    both = make.order(patient=make.patient(nhs_number="9990000018", local_id="1"))
    local = make.order(patient=make.patient(local_id="2"))
    elsewhere = make.order(patient=make.patient(local_id="1", local_authority="R0B"))
    closed = make.order(
        patient=make.patient(local_id="2"), status=OrderStatus.CANCELLED
    )
    with store.units() as uow:
        for order in (both, local, elsewhere, closed):
            uow.orders.add(order)
        uow.commit()

    with store.units.reading() as uow:

        def of(*keys, open_only=True):
            return uow.orders.of_patient(keys, open_only=open_only)

        assert of(NHS) == of(LOCAL) == of(NHS, LOCAL) == [both]
        assert of(LOCAL, OTHER) == [both, local]
        assert of(OTHER, open_only=False) == [local, closed]
        assert of(nhs_key("9990000026")) == of() == []


def test_an_order_changed_in_this_unit_is_found_as_it_is_now(store, make):
    order = make.order(patient=make.patient(local_id="1"))
    with store.units() as uow:
        uow.orders.add(order)
        patient = replace(order.content.patient, local_id="2")
        uow.orders.save(replace(order, content=replace(order.content, patient=patient)))
        assert uow.orders.of_patient([LOCAL], open_only=True) == []
        (now,) = uow.orders.of_patient([OTHER], open_only=True)
        assert now.content.patient.local_id == "2"


def test_keys_say_what_they_name(make):
    assert nhs_number_of(NHS) == "9990000018"
    assert nhs_number_of(LOCAL) is None
    assert local_number_of(local_key("R0A", "CRIS:7")) == ("R0A", "CRIS:7")
    assert local_number_of(NHS) is None
    one = make.patient(nhs_number="9990000018", local_id="1")
    assert keys_of(one) == (NHS, LOCAL)
    assert (
        keys_of(replace(one, nhs_number=None))[0] == replace(one, nhs_number=None).key
    )
