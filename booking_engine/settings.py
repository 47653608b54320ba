"""What a process is told when it starts: one file, overlaid by the environment.

`load_settings` reads a TOML or YAML file; ``BOOKING_…`` variables override it, with two
underscores between section and key (``BOOKING_HTTP__PORT=8081``). The result is frozen
and handed on as values: nothing else in the project reads the environment.

Errors::

    SettingsError   says in one line which file or variable, which key, and what to do
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from booking_engine.domain.messages import MessageOutcome

PREFIX: Final = "BOOKING_"
MEMORY_URL: Final = "memory:"
"""As database URL: nothing is kept; for demonstrations and tests."""


KeptDays = Annotated[int, Field(ge=30, le=36500)]


class SettingsError(Exception):
    """The configuration cannot be used; the text is one line with the remedy."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Section(BaseModel):
    """One part of the configuration: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(Section):
    """Where everything is stored.

    Parameters
    ----------
    url
        An SQLAlchemy URL of SQLite or PostgreSQL, or ``memory:``.
    """

    url: str = Field(
        default="sqlite:///var/booking-engine.db", min_length=1, repr=False
    )


class ListenerTls(Section):
    """How an MLLP endpoint is secured; files are PEM, relative to this file.

    Parameters
    ----------
    certificate, key
        What we show; the key without a password.
    ca
        Authorities that senders' certificates must come from.
    client_certificates
        Whether senders must show a certificate: ``required``, ``optional`` or ``none``.
    minimum
        Oldest version of TLS.
    """

    certificate: Path
    key: Path
    ca: Path | None = None
    client_certificates: Literal["required", "optional", "none"] = "required"
    minimum: Literal["1.2", "1.3"] = "1.2"

    @model_validator(mode="after")
    def _can_check(self) -> Self:
        """Refuse to ask for certificates that nobody could have issued."""
        if self.ca is None and self.client_certificates != "none":
            raise ValueError(
                "ca is missing, so no sender's certificate can be checked; set ca, or"
                ' client_certificates = "none"'
            )
        return self


class ListenerSettings(Section):
    """An MLLP endpoint that takes orders in.

    Parameters
    ----------
    port
        0 picks a free one; 2575 is registered for HL7.
    tls
        How it is secured; without it only a loopback host is accepted.
    plain_ok
        Lets other machines connect without TLS, as over a VPN.
    partner
        Whose port it is: nobody else is heard here, and a profile without senders is
        recognised by it. Empty: everybody's.
    raw_ok
        Whether messages without MLLP framing are accepted, and answered alike.
    batch
        Most frames that share one transaction.
    batch_messages
        Most messages in one HL7 batch (FHS, BHS).
    connections
        Most connections. A further one takes the place of the oldest that has not sent
        a whole frame yet; where there is none it is closed at once.
    max_bytes
        Longest frame, in bytes.
    held_bytes
        Most bytes of unfinished frames, and of frames that wait, on all connections.
    idle_seconds
        A connection without traffic is closed after this.
    frame_seconds
        Longest time from the first to the last byte of a frame, and longest time that
        answers may stay unread.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=2575, ge=0, le=65535)
    tls: ListenerTls | None = None
    plain_ok: bool = False
    partner: str = ""
    raw_ok: bool = False
    batch: int = Field(default=200, ge=1)
    batch_messages: int = Field(default=500, ge=1)
    connections: int = Field(default=200, ge=1)
    max_bytes: int = Field(default=8_000_000, ge=1024)
    held_bytes: int = Field(default=256_000_000, ge=1024)
    idle_seconds: float = Field(default=900.0, gt=0)
    frame_seconds: float = Field(default=120.0, gt=0)

    @model_validator(mode="after")
    def _never_open_by_chance(self) -> Self:
        """Refuse to take patients' data from other machines in the clear, unasked."""
        if self.tls is None and not self.plain_ok and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines but no TLS is"
                " set; set tls, use 127.0.0.1, or set plain_ok = true where the network"
                " itself is private"
            )
        return self


class HttpSettings(Section):
    """The HTTP endpoint.

    Parameters
    ----------
    keys
        YAML file of API keys. Without it anyone on this machine is let in, so only a
        loopback host is accepted.
    port
        0 picks a free one.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    keys: Path | None = None

    @model_validator(mode="after")
    def _never_open_without_keys(self) -> Self:
        """Refuse to serve other machines without knowing who asks."""
        if self.keys is None and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines but no API keys"
                " are set; set http.keys or use 127.0.0.1"
            )
        return self


class PlanSection(Section):
    """Planning runs.

    Parameters
    ----------
    at
        Time of the nightly run, in UTC (local times near 01:30 come twice in autumn);
        none: only on request.
    seconds, work
        When a run stops; see `PlanSettings`. At least one is needed.
    target_gap
        Stop once the certified gap is this small.
    """

    at: time | None = time(2, 10)
    seconds: float | None = Field(default=30.0, gt=0)
    work: int | None = Field(default=None, ge=0)
    target_gap: float = Field(default=0.005, ge=0)
    seed: int = 1
    workers: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _ends(self) -> Self:
        """Refuse a run that would never stop."""
        if self.seconds is None and self.work is None:
            raise ValueError("a run needs seconds or work to stop; set one of them")
        return self


class RelaySettings(Section):
    """Messages going out.

    Parameters
    ----------
    batch
        Most deliveries taken up at once.
    first_wait_seconds, longest_wait_seconds
        The wait before the first repeat is doubled each time, up to the longest.
    idle_seconds
        Pause when nothing is due.
    """

    batch: int = Field(default=200, ge=1)
    first_wait_seconds: float = Field(default=2.0, gt=0)
    longest_wait_seconds: float = Field(default=300.0, gt=0)
    idle_seconds: float = Field(default=0.5, gt=0)


class JobSettings(Section):
    """What runs by itself.

    Parameters
    ----------
    expire_holds_seconds
        How often lapsed holds are released.
    urgent_seconds
        How often waiting urgent orders are looked for; arrivals are seen at once.
    urgent_tier
        Orders of this tier or a more urgent one are booked on arrival: 0 immediate,
        1 inpatient, 2 suspected cancer, 3 urgent, 4 routine; -1: none.
    urgent_retry_seconds
        How long an order that found no slot is left alone.
    diary_days
        How far ahead sessions are generated from their templates.
    """

    expire_holds_seconds: float = Field(default=30.0, gt=0)
    urgent_seconds: float = Field(default=5.0, gt=0)
    urgent_tier: int = Field(default=2, ge=-1, le=4)
    urgent_retry_seconds: float = Field(default=300.0, gt=0)
    diary_days: int = Field(default=56, ge=1, le=400)


class RetentionSettings(Section):
    """How long messages are kept; by default for ever.

    At least 30 days: a sender's repeats are recognised by what is kept.

    Parameters
    ----------
    messages_days
        Inbound messages, from their receipt.
    messages_days_by_outcome
        Likewise by outcome, such as ``{duplicate: 30}``.
    deliveries_days
        Outgoing messages that were delivered or skipped, from their event.
    """

    messages_days: KeptDays | None = None
    messages_days_by_outcome: dict[MessageOutcome, KeptDays] = Field(
        default_factory=dict
    )
    deliveries_days: KeptDays | None = None


class WatchSettings(Section):
    """The watch over the partners' feeds; each profile has its own thresholds.

    Parameters
    ----------
    every_seconds
        How often it looks.
    window_minutes
        The time over which rates and latencies are taken.
    webhook
        Told of every alert, as JSON; none: nobody is. Other machines only by https.
    """

    every_seconds: float = Field(default=60.0, gt=0)
    window_minutes: float = Field(default=30.0, gt=0)
    webhook: str | None = Field(default=None, repr=False)

    @field_validator("webhook")
    @classmethod
    def _can_be_called(cls, url: str | None) -> str | None:
        """Refuse what is no address, or would travel readable."""
        if url is None:
            return None
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        if not host or not (secure or (parts.scheme == "http" and is_loopback(host))):
            raise ValueError("give an https address, or http to this machine")
        return url


class LogSettings(Section):
    """What is written to standard error.

    Parameters
    ----------
    format
        ``json`` for machines, ``console`` for people.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Settings(BaseSettings):
    """The whole configuration.

    Parameters
    ----------
    partners
        Directory of partner profiles, one YAML file each.
    region
        YAML file of organisations, sites, scanners, contracts and procedures; it
        replaces what is stored at each start. None: what is stored is used.
    policy
        YAML or TOML file of published weights; none: the defaults.
    listener, listeners
        Where messages come in: one endpoint, and further ones beside it, such as a port
        for each partner.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
    )

    partners: Path | None = None
    region: Path | None = None
    policy: Path | None = None
    database: DatabaseSettings = DatabaseSettings()
    listener: ListenerSettings = ListenerSettings()
    listeners: tuple[ListenerSettings, ...] = ()
    http: HttpSettings = HttpSettings()
    plan: PlanSection = PlanSection()
    relay: RelaySettings = RelaySettings()
    jobs: JobSettings = JobSettings()
    retention: RetentionSettings = RetentionSettings()
    watch: WatchSettings = WatchSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override what the file says."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load_settings(file: Path | None = None) -> Settings:
    """Return the configuration of a file (or the defaults) and the environment.

    Paths in the file are relative to the file; the database URL is taken as it is.

    Raises
    ------
    SettingsError
        The file cannot be read, or a key or value cannot be used.
    """
    values: dict[str, Any] = {} if file is None else read_mapping(file)
    _refuse_unknown_variables(os.environ)
    try:
        settings = Settings(**(values if file is None else _anchored(values, file)))
    except ValidationError as error:
        raise _first_problem(error, file) from error
    except ValueError as error:  # from pydantic-settings: a variable that is no JSON
        raise SettingsError(f"environment: {error}") from error
    return settings


def read_mapping(file: Path) -> dict[str, Any]:
    """Return the mapping that a TOML or YAML file holds.

    Raises
    ------
    SettingsError
        The file cannot be read, or is something else.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise SettingsError(f"{file}: {reason}; give a readable file") from error
    try:
        if file.suffix == ".toml":
            return tomllib.loads(text)
        if file.suffix in {".yaml", ".yml"}:
            value = YAML(typ="safe", pure=True).load(text)
        else:
            raise SettingsError(
                f"{file}: the ending is {file.suffix!r}; use .toml, .yaml or .yml"
            )
    except (tomllib.TOMLDecodeError, YAMLError) as error:
        first = str(error).strip().splitlines()
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or first[0]
        raise SettingsError(f"{file}{where}: {problem}; correct the syntax") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError(f"{file}: is not a mapping; begin with a key such as http:")
    return value


def _anchored(values: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return the values with their paths made relative to the file's directory."""
    found = dict(values)
    for key in ("partners", "region", "policy"):
        if isinstance(found.get(key), str):
            found[key] = file.parent / found[key]
    http = found.get("http")
    if isinstance(http, dict) and isinstance(http.get("keys"), str):
        found["http"] = {**http, "keys": file.parent / http["keys"]}
    if "listener" in found:
        found["listener"] = _anchored_listener(found["listener"], file)
    further = found.get("listeners")
    if isinstance(further, list):
        found["listeners"] = [_anchored_listener(each, file) for each in further]
    return found


def _anchored_listener(values: Any, file: Path) -> Any:
    tls = values.get("tls") if isinstance(values, dict) else None
    if not isinstance(tls, dict):
        return values
    paths = {
        key: file.parent / tls[key]
        for key in ("certificate", "key", "ca")
        if isinstance(tls.get(key), str)
    }
    return {**values, "tls": {**tls, **paths}}


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """Refuse a variable that looks like ours and sets nothing."""
    for name in environment:
        if not name.upper().startswith(PREFIX):
            continue
        key = name[len(PREFIX) :].split("__")[0].lower()
        if key not in Settings.model_fields:
            raise SettingsError(
                f"environment: {name} is not a setting;"
                f" {_suggestion(key, Settings.model_fields)}"
            )


def _first_problem(error: ValidationError, file: Path | None) -> SettingsError:
    item = error.errors(include_url=False, include_input=False)[0]
    location = [str(step) for step in item["loc"]]
    key = ".".join(location)
    variable = PREFIX + "__".join(location).upper()
    names = {name.upper() for name in os.environ}
    source = "environment" if file is None or variable in names else str(file)
    shown = variable if source == "environment" else key
    if item["type"] == "extra_forbidden":
        known = _keys_beside(location)
        return SettingsError(
            f"{source}: {shown} is not a setting; {_suggestion(location[-1], known)}"
        )
    text = item["msg"].removeprefix("Value error, ")
    remedy = "" if item["type"] == "value_error" else "; correct or remove it"
    return SettingsError(f"{source}: {shown}: {text}{remedy}")


def _keys_beside(location: list[str]) -> Mapping[str, object]:
    """Return the known keys of the section that `location` points into."""
    fields: Mapping[str, Any] = Settings.model_fields
    for step in location[:-1]:
        if step.isdecimal():  # one of several
            continue
        kind = fields[step].annotation if step in fields else None
        section = next(
            (each for each in (kind, *get_args(kind)) if _is_section(each)), None
        )
        if section is None:
            return {}
        fields = section.model_fields
    return fields


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _suggestion(key: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"use one of {', '.join(known)}" if known else "remove it"
