"""`art login` keeps what opens a store, and nothing shows it."""

import json
import os
import sys
from io import StringIO
from pathlib import Path

import pytest
from servers.fleet import Fleet

import artifacts
from artifacts.settings import Settings
from cli.shell import Shell

BUCKET = "s3://bucket/team"
SECRET = {"key": "me", "secret": "S3CR3T"}


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> "type[StringIO]":
    monkeypatch.setitem(sys.modules, "keyring", None)  # as if it were not there

    class Typed(StringIO):
        def __init__(self, text: str) -> None:
            super().__init__(text)
            monkeypatch.setattr(sys, "stdin", self)

    return Typed


def kept() -> dict[str, dict[str, object]]:
    text = Settings.load().credentials_path.read_text()
    return {url: row["options"] for url, row in json.loads(text)["stores"].items()}


def test_secrets_come_by_standard_input_and_are_not_told(
    art: Shell, type_in: type[StringIO]
) -> None:
    type_in(json.dumps(SECRET))

    answer = art.ok("login", BUCKET, "--stdin", "--option", "endpoint_url=http://localhost:1")

    assert kept() == {BUCKET: {**SECRET, "endpoint_url": "http://localhost:1"}}
    assert "endpoint_url, key, secret kept in" in answer.lines[0]
    assert "S3CR3T" not in answer.out.decode() + answer.err


def test_what_is_kept_is_forgotten_again(art: Shell, type_in: type[StringIO]) -> None:
    type_in(json.dumps(SECRET))
    art.ok("login", BUCKET, "--stdin")

    assert "forgotten" in art.ok("logout", BUCKET).lines[0]
    assert kept() == {}
    assert "nothing was kept" in art.ok("logout", BUCKET).lines[0]


@pytest.mark.parametrize(
    ("arguments", "text", "reason"),
    [
        ([BUCKET], "", "nobody can be asked here"),
        ([BUCKET, "--stdin"], "S3CR3T", "wants a JSON object"),
        ([BUCKET, "--stdin"], "[]", "wants a JSON object"),
        (["./store", "--anonymous"], "", "needs no login"),
        ([], "", "needs no login"),
        ([BUCKET, "--anonymous", "--option", "profile"], "", "expected NAME=VALUE"),
    ],
)
@pytest.mark.local
def test_what_cannot_be_kept_is_told(
    art: Shell, type_in: type[StringIO], arguments: list[str], text: str, reason: str
) -> None:
    type_in(text)

    answer = art("login", *arguments)

    assert answer.code == 2
    assert reason in answer.err
    assert "S3CR3T" not in answer.err


def test_a_profile_or_nothing_at_all_needs_no_secret(art: Shell, type_in: type[StringIO]) -> None:
    type_in("")
    art.ok("login", BUCKET, "--option", "profile=work")
    art.ok("login", "s3://public", "--anonymous")

    assert kept() == {BUCKET: {"profile": "work"}, "s3://public": {"anon": True}}


def test_a_real_server_opens_with_what_was_kept(
    art: Shell, data: Path, fleet: Fleet, type_in: type[StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fleet.server("ceph")
    monkeypatch.setenv("ART_STORE", server.place())
    monkeypatch.delenv("ART_STORAGE_OPTIONS", raising=False)
    for variable in os.environ:
        if variable.startswith("AWS_"):
            monkeypatch.delenv(variable)
    assert art("put", str(data), "x").code != 0
    type_in(json.dumps(dict(server.options)))

    art.ok("login", "--stdin", "--verify")

    assert art.ok("put", str(data), "x").code == 0
    status = art.ok("status", "--json")
    assert status.json["credentials"] == str(Settings.load().credentials_path)
    assert status.json["is_there"]
    assert not {str(v) for v in server.options.values() if v} & {*status.out.decode().split('"')}
    monkeypatch.setenv("ART_STORAGE_OPTIONS", '{"key": "other", "secret": "wrong"}')
    assert art("ls").code == 6
    monkeypatch.delenv("ART_STORAGE_OPTIONS")
    art.ok("logout")
    assert art("ls").code != 0


@pytest.mark.parametrize(
    ("host", "key", "found"),
    [
        ("s3://bucket", "me:S3CR3T", {"s3://bucket": SECRET}),
        ("s3://bucket", json.dumps(SECRET), {"s3://bucket": SECRET}),
        ("az://box", "me:S3CR3T", {"az://box": {"account_name": "me", "account_key": "S3CR3T"}}),
        ("s3://bucket", "f" * 40, None),
        ("https://api.wandb.ai", "f" * 40, None),
        (None, "f" * 40, None),
        (None, None, None),
    ],
)
@pytest.mark.local
@pytest.mark.usefixtures("type_in")
def test_login_of_a_program_keeps_what_opens_a_store(
    host: str | None,
    key: str | None,
    found: dict[str, dict[str, str]] | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert artifacts.login(
        anonymous="never", key=key, host=host, relogin=True, force=True, timeout=1
    )

    assert Settings.load().credentials_path.exists() == (found is not None)
    assert found is None or kept() == found
    assert "S3CR3T" not in caplog.text


@pytest.mark.local
def test_login_of_a_program_asks_a_store_if_it_is_to(store: Path) -> None:
    assert artifacts.login(verify=True)
    (store / "store.json").write_text("{}")
    with pytest.raises(artifacts.Error):
        artifacts.login(verify=True)
