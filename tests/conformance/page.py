"""The conformance page: what was measured, grouped and written as markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from conformance.measuring import Measured

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

Place = tuple[str, str, str]
"""State before, message, version."""
HEADINGS = (
    "before",
    "messages and versions",
    "answer",
    "filed as",
    "orders after",
    "events told",
)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def grouped(
    what: str, found: Mapping[str, Mapping[Place, Measured]], titles: Mapping[str, str]
) -> str:
    """Return a table in which equal behaviour stands once.

    Parameters
    ----------
    what
        Heading of the first column.
    found
        By code: what came of it in each place.
    titles
        What each code means.
    """
    alike: dict[tuple[tuple[Place, Measured], ...], list[str]] = defaultdict(list)
    for code, measured in found.items():
        alike[tuple(measured.items())].append(code)
    rows: list[tuple[str, ...]] = []
    for signature, codes in alike.items():
        name = "; ".join(f"**{c}** {titles.get(c, '')}".strip() for c in codes)
        for line in _lines(dict(signature)):
            rows.append((name, *line))
            name = ""
    return table((what, *HEADINGS), rows)


def _lines(measured: Mapping[Place, Measured]) -> Iterable[tuple[str, ...]]:
    """Yield one line for each different result."""
    states = list(dict.fromkeys(state for state, _, _ in measured))
    every = _versions((m, v) for s, m, v in measured if s == states[0])
    results: dict[Measured, dict[str, list[tuple[str, str]]]] = {}
    for (state, message, version), result in measured.items():
        in_state = results.setdefault(result, {})
        in_state.setdefault(state, []).append((message, version))
    for result, in_state in results.items():
        by_where: dict[str, list[str]] = defaultdict(list)
        for state, where in in_state.items():
            by_where[_versions(where)].append(state)
        for where, some in by_where.items():
            yield (
                "any" if some == states and len(states) > 1 else ", ".join(some),
                "all" if where == every else where,
                result.answer,
                result.filed,
                result.orders,
                result.told,
            )


def _versions(where: Iterable[tuple[str, str]]) -> str:
    by_message: dict[str, list[str]] = defaultdict(list)
    for message, version in where:
        by_message[message].append(version)
    return "; ".join(f"{m} {', '.join(v)}" for m, v in by_message.items())
