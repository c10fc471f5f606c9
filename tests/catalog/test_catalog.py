"""Catalog: names lead to versions, whole and in order, whoever else is at work or dies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from artifacts.catalog import Catalog, Draft, Version
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.content import Manifest
from artifacts.errors import (
    ArtifactNotFoundError,
    ConflictError,
    InvalidNameError,
    InvalidPathError,
    StorageError,
    StoreNotFoundError,
    WrongTypeError,
)
from artifacts.names import CollectionName, DigestName
from artifacts.storage import Event, Fold, MemoryStore, Proposal, fold, open_store
from artifacts.testing import CountingStore, FailingStore, SlowStore
from catalog.commits import (
    DATA,
    OTHER,
    commit,
    content_of,
    contents,
    draft_of,
    found,
    named,
    new_store,
)
from catalog.stores import Intruded, ReadOnly, copy_of, deaths


@pytest.fixture
def store() -> MemoryStore:
    return new_store()


@pytest.fixture
def catalog(store: MemoryStore) -> Catalog:
    return Catalog(store)


def test_what_was_committed_is_found_by_its_name(catalog: Catalog) -> None:
    files = {"a": b"1", "sub/b": b"2" * 5000, "empty": b""}

    committed = catalog.commit(draft_of(catalog, files), "team", "proj")

    version = Catalog(catalog.store).resolve(named("data:v0"))
    assert version.qualified_name == committed.qualified_name == "team/proj/data:v0"
    assert {e.path: b"".join(version.read(e.path)) for e in version.entries()} == files
    assert (version.type, version.row.entries, version.row.size) == ("dataset", 3, 5001)


def test_versions_count_up_and_latest_is_the_last(catalog: Catalog) -> None:
    for content in "abc":
        commit(catalog, content)

    assert contents(catalog) == {2: "c", 1: "b", 0: "a"}
    assert found(catalog, "data:latest") == found(catalog, "data") == "c"
    newest = catalog.latest(DATA)
    assert newest is not None
    assert newest.name == "data:v2"


def test_a_version_is_named_by_its_content_alone(catalog: Catalog) -> None:
    files = {"b": b"2", "a": b"1"}
    first = catalog.commit(draft_of(catalog, files), "team", "proj")
    again = catalog.commit(draft_of(catalog, dict(sorted(files.items())), "other"), "x", "y")

    assert first.digest == again.digest == first.manifest.digest


def test_an_artifact_may_be_empty(catalog: Catalog) -> None:
    version = catalog.commit(draft_of(catalog, {}), "team", "proj")

    assert version.digest == Manifest().digest
    assert [*Catalog(catalog.store).resolve(named("data")).entries()] == []


def test_a_small_version_is_one_event_beside_its_bytes(store: MemoryStore) -> None:
    commit(Catalog(store), "a")
    counting = CountingStore(store)
    far = SlowStore(counting, 1, sleep=lambda _: None)  # a near one gets rows for its index too
    commit(Catalog(far), "b")

    made = [key for operation, key in counting.calls if operation in ("write", "create", "take")]
    assert [key.partition("/")[0] for key in made] == ["store.json", "blobs", "logs"]


def test_a_large_version_is_whole_too(catalog: Catalog) -> None:
    files = {f"{n:05}{'x' * 50}": b"%d" % n for n in range(3000)}
    catalog.commit(draft_of(catalog, files), "team", "proj")

    version = Catalog(catalog.store).resolve(named("data"))
    assert len(version.manifest.rows) > 1
    assert {e.path: e.size for e in version.entries()} == {p: len(d) for p, d in files.items()}
    assert b"".join(version.read(f"02999{'x' * 50}")) == b"2999"


def test_aliases_move_to_the_version_that_asks_for_them(catalog: Catalog) -> None:
    commit(catalog, "a", aliases=["best", "first"])
    commit(catalog, "b", aliases=["best"])

    assert [found(catalog, f"data:{alias}") for alias in ("best", "first")] == ["b", "a"]
    assert catalog.resolve(named("data:v0")).aliases == ["first"]


def test_equal_content_is_the_version_that_has_it_and_takes_the_aliases(catalog: Catalog) -> None:
    commit(catalog, "a")
    commit(catalog, "b")
    again = commit(catalog, "a", aliases=["prod"])

    assert (again.name, sorted(again.aliases)) == ("data:v0", ["latest", "prod"])
    assert contents(catalog) == {1: "b", 0: "a"}


def test_equal_content_in_another_collection_is_a_version_there(catalog: Catalog) -> None:
    commit(catalog, "a")
    commit(catalog, "b")

    assert commit(catalog, "b", "other").name == "other:v0"


def test_changed_facts_of_equal_content_are_recorded(catalog: Catalog) -> None:
    commit(catalog, "a", metadata={"n": 1}, description="first", tags=["x"])
    commit(catalog, "a", metadata={"n": 2}, tags=["y"])

    row = Catalog(catalog.store).resolve(named("data:v0")).row
    assert (row.metadata, row.description, row.tags) == ({"n": 2}, "first", ("x", "y"))


def test_facts_that_are_not_given_again_are_kept(catalog: Catalog) -> None:
    commit(catalog, "a", metadata={"n": 1}, description="first", tags=["x"], run="r1")
    commit(catalog, "a", run="r2")

    row = Catalog(catalog.store).resolve(named("data:v0")).row
    assert (row.metadata, row.description, row.tags, row.run) == ({"n": 1}, "first", ("x",), "r1")


def test_what_a_user_does_to_metadata_afterwards_changes_no_version(catalog: Catalog) -> None:
    metadata = {"deep": [1]}
    version = commit(catalog, "a", metadata=metadata)
    metadata["deep"].append(2)
    version.row.metadata["deep"].append(3)

    assert catalog.resolve(named("data:v0")).row.metadata == {"deep": [1]}
    assert Catalog(catalog.store).resolve(named("data:v0")).row.metadata == {"deep": [1]}


def test_changes_beside_the_content_are_seen_by_all(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    change = {"kind": "updated", "version": 0, "description": "new"}
    catalog.change(version, [change, {"kind": "aliased", "version": 0, "alias": "prod"}])

    assert version.row.description == "new"
    assert Catalog(catalog.store).resolve(named("data:prod")).row.description == "new"


def test_another_type_is_refused_and_leaves_no_event(catalog: Catalog) -> None:
    commit(catalog, "a")
    events = sorted(catalog.store.list("logs/"))

    with pytest.raises(InvalidNameError) as caught:
        catalog.commit(draft_of(catalog, {"f": b""}, type_="model"), "team", "proj")

    assert "'dataset', not 'model'" in str(caught.value)
    assert sorted(catalog.store.list("logs/")) == events


def test_a_version_of_another_type_is_not_what_was_asked_for(catalog: Catalog) -> None:
    commit(catalog, "a")

    assert catalog.resolve(named("data"), "dataset").name == "data:v0"
    with pytest.raises(WrongTypeError):
        catalog.resolve(named("data"), "model")


@pytest.mark.parametrize(
    "text", ["data:v1", "data:v01", "data:prod", "gone:v0", "else/data:v0", "a/b/data:v0"]
)
def test_what_is_not_there_is_said_to_be_missing_and_where(catalog: Catalog, text: str) -> None:
    commit(catalog, "a")
    try:
        name = named(text)
    except InvalidNameError:
        return

    with pytest.raises(ArtifactNotFoundError) as caught:
        catalog.resolve(name)

    assert (caught.value.name, caught.value.store) == (name.qualified, "memory://here")


def test_a_store_that_is_none_is_said_to_be_missing() -> None:
    with pytest.raises(StoreNotFoundError):
        Catalog(MemoryStore())


def test_a_file_that_is_also_a_folder_is_refused_and_leaves_no_event(catalog: Catalog) -> None:
    with pytest.raises(InvalidPathError):
        catalog.commit(draft_of(catalog, {"a": b"", "a/b": b""}), "team", "proj")

    assert not list(catalog.store.list("logs/"))


@pytest.mark.parametrize("digits", [8, 20, 64])
def test_a_version_is_found_by_its_digest(catalog: Catalog, digits: int) -> None:
    for content in "abc":
        commit(catalog, content)
    hex_ = catalog.resolve(named("data:v1")).digest.hex()

    name = DigestName("team", "proj", "data", hex_[:digits])

    assert catalog.resolve(name).name == "data:v1"


def test_a_version_is_found_by_its_digest_in_any_collection(catalog: Catalog) -> None:
    commit(catalog, "a")
    digest = commit(catalog, "b", "other").digest.hex()

    assert catalog.resolve(DigestName("team", "proj", None, digest)).name == "other:v0"


@pytest.mark.parametrize("collection", [None, "data", "gone"])
def test_an_unknown_digest_is_said_to_be_missing(catalog: Catalog, collection: str | None) -> None:
    commit(catalog, "a")

    with pytest.raises(ArtifactNotFoundError):
        catalog.resolve(DigestName("team", "proj", collection, "0" * 64))


def test_projects_and_collections_are_listed_by_name(catalog: Catalog) -> None:
    commit(catalog, "a", "b")
    commit(catalog, "a", "a")
    catalog.commit(draft_of(catalog, {}, "m", "model"), "me", "proj")

    assert [*catalog.projects()] == [("me", "proj"), ("team", "proj")]
    assert [*catalog.collections("team", "proj")] == [("a", "dataset"), ("b", "dataset")]
    assert [*catalog.collections("me", "proj")] == [("m", "model")]
    assert not [*catalog.collections("nobody", "proj")]


def test_who_may_only_read_reads_everything_and_tries_nothing_else(catalog: Catalog) -> None:
    commit(catalog, "a", aliases=["prod"])
    reader = Catalog(ReadOnly(catalog.store))

    assert found(reader, "data:prod") == "a"
    assert contents(reader) == {0: "a"}
    assert reader.latest(DATA) is not None
    assert [*reader.projects()] == [("team", "proj")]
    digest = reader.resolve(named("data")).digest.hex()
    assert reader.resolve(DigestName("team", "proj", None, digest)).name == "data:v0"


def test_a_renamed_collection_is_found_by_its_new_name_alone(catalog: Catalog) -> None:
    commit(catalog, "a", aliases=["prod"])
    assert catalog.rename(DATA, "other") == OTHER
    commit(catalog, "b", "other")

    assert (contents(catalog, OTHER), contents(catalog)) == ({1: "b", 0: "a"}, {})
    assert found(Catalog(catalog.store), "other:prod") == "a"


def test_numbers_of_a_name_are_not_used_again_after_a_rename(catalog: Catalog) -> None:
    commit(catalog, "a")
    catalog.rename(DATA, "other")

    assert commit(catalog, "c").name == "data:v1"


def test_a_collection_may_have_its_old_name_back(catalog: Catalog) -> None:
    commit(catalog, "a")
    catalog.rename(DATA, "other")
    catalog.rename(OTHER, "data")
    commit(catalog, "b")

    assert contents(catalog) == {1: "b", 0: "a"}


def test_a_taken_name_is_refused(catalog: Catalog) -> None:
    commit(catalog, "a")
    commit(catalog, "b", "other")

    with pytest.raises(InvalidNameError):
        catalog.rename(DATA, "other")
    assert (contents(catalog), contents(catalog, OTHER)) == ({0: "a"}, {0: "b"})


def test_a_name_that_showed_other_versions_is_refused(catalog: Catalog) -> None:
    commit(catalog, "b", "other")
    catalog.delete(OTHER)
    commit(catalog, "a")

    with pytest.raises(InvalidNameError):
        catalog.rename(DATA, "other")
    assert contents(catalog) == {0: "a"}


@pytest.mark.parametrize("to", ["", "a/b", "a:b", "data"])
def test_what_cannot_be_its_name_is_refused(catalog: Catalog, to: str) -> None:
    commit(catalog, "a")
    events = sorted(catalog.store.list("logs/"))

    with pytest.raises(InvalidNameError):
        catalog.rename(DATA, to)
    assert sorted(catalog.store.list("logs/")) == events


def test_a_deleted_collection_is_not_found(catalog: Catalog) -> None:
    commit(catalog, "a")
    catalog.delete(DATA)

    assert catalog.collection(DATA) is None
    assert not [*Catalog(catalog.store).collections("team", "proj")]
    for act in (lambda: catalog.delete(DATA), lambda: catalog.rename(DATA, "other")):
        with pytest.raises(ArtifactNotFoundError):
            act()


def test_a_name_counts_on_after_a_deletion(catalog: Catalog) -> None:
    commit(catalog, "a")
    commit(catalog, "b")
    catalog.delete(DATA)

    assert commit(catalog, "a").name == "data:v2"
    assert contents(catalog) == {2: "a"}


def test_a_deleted_collection_may_come_back_with_another_type(catalog: Catalog) -> None:
    commit(catalog, "a")
    catalog.delete(DATA)

    version = catalog.commit(draft_of(catalog, {}, type_="model"), "team", "proj")
    assert (version.name, version.type) == ("data:v1", "model")


def test_a_deletion_says_what_is_no_longer_reached(catalog: Catalog) -> None:
    row = commit(catalog, "a").row
    fold_ = catalog.collection(DATA)
    assert fold_ is not None
    catalog.delete(DATA)

    event = fold_.log.read(fold_.tail.number - 1)
    assert event.header["drops"] == [str(row.manifest), str(row.layout)]


def test_a_deletion_that_died_loses_nothing_or_all(catalog: Catalog, store: MemoryStore) -> None:
    commit(catalog, "a")
    for survivor in deaths(store, lambda c: c.delete(DATA)):
        assert contents(survivor) in ({0: "a"}, {})


def test_a_name_counts_on_after_a_deletion_that_died(catalog: Catalog, store: MemoryStore) -> None:
    commit(catalog, "a")
    for survivor in deaths(store, lambda c: c.delete(DATA)):
        assert commit(survivor, "b").name == "data:v1"
        assert contents(survivor) in ({1: "b", 0: "a"}, {1: "b"})


def test_a_deletion_that_died_can_be_done_again(catalog: Catalog, store: MemoryStore) -> None:
    commit(catalog, "a")
    for survivor in deaths(store, lambda c: c.delete(DATA)):
        try:
            survivor.delete(DATA)
        except ArtifactNotFoundError:
            pass
        assert commit(survivor, "a").name == "data:v1"
        assert contents(survivor) == {1: "a"}


def test_a_rename_that_died_leaves_one_name_or_the_other(
    catalog: Catalog, store: MemoryStore
) -> None:
    commit(catalog, "a")
    for survivor in deaths(store, lambda c: c.rename(DATA, "other")):
        assert [contents(survivor), contents(survivor, OTHER)].count({0: "a"}) == 1
        name = "data" if contents(survivor) else "other"
        assert commit(survivor, "b", name).name == f"{name}:v1"


def test_a_first_commit_that_died_leaves_nothing_to_see(store: MemoryStore) -> None:
    for survivor in deaths(store, lambda c: commit(c, "a")):
        assert contents(survivor) == {}
        assert survivor.latest(DATA) is None
        assert commit(survivor, "b").name == "data:v0"


def test_a_commit_after_a_deletion_that_died_leaves_nothing_to_see(
    catalog: Catalog, store: MemoryStore
) -> None:
    commit(catalog, "a")
    catalog.delete(DATA)
    for survivor in deaths(store, lambda c: commit(c, "b")):
        assert contents(survivor) == {}
        assert commit(survivor, "c").name == "data:v1"


def operations(store: MemoryStore) -> int:
    """How many operations the commit of a second version makes."""
    counting = CountingStore(copy_of(store))
    commit(Catalog(counting), "b")
    return len(counting.calls)


@pytest.mark.parametrize("before", [True, False])
def test_a_commit_that_fails_at_any_call_leaves_the_versions_there_were_or_one_more(
    catalog: Catalog,
    store: MemoryStore,
    before: bool,  # noqa: FBT001
) -> None:
    commit(catalog, "a")
    for at in range(1, operations(store) + 1):
        copy = copy_of(store)
        failing = FailingStore(copy, at, StorageError("k", "connection reset"), before=before)
        try:
            commit(Catalog(failing), "b")
        except StorageError:
            assert contents(Catalog(copy)) in ({0: "a"}, {1: "b", 0: "a"})
        commit(Catalog(copy), "b")
        assert contents(Catalog(copy)) == {1: "b", 0: "a"}


def test_two_catalogs_in_turn_count_without_gap_or_double(store: MemoryStore) -> None:
    catalogs = [Catalog(store), Catalog(store)]

    names = [commit(catalogs[n % 2], f"{n}").name for n in range(6)]

    assert names == [f"data:v{n}" for n in range(6)]
    for each in catalogs:
        assert contents(each) == {n: f"{n}" for n in reversed(range(6))}


def test_what_one_catalog_does_the_other_sees(store: MemoryStore) -> None:
    mine, theirs = Catalog(store), Catalog(store)
    commit(mine, "a")
    assert found(theirs, "data") == "a"
    theirs.rename(DATA, "other")
    assert contents(mine) == {}
    commit(mine, "b", "other")
    theirs.delete(OTHER)
    assert contents(mine, OTHER) == {}
    assert commit(mine, "c", "other").name == "other:v2"
    assert found(theirs, "other") == "c"


@pytest.mark.parametrize("collections", [1, 3])
def test_racing_catalogs_count_without_gap_or_double(
    store: MemoryStore, collections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "_JITTER_S", 0.001)
    names = [f"data{n}" for n in range(collections)]

    def work(who: int) -> list[str]:
        catalog = Catalog(store)
        return [commit(catalog, f"{who} {n}", name).name for n in range(6) for name in names]

    with ThreadPoolExecutor(4) as pool:
        got = [name for each in pool.map(work, range(4)) for name in each]

    assert sorted(got) == sorted(f"{name}:v{n}" for name in names for n in range(24))
    for name in names:
        newest = Catalog(store).resolve(named(f"{name}:latest"))
        assert newest.name == f"{name}:v23"


def test_a_commit_is_told_its_own_version_whatever_other_threads_refresh(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, rival = Catalog(store), Catalog(store)
    before = commit(catalog, "a")
    refreshing = Thread(target=before.refresh)
    append = Fold.append

    def appended(changed: Fold[Any], proposal: Proposal) -> Event:
        event = append(changed, proposal)
        if changed is before.collection:
            commit(rival, "c")
            refreshing.start()
            refreshing.join(0.3)  # it ends now, or waits for the commit
        return event

    monkeypatch.setattr(Fold, "append", appended)
    version = commit(catalog, "b")
    refreshing.join()

    assert (version.name, content_of(version)) == ("data:v1", "b")
    assert contents(catalog) == {2: "c", 1: "b", 0: "a"}


def test_a_commit_to_a_collection_that_is_deleted_meanwhile_is_not_lost() -> None:
    store = Intruded()
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")
    store.before = b'"committed"'
    store.act = lambda: rival.delete(DATA)

    assert commit(catalog, "b").name == "data:v1"
    assert contents(Catalog(store)) == {1: "b"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("event", [b'"deleted"', b'"removed"'])
def test_a_collection_made_anew_while_the_old_one_is_deleted_is_not_lost(
    when: str, event: bytes
) -> None:
    store = Intruded()
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")
    setattr(store, when, event)
    store.act = lambda: commit(rival, "b")

    catalog.delete(DATA)

    is_part_of_the_old = (when, event) == ("before", b'"deleted"')
    assert contents(Catalog(store)) == ({} if is_part_of_the_old else {1: "b"})
    assert commit(catalog, "c").name == "data:v2"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_to_a_collection_that_is_renamed_meanwhile_is_not_lost(when: str) -> None:
    store = Intruded()
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")
    setattr(store, when, b'"renamed"')
    store.act = lambda: commit(rival, "b")

    catalog.rename(DATA, "other")

    everything = {**contents(catalog, OTHER), **contents(catalog)}
    assert everything == {1: "b", 0: "a"}


def test_a_rename_to_a_name_that_is_taken_meanwhile_is_refused_and_loses_nothing() -> None:
    store = Intruded()
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")
    store.before = b'"renamed"'
    store.act = lambda: commit(rival, "b", "other")

    with pytest.raises(ConflictError):
        catalog.rename(DATA, "other")
    assert (contents(catalog), contents(catalog, OTHER)) == ({0: "a"}, {0: "b"})


def test_a_rename_of_what_is_deleted_and_made_anew_meanwhile_is_refused() -> None:
    store = Intruded()
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")

    def replace() -> None:
        rival.delete(DATA)
        commit(rival, "b")

    store.before, store.act = b'"renamed"', replace
    with pytest.raises(ConflictError):
        catalog.rename(DATA, "other")
    assert contents(Catalog(store)) == {1: "b"}


class Collection:
    """What one collection holds, whatever it is called."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.contents: list[str] = []

    @property
    def next(self) -> int:
        return self.first + len(self.contents)


NAMES = st.sampled_from(["x", "y", "z"])
WHO = st.integers(0, 1)


class CatalogMachine(RuleBasedStateMachine):
    """Two catalogs of one store; no name ever shows two contents under one number."""

    @initialize()
    def begin(self) -> None:
        store = new_store()
        self.catalogs = [Catalog(store), Catalog(store)]
        self.names: dict[str, Collection] = {}
        self.floors: dict[str, tuple[int, Collection]] = {}
        self.shown: dict[tuple[str, int], str] = {}

    def leave(self, name: str) -> Collection:
        collection = self.names.pop(name)
        self.floors[name] = (collection.next, collection)
        return collection

    @rule(who=WHO, name=NAMES, content=st.sampled_from("abcdef"))
    def commit(self, who: int, name: str, content: str) -> None:
        version = commit(self.catalogs[who], content, name)
        first, _ = self.floors.get(name, (0, None))
        collection = self.names.setdefault(name, Collection(first))
        if content not in collection.contents:
            collection.contents.append(content)
        assert version.row.number == collection.first + collection.contents.index(content)

    @rule(who=WHO, name=NAMES)
    def delete(self, who: int, name: str) -> None:
        if name in self.names:
            self.catalogs[who].delete(CollectionName("team", "proj", name))
            self.leave(name)

    @rule(who=WHO, name=NAMES, to=NAMES)
    def rename(self, who: int, name: str, to: str) -> None:
        rename = self.catalogs[who].rename
        if name not in self.names:
            with pytest.raises(ArtifactNotFoundError):
                rename(CollectionName("team", "proj", name), to)
            return
        _, last = self.floors.get(to, (0, self.names[name]))
        if to in self.names or last is not self.names[name]:
            with pytest.raises(InvalidNameError):
                rename(CollectionName("team", "proj", name), to)
            return
        rename(CollectionName("team", "proj", name), to)
        self.names[to] = self.leave(name)

    @invariant()
    def all_versions_are_found_and_none_is_another(self) -> None:
        if not hasattr(self, "names"):
            return
        for name in "xyz":
            collection = self.names.get(name, Collection(0))
            expected = {collection.first + n: text for n, text in enumerate(collection.contents)}
            for catalog in self.catalogs:
                assert contents(catalog, CollectionName("team", "proj", name)) == expected
            for number, text in expected.items():
                assert self.shown.setdefault((name, number), text) == text


TestCatalog = CatalogMachine.TestCase
TestCatalog.settings = settings(deadline=None, max_examples=40, stateful_step_count=20)


def test_jitter_is_all_that_a_loser_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    store = Intruded()
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")
    store.before, store.act = b'"committed"', lambda: commit(rival, "b")

    assert commit(catalog, "c").name == "data:v2"
    assert not waits


@pytest.mark.parametrize("kind", ["pages", "layouts", "manifests"])
def test_damage_to_the_last_version_does_not_stop_the_next(
    catalog: Catalog, kind: str, tmp_path: Path
) -> None:
    files = {f"{n:05}{'x' * 50}": b"%d" % n for n in range(500)}
    base = catalog.commit(draft_of(catalog, files), "team", "proj")
    damaged = [*catalog.store.list(f"{kind}/")]
    for key in damaged:
        catalog.store.write(key, b"damage")
    (tmp_path / "file").write_bytes(b"0")
    draft = Draft("data", "dataset", catalog.intake(tmp_path / "cache"))
    draft.intake.base = Catalog(catalog.store).resolve(named(base.name)).placed

    draft.add_file(tmp_path / "file", min(files))
    version = catalog.commit(draft, "team", "proj")

    assert damaged
    assert b"".join(version.read(min(files))) == b"0"


def test_what_the_store_lost_comes_back_when_its_files_are_committed_again(
    tmp_path: Path,
) -> None:
    catalog = Catalog(open_store(str(tmp_path / "store"), create=True))

    def commit(*names: str) -> Version:
        draft = Draft("c", "dataset", catalog.intake(tmp_path / "cache"))
        for name in names:
            draft.add_bytes(name.encode(), name)
        return catalog.commit(draft, "e", "p")

    before = commit("a", "b")
    for key in [*catalog.store.list("blobs/")]:
        catalog.store.delete(key)
    after = commit("b", "a")  # in another order, so in another pack

    assert after.row.number == before.row.number
    assert b"".join(after.read("a")) == b"a"
    assert verify_store(catalog).is_clean
