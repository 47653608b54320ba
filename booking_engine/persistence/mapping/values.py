"""What a row is on its way to the database."""

from typing import Any

Values = dict[str, Any]
"""The values of one row by column."""
