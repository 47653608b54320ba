"""The orders that are kept as files, and the partners that send them, for tests."""

from __future__ import annotations

from pathlib import Path

from booking_engine.domain.identifiers import Actor
from hl7_adapters.profile_files import load_profiles

DATA = Path(__file__).parent / "data"
PROFILES = load_profiles(DATA / "profiles")
ME = Actor("person:tester")


def stored(name):
    """Return a message as it travels: its segments end in carriage returns."""
    raw = (DATA / "hl7" / "orders" / f"{name}.er7").read_bytes()
    return raw.replace(b"\n", b"\r")


NW, XO, CA = stored("orm_nw_24"), stored("orm_xo_24"), stored("orm_ca_24")
OMI = stored("omi_nw_251")
