"""The one place where a transaction begins and ends.

A command goes to its handler inside a unit of work; orders, appointments, history
and outgoing events commit together or not at all. Handlers, repositories and routes
never commit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from booking_engine.application import (
    answers_taken_back,
    attendance,
    changing,
    commands,
    deaths,
    deliveries,
    diary,
    diary_commands,
    diary_ending,
    diary_names,
    diary_proposals,
    holding,
    intake,
    listing,
    mappings,
    merging,
    parking,
    patient_commands,
    patients,
    planning,
    rebooking,
    replacing,
    request_commands,
    requests,
    scheduling,
    suspending,
    telling,
    vetting,
    watching,
    withdrawing,
)
from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork, UnitOfWorkFactory
from booking_engine.application.protecting import RoomKept
from booking_engine.application.scanner_columns import KeptColumns
from booking_engine.domain.clock import Clock
from booking_engine.domain.identifiers import Actor, Ids
from booking_engine.domain.policy import Policy
from booking_engine.domain.prices import NO_PRICES, PriceBook

log = logging.getLogger(__name__)

Handler = Callable[[Any, UnitOfWork, Context], Any]

HANDLERS: dict[type, Handler] = {
    commands.ReceiveOrder: intake.receive_order,
    commands.ChangeOrder: changing.change_order,
    commands.CancelOrder: withdrawing.cancel_order,
    commands.HoldOrder: suspending.hold_order,
    commands.LiftHold: suspending.lift_hold,
    commands.ReplaceOrders: replacing.replace_orders,
    commands.NumberOrder: replacing.number_order,
    commands.RecordStatus: telling.record_status,
    commands.AskStatus: telling.ask_status,
    commands.RecordAnswer: telling.record_answer,
    commands.ReleaseOrder: vetting.release_order,
    commands.VetOrder: listing.vet_order,
    commands.RejectOrder: vetting.reject_order,
    commands.RecordAnswers: listing.record_answers,
    commands.HoldSlot: holding.hold_slot,
    commands.ConfirmHold: holding.confirm_hold,
    commands.ReleaseHold: holding.release_hold,
    commands.ExpireHolds: holding.expire_holds,
    commands.ExpireParked: parking.expire_parked,
    commands.BookSlot: scheduling.book_slot,
    commands.BookChosen: scheduling.book_chosen,
    commands.MoveAppointment: scheduling.move_appointment,
    commands.CancelAppointment: scheduling.cancel_appointment,
    commands.RecordOutcome: attendance.record_outcome,
    commands.EnterInError: attendance.enter_in_error,
    commands.RelistOrder: attendance.relist_order,
    patient_commands.UpdatePatient: patients.update_patient,
    patient_commands.MergePatients: merging.merge_patients,
    patient_commands.QuestionIdentity: patients.question_identity,
    patient_commands.RecordPatientAnswers: patients.record_patient_answers,
    patient_commands.TakeBackPatientAnswers: (
        answers_taken_back.take_back_patient_answers
    ),
    patient_commands.SettleDeath: deaths.settle_death,
    commands.RetryDelivery: deliveries.retry_delivery,
    commands.RetryParked: deliveries.retry_parked,
    commands.SkipDelivery: deliveries.skip_delivery,
    commands.EditDelivery: deliveries.edit_delivery,
    commands.ApplyPlan: planning.apply_plan,
    commands.ProposeRebooking: rebooking.propose_rebooking,
    commands.ImproveRebooking: rebooking.improve_rebooking,
    commands.ApproveRebooking: rebooking.approve_rebooking,
    commands.MoveLines: rebooking.move_lines,
    commands.OvertakeLines: rebooking.overtake_lines,
    commands.FinishRebooking: rebooking.finish_rebooking,
    commands.DeclineRebooking: rebooking.decline_rebooking,
    diary_commands.RecordEntry: diary.record_entry,
    diary_commands.EndEntry: diary_ending.end_entry,
    diary_commands.LinkEntries: diary.link_entries,
    diary_commands.AcceptProposal: diary_proposals.accept_proposal,
    diary_commands.DeclineProposal: diary_proposals.decline_proposal,
    diary_commands.SettleNames: diary_names.settle_names,
    request_commands.RequestAppointment: requests.request_appointment,
    request_commands.RequestMove: requests.request_move,
    request_commands.RequestChange: requests.request_change,
    request_commands.RequestEnding: requests.request_ending,
    request_commands.FindOpenings: requests.find_openings,
    commands.MapCode: mappings.map_code,
    commands.EndMapping: mappings.end_mapping,
    commands.StoreProfile: mappings.store_profile,
    commands.SettleHolds: mappings.settle_holds,
    commands.NameOrderer: mappings.name_orderer,
    commands.RaiseAlert: watching.raise_alert,
    commands.ClearAlert: watching.clear_alert,
    commands.AcknowledgeAlert: watching.acknowledge_alert,
    commands.RecordTold: watching.record_told,
}
"""Every command and its handler; a test holds this to the module of commands."""


class CommandSession:
    """Several commands in one transaction; nothing lasts until `commit`.

    Parameters
    ----------
    uow
        The open unit of work; adapters may prefetch through it and store messages.
    context
        The circumstances that every command of this session shares.
    """

    def __init__(self, uow: UnitOfWork, context: Context) -> None:
        self.uow = uow
        self.context = context

    def handle(self, command: object) -> Any:
        """Run the command's handler and return what it returns."""
        return HANDLERS[type(command)](command, self.uow, self.context)

    def commit(self) -> None:
        """Make everything since the last commit durable."""
        self.uow.commit()


class Dispatcher:
    """Runs commands.

    Parameters
    ----------
    open_work
        Opens units of work.
    clock, ids
        Sources of time and of new identifiers.
    policy
        The published weights in force.
    prices
        What scanner time is worth; a planning run replaces them.

    Attributes
    ----------
    room_kept
        What is protected for urgent orders still to come; learnt anew now and then.
    """

    def __init__(
        self,
        open_work: UnitOfWorkFactory,
        *,
        clock: Clock,
        ids: Ids,
        policy: Policy,
        prices: PriceBook = NO_PRICES,
    ) -> None:
        self.open_work = open_work
        self.clock = clock
        self.ids = ids
        self.policy = policy
        self.prices = prices
        self.room_kept: RoomKept | None = None
        self._columns = KeptColumns()

    @contextmanager
    def session(self, actor: Actor) -> Iterator[CommandSession]:
        """Open a transaction for several commands; leaving it uncommitted undoes."""
        with self.open_work() as uow:
            yield CommandSession(uow, self._context(actor))

    @contextmanager
    def reading(self, actor: Actor) -> Iterator[CommandSession]:
        """Open a transaction that only reads: one snapshot, no write lock."""
        with self.open_work.reading() as uow:
            yield CommandSession(uow, self._context(actor))

    def _context(self, actor: Actor) -> Context:
        return Context(
            now=self.clock.now(),
            actor=actor,
            ids=self.ids,
            policy=self.policy,
            columns=self._columns,
            prices=self.prices,
            room_kept=self.room_kept,
        )

    def handle(self, command: object, actor: Actor) -> Any:
        """Run one command in its own transaction and return the handler's result.

        Raises
        ------
        DomainError
            A rule refused it; nothing was changed.
        """
        with self.session(actor) as session:
            result = session.handle(command)
            session.commit()
        log.debug(
            "command handled",
            extra={"event": type(command).__name__, "actor": actor},
        )
        return result
