"""The files that a configuration names: partner profiles, the region, the weights."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from api.policy import load_policy
from api.region import RegionError, load_region
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.policy import Policy
from booking_engine.settings import Settings, SettingsError
from hl7_adapters.profile import Profile
from hl7_adapters.profile_files import check_catalogue, load_profiles


def read_profiles(settings: Settings) -> Mapping[PartnerId, Profile]:
    """Return the partner profiles; none where no directory is set."""
    if settings.partners is None:
        return {}
    if not settings.partners.is_dir():
        raise SettingsError(
            f"partners: {settings.partners} is not a directory; give one of profiles"
        )
    return load_profiles(settings.partners)


def read_region(
    settings: Settings,
    profiles: Mapping[PartnerId, Profile],
    *,
    stored: Callable[[], Collection[PartnerId]] = tuple,
) -> Catalogue | None:
    """Return the network of the region file, checked against the profiles.

    Parameters
    ----------
    profiles
        Those of files.
    stored
        Asked for the partners whose profiles came over the API, if the files are not
        enough.
    """
    if settings.region is None:
        return None
    try:
        catalogue = load_region(settings.region, partners=profiles or None)
    except RegionError:
        more = stored()
        if not more:
            raise
        catalogue = load_region(settings.region, partners={*profiles, *more})
    for profile in profiles.values():
        check_catalogue(
            profile,
            procedures=catalogue.procedures,
            sites=catalogue.sites,
            scanners=catalogue.scanners,
        )
    return catalogue


def read_policy(settings: Settings) -> Policy:
    """Return the published weights: the file's, else the defaults."""
    return Policy() if settings.policy is None else load_policy(settings.policy)
