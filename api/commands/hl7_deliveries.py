"""``hl7 deliveries``: what goes out, and what people decide about what got stuck."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.service import AsJson, Config
from api.commands.stored import actor_named, opened, reason_given

if TYPE_CHECKING:
    from booking_engine.domain.messages import Delivery

app = typer.Typer(
    name="deliveries",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List what goes out; send again, edit or skip what a partner refused.\n\n"
    "Example: booking-engine hl7 deliveries list --config booking.toml",
)

_STATES: Final = "pending, delivered, parked or skipped"

DeliveryName = Annotated[
    str, typer.Argument(metavar="ID", help="As list shows it; also MSH-10.")
]
Who = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="person:NAME",
        help="Who decides it: person: or interface:, and a name.",
    ),
]
Reason = Annotated[
    str, typer.Option(callback=reason_given, help="Why; kept with the delivery.")
]


@app.command(name="list")
def list_deliveries(
    *,
    status: Annotated[str, typer.Option(help=f"{_STATES}, or any.")] = "parked",
    partner: Annotated[str | None, typer.Option(help="Who is told.")] = None,
    order: Annotated[str | None, typer.Option(help="The order's id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most to show.")] = 50,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first; without --status, those that need somebody.

    Example: booking-engine hl7 deliveries list --partner my-ris --config booking.toml
    """
    from booking_engine.application.views import DeliveryFilter  # noqa: PLC0415
    from booking_engine.domain.identifiers import OrderId, PartnerId  # noqa: PLC0415
    from booking_engine.domain.messages import DeliveryStatus  # noqa: PLC0415

    if status not in {"any", *DeliveryStatus}:
        raise typer.BadParameter(
            f"{status}: choose {_STATES}, or any", param_hint="--status"
        )
    wanted = DeliveryFilter(
        destination=None if partner is None else PartnerId(partner),
        status=None if status == "any" else DeliveryStatus(status),
        order_id=None if order is None else OrderId(order),
    )
    with opened(config) as runtime:
        page = runtime.views.deliveries(wanted, cursor=None, limit=limit)
    for delivery in page.items:
        typer.echo(_line(delivery, as_json=as_json))
    if not page.items:
        typer.echo(
            "none found"
            if status == "any"
            else f"none {status}; --status any lists every delivery",
            err=True,
        )
    if page.next_cursor is not None:
        typer.echo("there are more; narrow the list or raise --limit", err=True)


@app.command()
def show(
    delivery_id: DeliveryName,
    *,
    config: Config = None,
    ack: Annotated[
        bool, typer.Option("--ack", help="What was answered last, not what is sent.")
    ] = False,
) -> None:
    """Write a delivery's text, to be read or edited; lines end as on this system.

    Example: booking-engine hl7 deliveries show D1M6E22WG049JV3 > message.hl7
    """
    from api.partner_files import ACTOR  # noqa: PLC0415
    from booking_engine.domain.identifiers import DeliveryId  # noqa: PLC0415
    from hl7_adapters.tree import tree_of  # noqa: PLC0415

    with opened(config) as runtime, runtime.dispatcher.reading(ACTOR) as session:
        found = session.uow.outbox.get(DeliveryId(delivery_id))
    raw = (found.ack if ack else found.payload) or b""
    tree = tree_of(raw)
    text = raw.decode("latin-1") if tree is None else tree.text
    typer.echo(text.replace("\r", "\n").rstrip("\n"))


@app.command()
def retry(
    delivery_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="As list shows them; or --partner."),
    ] = None,
    *,
    who: Who,
    reason: Annotated[str, typer.Option(help="Why; kept with each.")] = "",
    partner: Annotated[
        str | None, typer.Option(help="All that this one refused, oldest first.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10000, help="Most with --partner.")
    ] = 50,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Send parked deliveries again, the same bytes; the running engine sends them.

    Example: booking-engine hl7 deliveries retry --partner my-ris --as person:kim
    """
    from booking_engine.application.commands import (  # noqa: PLC0415
        RetryDelivery,
        RetryParked,
    )
    from booking_engine.domain.identifiers import DeliveryId, PartnerId  # noqa: PLC0415

    actor = actor_named(who)
    if bool(delivery_ids) is (partner is not None):
        raise typer.BadParameter("give IDs, or --partner", param_hint="[ID]...")
    with (
        opened(config) as runtime,
        runtime.dispatcher.session(actor) as session,
    ):
        if partner is not None:
            command = RetryParked(PartnerId(partner), limit=limit, reason=reason)
            again = session.handle(command)
        else:
            again = [
                session.handle(RetryDelivery(DeliveryId(name), reason))
                for name in dict.fromkeys(delivery_ids or ())
            ]
        session.commit()
    for delivery in again:
        typer.echo(_line(delivery, as_json=as_json))
    if not again:
        typer.echo(f"nothing of {partner} is parked", err=True)


@app.command()
def skip(
    delivery_id: DeliveryName,
    *,
    who: Who,
    reason: Reason,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Decide that the partner need not be told; what waits behind it goes, in order.

    Example: booking-engine hl7 deliveries skip D1M6E22WG049JV3 --as person:kim --reason
    "told by telephone"
    """
    from booking_engine.application.commands import SkipDelivery  # noqa: PLC0415
    from booking_engine.domain.identifiers import DeliveryId  # noqa: PLC0415

    actor = actor_named(who)
    with opened(config) as runtime:
        command = SkipDelivery(DeliveryId(delivery_id), reason)
        skipped: Delivery = runtime.dispatcher.handle(command, actor)
    typer.echo(_line(skipped, as_json=as_json))


@app.command()
def edit(
    delivery_id: DeliveryName,
    *,
    text: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The edited message, in UTF-8, with the same MSH-10.",
            exists=True,
        ),
    ],
    who: Who,
    reason: Reason,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Send other bytes in place of a parked delivery's; the old ones are kept.

    Example: booking-engine hl7 deliveries edit D1M6E22WG049JV3 --text message.hl7
    --as person:kim --reason "ward corrected"
    """
    from booking_engine.application.commands import EditDelivery  # noqa: PLC0415
    from booking_engine.domain.identifiers import DeliveryId  # noqa: PLC0415
    from hl7_adapters.editing import edited_delivery  # noqa: PLC0415

    actor, name = actor_named(who), DeliveryId(delivery_id)
    with opened(config) as runtime:
        with runtime.dispatcher.reading(actor) as session:
            found = session.uow.outbox.get(name)
        payload = edited_delivery(text.read_text(encoding="utf-8"), found)
        command = EditDelivery(name, payload, reason)
        changed: Delivery = runtime.dispatcher.handle(command, actor)
    typer.echo(_line(changed, as_json=as_json))


def _line(delivery: Delivery, *, as_json: bool) -> str:
    """Return one line; neither the message nor a patient is in it."""
    if as_json:
        return json.dumps(
            {
                "id": delivery.id,
                "created_at": delivery.created_at.isoformat(),
                "destination": delivery.destination,
                "status": delivery.status.value,
                "order_id": delivery.order_id,
                "answers": delivery.answers,
                "attempts": delivery.attempts,
                "last_error": delivery.last_error,
            }
        )
    parts = (
        delivery.id,
        f"{delivery.created_at:%Y-%m-%d %H:%M:%S}",
        delivery.destination,
        delivery.status.value,
        delivery.order_id or "-",
        delivery.last_error,
    )
    return "  ".join(parts).rstrip()
