"""ER7, the "pipe and hat" text of HL7 v2: bytes to segments and values to bytes.

Reading is tolerant and lazy: a message is cut into segments at once, a segment into
fields when one is asked for, a field into leaves when a leaf is asked for. Escapes are
undone last, on the leaf. Writing is strict and escapes every leaf exactly once.
"""

from hl7_adapters.er7.decoding import (
    SEQUENCE_ERROR,
    DecodeError,
    decode,
    read_again,
    split_batch,
)
from hl7_adapters.er7.encoding import (
    Composite,
    FieldValue,
    Repeated,
    encode,
    encode_lines,
    joined,
    line,
)
from hl7_adapters.er7.escapes import escape, unescape
from hl7_adapters.er7.message import Message
from hl7_adapters.er7.segments import Field, Segment
from hl7_adapters.er7.separators import NULL, STANDARD, Separators, nth_part

__all__ = [
    "NULL",
    "SEQUENCE_ERROR",
    "STANDARD",
    "Composite",
    "DecodeError",
    "Field",
    "FieldValue",
    "Message",
    "Repeated",
    "Segment",
    "Separators",
    "decode",
    "encode",
    "encode_lines",
    "escape",
    "joined",
    "line",
    "nth_part",
    "read_again",
    "split_batch",
    "unescape",
]
