"""Clinicians as one line of text."""

import pytest

from booking_engine.domain.clinicians import Clinician
from booking_engine.domain.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "name", "number"),
    [
        ("Dr A. Example (GMC 1234567)", "Dr A. Example", "1234567"),
        ("  Dr  A. Example(gmc 1234567) ", "Dr A. Example", "1234567"),
        ("Ward 1", "Ward 1", ""),
        ("Dr A (locum)", "Dr A (locum)", ""),
    ],
)
def test_a_clinician_is_read_and_written(text, name, number):
    found = Clinician.read(text)

    assert found == Clinician(name, number)
    assert Clinician.read(str(found)) == found


@pytest.mark.parametrize(
    "text",
    ["", " ", "(GMC 1234567)", "Dr A (GMC 12345)", "Dr A GMC 1234567", "Dr A (GMC)"],
)
def test_what_is_no_clinician_is_refused_with_an_example(text):
    with pytest.raises(InvalidValue, match=r"like Dr A. Example \(GMC 1234567\)"):
        Clinician.read(text)
