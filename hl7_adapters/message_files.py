"""Messages in files: one, several, captured from a wire, or a whole batch.

Errors::

    NoMessages   a file holds none, or a folder no file
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hl7_adapters.mllp.framing import VT, Deframer, Frame

_HEADER: Final = re.compile(rb"^(?=MSH[^A-Za-z0-9\s])", re.MULTILINE)
_BATCH: Final = (b"FHS", b"BHS")
_BOM: Final = b"\xef\xbb\xbf"
_AROUND: Final = b"\x0b\x1c\r\n\t "

# What carries the placer's own number of a request: HL7 2.5.1 sections 4.5.1, 4.5.3,
# 10.6.1 and 10.6.2. ORC-4 groups orders.
_PLACERS: Final[dict[bytes, tuple[int, ...]]] = {
    b"ORC": (2, 4),
    b"OBR": (2,),
    b"SCH": (1,),
    b"ARQ": (1,),
}
_CONTROL_ID: Final = 9  # MSH-10, where MSH-1 is the separator that split the line


class NoMessages(Exception):
    """There is nothing to send; the text names the place and the remedy."""


@dataclass(frozen=True, slots=True, repr=False)
class Filed:
    """One message of a file.

    Parameters
    ----------
    file, number
        Where it stands, counted from 1.
    payload
        Its bytes, segments ended by CR; a batch is one payload.
    """

    file: Path
    number: int
    payload: bytes


def read_messages(path: Path) -> list[Filed]:
    """Return the messages of a file, or of the files of a folder in order of name.

    Raises
    ------
    NoMessages
        There are none. A file of a folder that holds none is one as well.
    OSError
        A file cannot be read.
    """
    files: Sequence[Path] = [path]
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file())
        files = [file for file in files if not file.name.startswith(".")]
        if not files:
            raise NoMessages(f"{path}: the folder is empty; put messages into it")
    return [message for file in files for message in _of_file(file)]


def split_messages(raw: bytes) -> list[bytes]:
    """Return the messages in the bytes of one file.

    With MLLP framing each frame is one; what begins with FHS or BHS is one batch; or
    else each line that begins with MSH begins a message.
    """
    raw = raw.removeprefix(_BOM)
    if VT in raw:
        frames = Deframer(max(1, len(raw))).feed(raw)
        return [event.payload for event in frames if isinstance(event, Frame)]
    text = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(_AROUND)
    if not text:
        return []
    parts = [text] if text.startswith(_BATCH) else _HEADER.split(text)
    found = [part.strip(_AROUND) for part in parts]
    return [part.replace(b"\n", b"\r") + b"\r" for part in found if part]


def _of_file(file: Path) -> Iterator[Filed]:
    number = 0
    for number, payload in enumerate(split_messages(file.read_bytes()), 1):
        yield Filed(file, number, payload)
    if not number:
        raise NoMessages(f"{file}: no message in it; remove it or give another file")


class Renumbering:
    """Gives messages control ids and placer numbers that nobody has used before.

    Within one pass over the files a placer number that comes again gets the same new
    number, so that a cancel still meets its order; the next pass has numbers of its
    own.

    Parameters
    ----------
    tag
        Begins every number; of letters and digits, different in each run.
    """

    def __init__(self, tag: str) -> None:
        self._tag = tag.encode("ascii")
        self._control_ids = 0
        self._placers: dict[tuple[int, bytes], bytes] = {}

    def __call__(self, payload: bytes, turn: int) -> bytes:
        """Return a message (or batch) with new numbers; `turn` counts the passes."""
        lines = payload.split(b"\r")
        mark, part, repeat = b"|", b"^", b"~"
        for at, line in enumerate(lines):
            if line.startswith(b"MSH") and len(line) > len("MSH|^~"):
                mark, part, repeat = line[3:4], line[4:5], line[5:6]
                lines[at] = self._header(line, mark)
                continue
            wanted = _PLACERS.get(line[:3])
            if wanted is not None:
                lines[at] = self._line(line, (mark, part, repeat), wanted, turn)
        return b"\r".join(lines)

    def _header(self, line: bytes, mark: bytes) -> bytes:
        fields = line.split(mark)
        if len(fields) > _CONTROL_ID:
            self._control_ids += 1
            fields[_CONTROL_ID] = b"%bC%d" % (self._tag, self._control_ids)
        return mark.join(fields)

    def _line(
        self,
        line: bytes,
        marks: tuple[bytes, bytes, bytes],
        wanted: tuple[int, ...],
        turn: int,
    ) -> bytes:
        mark, part, repeat = marks
        fields = line.split(mark)
        for number in wanted:
            value = fields[number] if number < len(fields) else b""
            first, rest = _cut(value, part, repeat)
            if first and first != b'""':
                fields[number] = self._placer(first, turn) + rest
        return mark.join(fields)

    def _placer(self, old: bytes, turn: int) -> bytes:
        fresh = b"%bP%d" % (self._tag, len(self._placers) + 1)
        return self._placers.setdefault((turn, old), fresh)


def _cut(value: bytes, part: bytes, repeat: bytes) -> tuple[bytes, bytes]:
    """Return the first component and all that follows it."""
    ends = [at for mark in (part, repeat) if mark and (at := value.find(mark)) >= 0]
    end = min(ends, default=len(value))
    return value[:end], value[end:]
