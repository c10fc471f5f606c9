"""Lineage: which versions a version was made from and which were made from it, run by run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct, field

from artifacts.catalog.collection import CollectionState
from artifacts.catalog.logs import Logs
from artifacts.catalog.row import VersionRow
from artifacts.catalog.usage import RunFacts, Usage, Use, is_version_id
from artifacts.catalog.version import Version
from artifacts.errors import InvalidNameError
from artifacts.names import ArtifactName

LOGGED, USED = "logged", "used"


class VersionNode(Struct, frozen=True):
    """`name` is today's, or the last one known of what `is_deleted`."""

    id: str
    name: str
    type: str = ""
    is_deleted: bool = False


class RunNode(Struct, frozen=True):
    """`id` is `entity/project/id`; `state` is empty for a run of which there is no log.

    That of one that was deleted is `deleted`.
    """

    id: str
    name: str
    state: str


Node: TypeAlias = VersionNode | RunNode


class Edge(Struct, frozen=True):
    """Along the way of the data: from a run to what it logged, from a version to who used it."""

    start: str
    end: str
    kind: str


class Lineage(Struct):
    """What was asked for, and all that was found around it, nearest first."""

    root: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)


_Way: TypeAlias = Callable[[str], Sequence[Edge]]


def lineage(
    logs: Logs, usage: Usage, version: Version, *, up: bool, down: bool, depth: int | None = None
) -> Lineage:
    """Up to all that it was made from, down to all that was made from it.

    A run is a step and a version is one; no more than `depth` are gone. Other versions that the
    same runs used or logged are on neither way, unless they are of such a version again.
    """
    facts = _Facts(logs, version, usage.runs())
    found = Lineage(version.id, {version.id: facts.node(version.id)})
    for is_wanted, way in ((up, facts.above), (down, facts.below)):
        if is_wanted:
            _walk(found, way, facts.node, depth)
    return found


def _walk(found: Lineage, way: _Way, node: Callable[[str], Node], depth: int | None) -> None:
    reached, level, gone = {found.root}, [found.root], 0
    while level and (depth is None or gone < depth):
        edges = [edge for each in level for edge in way(each)]
        found.edges = [*dict.fromkeys((*found.edges, *edges))]
        ends = dict.fromkeys(each for edge in edges for each in (edge.start, edge.end))
        level, gone = [each for each in ends if each not in reached], gone + 1
        reached.update(level)
        for each in level:
            found.nodes.setdefault(each, node(each))


class _Facts:
    """What runs said, turned so that each version leads to its runs."""

    def __init__(self, logs: Logs, root: Version, runs: Sequence[RunFacts]) -> None:
        self._logs = logs
        self._runs = {run.path: run for run in runs}
        told = [use for run in runs for use in (*run.used, *run.logged)]
        self._names = {use.id: use.name for use in told if use.id}
        self._names[root.id] = root.source_qualified_name
        self._ids = {name: id_ for id_, name in self._names.items()}
        self._users, self._loggers = self._turned("used"), self._turned("logged")

    def above(self, node: str) -> list[Edge]:
        if run := self._runs.get(node):
            return [Edge(self._id(use), node, USED) for use in run.used]
        return [Edge(run, node, LOGGED) for run in self._logged_by(node)]

    def below(self, node: str) -> list[Edge]:
        if run := self._runs.get(node):
            return [Edge(node, self._id(use), LOGGED) for use in run.logged]
        return [Edge(node, run, USED) for run in self._users.get(node, ())]

    def node(self, node: str) -> Node:
        if run := self._runs.get(node):
            return RunNode(node, run.name, run.state)
        if self._version(node) is None and node not in self._names and ":" not in node:
            return RunNode(node, node.rpartition("/")[2], "")  # it died before it told anything
        return self._version_node(node)

    def _version_node(self, node: str) -> VersionNode:
        told = self._names.get(node, node)
        found, place = self._version(node), _place_of(told)
        directory = self._logs.project(*place) if place else None
        collection = node.partition("-")[0]
        state = found[0] if found else None
        called = directory.state.name_of(collection, state.name) if directory and state else None
        if state is None or called is None or place is None:
            return VersionNode(node, told, is_deleted=True)
        name = f"{'/'.join(place)}/{called}:v{node.rpartition('-')[2]}"
        return VersionNode(node, name, state.type, found is None or found[1] is None)

    def _logged_by(self, node: str) -> Iterable[str]:
        """The run that the commit names first, others that logged the same content after it."""
        found = self._version(node)
        first = found[1].run if found and found[1] else None
        return dict.fromkeys((*filter(None, [first]), *self._loggers.get(node, ())))

    def _version(self, node: str) -> tuple[CollectionState, VersionRow | None] | None:
        """A collection and its version, if the node's name is such an id."""
        if not is_version_id(node):
            return None
        collection, _, number = node.partition("-")
        state = self._logs.fold(collection).refresh().state
        return state, None if state.is_deleted else state.version(int(number))

    def _id(self, use: Use) -> str:
        """Of the version; of one that was only told by name and is not known, that name."""
        return use.id or self._ids.get(use.name, use.name)

    def _turned(self, what: str) -> Mapping[str, Sequence[str]]:
        turned: dict[str, list[str]] = defaultdict(list)
        for run in self._runs.values():
            for id_ in dict.fromkeys(map(self._id, getattr(run, what))):
                turned[id_].append(run.path)
        return turned


def _place_of(name: str) -> tuple[str, str] | None:
    """Entity and project of a version's full name, if it is one."""
    try:
        parsed = ArtifactName.parse(name, entity="-", project="-")
    except InvalidNameError:
        return None
    return parsed.entity, parsed.project
