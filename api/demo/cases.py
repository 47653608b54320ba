"""The demo's orders before any dialect: who needs which exam, how urgently, since when.

Shares are dealt, not drawn: N orders hold the mix of `mix` as nearly as whole numbers
allow, whatever the seed. The seed decides who gets what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from api.demo import mix
from api.demo.fitness import Fitness
from api.demo.mix import Intent, apportion, dealt
from api.demo.people import Person, make_person, nhs_numbers
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import PartnerId, ProcedureCode, SiteCode
from booking_engine.domain.patients import NO_NEEDS, Needs
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import road_km
from booking_engine.domain.safety import Answer, Question
from booking_engine.domain.schedule import local_instant
from booking_engine.domain.vocabulary import (
    Capability,
    Modality,
    PatientSetting,
    Priority,
    Sex,
    WaitingListType,
)

_ADULT: Final = 18
_TRAVEL_SCALE_KM: Final = 9.0
"""Road distance at which a district sends a third of what the nearest one does."""
MOST_ORDERS: Final = 500_000
"""Test NHS numbers run out beyond about 900,000."""


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """One order as its sender means it.

    Parameters
    ----------
    number
        From 0, in the order in which the new orders are sent.
    procedure
        Our code; what is written may be something else, by `intent`.
    answers
        What the sender says to each safety question; one that is missing is not sent.
    earliest_on
        A day to come, for planned exams.
    """

    number: int
    intent: Intent
    partner: PartnerId
    person: Person
    procedure: ProcedureCode
    priority: Priority
    setting: PatientSetting
    list_type: WaitingListType
    requested_at: datetime
    site: SiteCode
    answers: Mapping[Question, Answer]
    needs: Needs = NO_NEEDS
    earliest_on: date | None = None

    @property
    def placer_number(self) -> str:
        """ORC-2: the sender's name of the order."""
        return f"{self.partner.upper()}{self.number + 1:07d}"


@dataclass(frozen=True, slots=True)
class _Slip:
    """What is settled before the patient: modality, urgency and wait."""

    modality: Modality
    priority: Priority
    days_waited: int
    in_bed: bool


def plain_orders(
    catalogue: Catalogue, count: int, *, random: Random, today: date
) -> list[DemoOrder]:
    """Return `count` orders without any problem; the same for the same arguments.

    Parameters
    ----------
    count
        0 to `MOST_ORDERS`.
    today
        The local day on which they are sent.
    """
    if not 0 <= count <= MOST_ORDERS:
        raise ValueError(f"{count} orders; ask for 0 to {MOST_ORDERS}")
    return _Maker(catalogue, random, today).orders(count)


class _Maker:
    """Makes orders of one catalogue and day."""

    def __init__(self, catalogue: Catalogue, random: Random, today: date) -> None:
        self._catalogue = catalogue
        self._random = random
        self._today = today
        self._fitness = Fitness(catalogue)
        self._numbers = nhs_numbers(random)
        self._districts = list(catalogue.places)
        self._pull = {site: self._pulls(site) for site in catalogue.sites}

    def orders(self, count: int) -> list[DemoOrder]:
        """Return the orders, each of them plain."""
        partners = dealt(self._random, mix.PARTNERS, count)
        slips = zip(partners, self._slips(count), strict=True)
        return [
            self._order(number, PartnerId(partner), slip)
            for number, (partner, slip) in enumerate(slips)
        ]

    # Modality, urgency, wait ---------------------------------------------------------

    def _slips(self, count: int) -> list[_Slip]:
        in_bed = round(mix.INPATIENTS * count)
        slips = [
            _Slip(
                modality,
                Priority.IMMEDIATE
                if self._random.random() < mix.IMMEDIATE
                else Priority.INPATIENT,
                self._random.choice((1, 1, 1, 2)),
                in_bed=True,
            )
            for modality in apportion(mix.OF_INPATIENTS, in_bed)
        ]
        for modality in Modality:
            shares = apportion(mix.MODALITIES, count - in_bed)
            slips += self._outpatients(modality, shares.count(modality))
        self._random.shuffle(slips)
        return slips

    def _outpatients(self, modality: Modality, count: int) -> Iterator[_Slip]:
        """Yield slips with both margins kept: the urgent have waited less."""
        bands = dict(enumerate(mix.WEEKS_WAITED[modality]))
        days = sorted(map(self._days, apportion(bands, count)))
        urgencies = apportion(mix.URGENCIES[modality], count)
        urgencies.sort(key=lambda urgency: urgency.tier + 3 * self._random.random())
        for waited, urgency in zip(days, urgencies, strict=True):
            yield _Slip(modality, urgency, waited, in_bed=False)

    def _days(self, week: int) -> int:
        if week == len(mix.WEEKS_WAITED[Modality.MR]) - 1:
            week += int(self._random.triangular(0, mix.LONGEST_WEEKS - week, 0))
        # Nobody asked before dawn on the day itself.
        return max(1, 7 * week + self._random.randrange(7))

    # The patient ---------------------------------------------------------------------

    def _order(self, number: int, partner: PartnerId, slip: _Slip) -> DemoOrder:
        site = self._site(partner, slip)
        while True:  # nearly always once: a rare mix of needs fits no scanner
            procedure = self._procedure(slip)
            person = self._person(number, partner, procedure, slip, site)
            answers = self._answers(procedure, person)
            needs = self._needs(procedure, person, slip)
            if self._fitness.fits(
                procedure,
                needs,
                age=person.age_on(self._today),
                device=answers.get(Question.CARDIAC_DEVICE) is Answer.YES,
                only_site=site if slip.in_bed else None,
            ):
                break
        planned = slip.priority is Priority.ROUTINE and (
            self._random.random() < mix.PLANNED
        )
        earliest = self._today + timedelta(days=self._random.randrange(3, 22))
        return DemoOrder(
            number=number,
            intent=Intent.NEW,
            partner=partner,
            person=person,
            procedure=procedure.code,
            priority=slip.priority,
            setting=self._setting(slip),
            list_type=_list_type(slip, planned=planned),
            requested_at=self._asked(slip.days_waited),
            site=site,
            answers=answers,
            needs=needs,
            earliest_on=earliest if planned else None,
        )

    def _site(self, partner: PartnerId, slip: _Slip) -> SiteCode:
        shares = mix.SITES[partner]
        if slip.in_bed:
            wards = self._fitness.inpatient_sites
            shares = {site: share for site, share in shares.items() if site in wards}
        return SiteCode(self._choose(shares))

    def _procedure(self, slip: _Slip) -> Procedure:
        exams = (mix.INPATIENT_EXAMS if slip.in_bed else mix.EXAMS)[slip.modality]
        if slip.priority is Priority.SUSPECTED_CANCER:
            exams = {
                code: share for code, share in exams.items() if code in mix.CANCER_EXAMS
            }
        return self._catalogue.procedure(ProcedureCode(self._choose(exams)))

    def _person(
        self,
        number: int,
        partner: PartnerId,
        procedure: Procedure,
        slip: _Slip,
        site: SiteCode,
    ) -> Person:
        random = self._random
        sex = Sex.FEMALE if random.random() < _women(procedure) else Sex.MALE
        known = random.random() >= mix.WITHOUT_NHS_NUMBER
        if random.random() < mix.LIVES_ELSEWHERE:
            district = mix.ELSEWHERE
        else:
            pulls = self._pull[site]
            district = random.choices(self._districts, cum_weights=pulls)[0]
        return make_person(
            random,
            nhs_number=next(self._numbers) if known else "",
            local_id=f"{partner[-1].upper()}{number + 1:07d}",
            sex=sex,
            age_years=self._age(procedure, slip),
            outward_code=district,
            today=self._today,
        )

    def _age(self, procedure: Procedure, slip: _Slip) -> float:
        random = self._random
        if procedure.code in mix.INFANTS_ONLY:
            return random.uniform(0.1, 0.5)
        adult = slip.in_bed or slip.priority is Priority.SUSPECTED_CANCER
        if not adult and random.random() < mix.CHILDREN[slip.modality]:
            return random.uniform(4, 17.5)
        middle = {Modality.CT: 66, Modality.DEXA: 68}.get(slip.modality, 52)
        return min(96.0, max(18.5, random.gauss(middle, 16)))

    def _needs(self, procedure: Procedure, person: Person, slip: _Slip) -> Needs:
        random = self._random
        weight: int | None = None
        if random.random() < mix.OVER_150_KG:
            weight = random.randrange(151, 215)
        elif random.random() < mix.WEIGHT_KNOWN:
            weight = round(min(140.0, max(42.0, random.gauss(78, 15))))
        if person.age_on(self._today) < _ADULT:
            weight = None
        wide = procedure.modality is Modality.MR and random.random() < mix.WIDE_BORE
        capped = not slip.in_bed and random.random() < mix.TRAVEL_CAP
        return Needs(
            weight_kg=weight,
            hoist=random.random() < mix.HOIST,
            interpreter=random.random() < mix.INTERPRETER,
            wide_bore=wide,
            general_anaesthetic=Capability.GENERAL_ANAESTHETIC in procedure.needs,
            travel_cap_km=random.randrange(20, 45, 5) if capped else None,
        )

    def _answers(self, procedure: Procedure, person: Person) -> dict[Question, Answer]:
        answers = dict.fromkeys(procedure.questions, Answer.NO)
        plain = procedure.code != "MRGA" and person.age_on(self._today) >= _ADULT
        asked = Question.CARDIAC_DEVICE in answers
        if plain and asked and self._random.random() < mix.CARDIAC_DEVICE:
            answers[Question.CARDIAC_DEVICE] = Answer.YES
        return answers

    def _setting(self, slip: _Slip) -> PatientSetting:
        if slip.in_bed:
            if slip.priority is Priority.IMMEDIATE:
                return PatientSetting.EMERGENCY
            return PatientSetting.INPATIENT
        if self._random.random() < mix.GP_DIRECT:
            return PatientSetting.GP
        return PatientSetting.OUTPATIENT

    def _asked(self, days_ago: int) -> datetime:
        """Return an instant in office hours, when the clocks never change."""
        wall = time(
            self._random.randrange(8, 18),
            self._random.randrange(60),
            self._random.randrange(60),
        )
        return local_instant(self._today - timedelta(days=days_ago), wall)

    def _choose(self, shares: Mapping[str, float]) -> str:
        return self._random.choices(list(shares), weights=list(shares.values()))[0]

    def _pulls(self, site: SiteCode) -> list[float]:
        """Return the cumulated weights of the districts: near ones send more."""
        here = self._catalogue.sites[site]
        weights = []
        for place in self._catalogue.places.values():
            away = road_km(
                here.latitude, here.longitude, place.latitude, place.longitude
            )
            weights.append(2.0 ** -(float(away) / _TRAVEL_SCALE_KM))
        return list(accumulate(weights))


def _women(procedure: Procedure) -> float:
    """Return the share of women among those who have an exam."""
    if procedure.code in mix.WOMEN_ONLY:
        return 1.0
    if procedure.code in mix.MEN_ONLY:
        return 0.0
    return 0.8 if procedure.modality is Modality.DEXA else 0.52


def _list_type(slip: _Slip, *, planned: bool) -> WaitingListType:
    if slip.in_bed:
        return WaitingListType.UNSCHEDULED
    return WaitingListType.PLANNED if planned else WaitingListType.ACTIVE
