"""What one slot costs one order, free or not, allowed or not."""

from __future__ import annotations

from datetime import datetime

from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.protecting import claim_of_slot
from booking_engine.domain.clock import LONDON
from booking_engine.domain.costs import pair_cost, wait_curve
from booking_engine.domain.decisions import Choice, Terms
from booking_engine.domain.eligibility import travel_km
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import ScanSession


def choice_at(
    order: ImagingOrder,
    session: ScanSession,
    starts_at: datetime,
    minutes: int,
    uow: UnitOfWork,
    context: Context,
) -> Choice:
    """Return what this very slot costs the order, whether it is allowed or not."""
    catalogue = uow.catalogue()
    today = context.now.astimezone(LONDON).date()
    day = starts_at.astimezone(LONDON).date()
    scanner = catalogue.scanner(session.scanner)
    site = catalogue.sites[scanner.site]
    travel = travel_km(order, site, catalogue)
    contract = catalogue.contract_of(scanner)
    asking = catalogue.sites.get(order.content.site) if order.content.site else None
    elsewhere = asking is None or asking.organisation != site.organisation
    waiting, lateness, breach = wait_curve(
        order, today=today, policy=context.policy
    ).at((day - today).days)
    claim = claim_of_slot(
        order, session, starts_at, minutes, uow, context.room_kept, context.now
    )
    prices = context.prices
    exam = 0 if session.contract is None else prices.exam.get(session.contract, 0)
    return Choice(
        scanner=scanner.id,
        session_id=session.id,
        starts_at=starts_at,
        minutes=minutes,
        travel_km=travel,
        terms=Terms(
            waiting=waiting,
            lateness=lateness,
            breach=breach,
            pair=int(
                pair_cost(
                    context.policy,
                    travel_km=travel,
                    other_trust=int(elsewhere),
                    pounds=0 if contract is None else contract.price,
                )
            ),
            opening=0,
        ),
        price=prices.minute.get(session.id, 0) * minutes + exam + claim.to_come,
        to_come=claim.to_come,
        reserved=claim.reserved,
    )
