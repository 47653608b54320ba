"""A document of sections, tables and listings, written as HTML for A4, or Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines that are shown as they are, such as a message; with what they are."""

    title: str
    text: str


Part: TypeAlias = str | Table | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it, in order."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """A document."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]


_STYLE: Final = """
@page { size: A4; margin: 16mm 14mm 18mm;
  @bottom-right { content: counter(page) " / " counter(pages);
    font: 8pt Arial, Helvetica, sans-serif; color: #4c6272; } }
:root { color-scheme: light; }
body { font: 10pt/1.4 Arial, Helvetica, sans-serif; color: #212b32; max-width: 182mm;
  margin: 0 auto; padding: 8mm 4mm; background: #fff; }
h1 { font-size: 20pt; line-height: 1.2; margin: 0 0 2mm; }
h2 { font-size: 13pt; margin: 9mm 0 2mm; padding-bottom: 1mm;
  border-bottom: 0.6mm solid #005eb8; break-after: avoid; }
h3 { font-size: 10pt; margin: 4mm 0 1mm; break-after: avoid; }
p { margin: 0 0 2mm; max-width: 165mm; }
.subtitle { color: #4c6272; }
table { border-collapse: collapse; width: 100%; margin: 2mm 0 4mm; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { text-align: left; vertical-align: top; padding: 1mm 2mm 1mm 0;
  border-bottom: 0.2mm solid #d8dde0; overflow-wrap: break-word; }
th { font-size: 9pt; border-bottom: 0.4mm solid #768692; white-space: nowrap; }
td:first-child { font-weight: bold; min-width: 24mm; }
.whole { white-space: nowrap; }
pre { font: 8pt/1.45 Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: #f0f4f5; padding: 2mm 3mm; margin: 1mm 0 4mm; white-space: pre-wrap;
  overflow-wrap: anywhere; break-inside: avoid; }
nav ol { columns: 2; margin: 3mm 0 0; padding-left: 6mm; }
nav a { color: #005eb8; text-decoration: none; }
@media print { body { padding: 0; max-width: none; } nav a { color: inherit; } }
"""


_FIELD: Final = re.compile(r"\b[A-Z][A-Z0-9]{2}-\d+(?:\.\d+)*")
"""Such as PID-3 or ORC-7.6, which a line must not end in the middle of."""


def as_html(document: Printed) -> str:
    """Return one HTML page that needs nothing else, for the screen and for A4."""
    return "\n".join(_html(document))


def _html(document: Printed) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en-GB"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(document.title)}</title>"
    yield f"<style>{_STYLE}</style></head><body>"
    yield f"<header><h1>{escape(document.title)}</h1>"
    yield f'<p class="subtitle">{escape(document.subtitle)}</p></header>'
    yield "<nav><ol>"
    for number, section in enumerate(document.sections, 1):
        yield f'<li><a href="#s{number}">{escape(section.title)}</a></li>'
    yield "</ol></nav><main>"
    for number, section in enumerate(document.sections, 1):
        yield f'<section><h2 id="s{number}">{number}. {escape(section.title)}</h2>'
        for part in section.parts:
            yield from _html_part(part)
        yield "</section>"
    yield "</main></body></html>"
    yield ""


def _html_part(part: Part) -> Iterator[str]:
    if isinstance(part, str):
        yield f"<p>{_running(part)}</p>"
    elif isinstance(part, Listing):
        yield f"<h3>{escape(part.title)}</h3>"
        yield f"<pre>{escape(part.text)}</pre>"
    else:
        heads = "".join(f'<th scope="col">{escape(h)}</th>' for h in part.headings)
        yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
        for row in part.rows:
            yield f"<tr>{''.join(f'<td>{_running(cell)}</td>' for cell in row)}</tr>"
        yield "</tbody></table>"


def _running(text: str) -> str:
    return _FIELD.sub(r'<span class="whole">\g<0></span>', escape(text))


def as_markdown(document: Printed) -> str:
    """Return the document as Markdown, with tables as most readers know them."""
    lines = [f"# {document.title}", "", document.subtitle, ""]
    for number, section in enumerate(document.sections, 1):
        lines += [f"## {number}. {section.title}", ""]
        for part in section.parts:
            lines += [*_markdown_part(part), ""]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_part(part: Part) -> list[str]:
    if isinstance(part, str):
        return [part]
    if isinstance(part, Listing):
        return [f"**{part.title}**", "", "```", part.text, "```"]
    return [
        _markdown_row(part.headings),
        "|" + " --- |" * len(part.headings),
        *(_markdown_row(row) for row in part.rows),
    ]


def _markdown_row(cells: Sequence[str]) -> str:
    shown = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(shown)} |"
