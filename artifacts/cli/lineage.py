"""Lineage: what a version was made from, and what was made from it, as a tree or a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from artifacts.catalog import Lineage, RunNode, VersionNode
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown
from artifacts.errors import UsageError

_UP, _DOWN = "←", "→"


@command
@click.argument("name")
@click.option("--up", is_flag=True, help="Only what it was made from.")
@click.option("--down", is_flag=True, help="Only what was made from it.")
@click.option("--depth", metavar="N", type=click.IntRange(0), help="At most N steps away.")
@click.option("--mermaid", is_flag=True, help="As a Mermaid flowchart.")
def lineage(
    call: Call, name: str, *, up: bool, down: bool, depth: int | None, mermaid: bool
) -> None:
    """Tell what a version was made from, and what from it.

    A run is a step, and so is a version that it used or logged. What the tree has told already
    is marked with (above).
    """
    if mermaid and call.is_json:
        raise UsageError("--mermaid has a form of its own; leave out --json, or take it alone")
    both = up == down
    version = call.version(name)
    found = call.session.catalog.lineage(version, up=up or both, down=down or both, depth=depth)
    call.answer(_data(found), _mermaid if mermaid else tree_lines)


def _data(found: Lineage) -> dict[str, Any]:
    return {
        "root": found.root,
        "nodes": [_node(node) for node in found.nodes.values()],
        "edges": [{"from": e.start, "to": e.end, "kind": e.kind} for e in found.edges],
    }


def _node(node: VersionNode | RunNode) -> dict[str, Any]:
    if isinstance(node, RunNode):
        return {"id": node.id, "kind": "run", "name": node.name, "state": node.state}
    return {
        "id": node.id,
        "kind": "version",
        "name": node.name,
        "type": node.type,
        "deleted": node.is_deleted,
    }


def _words(node: Mapping[str, Any]) -> str:
    if node["kind"] == "run":
        called = "" if node["id"].endswith(f"/{node['name']}") else f" {node['name']}"
        return f"run {node['id']}{called} ({node['state'] or 'no log of it'})"
    facts = [*filter(None, [node["type"]]), *(["deleted"] if node["deleted"] else [])]
    return f"{node['name']} ({', '.join(facts)})"


def tree_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """The root, and below it what each way leads to; what was told above is not told again."""
    nodes = {node["id"]: node for node in data["nodes"]}
    ways = {_UP: _turned(data, "to", "from"), _DOWN: _turned(data, "from", "to")}
    told = {(data["root"], _UP), (data["root"], _DOWN)}
    yield shown(_words(nodes[data["root"]]))
    waiting = [*_branches(data["root"], ways, "")]
    while waiting:
        id_, way, indent, is_last = waiting.pop()
        is_told = (id_, way) in told and bool(ways[way].get(id_))
        told.add((id_, way))
        line = f"{indent}{'└─' if is_last else '├─'} {way} {shown(_words(nodes[id_]))}"
        yield line + (" (above)" if is_told else "")
        if not is_told:
            waiting += _branches(id_, {way: ways[way]}, indent + ("   " if is_last else "│  "))


def _branches(
    id_: str, ways: Mapping[str, Mapping[str, Sequence[str]]], indent: str
) -> Iterator[tuple[str, str, str, bool]]:
    """The last one first, as they are taken from the end."""
    found = [(each, way) for way, next_ in ways.items() for each in next_.get(id_, ())]
    for at, (each, way) in reversed([*enumerate(found, 1)]):
        yield each, way, indent, at == len(found)


def _turned(data: Mapping[str, Any], key: str, value: str) -> dict[str, list[str]]:
    turned: dict[str, list[str]] = {}
    for edge in data["edges"]:
        turned.setdefault(edge[key], []).append(edge[value])
    return turned


def _mermaid(data: Mapping[str, Any]) -> Iterator[str]:
    yield "flowchart LR"
    short = {node["id"]: f"n{at}" for at, node in enumerate(data["nodes"])}
    for node in data["nodes"]:
        before, after = ("([", "])") if node["kind"] == "run" else ("[", "]")
        yield f'  {short[node["id"]]}{before}"{_quoted(_words(node))}"{after}'
    for edge in data["edges"]:
        yield f"  {short[edge['from']]} -->|{edge['kind']}| {short[edge['to']]}"


def _quoted(text: str) -> str:
    """As Mermaid writes what would end a label or be taken for markup."""
    return "".join(
        each if each.isalnum() or each in " /:._-(),@" else f"#{ord(each)};" for each in text
    )
