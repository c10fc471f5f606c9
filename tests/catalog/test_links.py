"""Links: a portfolio shows versions that are logged elsewhere, under names of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from artifacts.catalog import Catalog, Facts, Version
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.errors import (
    ArtifactNotFoundError,
    ConflictError,
    InvalidError,
    InvalidNameError,
    MalformedError,
)
from artifacts.names import CollectionName
from artifacts.storage import MemoryStore, Proposal
from catalog.commits import (
    DATA,
    OTHER,
    STORE,
    commit,
    content_of,
    draft_of,
    found,
    named,
    new_store,
)
from catalog.stores import deaths

BEST = CollectionName("team", "proj", "best")
REGISTERED = CollectionName("team", "wandb-registry-model", "best")
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
ELSEWHERE = CollectionName("others", "theirs", "shown")


def shown(catalog: Catalog, portfolio: CollectionName = BEST) -> dict[int, str]:
    """Source by number of the link."""
    return {each.number: each.source_name for each in catalog.versions(portfolio)}


def aliases(catalog: Catalog, portfolio: CollectionName = BEST) -> dict[str, int]:
    fold = catalog.collection(portfolio)
    return dict(fold.state.aliases) if fold else {}


def resolved(catalog: Catalog, text: str) -> Version:
    return Catalog(catalog.store).resolve(named(text))


def test_a_linked_version_is_found_in_the_portfolio_with_its_content(catalog: Catalog) -> None:
    commit(catalog, "a")
    source = commit(catalog, "b")

    catalog.link(source, BEST, ["prod"])

    version = resolved(catalog, "best:prod")
    assert content_of(version) == "b"
    assert (version.name, version.source_name) == ("best:v0", "data:v1")
    assert version.qualified_name == "team/proj/best:v0"
    assert version.source_qualified_name == "team/proj/data:v1"
    assert sorted(version.aliases) == ["latest", "prod"]
    assert source.aliases == ["latest"]


@pytest.mark.parametrize("target", [BEST, REGISTERED, ELSEWHERE], ids=lambda name: name.qualified)
def test_any_project_of_the_store_may_show_it(catalog: Catalog, target: CollectionName) -> None:
    linked = catalog.link(commit(catalog, "a"), target)

    assert linked.qualified_name == f"{target.qualified}:v0"
    assert found(catalog, f"{target.qualified}:latest") == "a"


def test_linking_is_one_event_of_the_portfolio(catalog: Catalog) -> None:
    source = commit(catalog, "a")
    catalog.link(source, BEST)
    before = {*catalog.store.list("logs/")}

    catalog.link(commit(catalog, "b"), BEST)

    own = source.collection.log.key(0).rpartition("/")[0]
    new = {*catalog.store.list("logs/")} - before
    assert len([key for key in new if not key.startswith(own)]) == 1


def test_what_is_linked_lasts_whatever_its_collection_says_later(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)

    catalog.retain("team", "proj", 1, "data")
    catalog.retain("team", "proj", 1)

    assert resolved(catalog, "best:v0").row.ttl == 0


def test_links_count_by_themselves_and_latest_is_the_last(catalog: Catalog) -> None:
    commit(catalog, "a")
    catalog.link(commit(catalog, "b"), BEST)
    catalog.link(commit(catalog, "c", "other"), BEST)

    assert shown(catalog) == {1: "other:v0", 0: "data:v1"}
    assert aliases(catalog) == {"latest": 1}


def test_the_same_version_linked_again_is_one_link_that_takes_the_aliases(
    catalog: Catalog,
) -> None:
    first = commit(catalog, "a")
    catalog.link(first, BEST, ["x"])
    catalog.link(commit(catalog, "b"), BEST, ["y"])

    again = catalog.link(first, BEST, ["y"])

    assert again.name == "best:v0"
    assert shown(catalog) == {1: "data:v1", 0: "data:v0"}
    assert aliases(catalog) == {"x": 0, "y": 0, "latest": 0}


def test_a_link_of_a_link_leads_to_the_source(catalog: Catalog) -> None:
    linked = catalog.link(commit(catalog, "a"), BEST)
    catalog.link(linked, REGISTERED)
    catalog.unlink(linked)

    assert found(catalog, f"{REGISTERED.qualified}:latest") == "a"
    assert shown(catalog, REGISTERED) == {0: "data:v0"}


def test_aliases_belong_to_the_link_and_all_else_to_the_version(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)
    version = resolved(catalog, "best:v0")

    catalog.change(
        version,
        [
            {"kind": "aliased", "version": version.number, "alias": "prod"},
            {"kind": "updated", "version": version.row.number, "description": "good"},
            {"kind": "tagged", "version": version.row.number, "tag": "x"},
        ],
    )

    assert sorted(version.aliases) == ["latest", "prod"]
    source = resolved(catalog, "data:v0")
    assert (source.aliases, source.row.description, source.row.tags) == (["latest"], "good", ("x",))


def test_unlinking_leaves_the_version_and_uses_no_number_again(catalog: Catalog) -> None:
    source = commit(catalog, "a")
    catalog.link(source, BEST, ["prod"])
    linked = catalog.link(commit(catalog, "b"), BEST)

    catalog.unlink(resolved(catalog, "best:prod"))

    assert shown(catalog) == {1: "data:v1"}
    assert aliases(catalog) == {"latest": 1}
    assert found(catalog, "data:v0") == "a"
    with pytest.raises(ArtifactNotFoundError):
        resolved(catalog, "best:v0")
    assert catalog.link(source, BEST).name == "best:v2"
    assert linked.name == "best:v1"


def test_latest_stands_for_the_newest_link_that_is_left(catalog: Catalog) -> None:
    for content in "abc":
        last = catalog.link(commit(catalog, content), BEST)
    catalog.unlink(last)
    assert aliases(catalog) == {"latest": 1}

    for text in ("best:v1", "best:v0"):
        catalog.unlink(resolved(catalog, text))
    assert (aliases(catalog), shown(catalog)) == ({}, {})


def test_unlinking_twice_is_once(catalog: Catalog) -> None:
    linked = catalog.link(commit(catalog, "a"), BEST)
    catalog.unlink(linked)
    catalog.unlink(linked)

    assert shown(catalog) == {}


def test_what_is_not_linked_cannot_be_unlinked(catalog: Catalog) -> None:
    source = commit(catalog, "a")
    catalog.link(source, BEST)

    with pytest.raises(InvalidError, match="data:v0 is not linked"):
        catalog.unlink(source)
    assert isinstance(InvalidError(), ValueError)


def test_nothing_is_logged_to_a_portfolio(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)

    with pytest.raises(InvalidNameError, match="it is a portfolio"):
        commit(catalog, "b", "best")
    assert shown(catalog) == {0: "data:v0"}


def test_nothing_is_linked_to_a_collection_that_has_versions(catalog: Catalog) -> None:
    commit(catalog, "b", "best")

    with pytest.raises(InvalidNameError, match="it is no portfolio"):
        catalog.link(commit(catalog, "a"), BEST)
    assert found(catalog, "best") == "b"


def test_a_portfolio_has_one_type(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)
    model = catalog.commit(draft_of(catalog, {"w": b"w"}, "net", "model"), "team", "proj", Facts())

    with pytest.raises(InvalidNameError, match="'dataset', not 'model'"):
        catalog.link(model, BEST)


def test_what_was_deleted_is_shown_as_gone(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST, ["prod"])
    catalog.delete(DATA)

    with pytest.raises(ArtifactNotFoundError, match="was deleted"):
        resolved(catalog, "best:prod")
    assert shown(catalog) == {}
    [link] = Catalog(catalog.store).links(BEST)
    assert (link.version, link.row.number, sorted(link.aliases)) == (None, 0, ["latest", "prod"])


def test_a_renamed_source_is_shown_under_its_new_name(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)
    catalog.rename(DATA, "other")

    assert resolved(catalog, "best").source_qualified_name == f"{OTHER.qualified}:v0"


def test_a_portfolio_can_be_renamed_and_deleted(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)
    catalog.rename(BEST, "finest")
    assert found(catalog, "finest") == "a"

    catalog.delete(CollectionName("team", "proj", "finest"))
    assert not [*catalog.portfolios("team", "proj")]
    assert found(catalog, "data") == "a"


def test_a_name_of_a_portfolio_counts_on_when_it_is_made_anew(catalog: Catalog) -> None:
    source = commit(catalog, "a")
    catalog.link(source, BEST)
    catalog.delete(BEST)

    assert catalog.link(source, BEST).name == "best:v1"


def test_portfolios_are_listed_beside_collections(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)

    assert [*catalog.collections("team", "proj")] == [("data", "dataset")]
    assert [*catalog.portfolios("team", "proj")] == [("best", "dataset")]


def test_a_portfolio_is_read_from_a_checkpoint_as_from_its_log(catalog: Catalog) -> None:
    source = commit(catalog, "a")
    catalog.link(commit(catalog, "b"), BEST, ["prod"])
    for number in range(70):  # more than lie between two checkpoints
        catalog.unlink(catalog.link(source, BEST, [f"a{number}"]))
    catalog.link(source, BEST)

    told = shown(catalog), aliases(catalog)
    assert [*catalog.store.list("cache/heads/collection/")]
    reader, from_log = Catalog(catalog.store), Catalog(catalog.store, has_checkpoints=False)
    for each in (reader, from_log):
        assert (shown(each), aliases(each)) == told
    assert reader.link(source, BEST).name == "best:v71"


def test_a_store_with_portfolios_verifies(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)
    catalog.link(commit(catalog, "b", "other"), ELSEWHERE)

    assert not verify_store(Catalog(catalog.store)).problems


def test_racing_links_count_without_gap_or_double(catalog: Catalog) -> None:
    sources = [commit(catalog, str(number)) for number in range(8)]

    def link(source: Version) -> str:
        return Catalog(catalog.store).link(source, BEST).name

    with ThreadPoolExecutor(8) as pool:
        names = [*pool.map(link, sources), *pool.map(link, sources)]

    assert sorted({*names}) == [f"best:v{number}" for number in range(8)]
    assert sorted(shown(catalog).values()) == sorted(source.name for source in sources)
    assert names[:8] == names[8:]


def test_a_link_that_died_is_whole_or_not_there() -> None:
    store = new_store()
    commit(Catalog(store), "a")

    for survivor in deaths(store, lambda c: c.link(c.resolve(named("data")), BEST)):
        links = shown(survivor) if survivor.collection(BEST) else {}
        assert links in ({}, {0: "data:v0"})
        assert survivor.link(survivor.resolve(named("data")), BEST).name == "best:v0"
        assert aliases(survivor) == {"latest": 0}


def test_a_link_that_promises_other_content_is_refused(catalog: Catalog) -> None:
    catalog.link(commit(catalog, "a"), BEST)
    portfolio = catalog.collection(BEST)
    assert portfolio is not None
    forged = dict(next(portfolio.log.after(portfolio.tail.start(portfolio.log.name))).changes[1])
    forged |= {"version": 1, "aliases": ["bad"]}
    commit(catalog, "b")
    portfolio.append(Proposal([forged]))

    with pytest.raises(MalformedError, match="which is not there"):
        resolved(catalog, "best:bad")


def test_a_portfolio_that_keeps_being_deleted_is_a_conflict() -> None:
    store = Deleting("here")
    store.create("store.json", STORE)
    catalog = Catalog(store)
    source = commit(catalog, "a")

    store.rival = Catalog(store)
    with pytest.raises(ConflictError, match="keeps being deleted"):
        catalog.link(source, BEST)


class Deleting(MemoryStore):
    """Somebody deletes the portfolio whenever a link to it is about to be created."""

    rival: Catalog | None = None

    def create(self, key: str, data: bytes) -> None:
        if self.rival and b'"linked"' in data and b'"created"' not in data:
            rival, self.rival = self.rival, None
            rival.delete(BEST)
            self.rival = rival
        elif self.rival and b'"linked"' in data:
            rival, self.rival = self.rival, None
            rival.link(rival.resolve(named("data")), BEST)
            rival.delete(BEST)
            self.rival = rival
        super().create(key, data)


# Versions that do not last


def at(catalog: Catalog, **passed: float) -> Catalog:
    """As of so long after the epoch of these tests."""
    return Catalog(catalog.store, lambda: BEGAN + timedelta(**passed))


def test_what_was_to_last_for_a_time_lasts_for_ever_once_it_is_linked(catalog: Catalog) -> None:
    then = at(catalog)
    then.link(commit(then, "a", ttl=60), BEST)

    later = at(catalog, days=1)
    assert found(later, "best") == found(later, "data:v0") == "a"
    assert later.lasting_s(later.resolve(named("data"))) is None


def test_what_is_over_or_deleted_cannot_be_linked(catalog: Catalog) -> None:
    then = at(catalog)
    short, long = commit(then, "a", ttl=60), commit(then, "b")
    later = at(catalog, days=1)
    later.drop(long, with_aliases=True)

    for version in (short, long):
        with pytest.raises(ArtifactNotFoundError, match="link another version"):
            later.link(version, BEST)
    assert later.collection(BEST) is None


def test_a_link_to_what_is_over_leads_nowhere(catalog: Catalog) -> None:
    then = at(catalog)
    version = commit(then, "a")
    then.link(version, BEST)
    then.change(version, [{"kind": "updated", "version": 0, "ttl": 60}])

    later = at(catalog, days=1)
    with pytest.raises(ArtifactNotFoundError, match="for a time only"):
        later.resolve(named("best"))
    assert shown(later) == {}
    assert [link.version for link in later.links(BEST)] == [None]


def test_a_link_to_a_deleted_version_leads_nowhere(catalog: Catalog) -> None:
    kept, gone = commit(catalog, "a"), commit(catalog, "b")
    catalog.link(kept, BEST)
    catalog.link(gone, BEST, ["prod"])
    catalog.drop(gone, with_aliases=True)

    assert shown(catalog) == {0: "data:v0"}
    with pytest.raises(ArtifactNotFoundError, match="was deleted"):
        resolved(catalog, "best:prod")
