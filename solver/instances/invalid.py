"""What a loader says about a file that it cannot use."""

from __future__ import annotations

from pathlib import Path


class InvalidInstance(ValueError):
    """A file does not hold what its format says.

    Parameters
    ----------
    file
        The file.
    field
        Field or column, dotted; "" for the file as a whole.
    row
        Row within the column, or None.
    found
        What is wrong.
    remedy
        What to change.
    """

    def __init__(
        self, file: Path, *, field: str, row: int | None, found: str, remedy: str
    ) -> None:
        self.file, self.field, self.row = file, field, row
        self.found, self.remedy = found, remedy
        where = field or "the file"
        if row is not None:
            where += f", row {row},"
        super().__init__(f"{file}: {where} {found}. {remedy}")
