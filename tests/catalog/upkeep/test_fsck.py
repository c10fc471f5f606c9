"""Fsck: every planted fault is found where it lies, and nothing else is; a backup mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from artifacts.cache import Copies
from artifacts.catalog import Catalog, Facts
from artifacts.catalog.upkeep.fsck import Checkup, fsck
from artifacts.catalog.upkeep.mending import CopiesSource, FolderSource, StoreSource, checkup, mend
from artifacts.content import Digest
from artifacts.names import CollectionName
from artifacts.storage import MemoryStore, Name, ObjectStore, Proposal, open_store
from catalog.commits import commit, content_of, draft_of, named, new_store
from catalog.stores import copy_of

NO_TIME = timedelta(0)
FILES = {f"{number:04}.txt": b"%d " % number * 40 for number in range(3000)}
BIG = bytes(range(256)) * 4096 * 5  # a blob of its own, by placement or by its list


def fill(catalog: Catalog) -> None:
    """Collections short and long, a portfolio, a run, large and small versions."""
    for number in range(70):
        commit(catalog, str(number))
    catalog.commit(draft_of(catalog, FILES, "many"), "team", "proj", Facts(run="team/proj/r"))
    catalog.commit(draft_of(catalog, {**FILES, "new": b"new"}, "many"), "team", "proj")
    version = catalog.commit(draft_of(catalog, {"big": BIG}, "large"), "team", "other")
    catalog.link(version, CollectionName("team", "shelf", "best"), ["prod"])
    commit(catalog, "gone", "gone")


@pytest.fixture(scope="module")
def filled() -> MemoryStore:
    store = new_store()
    fill(Catalog(store))
    return store


@pytest.fixture
def store(filled: MemoryStore) -> MemoryStore:
    return copy_of(filled)


def found(store: ObjectStore) -> Checkup:
    return fsck(Catalog(store), young=NO_TIME)


def told(store: ObjectStore) -> dict[str, str]:
    """Kind by place."""
    return {each.where: each.kind for each in found(store).findings}


def flip(store: ObjectStore, key: str) -> None:
    data = store.read(key)
    middle = len(data) // 2
    store.write(key, data[:middle] + bytes([data[middle] ^ 16]) + data[middle + 1 :])


def keys_of(store: ObjectStore, prefix: str) -> list[str]:
    return sorted(store.list(prefix))


def log_of(store: ObjectStore, collection: str, project: str = "proj") -> str:
    fold = Catalog(store).collection(CollectionName("team", project, collection))
    assert fold is not None
    return f"logs/{fold.log.name}"


def test_a_whole_store_has_no_finding(store: MemoryStore) -> None:
    whole = found(store)

    assert (whole.findings, whole.knows_orphans) == ([], True)
    assert whole.objects > 70


@pytest.mark.parametrize("kind", ["blobs", "pages", "layouts", "manifests"])
@pytest.mark.parametrize("harm", ["damaged", "missing"])
def test_each_object_that_is_harmed_is_found(filled: MemoryStore, kind: str, harm: str) -> None:
    keys = keys_of(filled, f"{kind}/")
    assert keys
    for key in keys[:: max(1, len(keys) // 3)]:
        store = copy_of(filled)
        flip(store, key) if harm == "damaged" else store.delete(key)

        [finding] = found(store).findings

        assert (finding.where, finding.kind) == (key, harm)
        assert finding.is_fault
        assert finding.affected
        assert all(each.startswith("team/") for each in finding.affected)


def test_what_a_damaged_blob_takes_along_is_told_by_version_and_path(store: MemoryStore) -> None:
    version = Catalog(store).resolve(named("many:v0"))
    position, page, _ = next(version.pages())
    [name, *_] = version.page_layout(position, page).names(page)
    flip(store, name.key)

    [finding] = found(store).findings

    versions = {each.partition(":")[0] for each in finding.affected}
    assert versions == {"team/proj/many"}
    assert any(each.endswith(".txt") for each in finding.affected)


@pytest.mark.parametrize("harm", ["flipped", "missing"])
@pytest.mark.parametrize(
    "log",
    [
        lambda store: log_of(store, "data"),
        lambda store: log_of(store, "many"),
        lambda store: log_of(store, "best", "shelf"),
        lambda store: "logs/directory/root",
    ],
    ids=["long", "short", "portfolio", "root"],
)
def test_each_event_that_is_harmed_is_found(
    store: MemoryStore, log: Callable[[ObjectStore], str], harm: str
) -> None:
    folder = log(store)
    numbers = keys_of(store, f"{folder}/")
    if harm == "missing" and len(numbers) == 1:
        return  # the loss of the last event cannot be seen from the log alone
    if harm == "flipped":
        flip(store, numbers[0])
    else:
        store.delete(numbers[0])

    findings = found(store).findings

    faults = [each for each in findings if each.is_fault]
    assert [(each.where, each.kind) for each in faults] == [(folder, "log")]
    assert numbers[0] in faults[0].reason
    assert [each for each in findings if each.kind == "orphan"] == []


@pytest.mark.parametrize("harm", ["flipped", "missing"])
def test_a_harmed_cache_is_told_and_is_no_fault(filled: MemoryStore, harm: str) -> None:
    head = f"cache/heads/{log_of(filled, 'data').removeprefix('logs/')}"
    lists = keys_of(filled, "cache/chunks/")[:1]
    for key in [head, *lists]:
        store = copy_of(filled)
        flip(store, key) if harm == "flipped" else store.delete(key)
        if harm == "missing" and key != head:
            assert told(store) == {}
            continue

        [finding] = found(store).findings

        assert (finding.where, finding.kind, finding.is_fault) == (key, "cache", False)
        assert key not in finding.reason


def test_what_no_version_needs_is_an_orphan_and_no_fault(store: MemoryStore) -> None:
    blob = b"nobody's"
    key = Name("blobs", Digest.of(blob)).key
    store.write(key, blob)

    [finding] = found(store).findings

    assert (finding.where, finding.kind, finding.is_fault) == (key, "orphan", False)


def test_what_a_deleted_collection_needed_is_an_orphan(store: MemoryStore) -> None:
    Catalog(store).delete(CollectionName("team", "proj", "many"))

    kinds = {*told(store).values()}

    assert kinds == {"orphan"}


@pytest.mark.parametrize(
    "key",
    [
        "readme.txt",
        "blobs/aa/readme",
        "blobs/readme",
        "logs/readme",
        "logs/collection/readme",
        "cache/notes",
        "pages/ab/" + "a" * 63,
    ],
)
def test_foreign_files_are_found(store: MemoryStore, key: str) -> None:
    store.write(key, b"hello")

    assert told(store) == {key: "foreign"}


def test_an_event_beyond_a_gap_is_found(store: MemoryStore) -> None:
    folder = log_of(store, "many")
    store.write(f"{folder}/000000000999", b"x")

    assert [*told(store).values()] == ["log"]


# Mending


def harmed(store: MemoryStore) -> Mapping[str, bytes]:
    """Some of everything is damaged or gone; what it was."""
    keys = [keys_of(store, f"{kind}/")[0] for kind in ("blobs", "pages", "layouts", "manifests")]
    events = keys_of(store, f"{log_of(store, 'data')}/")
    keys += [events[0], events[33]]
    before = {key: store.read(key) for key in keys}
    for number, key in enumerate(keys):
        flip(store, key) if number % 2 else store.delete(key)
    return before


def test_a_backup_mends_everything(filled: MemoryStore, store: MemoryStore) -> None:
    before = harmed(store)

    mended = checkup(Catalog(store), StoreSource(filled), young=NO_TIME)

    assert not [each for each in mended.findings if each.is_fault]
    assert len(mended.findings) == len(before) - 1  # two of them are events of one log
    assert {key: store.read(key) for key in before} == before
    assert told(store) == {}


def test_what_a_backup_has_not_is_not_mended(filled: MemoryStore, store: MemoryStore) -> None:
    before = harmed(store)
    empty = new_store()

    mended = mend(Catalog(store), found(store).findings, StoreSource(empty))

    assert not [each for each in mended if each.is_repaired]
    assert before.keys() <= {*filled.list()}


def test_a_damaged_backup_mends_nothing(store: MemoryStore) -> None:
    before = harmed(store)
    twin = copy_of(store)

    mended = mend(Catalog(store), found(store).findings, StoreSource(twin))

    assert not [each for each in mended if each.is_repaired]
    assert len(before) == 6


def test_another_history_is_never_written_over(filled: MemoryStore, store: MemoryStore) -> None:
    other = copy_of(filled)
    commit(Catalog(store), "mine")
    commit(Catalog(other), "theirs")
    commit(Catalog(store), "mine again")
    events = keys_of(store, f"{log_of(store, 'data')}/")
    store.delete(events[3])

    [log] = [each for each in found(store).findings if each.kind == "log"]
    [mended] = mend(Catalog(store), [log], StoreSource(other))

    assert not mended.is_repaired
    assert events[3] not in {*store.list()}


def test_a_folder_mends_files_that_are_blobs_of_their_own(
    filled: MemoryStore, tmp_path: Path
) -> None:
    store = copy_of(filled)
    solo = [key for key in keys_of(store, "blobs/") if store.read(key) == BIG]
    for key in solo:
        store.delete(key)
    (tmp_path / "got").mkdir()
    (tmp_path / "got" / "any name").write_bytes(BIG)

    source = FolderSource(tmp_path / "got", Catalog(store))
    mended = mend(Catalog(store), found(store).findings, source)

    assert [each.is_repaired for each in mended] == [True] * len(solo)
    assert told(store) == {}


@pytest.mark.parametrize("lacks", [False, True])
def test_a_folder_mends_a_pack_if_it_has_all_files_of_it(
    filled: MemoryStore, tmp_path: Path, *, lacks: bool
) -> None:
    store = copy_of(filled)
    catalog = Catalog(store)
    version = catalog.resolve(named("many:v0"))
    position, page, _ = next(version.pages())
    [pack, *_] = version.page_layout(position, page).names(page)
    flip(store, pack.key)
    for path, data in FILES.items():
        if not lacks or path != "0007.txt":
            (tmp_path / path).write_bytes(data)

    source = FolderSource(tmp_path, Catalog(store))
    [mended] = mend(Catalog(store), found(store).findings, source)

    assert mended.is_repaired is not lacks
    assert bool(told(store)) is lacks


def test_copies_of_this_machine_mend_what_they_have(store: MemoryStore, tmp_path: Path) -> None:
    copies = Copies(tmp_path / "copies", 10**9)
    key = keys_of(store, "pages/")[0]
    copies.put(key, store.read(key))
    store.delete(key)

    [finding] = mend(Catalog(store), found(store).findings, CopiesSource(copies))

    assert finding.is_repaired
    assert told(store) == {}


def test_a_folder_is_looked_through_as_memory_is(tmp_path: Path) -> None:
    place = open_store(str(tmp_path / "store"), create=True)
    catalog = Catalog(place)
    version = commit(catalog, "a")
    (tmp_path / "store" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "store" / "blobs" / "New Folder").mkdir()
    (tmp_path / "store" / "blobs" / "New Folder" / "x y").write_bytes(b"x")

    assert {*told(place).values()} == {"foreign"}
    assert {*told(place)} == {"Thumbs.db", "blobs/New Folder/x y"}
    assert content_of(version) == "a"


def test_a_change_of_a_portfolio_that_nobody_can_read_is_found(store: MemoryStore) -> None:
    fold = Catalog(store).collection(CollectionName("team", "shelf", "best"))
    assert fold is not None
    fold.log.append(fold.tail, Proposal([{"kind": "linked", "version": 0}]))

    [finding] = found(store).findings

    assert (finding.kind, finding.where) == ("log", "team/shelf/best")
    assert "malformed" in finding.reason
