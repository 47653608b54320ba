"""``/v1/alerts``: what is wrong with a partner's feed, and who has seen it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.deps import IDEMPOTENT, TheActor, TheServices
from api.openapi import REPEATABLE, refusals
from api.pages import Cursor, Limit, shown
from api.schemas.alerts import Acknowledgement, AlertDocument, AlertState
from api.schemas.common import PageOf
from api.watch import sentence
from booking_engine.application.commands import AcknowledgeAlert
from booking_engine.application.views import AlertFilter, Page
from booking_engine.domain.alerts import Alert, AlertId, Condition
from booking_engine.domain.identifiers import PartnerId

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


@router.get("", responses=refusals("value.invalid"))
def list_alerts(
    request: Request,
    response: Response,
    services: TheServices,
    actor: TheActor,
    *,
    is_open: bool | None = None,
    partner: str | None = None,
    condition: Condition | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[AlertDocument]:
    """List alerts, newest first; `is_open` picks those that stand, or those past."""
    del actor
    wanted = AlertFilter(
        is_open=is_open,
        partner=None if partner is None else PartnerId(partner),
        condition=condition,
    )
    page = services.views.alerts(wanted, cursor=cursor, limit=limit)
    documents = Page(tuple(map(_document, page.items)), page.next_cursor)
    return shown(documents, AlertDocument, request, response)


@router.get("/{alert_id}", responses=refusals("known.not"))
def get_alert(alert_id: str, services: TheServices, actor: TheActor) -> AlertDocument:
    """Return one alert."""
    with services.dispatcher.reading(actor) as session:
        return _document(session.uow.alerts.get(AlertId(alert_id)))


@router.post(
    "/{alert_id}/acknowledge",
    responses=refusals("known.not", "order.transition", "version.stale", *REPEATABLE),
    dependencies=[IDEMPOTENT],
)
def acknowledge_alert(
    alert_id: str, body: Acknowledgement, services: TheServices, actor: TheActor
) -> AlertDocument:
    """Note that a person has seen an alert; it stands until the feed is well again."""
    command = AcknowledgeAlert(AlertId(alert_id), note=body.note)
    return _document(services.dispatcher.handle(command, actor))


def _document(alert: Alert) -> AlertDocument:
    state = AlertState.RAISED
    if not alert.is_open:
        state = AlertState.CLEARED
    elif alert.acknowledged_at is not None:
        state = AlertState.ACKNOWLEDGED
    return AlertDocument(
        id=alert.id,
        partner=alert.partner,
        condition=alert.condition,
        state=state,
        says=sentence(alert),
        raised_at=alert.raised_at,
        value=alert.value,
        threshold=alert.threshold,
        acknowledged_at=alert.acknowledged_at,
        acknowledged_by=alert.acknowledged_by,
        note=alert.note,
        cleared_at=alert.cleared_at,
    )
