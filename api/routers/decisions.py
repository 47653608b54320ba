"""``/v1/decisions``: why a booking was made, and whether the record still holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from api.deps import TheActor, TheServices
from api.openapi import refusals
from api.schemas.decisions import DecisionDocument
from booking_engine.domain.decisions import Choice, Decision
from booking_engine.domain.identifiers import DecisionId

router = APIRouter(prefix="/v1/decisions", tags=["decisions"])


@router.get("/{decision_id}", responses=refusals("known.not"))
def get_decision(
    decision_id: str, services: TheServices, actor: TheActor
) -> DecisionDocument:
    """Return one decision; `replay` checks its digest against the stored inputs."""
    with services.dispatcher.reading(actor) as session:
        decision = session.uow.decisions.get(DecisionId(decision_id))
    digest = digest_of(decision)
    return DecisionDocument.model_validate(
        {
            **asdict(decision),
            "chosen": _choice(decision.chosen),
            "runner_up": (
                None if decision.runner_up is None else _choice(decision.runner_up)
            ),
            "excluded": [{"rule": r, "count": n} for r, n in decision.excluded],
            "replay": {
                "digest_matches": digest == decision.inputs_digest,
                "inputs_digest": digest,
            },
        }
    )


def digest_of(decision: Decision) -> str:
    """Return the digest of the stored inputs, computed as `booking.decide` does."""
    canonical = json.dumps(decision.inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _choice(choice: Choice) -> dict[str, Any]:
    terms = {**asdict(choice.terms), "total": choice.terms.total}
    return {**asdict(choice), "terms": terms}
