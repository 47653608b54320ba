"""What may be done to the alerts about partners' feeds."""

from __future__ import annotations

from dataclasses import dataclass

from booking_engine.domain.alerts import AlertId, Condition
from booking_engine.domain.identifiers import (
    PartnerId,
)


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """A partner's feed is no longer well.

    Handled by `watching.raise_alert`, which returns the new alert, or ``None`` if one
    of this condition is open already.

    Parameters
    ----------
    value, threshold
        Seconds, a share or a count, as the condition has it.
    """

    partner: PartnerId
    condition: Condition
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class ClearAlert:
    """A partner's feed is well again.

    Handled by `watching.clear_alert`, which returns the alert, or ``None`` if it was
    cleared already.
    """

    alert_id: AlertId


@dataclass(frozen=True, slots=True)
class AcknowledgeAlert:
    """A person has seen an alert; it stays open.

    Handled by `watching.acknowledge_alert`, which returns the alert.

    Parameters
    ----------
    note
        What is being done; no patient data.
    """

    alert_id: AlertId
    note: str = ""


@dataclass(frozen=True, slots=True)
class RecordTold:
    """The webhook took an alert's beginning, or its end.

    Handled by `watching.record_told`, which returns the alert.
    """

    alert_id: AlertId
    cleared: bool
