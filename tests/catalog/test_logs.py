"""Logs: names lead to them, and a name shows no number twice, whoever renames, deletes or dies."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from artifacts.catalog import Catalog
from artifacts.errors import ArtifactNotFoundError, InvalidNameError
from artifacts.names import CollectionName
from artifacts.storage import MemoryStore, Proposal
from catalog.commits import DATA, OTHER, commit, content_of, contents, named, new_store
from catalog.stores import Intruded, deaths

BEST = CollectionName("team", "proj", "best")
NEW = CollectionName("team", "proj", "new")


def listed(catalog: Catalog) -> dict[str, str]:
    """Type by name."""
    return dict(catalog.collections("team", "proj"))


def test_a_number_that_a_commit_took_during_a_rename_is_not_used_again() -> None:
    store = Intruded()
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")
    store.before, store.act = b'"renamed"', lambda: commit(rival, "b")

    catalog.rename(DATA, "other")

    assert commit(catalog, "c").name == "data:v2"
    assert contents(catalog, OTHER) == {1: "b", 0: "a"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "event", [b'"to":"other"', b'"renamed","name":"other"'], ids=["directory", "log"]
)
def test_no_number_of_a_name_is_told_twice_whenever_a_commit_comes(when: str, event: bytes) -> None:
    store, told = Intruded(), ["data:v0"]
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")
    rival.resolve(named("data"))
    setattr(store, when, event)
    store.act = lambda: told.append(commit(rival, "b").name)

    catalog.rename(DATA, "other")

    told += [commit(catalog, "c").name, commit(catalog, "d", "other").name]
    assert len(told) == 4
    assert len({*told}) == 4


def test_a_commit_that_comes_after_a_rename_is_told_the_new_name() -> None:
    store = Intruded()
    catalog, rival = Catalog(store), Catalog(store)
    commit(catalog, "a")
    store.before, store.act = b'"committed"', lambda: rival.rename(DATA, "other")

    late = commit(catalog, "b")

    assert late.name == "other:v1"
    assert content_of(Catalog(store).resolve(named(late.name))) == "b"
    assert commit(catalog, "c").name == "data:v1"


def test_a_new_collection_ends_a_rename_that_died() -> None:
    store = new_store()
    commit(Catalog(store), "a")

    for survivor in deaths(store, lambda c: c.rename(DATA, "other")):
        if survivor.collection(OTHER) is None:
            continue
        slow = Catalog(survivor.store)
        late = slow.latest(OTHER)
        assert late is not None
        assert commit(survivor, "c").name == "data:v1"
        assert late.collection.refresh().state.name == "other"
        return
    pytest.fail("no death lay between the events of a rename")


def test_who_renames_at_once_leaves_one_name_and_the_log_says_it(catalog: Catalog) -> None:
    commit(catalog, "a")
    fold = catalog.collection(DATA)
    assert fold is not None

    def rename(number: int) -> None:
        mine, name = Catalog(catalog.store), "data"
        for to in (f"x{number}", f"y{number}"):
            try:
                name = mine.rename(CollectionName("team", "proj", name), to).collection
            except Exception:  # noqa: BLE001 - somebody else was faster
                pass

    with ThreadPoolExecutor(4) as pool:
        [*pool.map(rename, range(4))]

    [name] = listed(Catalog(catalog.store))
    assert fold.refresh().state.name == name


def test_a_collection_whose_deleter_died_is_listed_as_long_as_it_is_there() -> None:
    store = new_store()
    commit(Catalog(store), "a")

    seen = set()
    for survivor in deaths(store, lambda c: c.delete(DATA)):
        is_there = bool(contents(survivor))
        assert listed(survivor) == ({"data": "dataset"} if is_there else {})
        seen.add(is_there)
    assert seen == {True, False}


def test_a_type_is_changed_for_all_versions_and_all_that_come(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    catalog.retype(DATA, "table")

    version.refresh()
    assert version.type == "table"
    assert listed(Catalog(catalog.store)) == {"data": "table"}
    with pytest.raises(InvalidNameError, match="'table', not 'dataset'"):
        commit(catalog, "b")


@pytest.mark.parametrize("type_", ["job", "wandb-history", ""])
def test_a_reserved_type_is_refused(catalog: Catalog, type_: str) -> None:
    commit(catalog, "a")

    with pytest.raises(InvalidNameError):
        catalog.retype(DATA, type_)
    assert listed(catalog) == {"data": "dataset"}


def test_a_portfolio_keeps_its_type(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)

    with pytest.raises(InvalidNameError, match="portfolio"):
        catalog.retype(BEST, "table")


def test_who_changes_types_at_once_leaves_one_and_it_is_the_listed_one(catalog: Catalog) -> None:
    version = commit(catalog, "a")

    with ThreadPoolExecutor(4) as pool:
        [*pool.map(lambda n: Catalog(catalog.store).retype(DATA, f"t{n}"), range(8))]

    version.refresh()
    assert listed(Catalog(catalog.store)) == {"data": version.type}


def test_a_change_of_type_that_died_is_ended_by_the_next(catalog: Catalog) -> None:
    commit(catalog, "a")
    for survivor in deaths(_memory(catalog), lambda c: c.retype(DATA, "table")):
        survivor.retype(DATA, "table")
        assert listed(survivor) == {"data": "table"}


def test_a_collection_has_a_description_and_tags_of_its_own(catalog: Catalog) -> None:
    version = commit(catalog, "a", description="of v0", tags=["small"])
    catalog.describe(DATA, "all digits")
    catalog.label(DATA, ["raw", "big"])
    catalog.label(DATA, ["big", "new"], remove=["raw"])

    state = Catalog(catalog.store).collection(DATA)
    assert state is not None
    assert (state.state.description, state.state.tags) == ("all digits", ["big", "new"])
    version.refresh()
    assert (version.row.description, version.row.tags) == ("of v0", ("small",))
    catalog.describe(DATA, None)
    assert state.refresh().state.description is None


def test_tags_given_at_once_are_all_kept(catalog: Catalog) -> None:
    commit(catalog, "a")

    with ThreadPoolExecutor(4) as pool:
        [*pool.map(lambda n: Catalog(catalog.store).label(DATA, [f"t{n}"]), range(8))]

    fold = catalog.collection(DATA)
    assert fold is not None
    assert sorted(fold.state.tags) == [f"t{n}" for n in range(8)]


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.retype(NEW, "table"),
        lambda c: c.describe(NEW, "text"),
        lambda c: c.label(NEW, ["x"]),
    ],
)
def test_what_is_not_there_cannot_be_changed(
    catalog: Catalog, act: Callable[[Catalog], None]
) -> None:
    commit(catalog, "a")

    with pytest.raises(ArtifactNotFoundError):
        act(catalog)


def test_a_bad_tag_is_refused_and_leaves_no_event(catalog: Catalog) -> None:
    commit(catalog, "a")
    events = sorted(catalog.store.list("logs/"))

    with pytest.raises(InvalidNameError):
        catalog.label(DATA, ["a/b"])
    assert sorted(catalog.store.list("logs/")) == events


def test_a_listed_name_of_a_log_that_says_another_is_what_it_is_called(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    version.collection.append(Proposal([{"kind": "renamed", "name": "elsewhere"}]))

    assert commit(Catalog(catalog.store), "b").name == "data:v1"


def _memory(catalog: Catalog) -> MemoryStore:
    assert isinstance(catalog.store, MemoryStore)
    return catalog.store
