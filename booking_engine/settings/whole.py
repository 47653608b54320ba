"""The whole configuration, from one file and the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from booking_engine.settings.endpoints import HttpSettings, ListenerSettings
from booking_engine.settings.files import SettingsError, read_mapping
from booking_engine.settings.work import (
    DatabaseSettings,
    JobSettings,
    LogSettings,
    PlanSection,
    RelaySettings,
    RetentionSettings,
    WatchSettings,
)

PREFIX: Final = "BOOKING_"


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
        YAML file of published weights and limits; none: the defaults.
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
