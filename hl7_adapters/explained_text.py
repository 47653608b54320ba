"""An explanation as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from hl7_adapters.conditions import Reply
from hl7_adapters.explain import Explanation, OrderExplained
from hl7_adapters.hold_remedies import OTHER, REMEDIES


def as_text(explanation: Explanation) -> str:
    """Return an explanation for the terminal."""
    answer = explanation.answer
    error = f" {answer.error}" if answer.error else ""
    where = f" at {answer.location}" if answer.location else ""
    text = f": {answer.text}" if answer.text else ""
    head = (
        f"{explanation.kind or 'unreadable'} {explanation.control_id}"
        f" from {explanation.sender or 'nobody'}, HL7 {explanation.version or '?'},"
        f" {explanation.charset or 'no charset'}"
    )
    lines = [
        head,
        f"profile   {explanation.partner or 'none'}",
        f"answer    {answer.reply.value}{error}{where}{text}",
    ]
    if answer.reply is not Reply.AA:
        lines.append("          nothing of it would be carried out")
    for number, order in enumerate(explanation.orders, 1):
        lines.append(f"order {number}   {order.action}")
        lines += _order(order)
    lines += [f"warning   {warning}" for warning in explanation.warnings]
    if explanation.ack:
        lines.append("acknowledgement, as it would be sent:")
        lines += [f"  {line}" for line in explanation.ack.split("\r") if line]
    return "\n".join(lines)


def _order(order: OrderExplained) -> Iterator[str]:
    for line in order.lines:
        yield (
            f"  {line.what:<18} {line.place:<12} {line.sent:<28} -> {line.meaning}"
        ).rstrip()
        about = "; ".join(
            part
            for part in (
                line.name,
                f"decided by {line.decided_by}" if line.decided_by else "",
            )
            if part
        )
        if about:
            yield f"  {'':<18} {about}"
    for hold in order.holds:
        found = REMEDIES.get(hold.code, OTHER)
        yield f"  held: {hold.code.value} {hold.detail}".rstrip()
        yield f"    {found.remedy}"
    if order.refusal:
        yield f"  refused: {order.refusal}"
    if order.becomes:
        yield f"  becomes: {order.becomes}"
