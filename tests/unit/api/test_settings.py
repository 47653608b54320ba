"""Configuration: a file, the environment over it, and errors that say what to do."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.auth import load_keys
from api.bootstrap import build, open_storage
from api.config_files import read_profiles
from api.policy import load_policy
from booking_engine.domain.policy import DEFAULT_WEIGHTS
from booking_engine.domain.vocabulary import ListType, Priority
from booking_engine.settings import (
    Settings,
    SettingsError,
    is_loopback,
    load_settings,
)

FILES = {
    "toml": """
region = "region.yaml"
[http]
port = 9000
[plan]
at = 03:15:00
""",
    "yaml": """
region: region.yaml
http:
  port: 9000
plan:
  at: "03:15"
""",
}


@pytest.mark.parametrize("ending", FILES)
def test_a_file_is_read_and_the_environment_wins(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / f"booking.{ending}"
    file.write_text(FILES[ending])
    monkeypatch.setenv("BOOKING_HTTP__PORT", "9001")
    monkeypatch.setenv("BOOKING_DATABASE__URL", "sqlite:///other.db")

    settings = load_settings(file)

    assert settings.region == tmp_path / "region.yaml"
    assert settings.http.port == 9001
    assert settings.http.host == "127.0.0.1"
    assert settings.plan.at == time(3, 15)
    assert settings.database.url == "sqlite:///other.db"


def test_without_a_file_there_are_defaults_and_nothing_can_be_changed():
    settings = load_settings()

    assert settings.database.url.startswith("sqlite:///var/")
    assert settings.jobs.urgent_tier == Priority.SUSPECTED_CANCER.tier
    with pytest.raises(ValidationError):
        settings.http.port = 1  # type: ignore[misc]
    assert "sqlite" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "a.toml",
            "[http]\nprot = 1\n",
            "http.prot is not a setting; did you mean port?",
        ),
        ("a.toml", "htpt = 1\n", "htpt is not a setting; did you mean http?"),
        ("a.toml", "[http]\nport = 70000\n", "http.port: Input should be less than"),
        ("a.toml", "[http]\nhost = '0.0.0.0'\n", "http: host 0.0.0.0 can be reached"),
        ("a.toml", "[http\n", "correct the syntax"),
        ("a.toml", "[plan]\nat='25:00'\n", "plan.at"),
        ("a.toml", "[log]\nlevel='loud'\n", "log.level"),
        ("a.yaml", "- 1\n", "is not a mapping; begin with a key"),
        ("a.yaml", "http: {port: 1\n", "correct the syntax"),
        ("a.yaml", "http: {port: 1}\nhttp: {port: 2}\n", "duplicate key"),
        ("a.ini", "", "use .toml, .yaml or .yml"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(
    name: str, text: str, problem: str, tmp_path: Path
):
    file = tmp_path / name
    file.write_text(text)

    with pytest.raises(SettingsError) as caught:
        load_settings(file)

    assert str(caught.value).startswith(str(file))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("BOOKING_HTPT__PORT", "1", "BOOKING_HTPT__PORT is not a setting"),
        ("BOOKING_HTTP__PROT", "1", "BOOKING_HTTP__PROT is not a setting"),
        ("BOOKING_HTTP__PORT", "x", "BOOKING_HTTP__PORT: Input should be a valid"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    variable: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=problem):
        load_settings()


def test_a_missing_file_is_told(tmp_path: Path):
    with pytest.raises(SettingsError, match="No such file or directory"):
        load_settings(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - that is the point
        ("192.168.1.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, loopback: object):
    assert is_loopback(host) is loopback


def test_a_database_or_directory_that_cannot_be_used(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"database\.url"):
        open_storage("mysql://x/y", lambda kind: kind)
    with pytest.raises(SettingsError, match="is not a directory"):
        read_profiles(Settings(partners=tmp_path / "none"))


def test_published_weights_replace_only_what_they_name(tmp_path: Path):
    file = tmp_path / "weights.yaml"
    file.write_text(
        "version: '2026-12.1'\n"
        "hold_minutes: 9\n"
        "weights:\n"
        "  routine: {target_days: 30, wait: 2, late: 3, breach: 4, unplaced: 500,"
        " lists: [general, urgent]}\n"
    )

    policy = load_policy(file)

    assert policy.version == "2026-12.1"
    assert policy.hold_minutes == 9
    assert policy.weights[Priority.ROUTINE].lists == ListType.GENERAL | ListType.URGENT
    assert policy.weights[Priority.URGENT] == DEFAULT_WEIGHTS[Priority.URGENT]
    settings = Settings(database={"url": "memory:"}, policy=file)
    runtime = build(settings)
    assert runtime.dispatcher.policy == policy
    runtime.stop()


def test_keys_that_cannot_be_used(tmp_path: Path):
    file = tmp_path / "keys.yaml"
    file.write_text("keys: [{actor: 'root', sha256: 'x'}]\n")

    with pytest.raises(SettingsError, match=r"keys\.0\.actor"):
        load_keys(file)
