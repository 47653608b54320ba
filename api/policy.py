"""Reads published weights from a YAML file; what it leaves out stays as by default.

``policy.yaml`` beside this file holds the defaults, each explained. What a value may
be is the domain's to say; where it stands in the file is said here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from booking_engine.domain.exam_pairs import ExamKind, ExamPair
from booking_engine.domain.fair_waits import Grouping
from booking_engine.domain.policy import InvalidPolicy, Policy, Weights
from booking_engine.domain.vocabulary import ListType, Modality, Priority
from booking_engine.settings import SettingsError
from hl7_adapters.yaml_source import SourceError, YamlSource, read_yaml

DEFAULT_FILE: Final = Path(__file__).with_name("policy.yaml")
_REMEDIES: Final = {
    "missing": "add it",
    "extra_forbidden": "this key is not known; correct or remove it",
    "int_parsing": "give a whole number",
    "float_parsing": "give a number",
    "bool_parsing": "give true or false",
}


class _Part(BaseModel):
    """A part of the file: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def stated(self) -> dict[str, Any]:
        """Return what the file says, without what it leaves out."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class WeightsEntry(_Part):
    """The weights of one urgency; see `domain.policy.Weights`."""

    target_days: int
    wait: int
    late: int
    breach: int
    unplaced: int
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


class UrgentRoomEntry(_Part):
    """How room is protected; see `domain.urgent_room.UrgentRoom`."""

    enabled: bool = True
    history_weeks: int = 0
    quantile: float = 0.0
    least_exams: int = 0
    margin: float = 0.0
    most_in_plans: int | None = None
    displaced_cost: dict[Priority, int] = Field(default_factory=dict)
    hard_targets: frozenset[Priority] = frozenset()


class ExamKindEntry(_Part):
    """A kind of exam; see `domain.exam_pairs.ExamKind`."""

    modality: Modality
    contrast: bool | None = None


class ExamPairEntry(_Part):
    """Which exam comes after which; see `domain.exam_pairs.ExamPair`."""

    first: ExamKindEntry
    second: ExamKindEntry
    least_minutes: int = 0
    most_minutes: int | None = None
    reason: str

    def pair(self) -> ExamPair:
        """Return the row as the domain has it."""
        return ExamPair(
            ExamKind(self.first.modality, self.first.contrast),
            ExamKind(self.second.modality, self.second.contrast),
            self.least_minutes,
            self.most_minutes,
            self.reason,
        )


class UnusableGapsEntry(_Part):
    """What short idle time costs; see `domain.unusable_gaps.UnusableGaps`."""

    minutes: int = 0
    cost_per_minute: int = 0


class FairWaitsEntry(_Part):
    """How much longer a group may wait; see `domain.fair_waits.FairWaits`."""

    by: Grouping = Grouping.AGE
    permille: int = 0
    cost_per_day: int = 0


class PolicyFile(_Part):
    """The whole file; see `domain.policy.Policy`."""

    version: str
    weights: dict[Priority, WeightsEntry] = Field(default_factory=dict)
    travel_per_km: int = 0
    price_per_pound: float = 0.0
    other_trust: int = 0
    max_travel_km: int = 0
    horizon_days: int = 0
    hold_minutes: int = 0
    urgent_room: UrgentRoomEntry = UrgentRoomEntry()
    exam_pairs: list[ExamPairEntry] = Field(default_factory=list)
    unusable_gaps: UnusableGapsEntry = UnusableGapsEntry()
    fair_waits: FairWaitsEntry = FairWaitsEntry()

    def over(self, default: Policy) -> Policy:
        """Return `default` with what the file states in its place."""
        said = self.stated()
        weights = dict(default.weights)
        for priority, entry in self.weights.items():
            weights[priority] = Weights(**dict(entry))
        said["weights"] = MappingProxyType(weights)
        room = self.urgent_room.stated()
        said["urgent_room"] = replace(default.urgent_room, **room)
        said["unusable_gaps"] = replace(
            default.unusable_gaps, **self.unusable_gaps.stated()
        )
        said["fair_waits"] = replace(default.fair_waits, **self.fair_waits.stated())
        said["exam_pairs"] = tuple(entry.pair() for entry in self.exam_pairs)
        return replace(default, **said)


def load_policy(file: Path) -> Policy:
    """Return the policy of a file.

    Raises
    ------
    SettingsError
        The file cannot be used; names the line, the key, and what to do.
    """
    try:
        source = read_yaml(file)
    except SourceError as error:
        raise _at(file, (error.line, error.column), (), str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise SettingsError(f"{file}: {reason}; give a readable file") from error
    if not isinstance(source.value, dict):
        raise _at(file, (1, 1), (), "a policy is a mapping; begin with version:")
    try:
        return PolicyFile.model_validate(source.value).over(Policy())
    except ValidationError as error:
        raise _first_problem(file, source, error) from error
    except InvalidPolicy as error:
        place = [int(step) if step.isdigit() else step for step in error.key]
        raise _at(file, source.position(place), error.key, error.problem) from error


def _first_problem(
    file: Path, source: YamlSource, error: ValidationError
) -> SettingsError:
    """Return the first problem in the file, by line; what is missing comes last."""
    listed = sorted(
        error.errors(include_url=False, include_input=False),
        key=lambda item: (item["type"] == "missing", source.position(item["loc"])),
    )
    item: Mapping[str, Any] = listed[0]
    text = item["msg"].removeprefix("Value error, ")
    remedy = _REMEDIES.get(item["type"])
    if item["type"] == "enum":
        remedy = "correct or remove it"
    return _at(
        file,
        source.position(item["loc"]),
        [step for step in item["loc"] if step != "[key]"],
        f"{text}; {remedy}" if remedy else text,
    )


def _at(
    file: Path, position: tuple[int, int], key: Iterable[str | int], problem: str
) -> SettingsError:
    line, column = position
    path = ".".join(map(str, key))
    where = f"{path}: " if path else ""
    return SettingsError(f"{file}:{line}:{column}: {where}{problem}")
