"""Damaged HL7 messages: every way a feed has been seen to break, and chance besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeAlias

Mutation: TypeAlias = Callable[[bytes, Random], bytes]

_VALUES: Final = (
    *(b"", b'""', b"0", b"-1", b"9" * 30, b"99999999999999999999999999999999999999"),
    *(b"00000000", b"20261332", b"20260329013000", b"20261025013000", b"2400"),
    *(b"20260229", b"202611241200+9999", b"1e309", b"NaN", b"\xff\xfe", b"\x00"),
    *(
        b"\\E\\",
        b"\\X0B1C0D\\",
        b"\\.br\\",
        b"\\Z99\\",
        b"\\",
        b"\\F",
        b"&&&&",
        b"^^^^",
    ),
    *(
        b"~" * 200,
        b"^" * 200,
        b"&" * 200,
        "Ŵyn 李 🩻".encode(),
        b"\xc3\x28",
        b"A" * 5000,
    ),
    *(b"NW", b"XO", b"CA", b"DC", b"HD", b"RL", b"RP", b"RO", b"SC", b"SN", b"PA"),
    *(b"CH", b"OC", b"UA", b"OK", b"S", b"R", b"Y", b"N", b"U", b"2.5.1", b"2.3"),
    *(b"9990000018", b"1234567890", b"' OR 1=1 --", b"<x/>", b"{{7*7}}", b"%s%n"),
)
"""What fields have broken other engines with, and codes that mean something else."""

_TYPES: Final = tuple(
    f"{kind}^{event}".encode()
    for kind, events in (
        ("ORM", ("O01",)),
        ("OMG", ("O19",)),
        ("OMI", ("O23",)),
        ("ORR", ("O02",)),
        ("ACK", ("", "O01")),
        ("ADT", ("A01", "A03", "A04", "A05", "A08", "A28", "A31", "A34", "A38", "A40")),
        ("SIU", ("S12", "S13", "S14", "S15", "S16", "S17", "S23", "S24", "S26")),
        ("SRM", ("S01", "S02", "S03", "S04", "S05", "S06", "S09")),
        ("SQM", ("S25",)),
        ("ORU", ("R01",)),
        ("", ("",)),
    )
    for event in events
)

_CONTROL: Final = b"\x00\x06\x0a\x0b\x0c\x0d\x15\x1b\x1c\x7f\x85\xa0"


def mutated(message: bytes, corpus: Sequence[bytes], rng: Random) -> bytes:
    """Return the message after one to six mutations, or crossed with another."""
    if rng.random() < 0.08:
        other = rng.choice(corpus)
        return (
            message[: rng.randrange(len(message))] + other[rng.randrange(len(other)) :]
        )
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        message = rng.choice(MUTATIONS)(message, rng)
        if len(message) > 200_000:
            return message[:200_000]
    return message


def _span(message: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(message) + 1)
    return start, min(len(message), start + rng.choice((1, 2, 8, 40, 400)))


def _flip(message: bytes, rng: Random) -> bytes:
    if not message:
        return bytes([rng.randrange(256)])
    at = rng.randrange(len(message))
    return message[:at] + bytes([rng.randrange(256)]) + message[at + 1 :]


def _cut(message: bytes, rng: Random) -> bytes:
    start, end = _span(message, rng)
    return message[:start] + message[end:]


def _double(message: bytes, rng: Random) -> bytes:
    start, end = _span(message, rng)
    return message[:end] + message[start:end] * rng.choice((1, 2, 50)) + message[end:]


def _truncate(message: bytes, rng: Random) -> bytes:
    return message[: rng.randrange(len(message) + 1)]


def _noise(message: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(message) + 1)
    return message[:at] + rng.randbytes(rng.choice((1, 3, 30))) + message[at:]


def _control(message: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(message) + 1)
    byte = _CONTROL[rng.randrange(len(_CONTROL))]
    return message[:at] + bytes([byte]) + message[at:]


def _segments(message: bytes) -> list[bytes]:
    return message.split(b"\r")


def _drop_segment(message: bytes, rng: Random) -> bytes:
    segments = _segments(message)
    segments.pop(rng.randrange(len(segments)))
    return b"\r".join(segments)


def _repeat_segment(message: bytes, rng: Random) -> bytes:
    segments = _segments(message)
    at = rng.randrange(len(segments))
    return b"\r".join(
        segments[: at + 1]
        + [segments[at]] * rng.choice((1, 2, 120))
        + segments[at + 1 :]
    )


def _shuffle_segments(message: bytes, rng: Random) -> bytes:
    segments = _segments(message)
    rest = segments[1:]
    rng.shuffle(rest)
    return b"\r".join(segments[:1] + rest)


def _rename_segment(message: bytes, rng: Random) -> bytes:
    segments = _segments(message)
    at = rng.randrange(len(segments))
    name = rng.choice((b"ZZZ", b"OBR", b"ORC", b"PID", b"SCH", b"MSH", b"BHS", b"msh"))
    segments[at] = name + segments[at][3:]
    return b"\r".join(segments)


def _with_field(message: bytes, rng: Random, value: bytes) -> bytes:
    segments = _segments(message)
    at = rng.randrange(len(segments))
    fields = segments[at].split(b"|")
    number = rng.randrange(len(fields))
    if number:
        fields[number] = value
    segments[at] = b"|".join(fields)
    return b"\r".join(segments)


def _value(message: bytes, rng: Random) -> bytes:
    return _with_field(message, rng, rng.choice(_VALUES))


def _component(message: bytes, rng: Random) -> bytes:
    return _with_field(
        message, rng, b"^".join(rng.choices(_VALUES[:24], k=rng.randint(2, 9)))
    )


def _swap_fields(message: bytes, rng: Random) -> bytes:
    segments = _segments(message)
    at = rng.randrange(len(segments))
    fields = segments[at].split(b"|")
    if len(fields) > 2:
        one, other = rng.randrange(1, len(fields)), rng.randrange(1, len(fields))
        fields[one], fields[other] = fields[other], fields[one]
    segments[at] = b"|".join(fields)
    return b"\r".join(segments)


def _shift_fields(message: bytes, rng: Random) -> bytes:
    segments = _segments(message)
    at = rng.randrange(len(segments))
    fields = segments[at].split(b"|")
    fields.insert(rng.randrange(1, len(fields) + 1), b"")
    segments[at] = b"|".join(fields)
    return b"\r".join(segments)


def _type(message: bytes, rng: Random) -> bytes:
    segments = _segments(message)
    fields = segments[0].split(b"|")
    if len(fields) > 8:
        fields[8] = rng.choice(_TYPES)
    segments[0] = b"|".join(fields)
    return b"\r".join(segments)


def _separators(message: bytes, rng: Random) -> bytes:
    marks = rng.choice((b"#*%!?", b"$@~\\&", b"||||", b"^~", b"^^^^", b"AAAA"))
    return message[:3] + rng.choice((b"|", b"$", b"M", b"\r")) + marks + message[8:]


def _line_ends(message: bytes, rng: Random) -> bytes:
    return message.replace(b"\r", rng.choice((b"\n", b"\r\n", b"\n\r", b"", b"\r\r")))


MUTATIONS: Final[tuple[Mutation, ...]] = (
    *(_flip, _cut, _double, _truncate, _noise, _control),
    *(_drop_segment, _repeat_segment, _shuffle_segments, _rename_segment),
    *(_value, _value, _component, _swap_fields, _shift_fields),
    *(_type, _separators, _line_ends),
)
"""Each takes a message and chance; those for fields reach deepest."""
