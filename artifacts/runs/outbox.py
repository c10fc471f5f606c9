"""Outbox: what an offline run did with artifacts, on its way to the run's store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from artifacts.catalog import Handover, Meeting, Session, Version, find_version
from artifacts.content import Digest
from artifacts.errors import ArtifactNotFoundError, ArtifactsError, UnavailableError
from artifacts.names import CollectionName
from artifacts.progress import Progress
from artifacts.runs.delivery import Delivery
from artifacts.runs.journal import decoded
from artifacts.runs.reading import Reading
from artifacts.storage import Change

_STORE = "store"  # the folder of an offline run's own, within the run's
_RECORD = b'{"artifact":'
_log = logging.getLogger(__name__)

Do: TypeAlias = Callable[[], Sequence[Change]]
"""What has to be done, and what it comes to."""


@dataclass(slots=True)
class Brought:
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
        self,
        session: Session,
        folder: Path,
        run: str,
        delivery: Delivery,
        progress: Progress | None = None,
    ) -> None:
        self._folder, self._run, self._delivery = folder, run, delivery
        reading = Reading(folder, run)
        about = reading.about()
        self._path = f"{about['entity']}/{about['project']}/{run}"
        self._is_whole = about["first"] == 0
        self._target = session.within(about["entity"], about["project"])
        beside = own_store(self._target, folder)
        self._handover = Handover(beside, self._target, progress)
        self._brought = Brought()
        self._failed: dict[str, ArtifactsError] = {}

    def bring(self) -> Brought:
        """In order. What cannot be brought is told and waits for the next time.

        Raises UnavailableError, after which it may be called again.
        """
        state = self._delivery.state
        told = (*state.logged, *state.used)
        self._handover.twins.update({each["of"]: each["id"] for each in told if "of" in each})
        for key, do in self._deeds():
            deed = Digest.of(f"{self._delivery.journal}\0{key}".encode()).hex()[:32]
            if not self._delivery.is_told(deed):
                self._attempt(deed, do)
        self._retell_config()
        return self._brought

    def _attempt(self, deed: str, do: Do) -> None:
        try:
            changes = do()
        except UnavailableError:
            raise
        except ArtifactsError as error:
            if str(error) not in map(str, self._brought.left):
                self._brought.left.append(error)
            return
        self._delivery.tell(deed, changes)
        self._brought.deeds += 1

    def _deeds(self) -> Iterator[tuple[str, Do]]:
        """By keys that are the same whenever they are asked for."""
        recorded = set()
        for number, line in self._records():
            try:
                record = decoded(line)
                yield self._deed(number, record)
                recorded.add(record.get("version"))
            except (KeyError, TypeError, ValueError) as error:
                _log.error("%s: record %d is damaged: %r", self._folder, number, error)
        if not (self._folder / _STORE / "store.json").is_file():
            return
        for id_ in self._handover.logged(self._path):
            if id_ not in recorded:
                yield f"logged {id_}", partial(self._log, id_)
        for link in self._handover.shown():
            do = partial(self._show, link.version, link.portfolio, link.aliases)
            yield f"linked {link.id}", do

    def _deed(self, number: int, record: Mapping[str, Any]) -> tuple[str, Do]:
        what = record["artifact"]
        if what == "linked":
            return f"linked {number}", partial(self._link_theirs, record)
        id_ = record["version"]
        if what == "logged":
            return f"logged {id_}", partial(self._log, id_)
        if what == "used":
            slot = record.get("as")
            return f"used {id_} {slot or ''}", partial(self._use, id_, slot)
        meeting = Meeting(record["name"], record["type"], record["id"])
        if what == "upserted":
            return f"upserted {id_}", partial(self._upsert, id_, meeting)
        if what == "finished":
            return f"logged {id_}", partial(self._finish, id_, meeting)
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

    def _upsert(self, id_: str, meeting: Meeting) -> Sequence[Change]:
        self._handover.upsert(id_, meeting)
        return []

    def _finish(self, id_: str, meeting: Meeting) -> Sequence[Change]:
        if id_ not in self._handover.twins:
            try:
                self._handover.finish(id_, meeting)
            except ArtifactsError as error:
                self._failed[id_] = error
                raise
        return self._log(id_)

    def _show(
        self, id_: str, portfolio: CollectionName, aliases: tuple[str, ...]
    ) -> Sequence[Change]:
        if (version := self._twin(id_)) is not None:
            self._handover.link(version, portfolio, aliases)
            self._brought.links += 1
        return []

    def _link_theirs(self, record: Mapping[str, Any]) -> Sequence[Change]:
        """A version that lies in the run's store anyway."""
        entity, project, _ = record["name"].split("/")
        version = find_version(self._target.within(entity, project), record["id"])
        if version is None:
            raise ArtifactNotFoundError(record["name"], self._target.settings.store)
        portfolio = CollectionName(*record["target"].split("/"))
        self._handover.link(version, portfolio, tuple(record["aliases"]))
        self._brought.links += 1
        return []

    def _twin(self, id_: str) -> Version | None:
        """What a version of the offline store became, or becomes now; None if it was deleted."""
        if id_ in self._failed:
            raise self._failed[id_]
        if id_ in self._handover.twins:
            return find_version(self._target, self._handover.twins[id_])
        return self._handover.log(id_)

    def _retell_config(self) -> None:
        """What of it names versions of the offline store."""
        found: dict[str, Any] = {}
        for key, value in self._delivery.state.config.items():
            if isinstance(value, dict) and value.get("_type") == "artifactVersion":
                twin = self._handover.twins.get(str(value.get("id")))
                version = find_version(self._target, twin) if twin else None
                found |= {key: {**value, **_named(version)}} if version else {}
        if found:
            self._delivery.deliver([{"kind": "config", "set": found}])


def own_store(session: Session, folder: Path) -> Session:
    """Of the store in an offline run's folder, otherwise as the session."""
    store = str((folder / _STORE).absolute())
    return Session(replace(session.settings, store=store, storage_options={}))


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
