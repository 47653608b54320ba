"""What a demo remembers between two starts, so that a killed one goes on.

The directory holds the database, what the stand-ins received, the plans, and one small
file that says which demo it is. The same command on an unfinished directory resumes:
every message is sent again, and those that were acknowledged before are answered with
their stored acknowledgement.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

_FILE: Final = "demo.json"


@dataclass(frozen=True, slots=True)
class DemoState:
    """Which demo a directory holds.

    Parameters
    ----------
    directory
        Where everything of it is kept.
    orders, seed
        As given on the command line.
    today
        The local day of its first start: the messages depend on it.
    finished
        Whether it came to its end; then the next start begins anew.
    """

    directory: Path
    orders: int
    seed: int
    today: date
    finished: bool = False

    @property
    def database_url(self) -> str:
        """URL of the embedded database."""
        return f"sqlite:///{self.directory / 'booking-engine.db'}"

    @property
    def plans(self) -> Path:
        """Directory of the instance and plan files."""
        return self.directory / "plans"

    @property
    def received(self) -> Path:
        """Directory of what the stand-ins received, one file each."""
        return self.directory / "received"

    @property
    def answers(self) -> Path:
        """File of the senders: each control id that was answered, and how."""
        return self.directory / "answers.log"

    def finish(self) -> DemoState:
        """Remember that the demo came to its end."""
        done = replace(self, finished=True)
        done.save()
        return done

    def save(self) -> None:
        """Write the file that says which demo this is."""
        values = asdict(self) | {"today": self.today.isoformat()}
        del values["directory"]
        (self.directory / _FILE).write_text(json.dumps(values), encoding="utf-8")


def open_state(directory: Path, *, orders: int, seed: int, today: date) -> DemoState:
    """Return the state to go on from; a directory of another demo is emptied.

    Raises
    ------
    ValueError
        The directory holds files, but no demo.
    """
    known = _read(directory)
    same = known is not None and (known.orders, known.seed) == (orders, seed)
    if known is not None and same and not known.finished:
        return known
    if known is None and directory.exists() and any(directory.iterdir()):
        raise ValueError(
            f"{directory} holds other files; give an empty directory with --data."
        )
    if directory.exists():
        shutil.rmtree(directory)
    state = DemoState(directory, orders, seed, today)
    state.plans.mkdir(parents=True)
    state.received.mkdir()
    state.save()
    return state


def _read(directory: Path) -> DemoState | None:
    try:
        values = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        return DemoState(
            directory,
            orders=int(values["orders"]),
            seed=int(values["seed"]),
            today=date.fromisoformat(values["today"]),
            finished=bool(values["finished"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
