"""A region file: what it becomes, and what is refused with which words."""

from datetime import date, time
from pathlib import Path

import pytest

from api.region import RegionError, load_region
from booking_engine.domain.resources import Sector
from booking_engine.domain.safety import Question
from booking_engine.domain.vocabulary import Capability, ListType, Modality, Trait

REGION = """\
organisations:
  R0A: {name: Manchester, sector: nhs}
  NT3: {name: Spire, sector: independent, closed_on: 2030-01-01}
sites:
  R0A02: {name: Infirmary, organisation: R0A, latitude: 53.46, longitude: -2.22,
          diary_partner: r0a}
  NT327: {name: Spire Manchester, organisation: NT3, latitude: 53.43, longitude: -2.25,
          diary_partner: spire}
contracts:
  SPIRE:
    provider: NT3
    starts_on: 2026-04-01
    ends_on: 2027-03-31
    ceiling: 100
    excludes: [under_18, contrast]
scanners:
  CT1: {name: CT 1, site: R0A02, modality: CT, capabilities: [contrast_cover, hoist]}
  MR1: {name: MRI, site: NT327, modality: MR, max_weight_kg: 150, contract: SPIRE}
procedures:
  CTHEAD: {name: CT head, modality: CT, minutes: 10, ionising: yes}
  CTCHE:
    name: CT chest with contrast
    modality: CT
    minutes: 15
    contrast: true
    ionising: true
    questions: [contrast_allergy, renal_impairment]
    guideline: CHEST-CT v3
places:
  M13: {latitude: 53.4611, longitude: -2.2243}
sessions:
  - scanners: [CT1]
    weekdays: [mon, tue]
    starts: 08:00
    ends: 14:00
    list: cancer
    release_hours: 48
  - {scanners: [CT1, MR1], weekdays: [mon], starts: 14:00, ends: 20:00}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "region.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(tmp_path: Path, old: str, new: str) -> str:
    """Return the error, without the directory, after one change of the region."""
    assert old in REGION
    with pytest.raises(RegionError) as caught:
        load_region(written(tmp_path, REGION.replace(old, new, 1)))
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_a_region_becomes_the_domains_catalogue(tmp_path):
    catalogue = load_region(written(tmp_path, REGION), partners={"r0a", "spire"})

    assert catalogue.organisations["NT3"].sector is Sector.INDEPENDENT
    assert catalogue.organisations["NT3"].closed_on == date(2030, 1, 1)
    assert catalogue.sites["R0A02"].diary_partner == "r0a"
    assert catalogue.scanners["CT1"].capabilities == (
        Capability.CONTRAST_COVER | Capability.HOIST
    )
    assert catalogue.scanners["MR1"].modality is Modality.MR
    assert catalogue.contracts["SPIRE"].excludes == Trait.UNDER_18 | Trait.CONTRAST
    assert catalogue.procedures["CTHEAD"].ionising
    assert catalogue.procedures["CTCHE"].questions == (
        Question.CONTRAST_ALLERGY,
        Question.RENAL_IMPAIRMENT,
    )
    assert catalogue.places["M13"].latitude == 53.4611


def test_a_session_entry_is_one_template_for_each_scanner(tmp_path):
    cancer, ct, mr = load_region(written(tmp_path, REGION)).templates

    assert (cancer.scanner, cancer.weekdays) == ("CT1", frozenset({0, 1}))
    assert (cancer.starts, cancer.ends) == (time(8), time(14))
    assert (cancer.list_type, cancer.release_hours) == (ListType.CANCER, 48)
    assert (ct.list_type, ct.release_hours) == (ListType.GENERAL, None)
    assert (ct.contract, mr.contract) == (None, "SPIRE")  # bought with the scanner


def test_sections_may_be_spread_over_the_files_of_a_directory(tmp_path):
    first, second = REGION.split("procedures:")
    (tmp_path / "a.yaml").write_text(first, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(f"procedures:{second}", encoding="utf-8")

    catalogue = load_region(tmp_path)

    assert list(catalogue.procedures) == ["CTHEAD", "CTCHE"]
    assert len(catalogue.templates) == 3


def test_an_entry_that_stands_in_two_files_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text(REGION, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(
        "places:\n  M13: {latitude: 1, longitude: 2}\n", encoding="utf-8"
    )

    with pytest.raises(RegionError, match=r"b\.yaml:2:3: places\.M13: stands in a\."):
        load_region(tmp_path)


def test_an_empty_directory_is_refused(tmp_path):
    with pytest.raises(RegionError, match=r"holds no \*\.yaml file"):
        load_region(tmp_path)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(RegionError, match="cannot be read"):
        load_region(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            "organisation: R0A,",
            "organisation: R9Z,",
            "region.yaml:5:42: sites.R0A02.organisation: 'R9Z' is not in organisa",
        ),
        ("provider: NT3", "provider: XX1", "contracts.SPIRE.provider: 'XX1' is not in"),
        ("site: R0A02, m", "site: R0A99, m", "scanners.CT1.site: 'R0A99' is not in"),
        ("contract: SPIRE", "contract: BMI", "scanners.MR1.contract: 'BMI' is not in"),
        ("[CT1, MR1]", "[CT1, MR7]", "region.yaml:38:22: sessions.1.scanners.1: 'MR7'"),
        (", contract: SPIRE", "", "contracts.SPIRE: no scanner names it; add one"),
        (
            "MR1: {name: MRI, site: NT327",
            "MR1: {name: MRI, site: R0A02",
            "scanners.MR1.contract: SPIRE is with NT3, but the scanner stands at R0A;",
        ),
        ("[contrast_cover, hoist]", "[hoist]", "procedures.CTCHE: no scanner has its"),
        ("minutes: 10", "minutes: 10, needs: [cardiac]", "procedures.CTHEAD: no scann"),
        ("minutes: 10", "minutes: 0", "procedures.CTHEAD.minutes: Input should be gre"),
        ("starts: 14:00", "starts: 13:59", "overlaps on CT1, mon, with the session at"),
        ("ends: 20:00", "ends: 14:00", "sessions.1.ends: is not after starts;"),
        ("[mon, tue]", "[mon, Tuesday]", "sessions.0.weekdays: write weekdays as a li"),
        ("list: cancer", "list: oncology", "'oncology' is not known; choose from gene"),
        ("excludes: [under_18,", "excludes: [young,", "'young' is not known; choose f"),
        ("minutes: 10", "minuets: 10", "this key is not known; correct or remove it"),
        ("minutes: 10, ", "", "procedures.CTHEAD.minutes: Field required; add it"),
        ("ends_on: 2027", "ends_on: 2025", "contracts.SPIRE.ends_on: lies before star"),
        ("ceiling: 100", "ceiling: 9\n    floor: 10", "contracts.SPIRE.ceiling: is be"),
        ("places:", "scanners:", "key 'scanners' is given twice, first on line"),
    ],
)
def test_what_does_not_fit_is_refused_with_place_and_remedy(tmp_path, old, new, error):
    assert error in refused(tmp_path, old, new)


def test_a_diary_without_a_profile_is_refused(tmp_path):
    with pytest.raises(RegionError, match="no profile has the id 'spire'"):
        load_region(written(tmp_path, REGION), partners={"r0a"})


def test_an_overlap_names_the_other_session(tmp_path):
    error = refused(tmp_path, "starts: 14:00", "starts: 13:00")

    assert "region.yaml:38:5: sessions.1" in error
    assert "region.yaml:32; change one" in error
