"""Messages that a person has edited as text, back in bytes."""

from __future__ import annotations

from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.messages import Delivery
from hl7_adapters.er7 import DecodeError, decode


def edited(text: str, original: bytes) -> bytes:
    """Return the bytes of an edited message, in the original's character set.

    Parameters
    ----------
    text
        Lines may end as on any system.
    original
        What was edited; UTF-8 is written where its bytes are no message.

    Raises
    ------
    InvalidValue
        A character cannot be written so.
    """
    lines = text.replace("\r\n", "\r").replace("\n", "\r").strip("\r")
    try:
        charset = decode(original).charset
    except DecodeError:
        charset = "utf-8"
    try:
        return lines.encode(charset) + b"\r"
    except UnicodeEncodeError as error:
        raise InvalidValue(
            f"Character {error.start + 1} of the text is not in {charset}, the"
            " character set of the message; write it otherwise, or as an escape."
        ) from None


def edited_delivery(text: str, delivery: Delivery) -> bytes:
    """Return what is to be sent in place of a delivery's bytes.

    Raises
    ------
    InvalidValue
        As `edited`; or it is no message with the delivery's number in MSH-10.
    """
    payload = edited(text, delivery.payload or b"")
    if not _names(payload, delivery.id):
        raise InvalidValue(
            f"The text is no message with {delivery.id} in MSH-10, by which its"
            " acknowledgement is known; keep the header."
        )
    return payload


def _names(payload: bytes, control_id: str) -> bool:
    try:
        return decode(payload).control_id == control_id
    except DecodeError:
        return False
