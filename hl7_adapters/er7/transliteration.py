"""The nearest text that a narrow character set can say, as a codec error handler."""

from __future__ import annotations

import codecs
import unicodedata
from functools import lru_cache
from typing import Final

from hl7_adapters.er7.escapes import escape

TRANSLITERATE: Final = "hl7_adapters.transliterate"
"""The name to pass as ``errors`` to `str.encode`."""

# Letters and marks that Unicode does not decompose.
_PLAIN: Final = str.maketrans(
    {
        **dict(zip("ØøŁłĐđÐðĦħŦŧı", "OoLlDdDdHhTti", strict=True)),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2022": "*",
        "ß": "ss",
        "ẞ": "SS",
        "Æ": "AE",
        "æ": "ae",
        "Œ": "OE",
        "œ": "oe",
        "Þ": "Th",
        "þ": "th",
        "€": "EUR",
        "£": "GBP",
    }
)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """Return the nearest ASCII text; the code point where there is none."""
    decomposed = unicodedata.normalize("NFKD", character.translate(_PLAIN))
    text = "".join(
        part for part in decomposed.translate(_PLAIN) if not unicodedata.combining(part)
    )
    if not text.isascii() or (text == "" and not unicodedata.combining(character)):
        text = f"[U+{ord(character):04X}]"
    return escape(text)  # a full-width bar becomes a bar, which must not separate


def _transliterate(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


codecs.register_error(TRANSLITERATE, _transliterate)
