"""The demo's packaged region and partners fit together."""

import csv
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from demo_capacity import weekly_minutes

from api.demo.network import demo_catalogue, demo_profiles
from booking_engine.domain.resources import Sector, road_km
from booking_engine.domain.vocabulary import Capability, ListType, Modality, Trait

TODAY = date(2026, 11, 24)
INPATIENT_SITES = ("R0A02", "R0A07", "RW601", "RW602", "RW603", "RMC01")


@pytest.fixture(scope="module")
def catalogue():
    return demo_catalogue(TODAY)


def test_it_has_the_size_of_a_small_region(catalogue):
    assert len(catalogue.sites) == 13
    assert 38 <= len(catalogue.scanners) <= 44
    assert len(catalogue.procedures) == 45
    assert len(catalogue.places) >= 40


def test_every_district_is_near_a_site(catalogue):
    for place in catalogue.places.values():
        assert any(
            road_km(place.latitude, place.longitude, s.latitude, s.longitude) < 40
            for s in catalogue.sites.values()
        )


def test_contracts_begin_on_the_first_day(catalogue):
    for contract in catalogue.contracts.values():
        assert contract.starts_on == TODAY
        assert contract.ends_on == TODAY + timedelta(days=90)


def test_ceilings_bind_a_little(catalogue):
    """Exams of 22 minutes in four weeks of lists would go over every ceiling."""
    minutes = Counter()
    for template in catalogue.templates:
        if template.contract:
            length = template.ends.hour - template.starts.hour
            minutes[template.contract] += 4 * 60 * length * len(template.weekdays)

    for name, contract in catalogue.contracts.items():
        assert 0.7 < contract.ceiling / (minutes[name] / 22) < 1.1


def test_one_provider_is_closed_and_has_no_lists(catalogue):
    assert catalogue.site_is_closed("ZZ901", TODAY)
    assert all(t.scanner != "ZZ901-US1" for t in catalogue.templates)
    assert "invented" in catalogue.organisations["ZZ9"].name


def test_inpatients_can_be_scanned_where_they_lie(catalogue):
    lists = {
        (catalogue.scanner(t.scanner).site, catalogue.scanner(t.scanner).modality)
        for t in catalogue.templates
        if t.list_type is ListType.INPATIENT and t.release_hours == 24
    }

    assert lists == {
        (site, modality)
        for site in INPATIENT_SITES
        for modality in (Modality.MR, Modality.CT, Modality.US)
    }


def test_cancer_lists_are_released_two_days_before(catalogue):
    found = [t for t in catalogue.templates if t.list_type is ListType.CANCER]

    assert len(found) >= 6
    assert {t.release_hours for t in found} == {48}


def test_the_diagnostic_centre_is_open_every_day(catalogue):
    days = {
        day
        for template in catalogue.templates
        if template.scanner.startswith("R0A08")
        for day in template.weekdays
    }

    assert days == set(range(7))


def test_independents_have_narrower_tables_and_exclusions(catalogue):
    for scanner in catalogue.scanners.values():
        site = catalogue.sites[scanner.site]
        owner = catalogue.organisations[site.organisation]
        if owner.sector is Sector.NHS or owner.closed_on:
            assert scanner.contract is None
            continue
        assert scanner.max_weight_kg <= 180
        excludes = catalogue.contract_of(scanner).excludes
        assert excludes & Trait.INPATIENT
        assert excludes & Trait.UNDER_18


def test_few_scanners_take_cardiac_devices(catalogue):
    able = [
        s.id
        for s in catalogue.scanners.values()
        if s.capabilities & Capability.CARDIAC_DEVICE
    ]

    assert able == ["R0A02-MR2", "R0A07-MR2"]


def test_most_procedures_are_under_a_guideline_that_somebody_signed(catalogue):
    named = [p.guideline for p in catalogue.procedures.values() if p.guideline]
    signed = set().union(*(p.guidelines for p in demo_profiles().values()))

    assert 0.7 <= len(named) / len(catalogue.procedures) <= 0.9
    assert signed == set(named)


def test_contrast_and_radiation_are_asked_about(catalogue):
    for procedure in catalogue.procedures.values():
        if procedure.modality in (Modality.CT, Modality.DEXA):
            assert procedure.ionising
        if procedure.contrast:
            assert "contrast_allergy" in procedure.questions
        if procedure.modality is Modality.MR:
            assert {"cardiac_device", "implant"} <= set(procedure.questions)


def test_lists_of_a_week_by_modality(catalogue):
    assert weekly_minutes(catalogue) == {
        Modality.MR: 9570,
        Modality.CT: 6060,
        Modality.US: 13200,
        Modality.DEXA: 900,
    }


def test_three_partners_send_and_all_are_told():
    profiles = demo_profiles()

    senders = [name for name, profile in profiles.items() if profile.senders]
    assert senders == ["r0a", "rmc", "rw6"]
    assert all(profile.outgoing for profile in profiles.values())
    assert all(p.processing_id == "T" for p in profiles.values())


def test_addresses_are_put_in_when_the_demo_runs():
    profiles = demo_profiles({"spire": ("127.0.0.1", 40123)})

    assert profiles["spire"].outgoing.port == 40123
    assert profiles["spire"].outgoing.facility == "NT327"
    assert profiles["r0a"].outgoing.port == 2575


def test_names_and_coordinates_are_those_of_the_hospital_file(catalogue):
    """Where the file is at hand: it is not part of the package."""
    source = Path(__file__).parents[4] / "shared" / "data" / "hospitals.csv"
    if not source.exists():
        pytest.skip("hospitals.csv is not at hand")
    with source.open(encoding="utf-8") as file:
        known = {row["ods_code"]: row for row in csv.DictReader(file)}

    for code, site in catalogue.sites.items():
        if code == "ZZ901":
            continue
        assert site.name == known[code]["name"]
        assert site.latitude == float(known[code]["latitude"])
        assert site.longitude == float(known[code]["longitude"])
