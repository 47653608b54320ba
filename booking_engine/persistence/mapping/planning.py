"""Planning runs, decision records and policy versions to rows and back."""

from __future__ import annotations

from typing import Any

from booking_engine.domain.decisions import Decision, DecisionKind
from booking_engine.domain.fair_waits import Grouping
from booking_engine.domain.group_waits import GroupWait, WaitsByGroup
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus
from booking_engine.domain.published_policy import PublishedPolicy
from booking_engine.persistence import documents
from booking_engine.persistence.mapping.values import Values


def run_row(run: PlanRun) -> Values:
    """Return the row of a planning run."""
    values: Values = {name: getattr(run, name) for name in PlanRun.__slots__}
    values["status"] = run.status.value
    values["waits_by_group"] = _waits_document(run.waits_by_group)
    return values


def run_of(row: Any) -> PlanRun:
    """Return the planning run of a row, with its files if the row has them."""
    values = row._asdict()
    values["status"] = PlanRunStatus(values["status"])
    values["waits_by_group"] = _waits_of(values["waits_by_group"])
    return PlanRun(**values)


def _waits_document(waits: WaitsByGroup | None) -> Values | None:
    if waits is None:
        return None
    return {
        "by": waits.by.value,
        "groups": [
            [wait.group, wait.orders, wait.mean_wait_days, wait.days_beyond]
            for wait in waits.groups
        ],
        "orders_in_small_groups": waits.orders_in_small_groups,
    }


def _waits_of(document: Values | None) -> WaitsByGroup | None:
    if document is None:
        return None
    return WaitsByGroup(
        by=Grouping(document["by"]),
        groups=tuple(GroupWait(*wait) for wait in document["groups"]),
        orders_in_small_groups=document["orders_in_small_groups"],
    )


def decision_row(decision: Decision) -> Values:
    """Return the row of a decision record."""
    return {
        "id": decision.id,
        "order_id": decision.order_id,
        "appointment_id": decision.appointment_id,
        "plan_run_id": decision.plan_run_id,
        "kind": decision.kind.value,
        "made_at": decision.made_at,
        "content": {
            "actor": decision.actor,
            "policy_version": decision.policy_version,
            "rules_version": decision.rules_version,
            "inputs_digest": decision.inputs_digest,
            "inputs": decision.inputs,
            "chosen": documents.choice_document(decision.chosen),
            "options": decision.options,
            "excluded": [list(pair) for pair in decision.excluded],
            "runner_up": None
            if decision.runner_up is None
            else documents.choice_document(decision.runner_up),
            "sentence": decision.sentence,
        },
    }


def decision_of(row: Any) -> Decision:
    """Return the decision record of a row."""
    content = row.content
    runner_up = content["runner_up"]
    return Decision(
        id=row.id,
        order_id=row.order_id,
        appointment_id=row.appointment_id,
        kind=DecisionKind(row.kind),
        made_at=row.made_at,
        actor=content["actor"],
        policy_version=content["policy_version"],
        rules_version=content["rules_version"],
        inputs_digest=content["inputs_digest"],
        inputs=content["inputs"],
        chosen=documents.choice_of(content["chosen"]),
        options=content["options"],
        excluded=tuple((rule, count) for rule, count in content["excluded"]),
        runner_up=None if runner_up is None else documents.choice_of(runner_up),
        plan_run_id=row.plan_run_id,
        sentence=content["sentence"],
    )


def policy_row(policy: PublishedPolicy) -> Values:
    """Return the row of a version of the policy."""
    values: Values = {n: getattr(policy, n) for n in PublishedPolicy.__slots__}
    values["id"] = values.pop("version")
    return values


def policy_of(row: Any) -> PublishedPolicy:
    """Return the version of the policy of a row."""
    values = row._asdict()
    values["version"] = values.pop("id")
    return PublishedPolicy(**values)
