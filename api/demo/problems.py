"""Turns some of the demo's plain orders into what hospitals really send.

A code that nobody mapped, a birth date left out, a safety question unanswered: at most
one problem each, in the shares of `mix`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from random import Random
from typing import Final, TypeAlias

from api.demo import mix
from api.demo.cases import DemoOrder
from api.demo.mix import Intent, share_of
from api.demo.people import with_wrong_check_digit
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.safety import YES_NEEDS_A_PERSON, Answer, Question
from booking_engine.domain.vocabulary import Modality, PatientSetting, Sex

_ADULT: Final = 18
_OUT: Final = frozenset({PatientSetting.OUTPATIENT, PatientSetting.GP})


# Two tests ------------------------------------------------------------------------


def with_two_tests(
    orders: list[DemoOrder], catalogue: Catalogue, today: date
) -> tuple[list[DemoOrder], set[int]]:
    """Give some patients of one sender a CT besides their MRI.

    Returns the orders, and the numbers of those that now share a patient.
    """
    wanted = share_of(mix.TWO_TESTS, len(orders))
    found = list(orders)
    plain = [order for order in orders if _is_simple(order, today)]
    seconds = [o for o in plain if _modality(o, catalogue) is Modality.CT]
    twins: set[int] = set()
    for first in plain:
        if len(twins) >= 2 * wanted:
            break
        if _modality(first, catalogue) is not Modality.MR:
            continue
        second = next((o for o in seconds if o.partner == first.partner), None)
        if second is None:
            continue
        seconds.remove(second)
        twins |= {first.number, second.number}
        found[second.number] = replace(second, person=first.person)
    return found, twins


def _modality(order: DemoOrder, catalogue: Catalogue) -> Modality:
    return catalogue.procedure(order.procedure).modality


def _is_simple(order: DemoOrder, today: date) -> bool:
    """Return whether another order may be for the same patient as this one."""
    return (
        order.setting is PatientSetting.OUTPATIENT
        and order.person.age_on(today) >= _ADULT
        and order.needs.weight_kg is None
        and Answer.YES not in order.answers.values()
    )


# Problems -------------------------------------------------------------------------


def with_problems(
    orders: list[DemoOrder], *, spared: set[int], random: Random
) -> list[DemoOrder]:
    """Return the orders, some of them with a problem.

    Parameters
    ----------
    spared
        Numbers of orders that stay plain.
    """
    found = list(orders)
    free = [o for o in orders if o.number not in spared and o.setting in _OUT]
    random.shuffle(free)
    # Kinds that few orders can have choose first.
    for intent in sorted(_MAY_HAVE, key=lambda i: sum(map(_MAY_HAVE[i], free))):
        wanted = share_of(mix.PROBLEMS[intent], len(orders))
        chosen = [order for order in free if _MAY_HAVE[intent](order)][:wanted]
        taken = {order.number for order in chosen}
        free = [order for order in free if order.number not in taken]
        for order in chosen:
            found[order.number] = _with_problem(order, intent, random)
    return found


def _with_problem(order: DemoOrder, intent: Intent, random: Random) -> DemoOrder:
    order = replace(order, intent=intent)
    match intent:
        case Intent.CLOSED_PROVIDER:
            return replace(order, site=mix.CLOSED_SITE[1])
        case Intent.INVALID_NHS_NUMBER:
            wrong = with_wrong_check_digit(order.person.nhs_number)
            return replace(order, person=replace(order.person, nhs_number=wrong))
        case Intent.MISSING_SAFETY_ANSWER:
            answers = dict(order.answers)
            question = random.choice(list(answers))
            # Not sent and sent as "not known" come to the same: unknown blocks.
            if random.getrandbits(1):
                answers[question] = Answer.UNKNOWN
            else:
                del answers[question]
            return replace(order, answers=answers)
        case Intent.NEEDS_CLINICIAN:
            question = random.choice(_may_be_yes(order))
            return replace(order, answers={**order.answers, question: Answer.YES})
        case _:
            return order  # what is wrong stands in the message alone


def _may_be_yes(order: DemoOrder) -> list[Question]:
    """Return the questions where a yes is for a clinician."""
    asked = [question for question in order.answers if question in YES_NEEDS_A_PERSON]
    if order.person.sex is Sex.MALE:
        return [question for question in asked if question is not Question.PREGNANCY]
    return asked


Test: TypeAlias = Callable[[DemoOrder], bool]


def _any(order: DemoOrder) -> bool:
    return bool(order.placer_number)


def _is_of_closed_clinic(order: DemoOrder) -> bool:
    return order.partner == mix.CLOSED_SITE[0]


def _has_nhs_number(order: DemoOrder) -> bool:
    return bool(order.person.nhs_number)


def _is_asked(order: DemoOrder) -> bool:
    return bool(order.answers)


def _can_be_yes(order: DemoOrder) -> bool:
    return bool(_may_be_yes(order))


_MAY_HAVE: Final[dict[Intent, Test]] = {
    Intent.UNMAPPED_PROCEDURE: _any,
    Intent.UNKNOWN_URGENCY: _any,
    Intent.MISSING_BIRTH_DATE: _any,
    Intent.NON_IMAGING: _any,
    Intent.CLOSED_PROVIDER: _is_of_closed_clinic,
    Intent.INVALID_NHS_NUMBER: _has_nhs_number,
    Intent.MISSING_SAFETY_ANSWER: _is_asked,
    Intent.NEEDS_CLINICIAN: _can_be_yes,
}
"""Which orders can have which problem; the same keys as `mix.PROBLEMS`."""
