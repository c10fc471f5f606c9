"""Mirror: another store has the same versions under the same names, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts.catalog import Facts, Session, mirror
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
