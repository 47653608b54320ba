"""Profiles, mappings and the network for commands: from files, and the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Final

from sqlalchemy.engine import make_url

from api.bootstrap import open_storage
from api.config_files import read_policy, read_profiles, read_region
from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import SystemClock
from booking_engine.domain.identifiers import Actor, PartnerId, TimeOrderedIds
from booking_engine.domain.mappings import CodeMapping, StoredProfile
from booking_engine.settings import MEMORY_URL, Settings
from hl7_adapters.profile import Profile
from hl7_adapters.profile_source import ProfileSource

ACTOR: Final = Actor("job:command-line")


@dataclass(frozen=True, slots=True)
class InForce:
    """What a command works with.

    Parameters
    ----------
    profiles
        As they were written, of files and of the database.
    stored
        The versions that the database has, by partner.
    """

    profiles: tuple[Profile, ...]
    catalogue: Catalogue | None
    mappings: Mapping[PartnerId, Sequence[CodeMapping]]
    stored: Mapping[PartnerId, StoredProfile]


@dataclass(frozen=True, slots=True)
class Opened:
    """The database of a configuration, with the profiles in force."""

    dispatcher: Dispatcher
    source: ProfileSource


def in_force(settings: Settings, *, with_database: bool) -> InForce:
    """Return what is known of the partners.

    Parameters
    ----------
    with_database
        Whether to ask the configured database too; one that is not there, or whose
        schema is not this version's, is left out.
    """
    files = read_profiles(settings)
    opened = open_engine(settings, files) if with_database else None
    if opened is None:
        region = read_region(settings, files)
        return InForce(tuple(files.values()), region, {}, {})
    source = opened.source
    catalogue = read_region(settings, files, stored=lambda: source)
    if catalogue is None:
        with opened.dispatcher.reading(ACTOR) as session:
            catalogue = session.uow.catalogue()
    stored = {p: found for p in source if (found := source.stored(p)) is not None}
    return InForce(
        profiles=tuple(source.written(partner) for partner in source),
        catalogue=catalogue,
        mappings={partner: source.mappings(partner) for partner in source},
        stored=stored,
    )


def open_engine(
    settings: Settings, files: Mapping[PartnerId, Profile]
) -> Opened | None:
    """Return the configured database, or ``None`` if there is nothing in it."""
    url = settings.database.url
    if url == MEMORY_URL:
        return None
    parsed = make_url(url)
    if (
        parsed.get_backend_name() == "sqlite"
        and not Path(parsed.database or "").exists()
    ):
        return None
    clock = SystemClock()
    ids = TimeOrderedIds(clock, SystemRandom())
    open_work, _, storage = open_storage(url, ids)
    if not storage.at_head():
        return None
    dispatcher = Dispatcher(
        open_work, clock=clock, ids=ids, policy=read_policy(settings)
    )
    source = ProfileSource(files, clock=clock)
    source.refresh(dispatcher)
    return Opened(dispatcher, source)
