"""What every part of the configuration has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One part of the configuration: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
