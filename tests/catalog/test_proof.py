"""Proof: whatever was tampered with on the way to a version is found out."""

from __future__ import annotations

import pytest

from artifacts.catalog import Catalog, Version, prove
from artifacts.content import Digest
from artifacts.errors import BrokenLogError, IntegrityError
from artifacts.names import CollectionName
from artifacts.storage import Fold, Frame, Head, MemoryStore
from catalog.commits import DATA, commit, draft_of, named, new_store

BEST = CollectionName("team", "shelf", "best")


@pytest.fixture
def store() -> MemoryStore:
    return new_store()


@pytest.fixture
def catalog(store: MemoryStore) -> Catalog:
    return Catalog(store)


def resolved(store: MemoryStore, name: str) -> Version:
    return Catalog(store).resolve(named(name))


def test_a_version_is_led_to_from_the_first_event_on(catalog: Catalog) -> None:
    commit(catalog, "a")
    version = commit(catalog, "b")
    commit(catalog, "c")

    proof = prove(version)

    log = version.collection.log.name
    assert (proof.name, proof.digest) == (version.qualified_name, version.digest)
    assert [step.log.partition("/")[0] for step in proof.steps] == ["directory"] * 2 + (
        ["collection"] * 2
    )
    assert proof.steps[0].log == "directory/root"
    assert [step.event.number for step in proof.steps if step.log == log] == [0, 1]
    assert proof.events == 5
    first, second = proof.steps[2:]
    assert second.previous == first.event.digest.hex()


def test_a_renamed_collection_is_led_to_through_its_names(catalog: Catalog) -> None:
    commit(catalog, "a")
    catalog.rename(DATA, "digits")

    proof = prove(catalog.resolve(named("digits")))

    kinds = [change["kind"] for step in proof.steps for change in step.event.changes]
    assert kinds == ["added", "added", "renamed", "created", "committed"]


def test_a_link_is_led_to_through_its_portfolio(catalog: Catalog) -> None:
    linked = catalog.link(commit(catalog, "a"), BEST)

    proof = prove(linked)

    kinds = [change["kind"] for step in proof.steps for change in step.event.changes]
    assert kinds[:4] == ["added", "opened", "created", "linked"]
    assert kinds[4:] == ["added", "added", "created", "committed"]
    assert proof.name == "team/shelf/best:v0"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_changed_event_is_found(catalog: Catalog, store: MemoryStore, number: int) -> None:
    for content in "abc":
        version = commit(catalog, content)
    key = version.collection.log.key(number)
    frame = Frame.decode(store.read(key), key)
    store.write(key, Frame({**frame.header, "writer": "me"}, frame.objects).encode())

    if number == 2:  # the last one follows from the others as well as it did: only a note tells
        assert prove(version).steps[-1].event.digest != Digest.of(b"")
        return
    with pytest.raises(BrokenLogError, match="does not follow"):
        prove(version)


def test_a_removed_event_is_found(catalog: Catalog, store: MemoryStore) -> None:
    for content in "abc":
        version = commit(catalog, content)
    store.delete(version.collection.log.key(1))

    with pytest.raises(BrokenLogError, match="missing"):
        prove(version)


def test_a_forged_checkpoint_proves_nothing(catalog: Catalog, store: MemoryStore) -> None:
    for number in range(70):
        version = commit(catalog, str(number))
    [key] = store.list("cache/heads/collection/")
    log = version.collection.log.name
    head = Head.decode(store.read(key), log)
    assert head is not None
    rows = head.state["rows"]
    page = max(rows["within"], key=int)
    rows["within"][page][-1]["manifest"] = rows["within"][page][-2]["manifest"]
    store.write(key, head.encode())
    forged = next(
        each
        for each in Catalog(store).versions(DATA)
        if each.row.number == rows["within"][page][-1]["number"]
    )
    assert forged.digest != resolved_by_log(store, forged.row.number)

    with pytest.raises(BrokenLogError, match="does not say"):
        prove(forged)


def resolved_by_log(store: MemoryStore, number: int) -> Digest:
    found = Catalog(store, has_checkpoints=False).versions(DATA)
    return next(each.digest for each in found if each.row.number == number)


def test_a_damaged_manifest_is_found(catalog: Catalog, store: MemoryStore) -> None:
    draft = commit(catalog, "x")
    large = catalog.commit(
        draft_of(catalog, {f"{n:05}": b"%d" % n for n in range(3000)}), "team", "proj"
    )
    assert isinstance(large.collection, Fold)
    [key] = store.list("manifests/")
    data = store.read(key)
    store.write(key, data[:-1] + bytes([data[-1] ^ 1]))

    prove(draft)
    with pytest.raises(IntegrityError):
        prove(resolved(store, "data:v1"))
