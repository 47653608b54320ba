"""Logging: structured lines on standard error, with patient data taken out.

Modules log through the standard library; structlog renders. Whatever a line carries,
fields that hold patient data are dropped and NHS numbers in text are blotted out.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog

from booking_engine.domain.patients import nhs_number_is_valid
from booking_engine.settings import LogSettings

PATIENT_KEYS: Final = frozenset(
    {
        "ack",
        "address",
        "birth_date",
        "clinical_reason",
        "dob",
        "family_name",
        "frame",
        "given_name",
        "local_id",
        "name",
        "nhs_number",
        "outward_code",
        "patient",
        "patient_name",
        "payload",
        "pid",
        "postcode",
        "raw",
        "surname",
    }
)
"""Fields that never reach a log, at any depth."""
BLOT: Final = "[nhs number]"
_TEN_DIGITS: Final = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")
_QUIET: Final = ("apscheduler", "uvicorn", "alembic")


def drop_patient_data(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Return the line without patient data (a structlog processor)."""
    return {
        key: _clean(value)
        for key, value in line.items()
        if key.lower() not in PATIENT_KEYS
    }


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _TEN_DIGITS.sub(_blot, value)
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping):
        return {
            key: _clean(item)
            for key, item in value.items()
            if str(key).lower() not in PATIENT_KEYS
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return value


def _blot(found: re.Match[str]) -> str:
    digits = found[0].replace(" ", "").replace("-", "")
    return BLOT if nhs_number_is_valid(digits) else found[0]


def configure_logging(settings: LogSettings) -> None:
    """Have everything that is logged written to standard error."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), event_key="message"
        )
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                _keep_message,
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                drop_patient_data,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _keep_message(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep the text apart, since `extra` names the event by the same key."""
    line["message"] = line.pop("event", "")
    return line
