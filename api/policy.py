"""Reads published weights from a file; what it leaves out stays as by default.

::

    version: 2026-12.1
    weights:
      routine: {target_days: 35, wait: 1, late: 10, breach: 500, unplaced: 1000,
                lists: [general]}
    travel_per_km: 1
    horizon_days: 28
    hold_minutes: 5
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from booking_engine.domain.policy import DEFAULT_WEIGHTS, Policy, Weights
from booking_engine.domain.vocabulary import ListType, Priority
from booking_engine.settings import SettingsError, read_mapping


class WeightsEntry(BaseModel):
    """The weights of one urgency; see `domain.policy.Weights`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_days: int = Field(ge=0)
    wait: int = Field(ge=0)
    late: int = Field(ge=0)
    breach: int = Field(ge=0)
    unplaced: int = Field(ge=0)
    lists: ListType

    @field_validator("lists", mode="before")
    @classmethod
    def _mask(cls, names: object) -> ListType:
        mask = ListType(0)
        for name in names if isinstance(names, list) else [names]:
            member = ListType.__members__.get(str(name).upper())
            if member is None:
                known = ", ".join(one.lower() for one in ListType.__members__)
                raise ValueError(f"{name!r} is not a list type; use {known}")
            mask |= member
        return mask


class PolicyFile(BaseModel):
    """The whole file; see `domain.policy.Policy`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(min_length=1)
    weights: dict[Priority, WeightsEntry] = Field(default_factory=dict)
    travel_per_km: int = Field(default=Policy().travel_per_km, ge=0)
    price_per_pound: float = Field(default=Policy().price_per_pound, ge=0)
    other_trust: int = Field(default=Policy().other_trust, ge=0)
    max_travel_km: int = Field(default=Policy().max_travel_km, ge=0)
    horizon_days: int = Field(default=Policy().horizon_days, ge=1, le=400)
    hold_minutes: int = Field(default=Policy().hold_minutes, ge=1)


def load_policy(file: Path) -> Policy:
    """Return the policy of a file.

    Raises
    ------
    SettingsError
        The file cannot be used.
    """
    try:
        read = PolicyFile.model_validate(read_mapping(file))
    except ValidationError as error:
        item = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(step) for step in item["loc"])
        text = item["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{file}: {key}: {text}; correct or remove it") from error
    weights = dict(DEFAULT_WEIGHTS)
    weights.update({p: Weights(**dict(entry)) for p, entry in read.weights.items()})
    return Policy(**{**dict(read), "weights": MappingProxyType(weights)})
