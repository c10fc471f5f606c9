"""The web: an http server whose resources stay, change, go, break off, or have no ETag."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.web import Web, serving

from artifacts.content import Detail, Digest, Kind
from artifacts.errors import (
    ChangedReferenceError,
    InvalidSettingError,
    MissingReferenceError,
    StorageError,
)
from artifacts.storage import Places, Recorded, Uri, fetch

DATA = os.urandom(3 * 2**20 + 1)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def recorded(url: str, places: Places) -> Recorded:
    told = places.look(Uri.parse(url))
    detail = Detail(Kind.REFERENCE, uri=url, etag=told.etag, version=told.version)
    derived = detail.derive(told.size)
    assert derived is not None
    return Recorded("a", *derived, detail)


def got(place: Recorded, target: Path, places: Places | None = None) -> bytes:
    digest, size = fetch(places or Places(), place, str(target), lambda _: None)
    data = target.read_bytes()
    assert (digest, size) == (Digest.of(data), len(data))
    return data


def test_what_is_told_is_the_etag_and_the_size(web: Web) -> None:
    url = web.put("/a", DATA)

    told = Places().look(Uri.parse(url))

    assert (told.etag, told.size) == (web.resources["/a"].etag, len(DATA))


def test_a_server_that_answers_no_head_is_asked_for_a_byte(web: Web) -> None:
    url = web.put("/a", DATA)
    web.has_head = False

    assert Places().look(Uri.parse(url)).size == len(DATA)


def test_bytes_that_are_as_they_were_arrive(web: Web, tmp_path: Path) -> None:
    place = recorded(web.put("/a", DATA), Places())

    assert got(place, tmp_path / "a") == DATA


@pytest.mark.parametrize("data", [DATA[:-1], DATA[:-1] + b"x", DATA + b"x", b""])
def test_a_changed_resource_is_noticed(web: Web, tmp_path: Path, data: bytes) -> None:
    place = recorded(web.put("/a", DATA), Places())
    web.put("/a", data)

    with pytest.raises(ChangedReferenceError, match="a: http"):
        got(place, tmp_path / "a")


def test_a_resource_that_is_gone_is_noticed(web: Web, tmp_path: Path) -> None:
    place = recorded(web.put("/a", DATA), Places())
    web.resources.clear()

    with pytest.raises(MissingReferenceError) as caught:
        got(place, tmp_path / "a")

    assert caught.value.path == "a"


@pytest.mark.parametrize("status", [503, 500, 429])
def test_a_server_that_is_busy_is_asked_again(web: Web, tmp_path: Path, status: int) -> None:
    place = recorded(web.put("/a", DATA), Places())
    web.fails = [status, status]

    assert got(place, tmp_path / "a") == DATA


def test_a_download_that_broke_off_goes_on_where_it_was(web: Web, tmp_path: Path) -> None:
    place = recorded(web.put("/a", DATA), Places())
    web.breaks_after = [2 * 2**20]

    assert got(place, tmp_path / "a") == DATA
    assert web.asked[-1][2].startswith("bytes=")


def test_what_is_replaced_while_it_is_downloaded_is_no_mixture(web: Web, tmp_path: Path) -> None:
    place = recorded(web.put("/a", DATA), Places())
    web.breaks_after = [2 * 2**20]
    web.on_break = lambda: web.put("/a", bytes(len(DATA)))

    with pytest.raises(ChangedReferenceError):
        got(place, tmp_path / "a")


def test_a_server_that_never_ends_is_left(web: Web, tmp_path: Path) -> None:
    place = recorded(web.put("/a", b"small", has_etag=False), Places())
    web.put("/a", bytes(50 * 2**20), has_etag=False)

    with pytest.raises(ChangedReferenceError):
        fetch(Places(), place, str(tmp_path / "a"), lambda _: None)

    assert (tmp_path / "a").stat().st_size < 10 * 2**20


def test_a_resource_without_etag_is_known_by_its_bytes(web: Web) -> None:
    url = web.put("/a", DATA, has_etag=False)

    assert Places().digest(Uri.parse(url)) == (Digest.of(DATA), len(DATA))


def test_credentials_come_from_options_and_go_where_they_belong(web: Web, tmp_path: Path) -> None:
    web.wanted = {"Authorization": "Bearer hush"}
    url = web.put("/a/b", DATA)
    headers = {"headers": {"Authorization": "Bearer hush"}}

    place = recorded(url, Places({f"{web.url}/a": headers}))

    assert got(place, tmp_path / "a", Places({"https": headers})) == DATA
    for elsewhere in ({f"{web.url}/ab": headers}, {"s3": headers}, {}):
        with pytest.raises(StorageError) as caught:
            Places(elsewhere).look(Uri.parse(url))
        assert "hush" not in str(caught.value)


def test_a_filesystem_that_cannot_be_made_is_told_by_the_name_of_its_setting() -> None:
    with pytest.raises(InvalidSettingError, match="reference_options"):
        Places({"memory": {"fs": 1, "asynchronous": object()}}).look(Uri.parse("nosuch://a/b"))
