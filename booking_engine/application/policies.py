"""Which versions of the policy were in force, and since when."""

from __future__ import annotations

from datetime import datetime

from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.errors import PolicyConflict
from booking_engine.domain.policy import Policy
from booking_engine.domain.published_policy import (
    PublishedPolicy,
    differences,
    published,
)


def bring_into_force(policy: Policy, uow: UnitOfWork, now: datetime) -> PublishedPolicy:
    """Store the policy that an engine starts with, and return it as it is published.

    Starting again with the same one changes nothing; going back to an earlier one
    counts from now.

    Raises
    ------
    PolicyConflict
        Other values were in force under this version's name.
    """
    new = published(policy, now)
    newest = next(iter(uow.policies.all()), None)
    uow.policies.add(new)
    stored = uow.policies.get(policy.version)
    if stored.digest != new.digest:
        raise PolicyConflict(
            f"Policy {policy.version} was in force with other values"
            f" ({differences(stored.content, new.content)[0]}), and decisions name it;"
            " give what has changed a version of its own."
        )
    if newest is not None and newest.version != policy.version:
        uow.policies.take_effect(policy.version, now)
    return uow.policies.get(policy.version)
