"""The README's walk by its words: a partner, its unmapped code, a refused message."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.bootstrap import build
from api.cli import app
from booking_engine.domain.orders import OrderStatus
from booking_engine.settings import load_settings
from hl7_adapters.mllp.received import Received

ROOT = Path(__file__).parents[2]
SECTION = (
    (ROOT / "README.md").read_text().split("## Connect a RIS")[1].split("\n## ")[0]
)


def written_by(name: str) -> str:
    """Return the text that the README writes into a file."""
    block = re.search(rf"cat > {name} <<'END'\n(.*?)\n *END\n", SECTION, re.DOTALL)
    assert block is not None, name
    return "\n".join(line.strip() for line in block[1].splitlines()) + "\n"


def run(line: str, **options: int):
    """Run a command as the README has it."""
    words = [w.strip('"') for w in re.findall(r'"[^"]*"|\S+', line)]
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == options.get("exit_code", 0), result.output
    return result.output


def command(beginning: str) -> str:
    """Return the README's command that begins so."""
    found = re.search(rf"{beginning}[^`\n&|]*", SECTION)
    assert found is not None, beginning
    return found[0].strip()


def as_sed(text: str, before: str) -> str:
    """Return a text as the README's sed script before these words changes it."""
    script = re.search(rf"sed '([^']*)' {re.escape(before)}", SECTION)
    assert script is not None, before
    for line in script[1].split(";"):
        _, old, new, _ = line.strip().split("/")
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "api/demo/partners", tmp_path / "partners")
    shutil.copy(ROOT / "api/demo/region.yaml", tmp_path)
    (tmp_path / "booking.toml").write_text(written_by("booking.toml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_partner_is_connected_from_the_readme_alone(folder):
    template = run("booking-engine partner template")
    edits = re.search(r"```yaml\n(.*?)```", SECTION, re.DOTALL)[1]
    text = template
    for line in edits.splitlines():
        key = line.strip().partition(":")[0].removeprefix("- {")
        if key in {"id", "sites", "placer_authority", "local_authority"}:
            text = re.sub(rf"^{key}:.*$", line.strip(), text, flags=re.MULTILINE)
        elif key == "application":
            text = re.sub(
                r"^  - \{application.*$", line.strip(), text, flags=re.MULTILINE
            )
    (folder / "partners/my-ris.yaml").write_text(text)
    checked = run(command("booking-engine partner check"))
    assert "my-ris" in checked
    assert "RXX" not in checked
    run(command("booking-engine migrate"))
    (folder / "order.hl7").write_text(written_by("order.hl7"))
    told = run(command("booking-engine hl7 explain"))
    assert "held: unmapped_procedure XXKNEE" in told

    runtime = build(load_settings(folder / "booking.toml"))
    try:
        runtime.prepare()
        raw = (folder / "order.hl7").read_bytes().replace(b"\n", b"\r")
        now = datetime.now(UTC)
        (ack,) = runtime.receiver.handle([Received(raw, "10.0.0.1:1", 1, now, 2575)])
        assert b"MSA|AA|1" in ack

        assert "xxknee" in run(command("booking-engine partner unmapped"))
        misspelt = command("booking-engine partner map").replace("MRKNEE", "MRKNE")
        assert run(misspelt, exit_code=1)
        mapped = run(command("booking-engine partner map"))
        assert re.search(r"orders that go on +1\b", mapped)
        assert "xxknee" not in run(command("booking-engine partner unmapped"))

        with runtime.dispatcher.reading("job:test") as session:
            found = session.uow.orders.with_status([OrderStatus.AWAITING_VETTING])
        assert [order.content.procedure for order in found] == ["MRKNEE"]

        refused = as_sed(raw.decode(), "order.hl7 > refused.hl7").encode()
        (nak,) = runtime.receiver.handle(
            [Received(refused, "10.0.0.1:1", 1, now, 2575)]
        )
        assert b"MSA|AE|2" in nak
        listed = run(command("booking-engine hl7 find"))
        assert " 103 " in listed
        name = listed.split()[0]
        shown = run(command("booking-engine hl7 show").replace("$id", name))
        (folder / "mended.hl7").write_text(as_sed(shown, "> mended.hl7"))
        replayed = run(command("booking-engine hl7 replay").replace("$id", name))
        assert " processed" in replayed
        with runtime.dispatcher.reading("job:test") as session:
            found = session.uow.orders.with_status([OrderStatus.AWAITING_VETTING])
        assert {order.content.placer_number for order in found} == {"P1", "P2"}
    finally:
        runtime.stop()
    run(command("booking-engine partner document"))
    assert "XXKNEE" in (folder / "my-ris.html").read_text()
