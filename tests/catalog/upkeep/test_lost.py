"""Lost: a store that lost logs is told from one that never had them, and nothing is collected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from artifacts.catalog import Catalog, id_of
from artifacts.catalog.upkeep.fsck import fsck
from artifacts.catalog.upkeep.gc import collect
from artifacts.catalog.upkeep.lost import lost_logs
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.errors import VerificationError
from artifacts.names import CollectionName
from artifacts.storage import MemoryStore
from catalog.commits import commit, new_store
from catalog.stores import deaths

ROOT = "logs/directory/root"


@pytest.fixture
def store() -> MemoryStore:
    """Swept once, with a collection that was deleted and one that came after."""
    store = new_store()
    catalog = Catalog(store)
    for name in ("kept", "gone"):
        commit(catalog, "a" * 5000 + name, name)
    catalog.delete(CollectionName("team", "proj", "gone"))
    assert collect(Catalog(store), timedelta()).freed.objects
    commit(Catalog(store), "b" * 5000, "late")
    return store


def lose(store: MemoryStore, prefix: str) -> None:
    for key in [*store.list(prefix)]:
        store.delete(key)


def project(store: MemoryStore) -> str:
    [listing] = Catalog(store).logs.all_projects().state.names.values()
    return f"logs/directory/{listing.id}"


def collection(store: MemoryStore, name: str) -> str:
    fold = Catalog(store).collection(CollectionName("team", "proj", name))
    assert fold is not None
    return f"logs/collection/{id_of(fold)}"


LOSSES: dict[str, Callable[[MemoryStore], tuple[str, str]]] = {
    "all logs": lambda store: ("logs/", ROOT),
    "generations": lambda store: ("logs/gc/", "logs/gc/root"),
    "names of projects": lambda store: (ROOT, ROOT),
    "names of a project": lambda store: (project(store), project(store)),
    "a collection": lambda store: 2 * (collection(store, "kept"),),
    "all but the beginning of a collection": lambda store: (
        f"{collection(store, 'kept')}/000000000001",
        collection(store, "kept"),
    ),
    "a name": lambda store: (f"{project(store)}/000000000005", collection(store, "late")),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_lost_is_named_and_nothing_is_collected(store: MemoryStore, loss: str) -> None:
    prefix, told = LOSSES[loss](store)
    lose(store, prefix)
    before = [*store.list()]

    assert told in {key for key, _ in lost_logs(Catalog(store).logs)}
    for report in (verify_store(Catalog(store)).problems, fsck(Catalog(store)).findings):
        assert told in {each.where for each in report}
    for is_dry in (True, False):
        with pytest.raises(VerificationError, match=told):
            collect(Catalog(store), timedelta(), is_dry=is_dry)
    assert [key for key in store.list() if key.startswith("blobs/")] == [
        key for key in before if key.startswith("blobs/")
    ]


def test_nothing_is_missed_of_a_store_that_is_whole(store: MemoryStore) -> None:
    assert [*lost_logs(Catalog(store).logs)] == []
    assert [*lost_logs(Catalog(new_store()).logs)] == []


def test_who_died_while_a_collection_began_left_nothing_that_looks_lost(
    store: MemoryStore,
) -> None:
    for survivor in deaths(store, lambda catalog: commit(catalog, "c", "new")):
        assert [*lost_logs(survivor.logs)] == []
        collect(survivor, timedelta())
        assert [*lost_logs(Catalog(survivor.store).logs)] == []
