"""Configuration files as mappings, and the error that names what is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


class SettingsError(Exception):
    """The configuration cannot be used; the text is one line with the remedy."""


def read_mapping(file: Path) -> dict[str, Any]:
    """Return the mapping that a TOML or YAML file holds.

    Raises
    ------
    SettingsError
        The file cannot be read, or is something else.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise SettingsError(f"{file}: {reason}; give a readable file") from error
    try:
        if file.suffix == ".toml":
            return tomllib.loads(text)
        if file.suffix in {".yaml", ".yml"}:
            value = YAML(typ="safe", pure=True).load(text)
        else:
            raise SettingsError(
                f"{file}: the ending is {file.suffix!r}; use .toml, .yaml or .yml"
            )
    except (tomllib.TOMLDecodeError, YAMLError) as error:
        first = str(error).strip().splitlines()
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or first[0]
        raise SettingsError(f"{file}{where}: {problem}; correct the syntax") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError(f"{file}: is not a mapping; begin with a key such as http:")
    return value
