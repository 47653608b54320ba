"""docs/conformance.md says what the engine does: it is measured again each time.

``make conformance`` writes the page anew; read the difference before you commit it.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conformance import messages
from conformance.deviations import DEVIATIONS
from conformance.measuring import STATES, Measured, measure
from conformance.page import PAGE, Place, grouped, table

from hl7_adapters.ack import Answer
from hl7_adapters.acknowledging import plan_ack
from hl7_adapters.conditions import RULES
from hl7_adapters.destination import AckMode, AckOptions
from hl7_adapters.diary_profile import KeptDiary
from hl7_adapters.er7 import decode
from hl7_adapters.inbound import READERS
from hl7_adapters.inbound_siu import TRIGGERS
from hl7_adapters.inbound_srm import REQUESTED
from hl7_adapters.order_controls import CONTROLS, Speaker
from hl7_adapters.profile_files import load_profiles

TESTS = Path(__file__).parents[1]
PLACER = load_profiles(TESTS / "data" / "profiles")
"""Partners as most are: they place orders, we keep the diary."""
FILLER = {
    **PLACER,
    "north": PLACER["north"].model_copy(
        update={
            "fills_orders": True,
            "diary": KeptDiary(resources={"mrroom1": "MR1"}),
        }
    ),
}
"""The same, where the partner is a department that fills orders and keeps a diary."""
LATER = "20261124090100"
ORDERED = ("not known", "waiting", "booked", "arrived", "cancelled")

Found = dict[Place, Measured]


def everywhere(profiles, versions, states, write: Callable[[str, str], bytes]) -> Found:
    """Measure what `write` sends, in every state, message and version."""
    return {
        (state, kind, version): measure(
            profiles,
            placed(kind, version),
            state,
            write(kind, version),
        )
        for state in states
        for kind, some in versions.items()
        for version in some
    }


def placed(kind: str, version: str) -> bytes:
    """The order that was sent before, in the same words where it is an order."""
    if kind in messages.VERSIONS:
        return messages.order(kind, version, "NW")
    return messages.order(messages.ORM, "2.4", "NW")


def controls(profiles, codes) -> str:
    return grouped(
        "ORC-1",
        {
            control: everywhere(
                profiles,
                messages.VERSIONS,
                ORDERED,
                lambda kind, version, control=control: messages.order(
                    kind, version, control, control_id="C2", at=LATER
                ),
            )
            for control in codes
        },
        messages.CONTROL_NAMES,
    )


def from_anybody() -> str:
    return controls(
        PLACER, [c for c, rule in CONTROLS.items() if rule.by is Speaker.ANYBODY]
    )


def from_fillers() -> str:
    return controls(
        FILLER, [c for c, rule in CONTROLS.items() if rule.by is Speaker.FILLER]
    )


def order_states() -> str:
    return grouped(
        "ORC-1, ORC-5, OBR-25",
        {
            f"{control} {status} {result}".strip(): everywhere(
                FILLER,
                messages.VERSIONS,
                ORDERED,
                lambda kind, version, c=control, s=status, r=result: messages.order(
                    kind, version, c, status=s, result=r, control_id="C2", at=LATER
                ),
            )
            for control, status, result in messages.ORDER_STATES
        },
        {},
    )


def administration() -> str:
    versions = {"ADT": messages.ADT_VERSIONS}
    found = {
        event: everywhere(
            PLACER,
            versions,
            ("not known", "waiting", "booked"),
            lambda _, version, event=event: messages.adt(event, version),
        )
        for event in READERS["ADT"]
    }
    for what, pid in messages.CHANGED_PID.items():
        found[f"A08 {what}"] = everywhere(
            PLACER,
            versions,
            ("not known", "waiting", "booked"),
            lambda _, version, pid=pid: messages.adt("A08", version, pid=pid),
        )
    return grouped("event", found, messages.EVENT_NAMES)


def diaries() -> str:
    versions = {"SIU": messages.SIU_VERSIONS}

    def after(event: str, version: str) -> Found:
        return {
            (state, "SIU", version): measure(
                FILLER,
                messages.order(messages.ORM, "2.4", "NW"),
                "waiting",
                messages.siu(event, version, starts=messages.NEXT[event]),
                first=first(version),
            )
            for state, first in (
                ("not known", lambda _: ()),
                (
                    "known",
                    lambda version: [
                        messages.siu("S12", version, control_id="C0", at=LATER[:-2])
                    ],
                ),
                (
                    "closed time",
                    lambda version: [
                        messages.siu("S23", version, control_id="C0", at=LATER[:-2])
                    ],
                ),
            )
        }

    found = {
        event: {
            place: one
            for version in versions["SIU"]
            for place, one in after(event, version).items()
        }
        for event in TRIGGERS
    }
    return grouped("event", found, messages.EVENT_NAMES)


def answers() -> str:
    asking = {
        **FILLER,
        "north": FILLER["north"].model_copy(
            update={"ack": AckOptions(order_answers=True)}
        ),
    }
    return grouped(
        "ORC-1",
        {
            control: everywhere(
                asking,
                messages.VERSIONS,
                ("not known", "waiting", "arrived"),
                lambda kind, version, control=control: messages.order(
                    kind, version, control, control_id="C2", at=LATER
                ),
            )
            for control in messages.ASKING
        },
        messages.CONTROL_NAMES,
    )


def requests() -> str:
    requested = (
        ("no such order", "not known", ()),
        ("order waits", "waiting", ()),
        ("requested before", "waiting", ("S01",)),
    )
    found = {
        event: {
            (title, "SRM", version): measure(
                FILLER,
                messages.order(messages.ORM, "2.4", "NW"),
                state,
                messages.srm(event, version, day=messages.DAY[event]),
                first=[
                    messages.srm(each, version, control_id="C0", at=LATER[:-2])
                    for each in first
                ],
            )
            for version in messages.SRM_VERSIONS
            for title, state, first in requested
        }
        for event in REQUESTED
    }
    found["S25"] = {
        ("no such order", "SQM", version): measure(
            FILLER,
            messages.order(messages.ORM, "2.4", "NW"),
            "not known",
            messages.sqm(version),
        )
        for version in messages.SRM_VERSIONS
    }
    return grouped("event", found, messages.REQUEST_NAMES)


def refusals() -> str:
    """The answers of each condition, in each mode; a profile may override them."""
    north = PLACER["north"]
    request = decode(
        messages.order(messages.ORM, "2.5.1", "NW").replace(
            b"|P|2.5.1", b"|P|2.5.1|||AL|AL"
        )
    )
    rows = []
    for condition, rule in RULES.items():
        answer = Answer(rule.reply, rule.error)
        cells = []
        for mode in AckMode:
            profile = north.model_copy(update={"ack": AckOptions(mode=mode)})
            plan = plan_ack(request, profile, answer)
            cells.append(f"{plan.code}{', then ' + rule.reply if plan.later else ''}")
        rows.append(
            (
                condition.value.replace("_", " "),
                rule.error,
                *cells,
                rule.accepting or "not allowed: an order would be lost",
            )
        )
    return table(
        ("condition", "error", *(mode.value for mode in AckMode), "AA would mean"),
        rows,
    )


def deviations() -> str:
    return table(
        ("deviation", "what we do", "test"),
        ((what, does, f"`{test}`") for what, does, test in DEVIATIONS),
    )


SECTIONS = {
    "Orders: what anybody may ask": from_anybody,
    "Orders: what only a filler may say": from_fillers,
    "Order states": order_states,
    "Application answers to orders": answers,
    "Patient administration": administration,
    "Diaries of other systems": diaries,
    "Requests and queries": requests,
    "Refusals and acknowledgements": refusals,
    "Deviations": deviations,
}


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_says_what_the_engine_does(title):
    section = f"## {title}\n\n{SECTIONS[title]()}\n"
    if os.environ.get("CONFORMANCE_WRITE"):
        write(title, section)
    assert section in PAGE.read_text(encoding="utf-8"), (
        f"{title} is out of date; run make conformance and read the difference"
    )


@pytest.mark.parametrize("test", sorted({test for _, _, test in DEVIATIONS}))
def test_every_deviation_has_its_test(test):
    file, _, name = test.partition("::")
    tree = ast.parse((TESTS.parent / file).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name in names, test


def test_every_state_can_be_reached():
    for state in STATES:
        place = messages.order(messages.ORM, "2.4", "NW")
        sent = messages.order(messages.ORM, "2.4", "RE", control_id="C2", at=LATER)
        assert measure(PLACER, place, state, sent).answer == "AA"


def write(title: str, section: str) -> None:
    """Replace one section of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(f"## {title}\n")
    _, mark, after = rest.partition("\n## ")
    PAGE.write_text(f"{before}{section}{mark}{after}", encoding="utf-8")
