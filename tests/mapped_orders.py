"""Order messages, changed and mapped to commands, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.orders import HoldCode
from hl7_adapters.er7 import decode
from hl7_adapters.inbound import to_commands
from hl7_adapters.profile_files import load_profiles

DATA = Path(__file__).parent / "data"
PROFILES = load_profiles(DATA / "profiles")
NORTH, SOUTH = PROFILES[PartnerId("north")], PROFILES[PartnerId("south")]
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def stored(name: str) -> str:
    text = (DATA / "hl7" / "orders" / f"{name}.er7").read_text(encoding="utf-8")
    return text.replace("\n", "\r")


NW = stored("orm_nw_24")


def mapped(text: str, profile=NORTH):
    return to_commands(decode(text.encode()), profile, now=NOW)


def one(text: str, profile=NORTH):
    (command,) = mapped(text, profile).commands
    return command


def changed(old: str, new: str, text: str = NW) -> str:
    assert old in text
    return text.replace(old, new, 1)


def held(command) -> set[tuple[HoldCode, str]]:
    return {(hold.code, hold.detail) for hold in command.holds}
