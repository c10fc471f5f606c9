"""Credentials: kept for one user, given to the stores that they are of, and shown to nobody."""

from __future__ import annotations

import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from types import ModuleType
from typing import Any

import pytest

from artifacts.credentials import Credentials
from artifacts.errors import InvalidSettingError

SECRET = {"key": "me", "secret": "S3CR3T"}


class KeyringError(Exception):
    """As the package keyring has it."""


class Ring(ModuleType):
    """The part of the package keyring that is used; `is_locked` refuses, `is_off` takes all."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.errors = ModuleType("keyring.errors")
        self.errors.KeyringError = KeyringError  # type: ignore[attr-defined]
        self.kept: dict[tuple[str, str], str] = {}
        self.is_locked = self.is_off = False

    def set_password(self, service: str, name: str, text: str) -> None:
        self._refuse()
        if not self.is_off:
            self.kept[service, name] = text

    def get_password(self, service: str, name: str) -> str | None:
        self._refuse()
        return self.kept.get((service, name))

    def delete_password(self, service: str, name: str) -> None:
        self._refuse()
        del self.kept[service, name]

    def _refuse(self) -> None:
        if self.is_locked:
            raise KeyringError


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    ring = Ring()
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(sys.modules, "keyring.errors", ring.errors)
    return ring


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Credentials:
    monkeypatch.setitem(sys.modules, "keyring", None)  # as if it were not there
    return Credentials(tmp_path / "config" / "credentials.json")


def test_nothing_is_kept_at_first(credentials: Credentials) -> None:
    assert credentials.options_of("s3://bucket") == {}
    assert credentials.place_of("s3://bucket") is None
    assert not credentials.forget("s3://bucket")
    assert not credentials.file.exists()


def test_what_is_kept_is_given_back_until_it_is_forgotten(credentials: Credentials) -> None:
    assert credentials.keep("s3://bucket", SECRET) == str(credentials.file)
    assert credentials.options_of("s3://bucket") == SECRET

    assert credentials.forget("s3://bucket/")
    assert credentials.options_of("s3://bucket") == {}
    assert "S3CR3T" not in credentials.file.read_text()


def test_it_serves_the_stores_below_and_the_nearest_counts(credentials: Credentials) -> None:
    credentials.keep("s3://bucket", SECRET)
    credentials.keep("s3://bucket/team/", {"anon": True})

    assert credentials.options_of("s3://bucket/other") == SECRET
    assert credentials.options_of("s3://bucket/team/deep") == {"anon": True}
    assert credentials.options_of("s3://bucket2") == {}
    assert credentials.options_of("s3://bucket/teams") == SECRET


def test_what_several_keep_at_once_is_all_kept(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, both = credentials._read, Barrier(2)  # noqa: SLF001 - to slow it down

    def slow() -> dict[str, dict[str, Any]]:
        found = read()
        with suppress(BrokenBarrierError):
            both.wait(0.5)  # the other has read as well, or cannot
        return found

    monkeypatch.setattr(credentials, "_read", slow)
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(credentials.keep, f"s3://{each}", SECRET) for each in "ab"]:
            job.result()

    assert read().keys() == {"s3://a", "s3://b"}


def test_nobody_else_can_read_the_file(credentials: Credentials) -> None:
    credentials.keep("s3://bucket", SECRET)

    assert credentials.file.stat().st_mode & 0o777 == 0o600
    assert credentials.file.parent.stat().st_mode & 0o077 == 0
    assert [*credentials.file.parent.iterdir()] == [credentials.file]


def test_a_file_that_others_can_read_is_told_of(
    credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    credentials.keep("s3://bucket", SECRET)
    credentials.file.chmod(0o644)

    assert credentials.options_of("s3://bucket") == SECRET
    assert "chmod 600" in caplog.text


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"credentials": 2, "stores": {}}', '{"stores": {"s3://b": {"x": "S3CR3T"}}}'],
)
def test_another_file_is_refused_without_showing_it(credentials: Credentials, text: str) -> None:
    credentials.file.parent.mkdir()
    credentials.file.write_text(text)
    credentials.file.chmod(0o600)

    with pytest.raises(InvalidSettingError) as caught:
        credentials.options_of("s3://b")

    assert "S3CR3T" not in str(caught.value)
    assert str(credentials.file) in str(caught.value)


def test_a_keyring_has_what_the_file_then_has_not(credentials: Credentials, ring: Ring) -> None:
    assert credentials.keep("s3://bucket", SECRET) == "the keyring"

    assert credentials.options_of("s3://bucket/team") == SECRET
    assert credentials.place_of("s3://bucket/team") == "the keyring"
    assert "S3CR3T" not in credentials.file.read_text()
    assert json.loads(ring.kept["artifacts", "s3://bucket"]) == SECRET
    assert credentials.forget("s3://bucket")
    assert ring.kept == {}


@pytest.mark.parametrize("fault", ["is_locked", "is_off"])
def test_a_keyring_that_keeps_nothing_is_not_used(
    credentials: Credentials, ring: Ring, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    setattr(ring, fault, True)
    caplog.set_level(logging.DEBUG)

    assert credentials.keep("s3://bucket", SECRET) == str(credentials.file)
    assert credentials.options_of("s3://bucket") == SECRET
    assert "S3CR3T" not in caplog.text


def test_a_keyring_that_does_not_open_any_more_is_told(
    credentials: Credentials, ring: Ring
) -> None:
    credentials.keep("s3://bucket", SECRET)
    ring.is_locked = True

    with pytest.raises(InvalidSettingError, match="`art login` again"):
        credentials.options_of("s3://bucket")
    assert credentials.options_of("s3://other") == {}
    assert credentials.forget("s3://bucket")
    assert credentials.options_of("s3://bucket") == {}


def test_a_link_goes_on_to_lead_to_the_file(credentials: Credentials, tmp_path: Path) -> None:
    target = tmp_path / "synced" / "credentials.json"
    target.parent.mkdir()
    credentials.file.parent.mkdir()
    credentials.file.symlink_to(target)

    credentials.keep("s3://bucket", SECRET)
    credentials.keep("s3://other", SECRET)

    assert credentials.file.readlink() == target
    assert credentials.options_of("s3://bucket") == SECRET
    assert [*target.parent.iterdir()] == [target]
    assert target.stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_is_refused_and_stays(credentials: Credentials, ring: Ring) -> None:
    credentials.file.parent.mkdir()
    os.mkfifo(credentials.file)

    for ask in (
        partial(credentials.keep, "s3://bucket", SECRET),
        partial(credentials.forget, "s3://bucket"),
        partial(credentials.options_of, "s3://bucket"),
    ):
        with pytest.raises(InvalidSettingError, match="is no file"):
            ask()

    assert credentials.file.is_fifo()
    assert ring.kept == {}
