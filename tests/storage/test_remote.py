"""RemoteStore keeps the contract on every server that it is meant for, and refuses the others."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from racing import keys_won, offer
from servers.fleet import REFUSED, STORES, Fleet
from servers.server import Server

from artifacts.errors import (
    AlreadyExistsError,
    ObjectNotFoundError,
    StorageError,
    StoreNotFoundError,
    UnsupportedStoreError,
)
from artifacts.storage import (
    Address,
    ObjectStore,
    RemoteStore,
    begin_writing,
    identify,
    open_store,
)
from artifacts.storage.bulk import PART_BYTES
from artifacts.storage.s3 import S3Bucket
from artifacts.storage.wire import AnswerError, Wire
from artifacts.testing import Proxy, StoreContract

RACERS = 8
KEYS = [f"logs/{n % 3}/{n}" for n in range(40)]
SPAWN = get_context("spawn")
SOME = b"0123456789abcdef" * 65_536


@pytest.fixture(params=STORES)
def server(request: pytest.FixtureRequest, fleet: Fleet) -> Server:
    return fleet.server(request.param)


@pytest.fixture
def store(server: Server, tmp_path: Path) -> RemoteStore:
    return RemoteStore(server.place(), quick(server), spool=tmp_path / "spool")


def quick(server: Server) -> dict[str, Any]:
    """Its options; clients of S3 share what takes them longest to make."""
    return {**server.options, **({"session": session()} if server.scheme == "s3" else {})}


@cache
def session() -> object:
    from aiobotocore.session import AioSession

    return AioSession()


class TestRemoteStore(StoreContract):
    many = 1_100  # more than S3 lists in one answer

    @pytest.fixture
    def store(self, server: Server, tmp_path: Path) -> ObjectStore:
        return RemoteStore(server.place(), quick(server), spool=tmp_path / "spool")


@pytest.mark.parametrize("server", ["ceph"], indirect=True)
def test_folders_cost_a_request_for_each_thousand_of_them(server: Server, tmp_path: Path) -> None:
    keys = [f"a/{n:04}/{m}" for n in range(1_100) for m in range(2)]
    place, endpoint = server.place(), server.options["endpoint_url"]
    direct = RemoteStore(place, quick(server), spool=tmp_path / "spool")
    with ThreadPoolExecutor(RACERS) as pool:
        [*pool.map(direct.write, keys, [b""] * len(keys))]

    with Proxy(int(endpoint.rpartition(":")[2])) as proxy:
        options = {**quick(server), "endpoint_url": f"http://127.0.0.1:{proxy.port}"}
        assert len([*RemoteStore(place, options).folders("a/")]) == 1_100
        assert [each.method for each in proxy.exchanges] == ["GET", "GET"]


@pytest.mark.parametrize("size", [0, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5])
def test_large_files_come_and_go_in_parts(store: RemoteStore, size: int, tmp_path: Path) -> None:
    data = (SOME * (size // len(SOME) + 1))[:size]
    (tmp_path / "source").write_bytes(data)

    store.take("a/b", tmp_path / "source")
    store.fetch("a/b", tmp_path / "target")

    assert store.size("a/b") == size
    assert (tmp_path / "target").read_bytes() == data
    assert not (tmp_path / "source").exists()


@pytest.mark.parametrize("server", ["ceph"], indirect=True)
def test_large_bodies_pass_the_client_of_s3_by(
    store: RemoteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or they would take several times as long."""
    moved: Counter[str] = Counter()
    get, put = Wire.get, Wire.put

    def counted_get(wire: Wire, url: str, start: int, stop: int, limit_s: float) -> Iterator[bytes]:
        for block in get(wire, url, start, stop, limit_s):
            moved["get"] += len(block)
            yield block

    def counted_put(wire: Wire, url: str, data: bytes | memoryview) -> str:
        moved["put"] += len(data)
        return put(wire, url, data)

    monkeypatch.setattr(Wire, "get", counted_get)
    monkeypatch.setattr(Wire, "put", counted_put)
    (tmp_path / "source").write_bytes(bytes(2 * PART_BYTES))

    store.take("k", tmp_path / "source")
    store.fetch("k", tmp_path / "target")

    assert moved == {"get": 2 * PART_BYTES, "put": 2 * PART_BYTES}


@pytest.mark.parametrize("server", ["ceph", "ministack"], indirect=True)
def test_a_server_that_takes_no_signed_address_is_asked_by_its_client(
    store: RemoteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        asked.append(1)
        raise AnswerError(403, "SignatureDoesNotMatch")

    asked: list[int] = []
    monkeypatch.setattr(Wire, "get", refuse)
    monkeypatch.setattr(Wire, "put", refuse)
    data = SOME * (2 * PART_BYTES // len(SOME))
    (tmp_path / "source").write_bytes(data)

    store.take("k", tmp_path / "source")
    store.fetch("k", tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == data
    assert 0 < len(asked) <= 8  # once by each thread that knew no better


def test_large_files_of_many_threads_keep_apart(store: RemoteStore, tmp_path: Path) -> None:
    contents = {f"k{n}": bytes([n]) * (PART_BYTES + n) for n in range(6)}

    def come_and_go(key: str) -> bytes:
        (tmp_path / f"{key}-source").write_bytes(contents[key])
        store.take(key, tmp_path / f"{key}-source")
        store.fetch(key, tmp_path / key)
        return (tmp_path / key).read_bytes()

    with ThreadPoolExecutor(6) as pool:
        assert dict(zip(contents, pool.map(come_and_go, contents), strict=True)) == contents


def test_a_missing_source_is_told_apart_from_the_store(store: RemoteStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        store.take("k", tmp_path / "missing")

    assert caught.value.key == str(tmp_path / "missing")


def test_of_racing_processes_one_creates_each_key(server: Server) -> None:
    url = server.place()
    start = SPAWN.Barrier(RACERS, timeout=300)
    with ProcessPoolExecutor(RACERS, SPAWN, initializer=wait, initargs=(start,)) as pool:
        won = list(pool.map(create_all, RACERS * [server], RACERS * [url], range(RACERS)))

    assert Counter(key for keys in won for key in keys) == Counter(KEYS)
    store = RemoteStore(url, quick(server))
    for racer, keys in enumerate(won):
        assert all(store.read(key) == offer(racer) for key in keys)


def test_of_a_thousand_creators_of_one_key_one_wins(server: Server) -> None:
    url = server.place()
    start = SPAWN.Barrier(RACERS, timeout=300)
    with ProcessPoolExecutor(RACERS, SPAWN, initializer=wait, initargs=(start,)) as pool:
        keys = 1_000 // RACERS * ["logs/0/0"]
        won = list(
            pool.map(create_all, RACERS * [server], RACERS * [url], range(RACERS), [keys] * RACERS)
        )

    [winner] = [racer for racer, keys in enumerate(won) if keys]
    assert len(won[winner]) == 1
    assert RemoteStore(url, quick(server)).read("logs/0/0") == offer(winner)


def wait(start: Barrier) -> None:
    start.wait()


def create_all(server: Server, url: str, racer: int, keys: Sequence[str] = KEYS) -> list[str]:
    """Those of the keys that this process won."""
    os.environ.update(server.environment)
    store = RemoteStore(url, server.options)
    return keys_won(store, racer, keys)


def test_an_address_leads_to_a_store_that_is_made_once(server: Server) -> None:
    address = Address(server.place(), quick(server))
    with pytest.raises(StoreNotFoundError):
        open_store(address)

    store = open_store(address, create=True)

    assert identify(open_store(address)) == begin_writing(store) == identify(store)
    assert list(store.list()) == ["store.json"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_server_that_creates_a_name_twice_is_refused(name: str, fleet: Fleet) -> None:
    server = fleet.server(name)
    address = Address(server.place(), quick(server))

    with pytest.raises(UnsupportedStoreError, match="single_writer"):
        open_store(address, create=True)
    with pytest.raises(StoreNotFoundError):
        open_store(address)


@pytest.mark.parametrize("name", REFUSED)
def test_a_single_writer_may_use_it_all_the_same(name: str, fleet: Fleet) -> None:
    server = fleet.server(name)
    address = Address(server.place(), quick(server), single_writer=True)

    store = open_store(address, create=True)

    assert begin_writing(store) == identify(store)
    with pytest.raises(AlreadyExistsError):
        store.create("store.json", b"")
    with pytest.raises(UnsupportedStoreError):  # nothing of it is kept in the store
        begin_writing(open_store(Address(address.url, address.options)))


def test_another_process_works_with_a_pickled_store(server: Server) -> None:
    store = RemoteStore(server.place(), server.options)
    store.write("k", b"here")
    read = "import pickle, sys; print(pickle.load(sys.stdin.buffer).read('k').decode())"

    found = subprocess.run(
        [sys.executable, "-c", read],
        input=pickle.dumps(store),
        stdout=subprocess.PIPE,
        env={**os.environ, **server.environment},
        check=True,
    )

    assert found.stdout == b"here\n"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it forks all the same
def test_a_fork_works_with_a_store_that_was_in_use(store: RemoteStore) -> None:
    store.write("k", b"before")
    context = get_context("fork")
    process = context.Process(target=store.write, args=("k", b"after"))
    process.start()
    process.join(300)

    assert process.exitcode == 0
    assert store.read("k") == b"after"


def test_a_missing_bucket_is_said_to_be_missing(server: Server) -> None:
    store = RemoteStore(f"{server.scheme}://nowhere/at/all", quick(server))

    with pytest.raises(StorageError, match="bucket"):
        store.write("k", b"")
    with pytest.raises((StorageError, ObjectNotFoundError)):
        store.read("k")


def test_wrong_credentials_are_refused_without_showing_them(fleet: Fleet) -> None:
    server = fleet.server("ceph")
    options = {**quick(server), "secret": "not-the-secret"}

    with pytest.raises(StorageError, match="SignatureDoesNotMatch") as caught:
        RemoteStore(server.place(), options).read("k")

    assert "not-the-secret" not in str(caught.value)


def test_a_server_that_is_down_is_given_up_in_time() -> None:
    options = {"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:1"}

    with pytest.raises(StorageError, match="8 times"):
        RemoteStore("s3://bucket", options).read("k")


@pytest.mark.parametrize(
    ("package", "url", "extra"),
    [("s3fs", "s3://b", "s3"), ("gcsfs", "gs://b", "gcs"), ("adlfs", "az://b", "azure")],
)
def test_a_missing_package_is_named(package: str, url: str, extra: str) -> None:
    script = """if True:
        import sys
        sys.modules[sys.argv[1]] = None  # as if it were not installed
        from artifacts.errors import InvalidSettingError
        from artifacts.storage import open_store
        try:
            open_store(sys.argv[2])
        except InvalidSettingError as error:
            print(error)
    """
    said = subprocess.run(
        [sys.executable, "-c", script, package, url], capture_output=True, text=True, check=True
    )

    assert f"needs {package}: pip install 'artifact-store[{extra}]'" in said.stdout


@pytest.mark.parametrize("name", ["ceph", "ministack"])
def test_a_lost_upload_is_no_missing_bucket(
    name: str, fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a rule of the bucket ends those that take long."""
    server = fleet.server(name)
    store = RemoteStore(server.place(), quick(server))
    store.write("k", b"")
    (tmp_path / "source").write_bytes(bytes(PART_BYTES + 1))
    begin = S3Bucket.begin

    def begin_and_lose(bucket: S3Bucket, key: str) -> str:
        upload = begin(bucket, key)
        bucket.abandon(key, upload)
        return upload

    monkeypatch.setattr(S3Bucket, "begin", begin_and_lose)

    with pytest.raises(StorageError, match="upload") as caught:
        store.take("large", tmp_path / "source")

    assert "there is no bucket" not in str(caught.value)
    assert caught.value.key == "large"
