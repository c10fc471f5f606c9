"""Mirror: another store has the same versions under the same names, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts.catalog import Facts, Others, Session, Version, uri_of
from artifacts.catalog.upkeep.mirror import mirror
from artifacts.errors import ArtifactNotFoundError, ConflictError
from artifacts.names import CollectionName
from artifacts.settings import Settings

DATA = CollectionName("team", "proj", "data")
Open = Callable[[str], Session]


@pytest.fixture
def session(tmp_path: Path) -> Open:
    def of(name: str) -> Session:
        settings = Settings.load(store=tmp_path / name, cache_dir=tmp_path / "cache")
        return Session(replace(settings, entity="team", project="proj"))

    return of


def commit(session: Session, content: str, *aliases: str, name: str = "data") -> int:
    draft = session.draft(name, "dataset")
    draft.add_bytes(content.encode(), "file")
    draft.add_bytes(b"shared" * 1000, "sub/shared")
    facts = Facts(aliases, ["t"], f"is {content}", {"n": content})
    return session.writable.commit(draft, "team", "proj", facts).row.number


def told(session: Session) -> dict[int, tuple[str, str, list[str], str | None, dict[str, str]]]:
    return {
        each.row.number: (
            b"".join(each.read("file")).decode(),
            each.digest.hex(),
            sorted(each.aliases),
            each.row.description,
            dict(each.row.metadata),
        )
        for each in session.catalog.versions(DATA)
    }


def test_the_mirror_has_the_same_versions_and_aliases(session: Open) -> None:
    ours, theirs = session("ours"), session("theirs")
    commit(ours, "a", "prod")
    commit(ours, "b")

    done = mirror(ours, DATA, theirs)

    assert done.versions == 2
    assert told(session("theirs")) == told(ours)


def test_only_what_is_new_is_copied_and_aliases_move(session: Open) -> None:
    ours, theirs = session("ours"), session("theirs")
    commit(ours, "a", "prod")
    mirror(ours, DATA, theirs)
    commit(ours, "b", "prod")
    commit(ours, "a", "best")

    assert mirror(ours, DATA, theirs).versions == 1
    assert told(session("theirs")) == told(ours)
    assert mirror(ours, DATA, theirs).versions == 0


def test_deleted_versions_leave_their_numbers_free_there_too(session: Open) -> None:
    ours, theirs = session("ours"), session("theirs")
    for content in "abc":
        commit(ours, content)
    for number in (0, 1):
        version = next(v for v in ours.catalog.versions(DATA) if v.row.number == number)
        ours.writable.drop(version, with_aliases=True)

    mirror(ours, DATA, theirs)

    assert [*told(session("theirs"))] == [2]
    assert told(session("theirs")) == told(ours)
    assert commit(theirs, "d") == 3


def test_another_history_is_refused_and_stays(session: Open) -> None:
    ours, theirs = session("ours"), session("theirs")
    commit(ours, "a")
    commit(theirs, "x")
    before = told(theirs)

    with pytest.raises(ConflictError, match="something else"):
        mirror(ours, DATA, theirs)
    assert told(session("theirs")) == before


def test_more_versions_than_there_are_is_refused(session: Open) -> None:
    ours, theirs = session("ours"), session("theirs")
    commit(ours, "a")
    mirror(ours, DATA, theirs)
    commit(theirs, "b")

    with pytest.raises(ConflictError, match="of its own"):
        mirror(ours, DATA, theirs)


def test_what_is_not_there_cannot_be_mirrored(session: Open) -> None:
    ours = session("ours")
    commit(ours, "a", name="other")

    with pytest.raises(ArtifactNotFoundError):
        mirror(ours, DATA, session("theirs"))


SHELF = CollectionName("team", "registry", "best")
CREATED = "2021-02-03T04:05:06.789+00:00"


def version_of(session: Session, number: int, name: CollectionName = DATA) -> Version:
    return next(v for v in session.catalog.versions(name) if v.number == number)


def everything(session: Session, *names: CollectionName) -> list[object]:
    """All that is told of collections, portfolios and their versions, but for ids."""
    told: list[object] = []
    for name in names:
        fold = session.catalog.collection(name)
        assert fold is not None
        state = fold.state
        told.append((name.qualified, state.type, state.description, state.tags, state.ttl))
        for each in session.catalog.versions(name):
            row, aliases = each.row, sorted(each.aliases)
            said = (row.created, row.description, dict(row.metadata), row.tags, row.ttl, row.run)
            told.append((each.qualified_name, each.digest, aliases, said))
    return told


@pytest.fixture
def said(session: Open) -> Session:
    """A store of which much is said."""
    ours = session("ours")
    draft = ours.draft("data", "dataset")
    draft.add_bytes(b"old", "file")
    facts = Facts(["prod"], ["t"], "old", {"n": 1}, "team/proj/r", 10**10, created=CREATED)
    ours.writable.commit(draft, "team", "proj", facts)
    commit(ours, "a")
    commit(ours, "b", "best")
    catalog = ours.writable
    catalog.describe(DATA, "# Data")
    catalog.label(DATA, ["raw", "eu"])
    catalog.retain("team", "proj", 10**9, "data")
    catalog.retain("team", "proj", 10**8)
    for number, alias in ((2, "first"), (0, "second"), (1, "third")):
        catalog.link(version_of(ours, number), SHELF, [alias])
    catalog.unlink(version_of(ours, 1, SHELF))
    catalog.describe(SHELF, "the best")
    return ours


def mirror_both(ours: Session, theirs: Session) -> None:
    for name in (DATA, SHELF):
        mirror(ours, name, theirs)


def test_all_that_is_said_arrives(session: Open, said: Session) -> None:
    mirror(said, DATA, session("theirs"))
    done = mirror(said, SHELF, session("theirs"))

    theirs = session("theirs")
    assert everything(theirs, DATA, SHELF) == everything(said, DATA, SHELF)
    assert theirs.catalog.retained("team", "proj") == 10**8
    assert version_of(theirs, 0).row.created == CREATED
    assert [v.number for v in theirs.catalog.versions(SHELF)] == [2, 0]
    assert (done.links, done.left) == (2, [])


def test_again_nothing_is_written(session: Open, said: Session) -> None:
    theirs = session("theirs")
    mirror_both(said, theirs)
    before = {*theirs.catalog.store.list("logs/")}

    again = [mirror(said, name, session("theirs")) for name in (DATA, SHELF)]

    assert {*theirs.catalog.store.list("logs/")} == before
    assert [(each.versions, each.links, each.left) for each in again] == [(0, 0, [])] * 2


def test_what_is_said_later_arrives_later(session: Open, said: Session) -> None:
    mirror_both(said, session("theirs"))
    catalog, version = said.writable, version_of(said, 1)
    news = {"description": "new", "metadata": {"n": [2]}, "ttl": 0}
    told = [{"kind": "updated", "version": 1, **news}, {"kind": "tagged", "version": 1, "tag": "x"}]
    catalog.change(version, told)
    catalog.describe(DATA, "newer")
    catalog.link(version, SHELF, ["first"])
    catalog.retype(DATA, "table")

    mirror_both(said, session("theirs"))

    assert everything(session("theirs"), DATA, SHELF) == everything(said, DATA, SHELF)


def test_a_portfolio_keeps_its_type_though_what_it_shows_has_another_now(
    session: Open, said: Session
) -> None:
    said.writable.retype(DATA, "table")

    mirror_both(said, session("theirs"))

    assert everything(session("theirs"), DATA, SHELF) == everything(said, DATA, SHELF)


def test_a_link_whose_version_is_not_there_stays_behind_and_is_told(
    session: Open, said: Session
) -> None:
    said.writable.link(elsewhere(said), SHELF, ["other"])
    mirror(said, DATA, session("theirs"))

    first = mirror(said, SHELF, session("theirs"))

    [reason] = first.left
    assert reason.startswith("team/registry/best:v3: the version that it shows is not in ")
    mirror(said, CollectionName("team", "proj", "other"), session("theirs"))
    then = mirror(said, SHELF, session("theirs"))
    assert (then.links, then.left) == (1, [])
    assert everything(session("theirs"), SHELF) == everything(said, SHELF)


def test_a_link_whose_number_was_passed_is_told(session: Open, said: Session) -> None:
    said.writable.link(elsewhere(said), SHELF, ["other"])
    commit(said, "c")
    said.writable.link(version_of(said, 3), SHELF)
    for name in (DATA, SHELF, CollectionName("team", "proj", "other")):
        mirror(said, name, session("theirs"))

    [reason] = mirror(said, SHELF, session("theirs")).left

    assert reason == "team/registry/best:v3: is v5 there, as that number was passed"
    assert version_of(session("theirs"), 5, SHELF).aliases == ["other"]
    assert [v.number for v in session("theirs").catalog.versions(SHELF)] == [5, 4, 2, 0]


def elsewhere(session: Session) -> Version:
    commit(session, "o", name="other")
    return version_of(session, 0, CollectionName("team", "proj", "other"))


def test_what_refers_into_this_store_stays_behind_and_is_told(session: Open) -> None:
    ours = session("ours")
    commit(ours, "a")
    source = version_of(ours, 0)
    draft = ours.draft("refers", "dataset")
    uri = uri_of(source.id, "file")
    path, row = Others(ours.catalog.store).row(uri)
    draft.add_rows([(path, row)])
    ours.writable.commit(draft, "team", "proj")
    name = CollectionName("team", "proj", "refers")
    commit(ours, "b", name="refers")

    done = mirror(ours, name, session("theirs"))

    assert done.left == [
        "team/proj/refers:v0: file refers to an artifact of this store, and no other"
    ]
    assert [v.number for v in session("theirs").catalog.versions(name)] == [1]


def test_a_version_whose_time_is_over_is_gone_there_too(session: Open) -> None:
    ours = session("ours")
    draft = ours.draft("data", "dataset")
    draft.add_bytes(b"old", "file")
    ours.writable.commit(draft, "team", "proj", Facts(ttl=60, created=CREATED))
    commit(ours, "a")

    assert mirror(ours, DATA, session("theirs")).versions == 1
    assert [v.number for v in session("theirs").catalog.versions(DATA)] == [1]
