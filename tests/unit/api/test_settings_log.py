"""Log lines are structured and hold no patient data."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from api.log_setup import BLOT, configure_logging, drop_patient_data
from booking_engine.settings import LogSettings


@pytest.fixture
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_patient_fields_are_dropped_at_any_depth():
    line = {
        "event": "x",
        "patient_name": "Una Testperson",
        "order": {"id": "O1", "NHS_number": "9990000018", "raw": b"PID|"},
        "seen": [{"birth_date": "1980-01-01", "tier": 2}],
        "bytes": b"PID|",
    }

    assert drop_patient_data(None, "info", line) == {
        "event": "x",
        "order": {"id": "O1"},
        "seen": [{"tier": 2}],
        "bytes": "[4 bytes]",
    }


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("for 9990000018.", f"for {BLOT}."),
        ("for 999 000 0018 and 999-000-0018", f"for {BLOT} and {BLOT}"),
        ("port 1234567890", "port 1234567890"),  # fails the check: no NHS number
        ("id 19990000018", "id 19990000018"),
    ],
)
def test_nhs_numbers_are_blotted_out_of_text(text: str, clean: str):
    assert drop_patient_data(None, "info", {"event": text}) == {"event": clean}


@pytest.mark.usefixtures("_root_logger")
def test_a_line_is_json_with_its_event_and_message(capsys: pytest.CaptureFixture[str]):
    configure_logging(LogSettings())
    log = logging.getLogger("some.module")

    log.info("plan applied", extra={"event": "plan.applied", "surname": "Testperson"})
    try:
        {}["9990000018"]
    except KeyError:
        log.exception("failed")

    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first["message"] == "plan applied"
    assert first["event"] == "plan.applied"
    assert first["level"] == "info"
    assert first["logger"] == "some.module"
    assert first["timestamp"].endswith("Z")
    assert "surname" not in first
    assert "KeyError" in second["exception"]
    assert "9990000018" not in second["exception"]


@pytest.mark.usefixtures("_root_logger")
def test_the_console_format_is_for_people(capsys: pytest.CaptureFixture[str]):
    configure_logging(LogSettings(format="console", level="warning"))

    logging.getLogger("x").info("quiet")
    logging.getLogger("x").warning("loud", extra={"event": "x.loud"})

    text = capsys.readouterr().err
    assert "loud" in text
    assert "quiet" not in text
