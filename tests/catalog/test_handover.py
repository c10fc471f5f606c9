"""Handover: versions of one store become versions of another, under numbers of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import astuple

from artifacts.catalog import (
    Distributed,
    Facts,
    Handover,
    Meeting,
    Others,
    Session,
    find_version,
    uri_of,
)
from artifacts.errors import InvalidNameError, InvalidPathError
from artifacts.names import CollectionName
from artifacts.settings import Settings


def session_of(store: Path) -> Session:
    settings = Settings.load(store=store, cache_dir=store.parent / "cache")
    return Session(replace(settings, entity="team", project="proj"))


@pytest.fixture
def ours(tmp_path: Path) -> Session:
    return session_of(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Session:
    return session_of(tmp_path / "theirs")


def commit(
    session: Session, data: bytes, facts: Facts | None = None, name: str = "data", type: str = "d"
) -> str:
    """Id of a version with one file."""
    draft = session.draft(name, type)
    draft.add_bytes(data, "file")
    return session.writable.commit(draft, "team", "proj", facts).id


def test_it_has_the_next_number_and_what_was_said_last(ours: Session, theirs: Session) -> None:
    commit(theirs, b"theirs")
    first = commit(ours, b"0", Facts(["prod"], run="team/proj/r", ttl=60))
    second = commit(ours, b"1", Facts(["prod"], ["t"], "words", {"n": 1}, "team/proj/r"))
    handover = Handover(ours, theirs)

    made = [version for id_ in (first, second) if (version := handover.log(id_))]

    assert [version.name for version in made] == ["data:v1", "data:v2"]
    assert [sorted(each.aliases) for each in theirs.catalog.versions(made[0].collection_name)] == [
        ["latest", "prod"],
        [],
        [],
    ]
    last = made[1].row
    assert (last.description, last.metadata, last.tags) == ("words", {"n": 1}, ("t",))
    assert (made[0].row.ttl, last.run) == (60, "team/proj/r")
    assert handover.twins == {first: made[0].id, second: made[1].id}


def test_what_was_deleted_is_handed_over_by_nobody(ours: Session, theirs: Session) -> None:
    id_ = commit(ours, b"0")
    version = find_version(ours, id_)
    assert version is not None
    ours.writable.drop(version, with_aliases=True)

    assert Handover(ours, theirs).log(id_) is None
    assert find_version(ours, id_) is None


@pytest.mark.parametrize("kind", ["type", "portfolio"])
def test_a_name_that_is_something_else_is_refused_before_anything_is_uploaded(
    ours: Session, theirs: Session, tmp_path: Path, kind: str
) -> None:
    other = commit(theirs, b"x", name="data" if kind == "type" else "source", type="other")
    if kind == "portfolio":
        version = find_version(theirs, other)
        assert version is not None
        theirs.writable.link(version, CollectionName("team", "proj", "data"))
    id_ = commit(ours, b"y" * 2**20)
    before = sorted((tmp_path / "theirs" / "blobs").rglob("*"))

    with pytest.raises(InvalidNameError, match=r"team/proj/data.*'other'.*sync again"):
        Handover(ours, theirs).log(id_)

    assert sorted((tmp_path / "theirs" / "blobs").rglob("*")) == before


def test_a_reference_leads_to_the_twin_or_nowhere(ours: Session, theirs: Session) -> None:
    base = commit(ours, b"bytes", name="base")
    draft = ours.draft("data", "d")
    draft.add_rows([("there", Others(ours.catalog.store).row(uri_of(base, "file"))[1])])
    id_ = ours.writable.commit(draft, "team", "proj").id
    handover = Handover(ours, theirs)

    with pytest.raises(InvalidPathError, match="there"):
        handover.log(id_)
    twin = handover.log(base)
    made = handover.log(id_)

    assert twin is not None
    assert made is not None
    detail = made.entry("there").detail
    assert detail is not None
    assert detail.uri == uri_of(twin.id, "file")


def test_a_part_is_added_to_what_others_put_together(ours: Session, theirs: Session) -> None:
    meeting = Meeting("data", "d", "all")
    for session, path in ((theirs, "a"), (ours, "b")):
        draft = session.draft("data", "d")
        draft.add_bytes(path.encode(), path)
        part = Distributed(session, *astuple(meeting)).upsert(draft, Facts())
    closing = ours.draft("data", "d")
    closing.add_bytes(b"c", "c")
    whole = Distributed(ours, *astuple(meeting)).finish(closing, Facts(["best"]))
    handover = Handover(ours, theirs)

    handover.upsert(part.id, meeting)
    made = handover.finish(whole.id, meeting)

    assert made is not None
    assert [entry.path for entry in made.entries()] == ["a", "b", "c"]
    assert sorted(made.aliases) == ["best", "latest"]
