"""A policy as it is published: plain values, a digest, and since when it is in force.

What a version's name stands for never changes: decisions name it for ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from booking_engine.domain.exam_pairs import ExamKind, ExamPair
from booking_engine.domain.fair_waits import FairWaits
from booking_engine.domain.policy import Policy, Weights
from booking_engine.domain.unusable_gaps import UnusableGaps
from booking_engine.domain.vocabulary import ListType, Priority

Content = dict[str, Any]
"""A policy's values as plain JSON, but for its version."""


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """One version as it was first in force.

    Parameters
    ----------
    digest
        SHA-256, in hex, of the canonical JSON of `content`.
    first_in_force_at
        When an engine first started with it.
    in_force_since
        When it last took the place of another version.
    """

    version: str
    digest: str
    content: Content
    first_in_force_at: datetime
    in_force_since: datetime


def published(policy: Policy, now: datetime) -> PublishedPolicy:
    """Return a policy as it is published when it first comes into force at `now`."""
    content = content_of(policy)
    return PublishedPolicy(policy.version, digest_of(content), content, now, now)


def content_of(policy: Policy) -> Content:
    """Return all values of a policy as plain JSON, defaults written out."""
    room = policy.urgent_room
    content: Content = {
        "weights": {p.value: _weights(policy.weights[p]) for p in Priority},
        "travel_per_km": policy.travel_per_km,
        # A whole number stays the same text whether it was written 1 or 1.0.
        "price_per_pound": float(policy.price_per_pound),
        "other_trust": policy.other_trust,
        "max_travel_km": policy.max_travel_km,
        "horizon_days": policy.horizon_days,
        "hold_minutes": policy.hold_minutes,
        "urgent_room": {
            "enabled": room.enabled,
            "history_weeks": room.history_weeks,
            "quantile": float(room.quantile),
            "least_exams": room.least_exams,
            "margin": float(room.margin),
            "most_in_plans": policy.most_in_plans,
            "displaced_cost": {p.value: policy.displaced_cost(p) for p in Priority},
            "hard_targets": [p.value for p in Priority if p in room.hard_targets],
        },
    }
    # A version stored before there were such values had none, and keeps its digest.
    if policy.exam_pairs:
        content["exam_pairs"] = [_pair(pair) for pair in policy.exam_pairs]
    if policy.unusable_gaps != UnusableGaps():
        content["unusable_gaps"] = asdict(policy.unusable_gaps)
    if policy.fair_waits != FairWaits():
        fair = policy.fair_waits
        content["fair_waits"] = {**asdict(fair), "by": fair.by.value}
    return content


def _pair(pair: ExamPair) -> Content:
    """Return one row of the table of exams."""
    return {
        "first": _kind(pair.first),
        "second": _kind(pair.second),
        "least_minutes": pair.least_minutes,
        "most_minutes": pair.most_minutes,
        "reason": pair.reason,
    }


def _kind(kind: ExamKind) -> Content:
    return {"modality": kind.modality.value, "contrast": kind.contrast}


def _weights(weights: Weights) -> Content:
    found: Content = {f.name: getattr(weights, f.name) for f in fields(weights)}
    found["lists"] = [str(one.name).lower() for one in ListType if one in weights.lists]
    return found


def digest_of(content: Content) -> str:
    """Return the SHA-256, in hex, of the canonical JSON of a policy's values."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def differences(before: Content, after: Content) -> list[str]:
    """Return every key whose value differs, with both values, as texts."""
    left, right = flat(before), flat(after)
    return [
        f"{key} was {_said(left, key)} and is {_said(right, key)}"
        for key in dict.fromkeys((*left, *right))
        if left.get(key) != right.get(key)
    ]


def flat(content: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return a policy's values by their dotted keys."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{path}{key}."))
        else:
            found[path + key] = value
    return found


def _said(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key]) if key in values else "not there"
