"""References: entries whose bytes stay where they are, from adding to verifying."""

from __future__ import annotations

import json
import os
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.spec import AbstractFileSystem
from servers.fleet import STORES, Fleet
from servers.web import Web, serving

from artifact.samples import FILES, logged, read, write
from artifacts.artifact import Artifact
from artifacts.cache import Receipt
from artifacts.cache.hashing import Hashed, hash_files
from artifacts.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    ChangedReferenceError,
    InvalidError,
    LocalChangesError,
    MissingReferenceError,
    TooManyObjectsError,
    VerificationError,
)
from artifacts.settings import Settings


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture
def far() -> Iterator[str]:
    """A place of another filesystem of fsspec."""
    filesystem = fsspec.filesystem("memory")
    yield "memory://far"
    if filesystem.exists("/far"):
        filesystem.rm("/far", recursive=True)


def new(*references: str, called: str = "data", **how: Any) -> Artifact:  # noqa: ANN401
    artifact = Artifact(called, "dataset")
    for uri in references:
        artifact.add_reference(uri, **how)
    return artifact


def saved(*references: str, called: str = "data", **how: Any) -> Artifact:  # noqa: ANN401
    artifact = new(*references, called=called, **how)
    artifact.save()
    return artifact


# Files of this machine


def test_a_folder_is_referred_to_file_by_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", FILES)
    files = logged(FILES, name="files")

    artifact = Artifact("data", "dataset")
    entries = artifact.add_reference(f"file://{folder}")
    artifact.save()

    assert {entry.path for entry in entries} == FILES.keys()
    for path, data in FILES.items():
        entry = artifact.get_entry(path)
        assert (entry.ref, entry.size) == (f"file://{folder}/{path}", len(data))
        assert entry.digest == files.get_entry(path).digest
    assert artifact.size == files.size
    assert artifact.digest != files.digest


def test_references_are_never_uploaded(tmp_path: Path, store: Path) -> None:
    data = os.urandom(2**20)
    (tmp_path / "large").write_bytes(data)
    before = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())

    saved(f"file://{tmp_path}/large")

    after = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    assert after - before < 2**14


def test_unchanged_files_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"file://{write(tmp_path / 'in', FILES)}"
    for tick in ("_TICK_NS", "_COARSE_TICK_NS"):  # as if they had been at rest for long
        monkeypatch.setattr(f"artifacts.cache.digests.{tick}", -(10**11))
    once = new(uri)
    (tmp_path / "in" / "a.txt").write_bytes(b"other")
    read: list[str] = []

    def hash_some(paths: list[str]) -> list[Hashed | None]:
        read.extend(paths)
        return hash_files(paths)

    monkeypatch.setattr(sys.modules["artifacts.cache.referring"], "hash_files", hash_some)
    again = new(uri)

    assert read == [f"{tmp_path}/in/a.txt"]
    same = {path for path in FILES if again.get_entry(path) == once.get_entry(path)}
    assert same == FILES.keys() - {"a.txt"}


@pytest.mark.parametrize("is_new", [True, False])
def test_bytes_that_are_referred_to_are_not_taken_for_stored(
    tmp_path: Path,
    is_new: bool,  # noqa: FBT001
) -> None:
    data = os.urandom(2**20)
    (tmp_path / "x").write_bytes(data)
    artifact = saved(f"file://{tmp_path}/x")
    draft = artifact.new_draft() if is_new else new(f"file://{tmp_path}/x")
    draft.add_file(str(tmp_path / "x"), "copy")
    draft.save()
    (tmp_path / "x").unlink()

    root = draft.download(str(tmp_path / "out"), allow_missing_references=True)

    assert read(root) == {"copy": data}


def test_a_download_has_the_files_and_verifies(tmp_path: Path) -> None:
    artifact = saved(f"file://{write(tmp_path / 'in', FILES)}")

    root = artifact.download(str(tmp_path / "out"))

    assert read(root) == FILES
    artifact.verify(root)
    (tmp_path / "out" / "a.txt").write_bytes(b"ALPHA")
    with pytest.raises(VerificationError, match=r"changed: a\.txt"):
        artifact.verify(root)


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor])
def test_whoever_reads_the_digest_is_the_same(tmp_path: Path, executor: type | None) -> None:
    uri = f"file://{write(tmp_path / 'in', FILES)}"
    once = new(uri)

    if executor is None:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
            again = new(uri, executor=workers)
    else:
        with executor(2) as workers:
            again = new(uri, executor=workers)

    assert again.digest == once.digest


def test_a_changed_file_is_noticed_and_others_arrive(tmp_path: Path) -> None:
    artifact = saved(f"file://{write(tmp_path / 'in', FILES)}")
    (tmp_path / "in" / "a.txt").write_bytes(b"ALPHA")

    with pytest.raises(ChangedReferenceError, match="digest") as caught:
        artifact.download(str(tmp_path / "out"))

    assert isinstance(caught.value, ValueError)
    assert caught.value.path == "a.txt"
    assert read(tmp_path / "out").keys() == FILES.keys() - {"a.txt"}


def test_a_missing_file_is_an_error_or_left_out(tmp_path: Path) -> None:
    artifact = saved(f"file://{write(tmp_path / 'in', FILES)}")
    (tmp_path / "in" / "a.txt").unlink()

    with pytest.raises(FileNotFoundError, match=r"a\.txt"):
        artifact.download(str(tmp_path / "out"))
    root = artifact.download(str(tmp_path / "other"), allow_missing_references=True)

    assert read(root).keys() == FILES.keys() - {"a.txt"}
    with pytest.raises(VerificationError, match=r"missing: a\.txt \(expected "):
        artifact.verify(root)
    write(tmp_path / "other", {"a.txt": b"other"})
    with pytest.raises(VerificationError, match=r"changed: a\.txt"):
        artifact.verify(root)


def test_a_page_that_was_left_out_is_not_missed_as_its_bytes_were_never_known(
    web: Web, tmp_path: Path
) -> None:
    artifact = saved(web.put("/a", b"data"), web.put("/b", b"more"))
    del web.resources["/b"]

    root = artifact.download(str(tmp_path / "out"), allow_missing_references=True)

    artifact.verify(root)
    (Path(root) / "a").write_bytes(b"other")
    with pytest.raises(VerificationError, match=r"changed: a"):
        artifact.verify(root)


@pytest.mark.parametrize("was_there", [True, False])
def test_what_a_download_could_not_have_is_missed_by_an_audit(
    tmp_path: Path, *, was_there: bool
) -> None:
    artifact = saved(f"file://{write(tmp_path / 'in', FILES)}")
    root = tmp_path / "out"
    if was_there:
        artifact.download(str(root))
        (root / "a.txt").unlink()
    (tmp_path / "in" / "a.txt").unlink()
    with pytest.raises(MissingReferenceError):
        artifact.download(str(root))

    with pytest.raises(VerificationError, match=r"a\.txt"):
        artifact.verify(str(root))
    assert "a.txt" in Receipt.read(root).files()


def test_without_checksum_the_uri_alone_counts(tmp_path: Path) -> None:
    uri = f"file://{write(tmp_path / 'in', FILES)}"
    first = saved(uri, checksum=False)
    write(tmp_path / "in", {"a.txt": b"other and longer"})

    second = saved(uri, checksum=False)

    assert (second.version, second.digest) == (first.version, first.digest)
    assert second.get_entry("a.txt").size is None
    assert read(second.download(str(tmp_path / "out")))["a.txt"] == b"other and longer"


def test_more_objects_than_allowed_are_an_error_and_add_nothing(tmp_path: Path) -> None:
    uri = f"file://{write(tmp_path / 'in', FILES)}"
    artifact = new()

    with pytest.raises(TooManyObjectsError, match="max_objects"):
        artifact.add_reference(uri, max_objects=len(FILES) - 1)

    assert not artifact.manifest.entries
    assert len(artifact.add_reference(uri, max_objects=len(FILES))) == len(FILES)


@pytest.mark.parametrize("kind", ["nothing", "fifo"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(tmp_path / "x")

    with pytest.raises(FileNotFoundError):
        new(f"file://{tmp_path}/x")


# Names


@pytest.mark.parametrize(
    ("below", "name", "paths"),
    [
        ("sub/b.txt", None, {"b.txt"}),
        ("sub/b.txt", "x/y", {"x/y"}),
        ("sub", None, {"b.txt", "deep/c.bin"}),
        ("sub/", "x", {"x/b.txt", "x/deep/c.bin"}),
    ],
)
@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_one_object_is_called_by_the_name_and_many_lie_below_it(
    tmp_path: Path, far: str, scheme: str, below: str, name: str | None, paths: set[str]
) -> None:
    place = f"file://{write(tmp_path / 'in', FILES)}"
    if scheme == "memory":
        place = far
        for path, data in FILES.items():
            fsspec.filesystem("memory").pipe_file(f"/far/{path}", data)

    artifact = new(f"{place}/{below}", name=name)

    assert artifact.manifest.entries.keys() == paths


def test_schemes_that_nobody_knows_are_tracked_by_uri_and_need_a_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="name="):
        new("lake://table/rows")

    artifact = Artifact("data", "dataset")
    artifact.add_reference("lake://table/rows", "rows")
    artifact.save()

    assert artifact.get_entry("rows").ref_target() == "lake://table/rows"
    with pytest.raises(ValueError, match="lake"):
        artifact.download(str(tmp_path / "out"))


def test_a_path_with_other_content_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "in", {"a.txt": b"one", "b/a.txt": b"two"})
    artifact = new(f"file://{tmp_path}/in/a.txt")
    artifact.add_reference(f"file://{tmp_path}/in/a.txt")

    with pytest.raises(ValueError, match="twice"):
        artifact.add_reference(f"file://{tmp_path}/in/b/a.txt")


def test_a_plain_path_is_no_reference(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="file://"):
        new(str(tmp_path))


def test_a_finalized_artifact_takes_none(tmp_path: Path) -> None:
    artifact = logged(FILES)

    with pytest.raises(ArtifactFinalizedError):
        artifact.add_reference(f"file://{tmp_path}")


# The web


def test_a_web_page_is_referred_to_by_its_etag(web: Web, tmp_path: Path) -> None:
    url = web.put("/folder/a.bin", b"data")
    artifact = saved(url)
    entry = artifact.get_entry("a.bin")

    assert (entry.size, entry.extra) == (4, {"etag": web.resources["/folder/a.bin"].etag})
    root = artifact.download(str(tmp_path / "out"))
    assert read(root) == {"a.bin": b"data"}
    artifact.verify(root)
    (tmp_path / "out" / "a.bin").write_bytes(b"DATA")
    with pytest.raises(VerificationError, match="changed"):
        artifact.verify(root)


def test_what_is_there_already_is_not_asked_for_again(web: Web, tmp_path: Path) -> None:
    artifact = saved(web.put("/a", b"data"))
    artifact.download(str(tmp_path / "out"))
    web.asked.clear()

    artifact.download(str(tmp_path / "out"))

    assert not web.asked


def test_an_edited_file_is_not_overwritten(web: Web, tmp_path: Path) -> None:
    artifact = saved(web.put("/a", b"data"))
    root = artifact.download(str(tmp_path / "out"))
    (tmp_path / "out" / "a").write_bytes(b"mine")

    with pytest.raises(LocalChangesError):
        artifact.download(root)
    assert read(root) == {"a": b"mine"}
    artifact.checkout(root)
    assert read(root) == {"a": b"data"}


def test_a_new_version_replaces_what_the_old_one_led_to(web: Web, tmp_path: Path) -> None:
    root = saved(web.put("/a", b"old")).download(str(tmp_path / "out"))

    artifact = saved(web.put("/a", b"new"))

    assert artifact.version == "v1"
    assert read(artifact.download(root)) == {"a": b"new"}
    artifact.verify(root)


def test_a_page_without_etag_is_known_by_its_bytes(web: Web, tmp_path: Path) -> None:
    artifact = saved(web.put("/a", b"data", has_etag=False))
    assert artifact.get_entry("a").digest == logged({"a": b"data"}, name="f").get_entry("a").digest
    web.put("/a", b"DATA", has_etag=False)

    with pytest.raises(ChangedReferenceError):
        artifact.download(str(tmp_path / "out"))


def test_workers_read_pages_without_etags(web: Web) -> None:
    urls = [web.put(f"/{n}", b"%d" % n, has_etag=False) for n in range(3)]
    once, again = new(*urls), new()

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        for url in urls:
            again.add_reference(url, executor=workers)

    assert again.digest == once.digest


def test_who_never_downloaded_it_cannot_verify_it_but_is_not_told_lies(
    web: Web, tmp_path: Path
) -> None:
    artifact = saved(web.put("/a", b"data"))
    write(tmp_path / "by-hand", {"a": b"whatever"})

    artifact.verify(str(tmp_path / "by-hand"))
    with pytest.raises(VerificationError, match="unexpected: b"):
        artifact.verify(write(tmp_path / "by-hand", {"b": b""}))


def test_a_receipt_says_what_came_of_references(web: Web, tmp_path: Path) -> None:
    artifact = Artifact("data", "dataset")
    artifact.add_reference(web.put("/a", b"data"))
    artifact.add_reference(web.put("/b", b"more"), "sub/b")
    artifact.save()

    root = tmp_path / "out"
    artifact.get_entry("sub/b").download(str(root))
    assert {path: size for path, (_, size) in Receipt.read(root).files().items()} == {"sub/b": 4}
    artifact.download(str(root))

    assert Receipt.read(root).files().keys() == {"a", "sub/b"}


def test_no_credential_is_in_entry_receipt_or_error(
    web: Web, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.wanted = {"Authorization": "hush"}
    options = {web.url: {"headers": web.wanted}}
    monkeypatch.setenv("ART_REFERENCE_OPTIONS", json.dumps(options))
    url = web.put("/a", b"data")

    saved(url).download(str(tmp_path / "out"))

    assert "hush" not in repr(Settings.load())
    for folder in (store, tmp_path / "out", tmp_path / "cache"):
        for path in folder.rglob("*"):
            assert not path.is_file() or b"hush" not in path.read_bytes()
    with pytest.raises(InvalidError) as caught:
        new(url.replace("http://", "http://me:hush@"))
    assert "hush" not in str(caught.value)


# Entries of other artifacts


def test_an_entry_of_another_artifact_is_referred_to(tmp_path: Path) -> None:
    other = logged(FILES, name="other")

    artifact = Artifact("data", "dataset")
    [entry] = artifact.add_reference(other.get_entry("sub/b.txt"), "mine.txt")
    artifact.save()

    assert entry.ref == other.get_entry("sub/b.txt").ref_url()
    assert read(artifact.download(str(tmp_path / "out"))) == {"mine.txt": b"beta"}
    artifact.verify(str(tmp_path / "out"))


def test_it_is_found_whatever_its_collection_is_called_and_by_its_uri(tmp_path: Path) -> None:
    other = logged(FILES, name="other")
    artifact = new(other.get_entry("a.txt").ref_url())
    logged({"a.txt": b"newer"}, name="other")
    artifact.save()

    assert read(artifact.download(str(tmp_path / "out"))) == {"a.txt": b"alpha"}


def test_a_reference_to_a_reference_leads_to_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    first = saved(f"file://{tmp_path}/x", called="first")
    second = Artifact("second", "dataset")
    second.add_reference(first.get_entry("x"))
    second.add_reference(logged(FILES, name="files").get_entry("a.txt"))
    second.save()

    third = Artifact("third", "dataset")
    third.add_reference(second.get_entry("x"), "y")
    third.add_reference(second.get_entry("a.txt"))

    assert third.get_entry("y").ref == f"file://{tmp_path}/x"
    assert third.get_entry("a.txt").ref == second.get_entry("a.txt").ref


def test_a_reference_to_an_artifact_stays_in_its_store(tmp_path: Path) -> None:
    artifact = new(logged(FILES, name="other").get_entry("a.txt").ref_url())

    with pytest.raises(InvalidError, match=r"'a\.txt' refers to an artifact of"):
        artifact.save(settings=Settings.load(store=str(tmp_path / "elsewhere")))


def test_entries_of_drafts_and_of_nobody_are_refused() -> None:
    draft = Artifact("draft", "dataset")
    with draft.new_file("a") as file:
        file.write("a")

    with pytest.raises(ArtifactNotLoggedError):
        new().add_reference(draft.get_entry("a"))
    with pytest.raises(MissingReferenceError):
        new(f"wandb-artifact://{'0' * 32}-0/a")
    with pytest.raises(ValueError, match="ref_target"):
        draft.get_entry("a").ref_target()


# Real servers


@pytest.mark.parametrize("name", STORES)
def test_a_prefix_of_a_real_bucket_arrives_and_its_changes_are_noticed(
    name: str, fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fleet.server(name)
    options = {**server.options, "use_listings_cache": False, "skip_instance_cache": True}
    filesystem = fsspec.filesystem(server.scheme, **options)
    place = server.place()
    below = place.partition("://")[2]
    for path, data in FILES.items():
        filesystem.pipe_file(f"{below}/{path}", data)
    monkeypatch.setenv("ART_REFERENCE_OPTIONS", json.dumps({server.scheme: server.options}))

    artifact = saved(place)
    assert artifact.manifest.entries.keys() == FILES.keys()
    assert artifact.size == sum(map(len, FILES.values()))
    assert saved(place).version == artifact.version
    for path in FILES:
        [alone] = Artifact("alone", "dataset").add_reference(f"{place}/{path}")
        assert alone.digest == artifact.get_entry(path).digest
    assert read(artifact.download(str(tmp_path / "out"))) == FILES
    artifact.verify(str(tmp_path / "out"))

    filesystem.pipe_file(f"{below}/a.txt", b"ALPHA")
    filesystem.rm_file(f"{below}/sub/b.txt")
    with pytest.raises((ChangedReferenceError, MissingReferenceError)) as caught:
        artifact.download(str(tmp_path / "again"))

    told = "\n".join([str(caught.value), *caught.value.__notes__])
    assert "a.txt" in told
    assert "sub/b.txt" in told
    assert read(tmp_path / "again") == {"sub/deep/c.bin": FILES["sub/deep/c.bin"]}
    assert saved(place).version == "v1"


# Very many


class Endless(AbstractFileSystem):  # type: ignore[misc]  # it has no types
    """Folders of 1,000 objects that nobody made."""

    protocol = "endless"
    cachable = False

    def info(self, path: str, **_: object) -> dict[str, Any]:
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: object) -> list[Any]:  # noqa: FBT001, FBT002
        path = path.strip("/")
        if path.endswith("/all"):
            folders = [f"{path}/{n:04}" for n in range(100)]
            return [{"name": name, "size": 0, "type": "directory"} for name in folders]
        names = [f"{path}/{n:04}.jpg" for n in range(1_000)]
        return [{"name": n, "size": 5, "type": "file", "etag": f"e{n[-8:]}"} for n in names]


def test_a_hundred_thousand_objects_take_little_memory() -> None:
    fsspec.register_implementation("endless", Endless, clobber=True)
    artifact = new()
    tracemalloc.start()
    try:
        entries = artifact.add_reference("endless://host/all")
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(entries) == 100_000
    assert held < 100_000 * 1_000
    assert peak - held < 20 * 2**20


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("uri", [None, 3, Path("data")])
def test_what_is_no_uri_is_refused_and_adds_nothing(uri: Any) -> None:  # noqa: ANN401
    artifact = Artifact("data", "dataset")

    with pytest.raises(TypeError, match="add_reference wants a uri or an entry, not "):
        artifact.add_reference(uri)

    assert not artifact.manifest.entries
