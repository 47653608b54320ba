"""England from its files: a small country whose numbers can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from solver import Limits, solve, verify
from solver.instances import InvalidInstance, load_columns, save_columns
from solver.instances.england import BREACHES, england
from solver.instances.national_data import BANDS, read_national_data
from solver.instances.national_rooms import LONGEST_DAY

SCANNERS = (
    "provider_code,provider_name,region_code,sector,test_code,annual_activity,"
    "waiting_list_activity,scanners,site_ods_code,latitude,longitude"
)
HOSPITALS = "ods_code,name,sector,latitude,longitude"
LISTS = ",".join(
    ("period", "region_code", "provider_code", "provider_name", "test_code", *BANDS)
)


def written(directory, *, scanners, hospitals=(), lists):
    for name, header, rows in (
        ("scanners_by_provider.csv", SCANNERS, scanners),
        ("hospitals.csv", HOSPITALS, hospitals),
        ("dm01_imaging_2025-04_2026-03.csv", LISTS, lists),
    ):
        (directory / name).write_text("\n".join((header, *rows)) + "\n", "utf-8")
    return directory


def waiting(provider, test, bands, period="2026-03-31", name="General"):
    listed = [str(bands.get(i, 0)) for i in range(len(BANDS))]
    return ",".join((period, "Y1", provider, name, test, *listed))


TWO_TRUSTS = (
    "RA1,North,Y1,NHS,MRI,9000,8000,2,RA101,53.0,-1.5",
    "RA2,South,Y1,NHS,MRI,5000,4000,1,RA201,52.8,-1.5",
    "IND,Private,Y1,Independent,MRI,2000,1000,1,,,",
)


@pytest.fixture
def country(tmp_path):
    return written(
        tmp_path,
        scanners=TWO_TRUSTS,
        hospitals=("H1,Hall,Independent,52.9,-1.4", "H2,Trust,NHS,52.9,-1.4"),
        lists=(
            waiting("RA1", "MRI", {0: 200, 5: 150, 13: 20}),
            waiting("RA2", "MRI", {1: 90}),
            waiting("RA2", "BARIUM_ENEMA", {1: 7}),
        ),
    )


def test_everybody_who_waits_for_a_test_with_rooms_is_an_order(country):
    problem = england(read_national_data(country), seed=1)

    names = [key.split("/")[:2] for key in problem.orders.key]
    assert names.count(["RA1", "MRI"]) == 370
    assert names.count(["RA2", "MRI"]) == 90
    assert len(names) == 460
    assert len(set(problem.orders.key)) == 460
    assert len(problem.scanner_key) == 4


def test_the_country_is_as_full_as_asked(country):
    for load in (0.8, 0.95):
        problem = england(read_national_data(country), seed=3, load=load)

        one = problem.pairs.start[:-1]
        asked = problem.pairs.minutes[one].sum()
        assert asked / problem.openings.minutes.sum() == pytest.approx(load, rel=0.05)


def test_rooms_share_the_time_by_activity_and_open_at_most_once_a_day(country):
    problem = england(read_national_data(country), seed=1)

    openings = problem.openings
    scanner = np.repeat(np.arange(4), np.diff(openings.scanner_start))
    minutes = dict(
        zip(
            problem.scanner_key,
            np.bincount(scanner, weights=openings.minutes),
            strict=True,
        )
    )
    # 4,000 a year in each of the two NHS trusts' three rooms, 1,000 in the fourth.
    whole = minutes["RA1/MRI/0"]
    assert minutes["RA1/MRI/1"] == pytest.approx(whole, rel=0.15)
    assert minutes["RA2/MRI/0"] == pytest.approx(whole, rel=0.15)
    assert minutes["IND/MRI/0"] == pytest.approx(whole / 4, rel=0.25)
    assert len(set(zip(scanner.tolist(), openings.day.tolist(), strict=True))) == len(
        openings.key
    )
    assert openings.minutes.max() <= LONGEST_DAY


def test_only_an_independent_provider_has_a_contract_below_its_room(country):
    problem = england(read_national_data(country), seed=1)

    openings = problem.openings
    counted = openings.contract >= 0
    assert problem.contract_ceiling.shape == (1,)
    keys = {problem.scanner_key[int(key.split("/")[0])] for key in openings.key}
    of_contract = {
        problem.scanner_key[int(key.split("/")[0])]
        for key, mine in zip(openings.key, counted, strict=True)
        if mine
    }
    assert of_contract == {"IND/MRI/0"}
    assert len(keys) == 4
    mean = 28.0  # 20 x 0.35 + 30 x 0.45 + 40 x 0.15 + 60 x 0.05, less rounding down
    room = openings.minutes[counted].sum() / mean
    assert 0.8 * room <= problem.contract_ceiling[0] < room


def test_a_breach_that_has_passed_costs_nothing_and_the_next_one_does(country):
    problem = england(read_national_data(country), seed=1)

    orders = problem.orders
    (six, six_cost), (thirteen, thirteen_cost) = BREACHES
    fresh = orders.breach_cost == six_cost
    assert fresh.sum() == 200 + 150 + 90
    assert (orders.breach_day[fresh] <= six).all()
    assert (orders.breach_day[fresh] >= 1).all()
    # Twenty have waited for thirteen weeks and more: both breaches are behind them.
    assert (orders.breach_cost == 0).sum() == 20
    assert not (orders.breach_cost == thirteen_cost).any()
    assert thirteen > six


def test_no_pair_twice_and_none_beyond_reach(country):
    far = country / "scanners_by_provider.csv"
    far.write_text(
        far.read_text("utf-8") + "RZ9,Far,Y2,NHS,MRI,9000,8000,1,RZ901,50.2,-5.1\n",
        "utf-8",
    )
    problem = england(read_national_data(country), seed=1)

    pairs = problem.pairs
    owner = np.repeat(np.arange(len(problem.orders.key)), np.diff(pairs.start))
    both = set(zip(owner.tolist(), pairs.scanner.tolist(), strict=True))
    assert len(both) == owner.size
    assert problem.scanner_key.index("RZ9/MRI/0") not in pairs.scanner
    assert (np.diff(pairs.start) >= 1).all()


def test_the_seed_decides_and_the_instance_survives_its_files(country, tmp_path):
    data = read_national_data(country)
    problem = england(data, seed=5)
    save_columns(problem, tmp_path / "england")
    again = load_columns(tmp_path / "england")

    for name in ("earliest_day", "tier", "patient", "breach_day"):
        here = getattr(problem.orders, name)
        assert (here == getattr(england(data, seed=5).orders, name)).all()
        assert (here == getattr(again.orders, name)).all()
    assert (problem.orders.tier != england(data, seed=6).orders.tier).any()
    assert again.orders.key == problem.orders.key


def test_a_plan_of_it_is_accepted(country):
    problem = england(read_national_data(country), seed=1)

    plan = solve(problem, limits=Limits(work=200))

    assert verify(problem, plan).accepted
    assert plan.gap < 0.15


def test_a_provider_that_did_not_report_counts_with_its_last_report(tmp_path):
    data = read_national_data(
        written(
            tmp_path,
            scanners=TWO_TRUSTS,
            lists=(
                waiting("RA1", "MRI", {0: 5}),
                waiting("RA2", "MRI", {0: 9}, period="2025-09-30"),
                waiting("RA2", "MRI", {0: 3}, period="2025-10-31"),
                waiting("RA3", "MRI", {0: 4}, period="2025-08-31"),
            ),
        )
    )

    assert {(w.provider, sum(w.bands)) for w in data.waiting} == {
        ("RA1", 5),
        ("RA2", 3),
    }


def test_eye_ultrasound_is_no_part_of_it(tmp_path):
    data = read_national_data(
        written(
            tmp_path,
            scanners=(
                *TWO_TRUSTS,
                "A0C,Spamedica Here,Y1,Independent,US,900,900,1,,,",
            ),
            lists=(
                waiting("RA1", "MRI", {0: 5}),
                waiting("A0C", "US", {0: 9}, name="Spamedica Here"),
            ),
        )
    )

    assert {part.test for part in data.estate} == {"MRI"}
    assert {listed.provider for listed in data.waiting} == {"RA1"}


@pytest.mark.parametrize(
    ("file", "old", "new", "field"),
    [
        ("scanners_by_provider.csv", "8000", "many", "waiting_list_activity"),
        ("scanners_by_provider.csv", "53.0", "north", "latitude"),
        ("scanners_by_provider.csv", "scanners,", "machines,", "scanners"),
        ("dm01_imaging_2025-04_2026-03.csv", "2026-03-31", "March", "period"),
        ("dm01_imaging_2025-04_2026-03.csv", ",200,", ",-2,", "weeks_00_01"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_column(country, file, old, new, field):
    path = country / file
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")

    with pytest.raises(InvalidInstance) as refused:
        read_national_data(country)

    assert refused.value.field == field
    assert refused.value.file == path


@pytest.mark.parametrize(
    "file", ["scanners_by_provider.csv", "hospitals.csv", "dm01_imaging_*.csv"]
)
def test_a_file_that_is_missing_is_named(country, file):
    for found in country.glob(file):
        found.unlink()

    with pytest.raises(InvalidInstance, match="does not exist"):
        read_national_data(country)


def test_an_estate_without_rooms_is_refused(tmp_path):
    data = read_national_data(
        written(
            tmp_path,
            scanners=("RA1,North,Y1,NHS,MRI,9,8,0,RA101,53.0,-1.5",),
            lists=(waiting("RA1", "MRI", {0: 5}),),
        )
    )

    with pytest.raises(InvalidInstance, match="no room that is in use"):
        england(data, seed=1)
