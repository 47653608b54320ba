"""Character sets: what MSH-18 names, and what the bytes turn out to be."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Final

# HL7 table 0211, and what senders write instead; 8859/n and 125x go by number.
_CODECS: Final = {
    "": "",
    "ASCII": "",
    "US-ASCII": "",
    "ISO IR6": "",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
}
_ISO_8859 = re.compile(r"(?:ISO[ -]?)?8859[/-](\d{1,2})")
_WINDOWS = re.compile(r"(?:CP|WINDOWS-?)(125\d)")


@lru_cache(maxsize=64)
def codec_of(name: str) -> str | None:
    """Return the codec of an MSH-18 value: empty where unsaid, None where unknown.

    Only known supersets of ASCII: UTF-16 would break the framing.
    """
    key = name.strip().upper()
    if key in _CODECS:
        return _CODECS[key]
    if match := _ISO_8859.fullmatch(key):
        key = f"iso8859-{match[1]}"
    elif match := _WINDOWS.fullmatch(key):
        key = f"cp{match[1]}"
    else:
        return None
    try:
        return codecs.lookup(key).name
    except LookupError:
        return None


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Read the five bytes that Windows-1252 leaves undefined as control characters."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("hl7_adapters.as_latin_1", _as_latin_1)


def read_bytes(data: bytes, name: str) -> tuple[str, str, tuple[str, ...]]:
    """Return text, the codec that read it and warnings; reads any bytes.

    Windows-1252 is the last resort, being what "8859/1" means in practice.
    """
    said = codec_of(name)
    warnings = ("charset_unknown",) if said is None else ()
    legacy = said if said and said not in {"utf-8", "iso8859-1"} else "cp1252"
    says_legacy = bool(said) and said != "utf-8"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if said == "utf-8":
            warnings = ("charset_mismatch",)
    else:
        if says_legacy and data.isascii():
            return text, legacy, warnings
        # Bytes that are valid multi-byte UTF-8 are UTF-8, whatever the header says.
        return text, "utf-8", ("charset_mismatch",) if says_legacy else warnings
    try:
        return data.decode(legacy), legacy, warnings
    except UnicodeDecodeError:
        if legacy != "cp1252":
            warnings = ("charset_mismatch",)
    return data.decode("cp1252", "hl7_adapters.as_latin_1"), "cp1252", warnings
