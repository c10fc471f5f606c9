"""Links: versions shown in portfolios and registries, under numbers and aliases of their own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from msgspec import Struct

from artifacts.catalog.collection import CollectionState
from artifacts.catalog.logs import Logs
from artifacts.catalog.retention import FOR_EVER, is_over, lasting_s
from artifacts.catalog.row import LinkRow
from artifacts.catalog.version import Link, Version
from artifacts.errors import ArtifactNotFoundError, ConflictError, InvalidError, MalformedError
from artifacts.names import LATEST, CollectionName
from artifacts.storage import Fold, Proposal

_log = logging.getLogger(__name__)
_TRIES = 8  # of finding a portfolio that others rename, delete and make again meanwhile


class Shown(Struct, frozen=True):
    """A link of a portfolio; `version` is None if what it leads to was deleted."""

    row: LinkRow
    aliases: Sequence[str]
    version: Version | None


def link(
    logs: Logs,
    version: Version,
    target: CollectionName,
    aliases: Sequence[str],
    type: str | None = None,
    *,
    deed: str | None = None,
) -> Version:
    """The version as the portfolio shows it, which is made if there is none; one event there.

    The aliases, and `latest`, are moved to it, whether it was linked already or not. What was to
    last for a time lasts for ever from now on. A `deed` that was done before changes nothing.
    Raises InvalidNameError if the target is no portfolio or has another type than the version, or
    than `type`; ArtifactNotFoundError for a version that is gone.
    """
    version.refresh()
    home = version.collection_name
    _refuse_gone(logs, version)
    _keep(logs, version)
    change = {
        "kind": "linked",
        "collection": version.id.partition("-")[0],
        "version": version.row.number,
        "project": f"{home.entity}/{home.project}",
        "digest": version.digest.hex(),
        "aliases": [*dict.fromkeys((*aliases, LATEST))],
        **({"deed": deed} if deed else {}),
    }
    for _ in range(_TRIES):
        fold, born = logs.ensure(target, type or version.type, is_portfolio=True)
        logs.access.check_writing()
        with fold.lock:
            fold.append(Proposal([*born, change]))
            number = fold.state.outcome
            row = None if number is None else fold.state.link(number)
        if row is not None:
            return follow(logs, Link(logs.name_of(fold, target), fold, row))
    raise ConflictError(f"{target.qualified} keeps being deleted; link again later")


def unlink(logs: Logs, version: Version) -> None:
    """The portfolio shows it no more; the version itself stays. Again does nothing.

    Raises InvalidError (a ValueError) for a version that was not found in a portfolio.
    """
    if version.link is None:
        reason = "no portfolio shows it under this name; delete it, or name it as a portfolio does"
        raise InvalidError(f"{version.qualified_name} is not linked: {reason}")
    logs.access.check_writing()
    version.link.fold.append(Proposal([{"kind": "unlinked", "version": version.number}]))


def follow(logs: Logs, link: Link) -> Version:
    """What a link leads to. Raises ArtifactNotFoundError if that was deleted."""
    row = link.row
    name = f"{link.portfolio.qualified}:v{row.number}"
    entity, _, project = row.project.partition("/")
    source = logs.fold(row.collection).refresh()
    directory = logs.project(entity, project)
    called = directory.state.name_of(row.collection, source.state.name) if directory else None
    version = source.state.version(row.version)
    if called is None or source.state.is_deleted or version is None:
        hint = f"what it links to, v{row.version} of a collection in {row.project}, was deleted"
        raise ArtifactNotFoundError(name, logs.store.url, hint)
    home = CollectionName(entity, project, called)
    if is_over(logs, home, source.state, version):
        hint = f"what it links to, {home.qualified}:v{row.version}, was to last for a time only"
        raise ArtifactNotFoundError(name, logs.store.url, hint)
    if version.digest != row.digest:
        raise MalformedError(name, f"it links to content {row.digest.hex()}, which is not there")
    return Version(logs.store, home, source, version, link)


def _refuse_gone(logs: Logs, version: Version) -> None:
    home, state = version.collection_name, version.collection.state
    row = None if state.is_deleted else state.version(version.row.number)
    if row is None or is_over(logs, home, state, row):
        hint = "it was deleted, or its time is over: link another version"
        raise ArtifactNotFoundError(version.source_qualified_name, logs.store.url, hint)


def _keep(logs: Logs, version: Version) -> None:
    """Whatever is said of its collection or project later.

    Source: W&B, whose links end the time to live of what they lead to.
    """
    if version.row.ttl == FOR_EVER:
        return
    defaults = version.collection.state.ttl, logs.default_ttl(version.collection_name)
    was_to_end = lasting_s(version.row, *defaults) is not None
    logs.access.check_writing()
    change = {"kind": "updated", "version": version.row.number, "ttl": FOR_EVER}
    version.collection.append(Proposal([change]))
    if was_to_end:
        _log.warning("%s is linked, so it lasts for ever now", version.source_qualified_name)


def shown_in(logs: Logs, portfolio: CollectionName, fold: Fold[CollectionState]) -> Iterator[Shown]:
    """Links of a portfolio, newest first."""
    for row in [*fold.state.links()]:
        aliases = fold.state.aliases_of(row.number)
        try:
            yield Shown(row, aliases, follow(logs, Link(portfolio, fold, row)))
        except ArtifactNotFoundError:
            yield Shown(row, aliases, None)
