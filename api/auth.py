"""Who asks: an API key, or on this machine alone a name that is believed.

Keys are kept as SHA-256 in a YAML file::

    keys:
      - actor: interface:clerks-front-end
        sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        expires_on: 2027-03-31
        speaks_for_people: true

A key that speaks for people may name the person in ``X-Actor``. Without a key file
only loopback is served, the name in ``X-Actor`` is believed, and the Host header must
be this machine's own, so that no web page can reach in by a borrowed name.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.problems import Problem
from booking_engine.domain.clock import Clock, local_date
from booking_engine.domain.identifiers import Actor
from booking_engine.settings import SettingsError, is_loopback, read_mapping

ACTOR: Final = re.compile(r"(person|interface):[A-Za-z0-9._@-]{1,64}")
LOCAL_PERSON: Final = Actor("person:local")
_BEARER: Final = "bearer "


class ApiKey(BaseModel):
    """One key.

    Parameters
    ----------
    sha256
        Of the key, in hex; the key itself is nowhere.
    expires_on
        First day on which it is refused.
    speaks_for_people
        Whether ``X-Actor`` may name the person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str = Field(pattern=f"^{ACTOR.pattern}$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    expires_on: date | None = None
    speaks_for_people: bool = False


class KeyFile(BaseModel):
    """The file of keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[ApiKey, ...] = Field(min_length=1)


def load_keys(file: Path) -> tuple[ApiKey, ...]:
    """Return the keys of a file.

    Raises
    ------
    SettingsError
        The file cannot be used.
    """
    try:
        return KeyFile.model_validate(read_mapping(file)).keys
    except ValidationError as error:
        item = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(step) for step in item["loc"])
        raise SettingsError(f"{file}: {key}: {item['msg']}; correct it") from error


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides who a request comes from.

    Parameters
    ----------
    keys
        ``None`` where none are set: then only this machine is served.
    """

    keys: Sequence[ApiKey] | None
    clock: Clock

    def actor_of(self, request: Request, named: str | None) -> Actor:
        """Return who asks.

        Parameters
        ----------
        named
            What ``X-Actor`` says.

        Raises
        ------
        Problem
            ``auth.required``, ``auth.actor`` or ``auth.host``.
        """
        if named is not None and not ACTOR.fullmatch(named):
            raise Problem("auth.actor", "X-Actor is not readable.")
        if self.keys is None:
            # Behind a proxy with keys this check does not apply; without keys nobody
            # else is served at all (settings.HttpSettings).
            if not is_loopback(request.url.hostname or ""):
                raise Problem("auth.host", "This host name is not served.")
            return LOCAL_PERSON if named is None else Actor(named)
        key = self._key_of(request)
        if named is not None and key.speaks_for_people:
            return Actor(named)
        return Actor(key.actor)

    def _key_of(self, request: Request) -> ApiKey:
        given = request.headers.get("authorization", "")
        digest = hashlib.sha256(given[len(_BEARER) :].encode()).hexdigest()
        today = local_date(self.clock.now())
        if given.lower().startswith(_BEARER):
            for key in self.keys or ():
                if hmac.compare_digest(key.sha256, digest) and not (
                    key.expires_on is not None and today >= key.expires_on
                ):
                    return key
        raise Problem(
            "auth.required",
            "The API key is missing, unknown or expired.",
            headers={"WWW-Authenticate": "Bearer"},
        )
