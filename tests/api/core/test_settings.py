"""Settings come from the environment, and a mistake in one stops the service at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pvkdb.errors import InputError
from pvkdb_api.core.settings import PREFIX, ServiceSettings, read_settings

PAGE = Path(__file__).parents[3] / "docs" / "deploy.md"


def test_the_environment_is_read_and_what_is_given_overrides_it(monkeypatch) -> None:
    monkeypatch.setenv("PVKDB_READING", "key")
    monkeypatch.setenv("PVKDB_WORKERS", "3")
    monkeypatch.setenv("PVKDB_CORS_ORIGINS", "https://a.example, https://b.example")
    monkeypatch.setenv("PVKDB_DATABASE_URL", "sqlite:///x.sqlite")  # a variable of others
    settings = read_settings(workers=2, log_format=None)
    assert settings.reading == "key"
    assert settings.workers == 2
    assert settings.log_format == "text"
    assert settings.cors_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_BODY_BYTES", "1 MB"),
        ("REQUEST_TIMEOUT_S", "0"),
        ("CORS_ORIGINS", "a.example"),
        ("CORS_ORIGINS", "https://a.example/page"),
        ("TRUSTED_HOSTS", "a.*.example"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_name(monkeypatch, name, value) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(InputError, match=rf"{PREFIX}{name}={re.escape(value)} cannot be used: .+"):
        read_settings()


def test_a_misspelt_setting_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("PVKDB_READNG", "key")
    with pytest.raises(InputError, match="did you mean PVKDB_READING"):
        read_settings()


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    rows = re.findall(r"^\| `(PVKDB_\w+)` \| (.*?) \| (.*) \|$", PAGE.read_text("utf-8"), re.M)
    documented = {name: (default.strip("`"), meaning) for name, default, meaning in rows}
    known = ServiceSettings.model_fields
    assert set(documented) == {PREFIX + name.upper() for name in known}
    for name, field in known.items():
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else str(default).lower()
        assert documented[PREFIX + name.upper()] == (shown, field.description)
