"""Distributed: one version put together by many writers, who meet in a hidden collection.

Each adds a version to it, so all that holds for commits holds for them: whole or not at all,
equal content once, one order for everybody, and safe from collectors. Who finishes puts the alias
`closed` there, after which nothing more is taken; the rest can then be done by anybody, also if
the finisher dies, and however many do it, it is done once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from artifacts.catalog.collection import CollectionState, id_of
from artifacts.catalog.commit import Facts
from artifacts.catalog.draft import Draft
from artifacts.catalog.incremental import latest_on
from artifacts.catalog.logs import Logs
from artifacts.catalog.row import VersionRow
from artifacts.catalog.session import Session
from artifacts.catalog.version import Version
from artifacts.content import Digest
from artifacts.errors import (
    ArtifactNotFoundError,
    ConflictError,
    EntryNotFoundError,
    LostRaceError,
    UsageError,
)
from artifacts.names import HIDDEN, LATEST, CollectionName
from artifacts.storage import Change, Fold

_log = logging.getLogger(__name__)
CLOSED = "closed"
_OPEN: Change = {"kind": "expected", "alias": CLOSED}  # on no version
_FOR_EVER = 0  # seconds: what is pending must not end by a project's default
_TRIES = 32  # of being overtaken by whoever closes, finishes or commits
_NAMED = 10  # paths of a warning
_LOOKED_AT = 16  # newest versions among which one that was finished before is looked for


class Distributed:
    """`id` is what all writers of a version call it; it may serve again once that is finished."""

    def __init__(self, session: Session, name: str, type: str, id: str) -> None:
        self._session, self._type = session, type
        self._catalog = session.writable
        settings = session.settings
        self._target = CollectionName(settings.entity, settings.project, name)
        digest = Digest.of(f"{name}\0{id}".encode())
        self._meeting = replace(self._target, collection=f"{HIDDEN}{digest.hex()[:32]}")

    def upsert(self, draft: Draft, facts: Facts) -> Version:
        """The draft's entries are part of what will be finished; the same again adds nothing.

        The part is a version of the meeting. At a path that others added too, what came last
        counts. Raises as Catalog.commit; ConflictError for a deed that others may have finished.
        """
        for _ in range(_TRIES if facts.deed is None else 1):
            if (part := self._add(draft, facts)) is not None:
                return part
            self.settle()  # for a finisher that died, or is not quite done
        raise self._overtaken()

    def settle(self) -> None:
        """What a finisher closed who died since is finished: its parts' deeds are the version's."""
        meeting = self._catalog.collection(self._meeting)
        if meeting is not None and CLOSED in meeting.state.aliases:
            self._complete(meeting)

    def finish(self, draft: Draft, facts: Facts) -> Version:
        """The version with the entries of all upserts, and the draft's.

        Finishing again, without an upsert since and with nothing new, is that version. Raises as
        Catalog.commit, also InvalidPathError if one writer's file is another's folder, and
        ConflictError if others finished meanwhile, without the draft's entries.
        """
        first = None
        for _ in range(_TRIES):
            meeting = self._catalog.collection(self._meeting)
            first = first or meeting
            if meeting is None or first is None or id_of(meeting) != id_of(first):
                if (done := self._finished_before(draft)) is not None:
                    return done
                self._check_begins(draft, first)
            if (part := self._add(draft, facts, CLOSED, only=meeting)) is not None:
                if (done := self._complete(part.collection)) is not None:
                    return done
                break
            self.settle()
        raise self._overtaken()

    def _check_begins(self, draft: Draft, over: Fold[CollectionState] | None) -> None:
        """Whether a draft may be all that is finished. Raises UsageError, ConflictError."""
        name = self._target.qualified
        if over is not None:
            raise ConflictError(f"{name} was finished meanwhile, without what this adds to it")
        if not draft.rows:
            raise UsageError(f"nobody added to {name} under this id: upsert something first")

    def _add(
        self,
        draft: Draft,
        facts: Facts,
        *aliases: str,
        only: Fold[CollectionState] | None = None,
    ) -> Version | None:
        """None if somebody closed it before, or `only` this meeting will do and it is over."""
        mine = Draft(self._meeting.collection, self._type, draft.intake, draft.rows)
        said = Facts(aliases, metadata=_to_json(facts), ttl=_FOR_EVER, deed=facts.deed)
        entity, project = self._meeting.entity, self._meeting.project
        try:
            only_id = id_of(only) if only else None
            return self._catalog.commit(mine, entity, project, said, expected=[_OPEN], only=only_id)
        except LostRaceError:
            return None

    def _complete(self, fold: Fold[CollectionState]) -> Version | None:
        """What a meeting that is closed came to; None if others did it, and it is gone since."""
        mark = f"{self._meeting.collection}/{id_of(fold)}"
        for _ in range(_TRIES):
            is_over = fold.refresh().state.is_deleted  # asked first: it is deleted after a commit
            base = self._catalog.collection(self._target)
            done = self._marked(base, mark) if base else None
            if is_over:
                return done
            if done is None:
                draft, said, disputed = self._union(fold)
                facts = replace(said, distributed=mark, deeds=[*fold.state.deeds])
                try:
                    number = base.state.aliases.get(LATEST) if base else None
                    done = self._commit(draft, facts, latest_on(number))
                except LostRaceError:
                    continue
                self._tell(disputed)
            with suppress(ArtifactNotFoundError):  # others did
                self._catalog.delete(self._meeting, only=id_of(fold))
            return done
        raise self._overtaken()

    def _commit(self, draft: Draft, facts: Facts, expected: Change) -> Version:
        entity, project = self._target.entity, self._target.project
        return self._catalog.commit(draft, entity, project, facts, expected=[expected])

    def _tell(self, disputed: Sequence[str]) -> None:
        if disputed:
            paths = ", ".join(disputed[:_NAMED]) + (", …" if len(disputed) > _NAMED else "")
            told = "%s: %d paths were added with different content, the last one counts: %s"
            _log.warning(told, self._target.qualified, len(disputed), paths)

    def _union(self, fold: Fold[CollectionState]) -> tuple[Draft, Facts, Sequence[str]]:
        """Entries of all that was added, in order; what is said of them, the finisher's last.

        With the paths at which not all added the same.
        """
        draft = self._session.draft(self._target.collection, self._type)
        facts, disputed = Facts(), set[str]()
        rows = sorted(fold.state, key=lambda row: row.number)
        for row in rows:
            part = Draft(draft.name, draft.type, draft.intake)
            part.adopt(Version(self._catalog.store, self._meeting, fold, row))
            disputed |= draft.lay_over(part)
        closing = fold.state.aliases.get(CLOSED)
        for row in sorted(rows, key=lambda row: (row.number == closing, row.number)):
            facts = facts_of_part(row, facts)
        return draft, facts, sorted(disputed)

    def _finished_before(self, draft: Draft) -> Version | None:
        """What this id came to last, if it has all of the draft."""
        fold = self._catalog.collection(self._target)
        version = self._marked(fold, f"{self._meeting.collection}/") if fold else None
        if version is None or not _has_all(version, draft):
            return None
        return version

    def _marked(self, fold: Fold[CollectionState], mark: str) -> Version | None:
        """The newest version whose commit has this mark, or one that starts so."""
        rows = (row for row, _ in zip(fold.state, range(_LOOKED_AT), strict=False))
        found = next((row for row in rows if _is_marked(fold, row, mark)), None)
        return Version(self._catalog.store, self._target, fold, found) if found else None

    def _overtaken(self) -> ConflictError:
        return ConflictError(f"{self._target.qualified} moves on faster than this can follow")


def _is_marked(fold: Fold[CollectionState], row: VersionRow, mark: str) -> bool:
    """Of equal content that was there before, only the event that placed it anew is looked at."""
    return any(
        str(change.get("distributed", "")).startswith(mark)
        for number in {row.event, row.placed}
        for change in fold.log.read(number).changes
    )


def _has_all(version: Version, draft: Draft) -> bool:
    try:
        return all(version.entry(path).row == row for path, row in sorted(draft.rows.items()))
    except EntryNotFoundError:
        return False


def _to_json(facts: Facts) -> dict[str, Any]:
    told = {
        "aliases": [*facts.aliases],
        "tags": [*facts.tags],
        "description": facts.description,
        "metadata": dict(facts.metadata),
        "run": facts.run,
        "ttl": facts.ttl,
    }
    return {key: value for key, value in told.items() if value or value == 0}


def facts_of_part(row: VersionRow, before: Facts | None = None) -> Facts:
    """What a writer said with its part: aliases and tags of all; of the rest what was said last."""
    facts, told = before or Facts(), row.metadata
    return Facts(
        aliases=[*dict.fromkeys((*facts.aliases, *told.get("aliases", ())))],
        tags=[*dict.fromkeys((*facts.tags, *told.get("tags", ())))],
        description=told.get("description", facts.description),
        metadata=told.get("metadata", facts.metadata),
        run=told.get("run", facts.run),
        ttl=told.get("ttl", facts.ttl),
    )


def closing_part(logs: Logs, version: Version) -> Version | None:
    """What its finisher added last, if many put the version together."""
    fold, row = version.collection, version.row
    for number in sorted({row.event, row.placed}, reverse=True):
        for change in fold.log.read(number).changes:
            meeting, _, id_ = str(change.get("distributed", "")).partition("/")
            if not id_:
                continue
            there = logs.fold(id_).refresh()
            closing = there.state.version(there.state.aliases.get(CLOSED, -1))
            name = replace(version.collection_name, collection=meeting)
            return Version(version.store, name, there, closing) if closing else None
    return None
