"""Which messages are answered with more than an acknowledgement."""

from __future__ import annotations

from typing import Final

from hl7_adapters.order_responses import respond_to_orders
from hl7_adapters.request_answers import answer_query, answer_request
from hl7_adapters.responding import Responder

RESPONDERS: Final[dict[str, Responder]] = {
    "ORM": respond_to_orders,
    "OMG": respond_to_orders,
    "OMI": respond_to_orders,
    "SRM": answer_request,
    "SQM": answer_query,
}
"""By message code (MSH-9.1) of what is answered."""
