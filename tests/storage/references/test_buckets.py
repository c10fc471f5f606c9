"""Buckets: what real servers tell of objects, and what becomes of them later."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from servers.fleet import STORES, Fleet
from servers.server import Server

from artifacts.content import Detail, Digest, Kind
from artifacts.errors import ChangedReferenceError, MissingReferenceError
from artifacts.storage import Places, Recorded, Told, Uri, fetch
from artifacts.storage.bulk import PART_BYTES

DATA = os.urandom(PART_BYTES + 7)  # of two parts
SMALL = b"a little"


@dataclass
class There:
    """Somebody else's bucket: a filesystem that writes around what is tested."""

    server: Server
    filesystem: Any
    place: str

    @property
    def places(self) -> Places:
        return Places({self.server.scheme: self.server.options})

    def put(self, name: str, data: bytes) -> Uri:
        url = f"{self.place}/{name}"
        self.filesystem.pipe_file(url.partition("://")[2], data)
        return Uri.parse(url)

    def delete(self, name: str) -> None:
        self.filesystem.rm_file(f"{self.place}/{name}".partition("://")[2])

    def recorded(self, uri: Uri, told: Told | None = None) -> Recorded:
        told = told or self.places.look(uri)
        detail = Detail(Kind.REFERENCE, uri=uri.text, etag=told.etag, version=told.version)
        derived = detail.derive(told.size)
        assert derived is not None
        return Recorded("a", *derived, detail)


def there_on(server: Server) -> There:
    options = {**server.options, "use_listings_cache": False, "skip_instance_cache": True}
    filesystem = fsspec.filesystem(server.scheme, **options)
    return There(server, filesystem, server.place())


@pytest.fixture(params=STORES)
def there(request: pytest.FixtureRequest, fleet: Fleet) -> There:
    return there_on(fleet.server(request.param))


@pytest.fixture(params=["ceph", "ministack"])
def amazon(request: pytest.FixtureRequest, fleet: Fleet) -> There:
    """Who speaks Amazon's protocol."""
    return there_on(fleet.server(request.param))


@pytest.fixture
def versioned(amazon: There) -> There:
    return keeping(amazon)


def keeping(there: There) -> There:
    """A bucket of the same server that keeps versions."""
    bucket = f"kept-{uuid4().hex}"
    there.filesystem.call_s3("create_bucket", Bucket=bucket)
    there.filesystem.call_s3(
        "put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    return There(there.server, there.filesystem, f"s3://{bucket}/below")


def got(there: There, recorded: Recorded, target: Path) -> bytes:
    digest, size = fetch(there.places, recorded, str(target), lambda _: None)
    data = target.read_bytes()
    assert (digest, size) == (Digest.of(data), len(data))
    return data


def test_looking_and_listing_tell_the_same(there: There) -> None:
    written = {f"p/{n}/{n}.bin": bytes(n) for n in range(1, 5)}
    for name, data in written.items():
        there.put(name, data)
    there.put("party", b"no part of p")
    top = Uri.parse(f"{there.place}/p")

    listed = dict(there.places.list(top, f"{top.key}/"))

    names = {key.removeprefix(top.key.removesuffix("p")): key for key in listed}
    assert names.keys() == written.keys()
    for name, key in names.items():
        looked = there.places.look(Uri.parse(top.beside(key)))
        assert listed[key] == looked
        assert looked.size == len(written[name])
        assert looked.etag
        assert '"' not in looked.etag


@pytest.mark.parametrize("data", [DATA, SMALL, b""], ids=["parts", "small", "empty"])
def test_bytes_that_are_as_they_were_arrive(there: There, tmp_path: Path, data: bytes) -> None:
    recorded = there.recorded(there.put("a", data))

    assert got(there, recorded, tmp_path / "a") == data


def test_bytes_of_which_nothing_was_recorded_arrive_as_they_are(
    there: There, tmp_path: Path
) -> None:
    recorded = there.recorded(there.put("a", SMALL), Told())

    assert got(there, recorded, tmp_path / "a") == SMALL


@pytest.mark.parametrize(
    "data", [b"b little", b"a", b"", DATA], ids=["same size", "1", "0", "more"]
)
def test_a_replaced_object_is_noticed(there: There, tmp_path: Path, data: bytes) -> None:
    recorded = there.recorded(there.put("a", SMALL))
    there.put("a", data)

    with pytest.raises((ChangedReferenceError, MissingReferenceError), match=recorded.uri):
        got(there, recorded, tmp_path / "a")


def test_a_deleted_object_is_noticed(there: There, tmp_path: Path) -> None:
    recorded = there.recorded(there.put("a", SMALL))
    there.delete("a")

    with pytest.raises(MissingReferenceError) as caught:
        got(there, recorded, tmp_path / "a")

    assert (caught.value.path, caught.value.uri) == ("a", recorded.uri)


def test_an_object_that_was_deleted_and_made_again_is_noticed(there: There, tmp_path: Path) -> None:
    recorded = there.recorded(there.put("a", SMALL))
    there.delete("a")
    there.put("a", SMALL[::-1])

    with pytest.raises((ChangedReferenceError, MissingReferenceError)):
        got(there, recorded, tmp_path / "a")


@pytest.mark.parametrize("after", ["replaced", "deleted", "both"])
@pytest.mark.parametrize("data", [DATA, SMALL, b""], ids=["parts", "small", "empty"])
def test_the_recorded_version_is_had_whatever_came_after_it(
    versioned: There, tmp_path: Path, after: str, data: bytes
) -> None:
    uri = versioned.put("a", data)
    recorded = versioned.recorded(uri)
    assert recorded.detail.version
    if after != "deleted":
        versioned.put("a", b"something else")
    if after != "replaced":
        versioned.delete("a")

    assert got(versioned, recorded, tmp_path / "a") == data


def test_a_listing_tells_the_versions_that_count_now(versioned: There) -> None:
    for name in ("a", "b/c", "gone"):
        versioned.put(name, b"old")
        versioned.put(name, name.encode())
    versioned.delete("gone")
    top = Uri.parse(versioned.place)

    listed = dict(versioned.places.list(top, f"{top.key}/"))

    assert {key.removeprefix(f"{top.key}/") for key in listed} == {"a", "b/c"}
    for key, told in listed.items():
        assert told.version
        assert told == versioned.places.look(Uri.parse(top.beside(key)))


@pytest.mark.parametrize("kept", [True, False])
def test_a_listing_of_many_answers_is_whole(
    amazon: There,
    kept: bool,  # noqa: FBT001
) -> None:
    """Of which S3 gives a thousand at a time."""
    there = keeping(amazon) if kept else amazon
    names = {f"many/{n:04}" for n in range(1_005)}
    below = there.place.partition("://")[2]
    there.filesystem.pipe({f"{below}/{name}": b"x" for name in names})
    top = Uri.parse(f"{there.place}/many")

    listed = [key for key, told in there.places.list(top, f"{top.key}/")]

    assert len(listed) == len(names)
    assert {key[-9:] for key in listed} == names


def test_a_version_that_is_named_is_the_one(versioned: There, tmp_path: Path) -> None:
    uri = versioned.put("a", b"old")
    version = versioned.places.look(uri).version
    versioned.put("a", b"newer")

    named = Uri.parse(f"{uri.text}?versionId={version}")
    told = versioned.places.look(named)

    assert (told.size, told.version) == (3, version)
    assert got(versioned, versioned.recorded(uri, told), tmp_path / "a") == b"old"


@pytest.mark.parametrize("spoil", [There.delete, lambda there, name: there.put(name, b"new")])
def test_what_was_recorded_before_versions_were_kept_is_found_among_them(
    versioned: There, tmp_path: Path, spoil: Callable[[There, str], object]
) -> None:
    uri = versioned.put("a", SMALL)
    told = versioned.places.look(uri)
    spoil(versioned, "a")

    recorded = versioned.recorded(uri, Told(told.size, told.etag))

    assert got(versioned, recorded, tmp_path / "a") == SMALL


def test_a_version_that_was_deleted_is_noticed(versioned: There, tmp_path: Path) -> None:
    uri = versioned.put("a", SMALL)
    recorded = versioned.recorded(uri)
    bucket, _, key = uri.text.partition("://")[2].partition("/")
    versioned.put("a", b"new")
    versioned.filesystem.call_s3(
        "delete_object", Bucket=bucket, Key=key, VersionId=recorded.detail.version
    )

    with pytest.raises(MissingReferenceError):
        got(versioned, recorded, tmp_path / "a")


def test_azure_is_reached_by_its_https_address(fleet: Fleet, tmp_path: Path) -> None:
    there = there_on(fleet.server("azurite"))
    there.put("a", SMALL)
    path = there.place.partition("://")[2]

    uri = Uri.parse(f"https://account.blob.core.windows.net/{path}/a")
    told = there.places.look(uri)

    assert told == there.places.look(Uri.parse(f"{there.place}/a"))
    recorded = there.recorded(uri, told)
    assert recorded.uri.startswith("https://account.blob")
    assert got(there, recorded, tmp_path / "a") == SMALL
