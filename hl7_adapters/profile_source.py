"""The profiles in force, in one place that a running process may ask at any time.

Profiles come from files, read once when a process starts, and from the database, where
the API keeps them with the mappings made since. Whoever reads messages asks here for
each frame, which costs an attribute; the database is asked by `ProfileSource.refresh`,
right after a change in this process, and every second for those of others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from booking_engine.domain.clock import Clock
from booking_engine.domain.errors import MappingConflict
from booking_engine.domain.identifiers import Actor, PartnerId
from booking_engine.domain.mappings import CodeMapping, StoredProfile
from hl7_adapters.mappings import Effective, effective
from hl7_adapters.profile import Profile, by_sender
from hl7_adapters.profile_errors import ProfileError
from hl7_adapters.profile_files import check_senders, parse_profile

if TYPE_CHECKING:
    from booking_engine.application.dispatch import Dispatcher

log = logging.getLogger(__name__)

ACTOR: Final = Actor("job:profiles")


class Senders(Protocol):
    """Who knows whose message one is."""

    @property
    def owners(self) -> Mapping[tuple[str, str], Profile]:
        """The profiles by sender, as `profile.by_sender` has them.

        Another object once anything has changed.
        """
        ...

    @property
    def everybody(self) -> Collection[Profile]:
        """All profiles, also of those who send nothing."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSenders:
    """The same profiles for ever."""

    owners: Mapping[tuple[str, str], Profile]
    everybody: Collection[Profile]


def senders_of(profiles: Iterable[Profile] | Senders) -> Senders:
    """Return profiles as something to ask for a sender's."""
    if isinstance(profiles, ProfileSource | FixedSenders):
        return profiles
    assert isinstance(profiles, Iterable), "senders are a source or profiles"
    known = tuple(profiles)
    return FixedSenders(by_sender(known), known)


@dataclass(frozen=True, slots=True)
class _State:
    """What was in force at one instant; replaced as a whole."""

    effective: Mapping[PartnerId, Effective]
    owners: Mapping[tuple[str, str], Profile]
    changes_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the database was found to hold."""

    version: int = -1
    profiles: Mapping[PartnerId, tuple[StoredProfile, Profile]] = field(
        default_factory=dict
    )
    mappings: Mapping[PartnerId, tuple[CodeMapping, ...]] = field(default_factory=dict)


class ProfileSource(Mapping[PartnerId, Profile]):
    """All profiles by partner, as they are in force at this moment.

    Parameters
    ----------
    files
        Profiles that files state; none of them can be replaced over the API.
    clock
        Tells which codes have begun and ended.
    """

    def __init__(self, files: Mapping[PartnerId, Profile], *, clock: Clock) -> None:
        self._files = dict(files)
        self._clock = clock
        self._lock = threading.Lock()
        self._stored = _Stored()
        self._generation = 0
        self._faults: dict[PartnerId, str] = {}
        self._state = self._built()

    # As a mapping ---------------------------------------------------------------------

    def __getitem__(self, partner: PartnerId) -> Profile:
        return self._now().effective[partner].profile

    def __iter__(self) -> Iterator[PartnerId]:
        return iter(self._now().effective)

    def __len__(self) -> int:
        return len(self._now().effective)

    # What is in force -----------------------------------------------------------------

    @property
    def owners(self) -> Mapping[tuple[str, str], Profile]:
        """The profiles by sender, as `profile.by_sender` has them."""
        return self._now().owners

    @property
    def everybody(self) -> Collection[Profile]:
        """All profiles, also of those who send nothing."""
        return [one.profile for one in self._now().effective.values()]

    @property
    def generation(self) -> int:
        """Grows whenever what is in force changes in any way."""
        self._now()
        return self._generation

    @property
    def faults(self) -> Mapping[PartnerId, str]:
        """Why stored profiles are not used, by partner; empty if all are."""
        return self._faults

    def effective(self, partner: PartnerId) -> Effective:
        """Return a profile with what decides each of its codes; raises KeyError."""
        return self._now().effective[partner]

    def written(self, partner: PartnerId) -> Profile:
        """Return a profile as it was written, without mappings; raises KeyError."""
        if partner in self._files:
            return self._files[partner]
        return self._stored.profiles[partner][1]

    def mappings(self, partner: PartnerId) -> tuple[CodeMapping, ...]:
        """Return all mappings of a partner, oldest first."""
        return self._stored.mappings.get(partner, ())

    def stored(self, partner: PartnerId) -> StoredProfile | None:
        """Return the version that the profile came from; ``None`` for a file."""
        known = self._stored.profiles.get(partner)
        return None if partner in self._files or known is None else known[0]

    def is_file(self, partner: PartnerId) -> bool:
        """Return whether a file states this partner's profile."""
        return partner in self._files

    def _now(self) -> _State:
        state = self._state
        if state.changes_at is not None and self._clock.now() >= state.changes_at:
            with self._lock:
                if self._state is state:
                    self._state = self._built()
            return self._state
        return state

    def _built(self) -> _State:
        now = self._clock.now()
        written = {
            name: profile for name, (_, profile) in self._stored.profiles.items()
        }
        found = {
            partner: effective(profile, self._stored.mappings.get(partner, ()), now)
            for partner, profile in {**written, **self._files}.items()
        }
        ahead = [one.changes_at for one in found.values() if one.changes_at is not None]
        self._generation += 1
        return _State(
            effective=found,
            owners=by_sender(one.profile for one in found.values()),
            changes_at=min(ahead, default=None),
        )

    # Changes --------------------------------------------------------------------------

    def check(self, profile: Profile) -> None:
        """Refuse a profile that claims what belongs to another.

        Raises
        ------
        MappingConflict
            A file states this partner.
        ProfileError
            Another profile has one of its senders.
        """
        if profile.id in self._files:
            raise MappingConflict(
                f"Profile {profile.id} is a file; change the file, or take another id."
            )
        others = (self.written(partner) for partner in self if partner != profile.id)
        check_senders((*others, profile))

    def refresh(self, dispatcher: Dispatcher) -> bool:
        """Take over what the database holds; return whether anything was new.

        A stored profile that cannot be used stays as it was before, and is named in
        `faults`: the feeds of all others go on.
        """
        with dispatcher.reading(ACTOR) as session:
            data = session.uow.partner_data
            version = data.version()
            if version == self._stored.version:
                return False
            profiles, mappings = data.profiles(), data.mappings()
        with self._lock:
            if version > self._stored.version:
                self._take(version, profiles, mappings)
        return True

    def _take(
        self,
        version: int,
        profiles: Sequence[StoredProfile],
        mappings: Sequence[CodeMapping],
    ) -> None:
        known = dict(self._stored.profiles)
        faults: dict[PartnerId, str] = {}
        for stored in profiles:
            before = known.get(stored.partner)
            if before is not None and before[0] == stored:
                continue
            try:
                profile = parse_profile(stored.text, Path(stored.partner))
                others = {name: one for name, (_, one) in known.items()} | self._files
                others.pop(stored.partner, None)
                if stored.partner in self._files:
                    raise MappingConflict("a file has the same id")  # noqa: TRY301
                check_senders((*others.values(), profile))
            except (ProfileError, MappingConflict) as error:
                faults[stored.partner] = str(error)
                log.error(  # noqa: TRY400 - the text says all there is
                    "stored profile not used",
                    extra={"event": "profile.unusable", "partner": stored.partner},
                )
                continue
            known[stored.partner] = stored, profile
        of: dict[PartnerId, tuple[CodeMapping, ...]] = {}
        for mapping in mappings:
            of[mapping.partner] = (*of.get(mapping.partner, ()), mapping)
        self._stored = _Stored(version, known, of)
        self._faults = faults
        self._state = self._built()
