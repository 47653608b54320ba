"""What a process is told when it starts: one file, overlaid by the environment.

`load_settings` reads a TOML or YAML file; ``BOOKING_…`` variables override it, with two
underscores between section and key (``BOOKING_HTTP__PORT=8081``). The result is frozen
and handed on as values: nothing else in the project reads the environment.

Errors::

    SettingsError   says in one line which file or variable, which key, and what to do
"""

from __future__ import annotations

from booking_engine.settings.endpoints import (
    HttpSettings,
    ListenerSettings,
    ListenerTls,
    is_loopback,
)
from booking_engine.settings.files import SettingsError, read_mapping
from booking_engine.settings.whole import Settings, load_settings
from booking_engine.settings.work import (
    MEMORY_URL,
    DatabaseSettings,
    JobSettings,
    LogSettings,
    PlanSection,
    RelaySettings,
    RetentionSettings,
    WatchSettings,
)

__all__ = [
    "MEMORY_URL",
    "DatabaseSettings",
    "HttpSettings",
    "JobSettings",
    "ListenerSettings",
    "ListenerTls",
    "LogSettings",
    "PlanSection",
    "RelaySettings",
    "RetentionSettings",
    "Settings",
    "SettingsError",
    "WatchSettings",
    "is_loopback",
    "load_settings",
    "read_mapping",
]
