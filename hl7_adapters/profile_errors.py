"""What is wrong with a partner profile, said so that it can be mended at once.

Errors::

    ProfileError   a file cannot be used; says where, what is wrong and what to do
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hl7_adapters.yaml_source import YamlSource


class ProfileError(Exception):
    """A profile cannot be used.

    Parameters
    ----------
    file, line, column
        Where; counted from 1.
    path
        The key, such as ``urgency.2WW``.
    problem
        What is wrong and what to do.
    """

    def __init__(
        self, file: Path, position: tuple[int, int], path: str, problem: str
    ) -> None:
        self.file = file
        self.line, self.column = position
        self.path = path
        self.problem = problem
        where = f"{path}: " if path else ""
        super().__init__(f"{file}:{self.line}:{self.column}: {where}{problem}")


_REMEDIES: Final = {
    "missing": "add it",
    "string_too_short": "write a value or leave the key out",
    "extra_forbidden": "this key is not known; correct or remove it",
}


def first_problem(
    path: Path, source: YamlSource, error: ValidationError
) -> ProfileError:
    """Return the first problem in the file, by line."""
    found: list[ProfileError] = []
    for item in error.errors(include_url=False, include_input=False):
        # Codes with days are read apart; in the file they stand in their table.
        location = item["loc"][1:] if item["loc"][:1] == ("dated",) else item["loc"]
        text = item["msg"].removeprefix("Value error, ")
        remedy = _REMEDIES.get(item["type"])
        name = ".".join(str(step) for step in location if step != "[key]")
        found.append(
            ProfileError(
                path,
                source.position(location),
                name,
                f"{text}; {remedy}" if remedy else text,
            )
        )
    return min(found, key=lambda problem: (problem.line, problem.column))
