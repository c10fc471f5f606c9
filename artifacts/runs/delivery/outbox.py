"""Outbox: what an offline run did with artifacts, on its way to the run's store."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct, field

from artifacts.catalog import (
    Handover,
    Meeting,
    OfflineLink,
    RunState,
    Session,
    Version,
    find_version,
)
from artifacts.content import Digest
from artifacts.errors import ArtifactNotFoundError, ArtifactsError, UnavailableError
from artifacts.names import CollectionName
from artifacts.progress import Progress
from artifacts.runs.delivery.delivery import Delivery
from artifacts.runs.journal.line import decoded
from artifacts.runs.journal.reading import Reading
from artifacts.storage import Change

_STORE = "store"  # the folder of an offline run's own, within the run's
_RECORD = b'{"artifact":'
_log = logging.getLogger(__name__)

T = TypeVar("T")
Do: TypeAlias = Callable[[], Sequence[Change]]
"""What has to be done, and what it comes to."""


class Brought(Struct):
    """What is in the run's store now, and was not before."""

    versions: list[Version] = field(default_factory=list)
    """Those that the run logged, some of which may have been there already."""
    links: int = 0
    deeds: int = 0
    """Of whatever kind."""
    left: list[ArtifactsError] = field(default_factory=list)
    """Why the rest was not brought."""


class Outbox:
    """Of one run. Whatever is done is told in the run's log, and is done no more.

    Source: docs/format.md, On this machine.
    """

    def __init__(
        self, session: Session, folder: Path, run: str, progress: Progress | None = None
    ) -> None:
        self._folder, self._run = folder, run
        reading = Reading(folder, run)
        about = reading.about()
        self._journal = str(about["id"])
        self._path = f"{about['entity']}/{about['project']}/{run}"
        self._is_whole = about["first"] == 0
        self._target = session.within(about["entity"], about["project"])
        beside = own_store(self._target, folder)
        self._handover = Handover(beside, self._target, progress)
        self._brought = Brought()
        self._stuck: dict[CollectionName, ArtifactsError] = {}
        """Collections and portfolios whose next one could not be brought, and why."""

    def is_empty(self, state: RunState) -> bool:
        """Whether all was done, or is for nobody, by the run's log. Raises ArtifactsError."""
        journals = state.journals
        if self._journal in journals.gone:
            return True
        return all(journals.has_told(self._deed(key)) for key, _ in self._deeds())

    def bring(self, delivery: Delivery) -> Brought:
        """In order. What cannot be brought is told and waits for the next time, and with it
        what came to the same collection or portfolio after it, or `latest` would go back later.

        Raises UnavailableError, after which it may be called again.
        """
        state = delivery.state
        told = (*state.logged, *state.used)
        self._handover.twins.update({each["of"]: each["id"] for each in told if "of" in each})
        for key, do in self._deeds():
            deed = self._deed(key)
            if not delivery.is_told(deed):
                self._attempt(delivery, deed, do)
        self._retell_config(delivery)
        return self._brought

    def _deed(self, key: str) -> str:
        """What it is called wherever it is done, by whomever."""
        return Digest.of(f"{self._journal}\0{key}".encode()).hex()[:32]

    def _attempt(self, delivery: Delivery, deed: str, do: Do) -> None:
        try:
            changes = do()
        except UnavailableError:
            raise
        except ArtifactsError as error:
            if error not in self._brought.left:  # what waits for others raises theirs
                self._brought.left.append(error)
            return
        delivery.tell(deed, changes)
        self._brought.deeds += 1

    def _deeds(self) -> Iterator[tuple[str, Do]]:
        """By keys that are the same whenever they are asked for."""
        recorded = set()
        for number, line in self._records():
            try:
                record = decoded(line)
                yield self._recorded(number, record)
                recorded.add(record.get("version"))
            except (KeyError, TypeError, ValueError) as error:
                _log.error("%s: record %d is damaged: %r", self._folder, number, error)
        if not (self._folder / _STORE / "store.json").is_file():
            return
        for id_ in self._handover.logged(self._path):
            if id_ not in recorded:
                yield _logged(id_), partial(self._log, id_)
        for link in self._handover.shown():
            yield (key := f"linked {link.id}"), partial(self._show, key, link)

    def _recorded(self, number: int, record: Mapping[str, Any]) -> tuple[str, Do]:
        what = record["artifact"]
        if what == "linked":
            return (key := f"linked {number}"), partial(self._link_theirs, key, record)
        id_ = record["version"]
        if what == "logged":
            return _logged(id_), partial(self._log, id_)
        if what == "used":
            slot = record.get("as")
            return f"used {id_} {slot or ''}", partial(self._use, id_, slot)
        meeting = Meeting(record["name"], record["type"], record["id"])
        if what == "upserted":
            return (key := f"upserted {id_}"), partial(self._upsert, key, id_, meeting)
        if what == "finished":
            return _logged(id_), partial(self._finish, id_, meeting)
        raise ValueError(f"{what!r} is nothing that is done with an artifact")

    def _records(self) -> Iterator[tuple[int, bytes]]:
        """Number and line of those that are about artifacts; only offline runs have such."""
        if not self._is_whole:
            return
        reading = Reading(self._folder, self._run)
        try:
            reading.seek(0)
            while lines := reading.next():
                first = reading.position - len(lines)
                for number, line in enumerate(lines, first):
                    if line.startswith(_RECORD) or line.startswith(_RECORD, 1):
                        yield number, line
        finally:
            reading.close()

    def _log(self, id_: str) -> Sequence[Change]:
        version = self._twin(id_)
        self._brought.versions += [version] if version else []
        return _told("logged", id_, version)

    def _use(self, id_: str, slot: str | None) -> Sequence[Change]:
        return _told("used", id_, self._twin(id_), **({"as": slot} if slot else {}))

    def _upsert(self, key: str, id_: str, meeting: Meeting) -> Sequence[Change]:
        place = self._place(meeting.name)
        self._in_turn(place, lambda: self._handover.upsert(id_, meeting, self._deed(key)))
        return []

    def _finish(self, id_: str, meeting: Meeting) -> Sequence[Change]:
        if id_ not in self._handover.twins:
            place, deed = self._place(meeting.name), self._deed(_logged(id_))
            self._in_turn(place, lambda: self._handover.finish(id_, meeting, deed))
        return self._log(id_)

    def _show(self, key: str, link: OfflineLink) -> Sequence[Change]:
        def show() -> None:
            if (version := self._twin(link.version)) is not None:
                self._handover.link(version, link.portfolio, link.aliases, self._deed(key))
                self._brought.links += 1

        self._in_turn(link.portfolio, show)
        return []

    def _link_theirs(self, key: str, record: Mapping[str, Any]) -> Sequence[Change]:
        """A version that lies in the run's store anyway."""
        entity, project, _ = record["name"].split("/")
        version = find_version(self._target.within(entity, project), record["id"])
        if version is None:
            raise ArtifactNotFoundError(record["name"], self._target.settings.store)
        portfolio = CollectionName(*record["target"].split("/"))
        link = partial(self._handover.link, version, portfolio, tuple(record["aliases"]))
        self._in_turn(portfolio, lambda: link(self._deed(key)))
        self._brought.links += 1
        return []

    def _twin(self, id_: str) -> Version | None:
        """What a version of the offline store became, or becomes now; None if it was deleted."""
        if id_ in self._handover.twins:
            return find_version(self._target, self._handover.twins[id_])
        name, deed = self._handover.name_of(id_), self._deed(_logged(id_))
        if name is None:
            return None
        return self._in_turn(self._place(name), lambda: self._handover.log(id_, deed))

    def _in_turn(self, place: CollectionName, do: Callable[[], T]) -> T:
        """Raises what keeps back whatever came there before it."""
        if place in self._stuck:
            raise self._stuck[place]
        try:
            return do()
        except UnavailableError:
            raise
        except ArtifactsError as error:
            self._stuck[place] = error
            raise

    def _place(self, name: str) -> CollectionName:
        settings = self._target.settings
        return CollectionName(settings.entity, settings.project, name)

    def _retell_config(self, delivery: Delivery) -> None:
        """What of it names versions of the offline store."""
        found: dict[str, Any] = {}
        for key, value in delivery.state.config.items():
            if isinstance(value, dict) and value.get("_type") == "artifactVersion":
                twin = self._handover.twins.get(str(value.get("id")))
                version = find_version(self._target, twin) if twin else None
                found |= {key: {**value, **_named(version)}} if version else {}
        if found:
            delivery.deliver([{"kind": "config", "set": found}])


def own_store(session: Session, folder: Path) -> Session:
    """Of the store in an offline run's folder, otherwise as the session."""
    store = os.path.abspath(folder / _STORE)  # as its artifacts say where they lie
    return Session(replace(session.settings, store=store, storage_options={}))


def _logged(id_: str) -> str:
    """The key of that it becomes a version."""
    return f"logged {id_}"


def _told(kind: str, id_: str, version: Version | None, **more: str) -> Sequence[Change]:
    """Nothing of one that was deleted meanwhile."""
    if version is None:
        return []
    named = {"artifact": version.source_qualified_name, "digest": version.digest.hex()}
    return [{"kind": kind, **named, "id": version.id, **more, "of": id_}]


def _named(version: Version) -> Mapping[str, str]:
    """As a configuration names it."""
    named = {"name": version.source_qualified_name, "digest": version.digest.hex()}
    return {"id": version.id, **named}
