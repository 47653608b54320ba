"""Partner profiles from files: read, placed in their text, checked against each other.

Errors::

    ProfileError   see `profile_errors`
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from pydantic import ValidationError

from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.mappings import NO_SCANNER
from hl7_adapters.profile import Profile
from hl7_adapters.profile_errors import ProfileError, first_problem
from hl7_adapters.yaml_source import SourceError, parse_yaml


def load_profile(path: Path) -> Profile:
    """Read one profile.

    Raises
    ------
    ProfileError
        The file cannot be read or says something that cannot be; the first problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(
            path, (1, 1), "", f"cannot be read as UTF-8 text: {type(error).__name__}"
        ) from error
    return parse_profile(text, path)


def parse_profile(text: str, path: Path) -> Profile:
    """Read one profile from a text; raises `ProfileError` as `load_profile`.

    Parameters
    ----------
    path
        What errors call it.
    """
    try:
        source = parse_yaml(text)
    except SourceError as error:
        raise ProfileError(path, (error.line, error.column), "", str(error)) from error
    if not isinstance(source.value, dict):
        raise ProfileError(path, (1, 1), "", "a profile is a mapping; begin with id:")
    try:
        profile = Profile.model_validate(source.value)
    except ValidationError as error:
        raise first_problem(path, source, error) from error
    profile._origin = path, source  # noqa: SLF001 - set by the loader alone
    return profile


def load_profiles(directory: Path) -> dict[PartnerId, Profile]:
    """Read every ``*.yaml`` of a directory and check them against each other.

    Raises
    ------
    ProfileError
        One of them is wrong, or two claim the same id or the same sender.
    """
    found: dict[PartnerId, Profile] = {}
    for path in sorted(directory.glob("*.yaml")):
        profile = load_profile(path)
        if profile.id in found:
            raise problem_in(
                profile, ("id",), "another profile has this id; rename one"
            )
        found[profile.id] = profile
    check_senders(found.values())
    return found


def check_senders(profiles: Iterable[Profile]) -> None:
    """Refuse two profiles that claim the same sender; raises `ProfileError`."""
    owners: dict[tuple[str, str], PartnerId] = {}
    for profile in profiles:
        for at, sender in enumerate(profile.senders):
            owner = owners.setdefault(sender.key, profile.id)
            if owner != profile.id:
                raise problem_in(
                    profile,
                    ("senders", at),
                    f"sender {sender.application}|{sender.facility} belongs to profile"
                    f" {owner} already; give it to one of them",
                )


def check_catalogue(
    profile: Profile,
    *,
    procedures: Collection[str],
    sites: Collection[str],
    scanners: Collection[str],
) -> None:
    """Refuse a map to what the catalogue does not have; raises `ProfileError`."""
    resources = {} if profile.diary is None else profile.diary.resources
    for theirs, scanner in resources.items():
        if scanner != NO_SCANNER and scanner not in scanners:
            raise problem_in(
                profile,
                ("diary", "resources", theirs),
                f"{scanner!r} is not in the catalogue; correct it or add it there",
            )
    for table, known in (("procedures", procedures), ("sites", sites)):
        dated = [
            (theirs, entry.to)
            for theirs, entries in getattr(profile.dated, table).items()
            for entry in entries
        ]
        for theirs, ours in (*getattr(profile, table).items(), *dated):
            if ours not in known:
                raise problem_in(
                    profile,
                    (table, theirs),
                    f"{ours!r} is not in the catalogue; correct it or add it there",
                )
    if profile.site_when_absent not in {None, *sites}:
        raise problem_in(
            profile,
            ("site_when_absent",),
            f"{profile.site_when_absent!r} is not in the catalogue",
        )


def problem_in(
    profile: Profile, location: tuple[str | int, ...], text: str
) -> ProfileError:
    """Return what is wrong at a place of a profile, with its file and line."""
    path = ".".join(map(str, location))
    if profile._origin is None:  # noqa: SLF001 - set by the loader alone
        return ProfileError(Path(profile.id), (1, 1), path, text)
    file, source = profile._origin  # noqa: SLF001
    return ProfileError(file, source.position(location), path, text)


def path_beside(profile: Profile, path: Path) -> Path:
    """Return a path that a profile names, relative to the profile's file."""
    origin = profile._origin  # noqa: SLF001 - set by the loader alone
    return path if origin is None else origin[0].parent / path
