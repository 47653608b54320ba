"""``/v1/partners/{id}/drift``: what a partner's system does differently of late."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import TheActor, TheServices
from api.openapi import refusals
from api.problems import Problem
from api.schemas.common import InstantIn
from api.schemas.drift import DriftDocument
from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.drift import drift_of

router = APIRouter(prefix="/v1/partners", tags=["alerts"])


@router.get("/{partner_id}/drift", responses=refusals("known.not", "value.invalid"))
def get_drift(
    partner_id: str,
    services: TheServices,
    actor: TheActor,
    *,
    hours: Annotated[
        int, Query(ge=1, le=168, description="Length of the window.")
    ] = 24,
    until: Annotated[
        InstantIn | None, Query(description="Its end; now by default.")
    ] = None,
    sample: Annotated[
        int,
        Query(ge=20, le=2000, description="Most messages looked at in each window."),
    ] = 500,
) -> DriftDocument:
    """Compare a partner's last messages with those of the same weekday before."""
    services.profiles.refresh(services.dispatcher)
    profile = services.profiles.get(PartnerId(partner_id))
    if profile is None:
        raise Problem("known.not", f"There is no partner {partner_id}.")
    with services.dispatcher.reading(actor) as session:
        drift = drift_of(
            session.uow.traffic,
            profile,
            end=until or session.context.now,
            hours=hours,
            sample=sample,
        )
    return DriftDocument.model_validate(drift)
