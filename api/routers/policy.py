"""``/v1/policy``: the weights and limits in force, and those that decisions name."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Services, TheActor, TheServices
from api.openapi import refusals
from api.schemas.policy import PolicyDocument
from booking_engine.application.policy_terms import published_rules, published_terms
from booking_engine.domain.eligibility import RULES_VERSION
from booking_engine.domain.identifiers import Actor

router = APIRouter(prefix="/v1/policy", tags=["policy"])


@router.get("", responses=refusals("known.not"))
def get_policy(services: TheServices, actor: TheActor) -> PolicyDocument:
    """Return the policy that bookings are made by now."""
    return _published(services.dispatcher.policy.version, services, actor)


@router.get("/{version}", responses=refusals("known.not"))
def get_policy_version(
    version: str, services: TheServices, actor: TheActor
) -> PolicyDocument:
    """Return one version, as it was when decisions were made by it."""
    return _published(version, services, actor)


def _published(version: str, services: Services, actor: Actor) -> PolicyDocument:
    with services.dispatcher.reading(actor) as session:
        policies = session.uow.policies
        policy = policies.get(version)
        versions = [one.version for one in policies.all()]
    return PolicyDocument.model_validate(
        {
            **policy.content,
            "version": policy.version,
            "present": policy.version == services.dispatcher.policy.version,
            "digest": policy.digest,
            "first_in_force_at": policy.first_in_force_at,
            "in_force_since": policy.in_force_since,
            "terms": published_terms(policy.content),
            "rules_version": RULES_VERSION,
            "rules": published_rules(),
            "versions": versions,
        }
    )
