"""Connect: whatever a filesystem's maker raises is an error of ours that shows no secret."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import fsspec
import pytest
import requests
from botocore.exceptions import EndpointConnectionError
from botocore.loaders import JSONFileLoader

from artifacts.errors import ArtifactsError, InvalidSettingError, StorageError
from artifacts.storage import connect as module
from artifacts.storage.client import Client
from artifacts.storage.connect import connect

SECRET = "ya29.hush"

UNFIT: list[tuple[str, dict[str, Any]]] = [
    ("s3://bucket/x", {"region": SECRET}),
    ("s3://bucket/x", {"key": SECRET, "username": SECRET}),
    ("az://box/x", {"account_name": "a", "connection_string": f"AccountKey={SECRET}"}),
    ("gs://bucket/x", {"token": {"refresh_token": SECRET}}),
]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's client asks about a token when it is made; requests then quotes the address."""

    def ask(_: object, **request: object) -> None:
        raise requests.ConnectionError(str(request))

    monkeypatch.setattr(requests.Session, "request", ask)


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


def refused(url: str, options: Mapping[str, Any]) -> ArtifactsError:
    with pytest.raises(ArtifactsError) as caught:
        connect(url, options)
    return caught.value


@pytest.mark.parametrize(("url", "options"), UNFIT, ids=[f"{u} {[*o]}" for u, o in UNFIT])
def test_options_that_do_not_fit_are_named_and_not_shown(url: str, options: dict[str, Any]) -> None:
    error = refused(url, options)

    assert isinstance(error, InvalidSettingError)
    assert all(name in str(error) for name in options)
    assert url in str(error)
    assert SECRET not in shown(error)


def test_a_token_that_nobody_could_be_asked_about_is_not_shown() -> None:
    error = refused("gs://bucket/x", {"token": SECRET})

    assert isinstance(error, StorageError)
    assert "gs://bucket/x" in str(error)
    assert "token" in str(error)
    assert SECRET not in shown(error)


def test_nor_by_who_connects_when_it_first_asks() -> None:
    with pytest.raises(StorageError) as caught:
        Client("gs://bucket/x", {"token": SECRET}).call("reading", "k", lambda _: None)

    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize("url", [f"memory://me:{SECRET}@host/x", f"memory://host/x?sig={SECRET}"])
def test_a_password_in_the_url_is_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(fsspec.core, "url_to_fs", fail)

    error = refused(url, {})

    assert "host/x" in str(error)
    assert SECRET not in shown(error)


def test_a_client_that_cannot_be_quieted_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one of a version that has other insides."""

    def fail(_: object) -> None:
        raise AttributeError(SECRET)

    loud = module._Cloud("s3", "s3fs", module._S3.bucket, {}, fail)  # noqa: SLF001
    monkeypatch.setattr(module, "_CLOUDS", {"memory": loud})

    assert SECRET not in shown(refused("memory://bucket/x", {}))


def test_what_all_clients_of_s3_read_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load = JSONFileLoader.load_file

    def spy(self: JSONFileLoader, path: str) -> object:
        read.append(path)
        return load(self, path)

    monkeypatch.setattr(JSONFileLoader, "load_file", spy)
    nowhere = {"endpoint_url": "http://127.0.0.1:9", "region_name": "eu-west-1"}
    options = {"key": "k", "secret": "s", "client_kwargs": nowhere}
    for _ in range(2):
        with pytest.raises(EndpointConnectionError):
            connect("s3://bucket/x", options).read("key", 0, None)
    assert len(read) == len(set(read))
