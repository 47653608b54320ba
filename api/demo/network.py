"""The demo's network: its catalogue and its partners.

The caller chooses ports when it runs: `demo_profiles` puts the addresses of the
receiving stand-ins into the profiles, which name only a placeholder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from api.region import load_region
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.profile import Profile
from hl7_adapters.profile_files import check_catalogue, load_profiles

REGION: Final = Path(__file__).with_name("region.yaml")
PARTNERS: Final = Path(__file__).with_name("partners")

Address = tuple[str, int]
"""Host and port."""
NOWHERE: Final[Mapping[PartnerId, Address]] = MappingProxyType({})


def demo_profiles(
    addresses: Mapping[PartnerId, Address] = NOWHERE,
) -> dict[PartnerId, Profile]:
    """Return the profiles of the senders and of the diaries.

    Parameters
    ----------
    addresses
        Where each partner's stand-in listens; those not named keep the placeholder.
    """
    profiles = load_profiles(PARTNERS)
    for partner, (host, port) in addresses.items():
        outgoing = profiles[partner].outgoing
        if outgoing is None:
            raise ValueError(f"{partner} is not told of anything; give it no address")
        changed = outgoing.model_copy(update={"host": host, "port": port})
        profiles[partner] = profiles[partner].model_copy(update={"outgoing": changed})
    return profiles


def demo_catalogue(today: date) -> Catalogue:
    """Return the region, with its contracts beginning on `today`."""
    profiles = load_profiles(PARTNERS)
    catalogue = load_region(REGION, partners=profiles)
    for profile in profiles.values():
        check_catalogue(
            profile,
            procedures=catalogue.procedures,
            sites=catalogue.sites,
            scanners=catalogue.scanners,
        )
    contracts = {
        name: replace(
            contract,
            starts_on=today,
            ends_on=today + (contract.ends_on - contract.starts_on),
        )
        for name, contract in catalogue.contracts.items()
    }
    return replace(catalogue, contracts=contracts)
