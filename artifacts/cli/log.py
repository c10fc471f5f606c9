"""Log: the history of a collection, read from its first event on, so that the chain is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import click

from artifacts.catalog import CollectionState
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, size_text, table
from artifacts.cli.proof import proof_data, proof_lines
from artifacts.errors import ArtifactNotFoundError
from artifacts.storage import Change, Event, Tail

_FENCED = "fenced"
_WORDS = {
    "created": "created, of type {type}",
    "aliased": "alias {alias} put on v{version}",
    "unaliased": "alias {alias} taken off v{version}",
    "placed": "v{version} repacked",
    "dropped": "v{version} deleted",
    "unlinked": "link v{version} taken away",
    "tagged": "tag {tag} put on v{version}",
    "untagged": "tag {tag} taken off v{version}",
    "described": "description of the collection changed",
    "labelled": "tag {tag} put on the collection",
    "unlabelled": "tag {tag} taken off the collection",
    "retyped": "type changed to {type}",
    "renamed": "renamed to {name}",
    "deleted": "deleted",
    "fenced": "fenced at epoch {epoch}: commits begun before that collection are refused",
}


@command
@click.argument("name")
@click.option("--proof", is_flag=True, help="The chain of digests that leads to a version.")
@click.option("--all", "is_all", is_flag=True, help="The collector's fences too.")
def log(call: Call, name: str, *, proof: bool, is_all: bool) -> None:
    """Tell what happened to a collection, newest first.

    Every event is checked against the one before it: a changed, removed or swapped one is named.
    With --proof NAME is a version, and all that leads to it is read from the store itself.
    """
    if proof:
        _tell_proof(call, name)
        return
    catalog = call.session.catalog
    collection = call.collection(name)
    fold = catalog.collection(collection)
    if fold is None:
        raise ArtifactNotFoundError(collection.qualified, catalog.store.url)
    events = [*fold.log.after(Tail.start(fold.log.name))]
    numbers = _numbers(fold.state)
    told = [_event(event, numbers, is_all=is_all) for event in reversed(events)]
    call.answer([each for each in told if each["what"]], _lines)


def _tell_proof(call: Call, name: str) -> None:
    version = call.version(name)
    numbers = _numbers(version.collection.state)
    call.answer(proof_data(version, partial(_words, numbers=numbers)), proof_lines)


def _numbers(state: CollectionState) -> dict[str, int]:
    """Version by manifest: each content is one version, however often it was committed."""
    rows = filter(None, map(state.known, range(state.first, state.next)))
    return {str(row.manifest): row.number for row in rows}


def _event(event: Event, numbers: Mapping[str, int], *, is_all: bool) -> dict[str, Any]:
    """Unless all is wanted, nothing is told of fences, which say nothing of any version."""
    changes = [each for each in event.changes if is_all or each["kind"] != _FENCED]
    return {
        "number": event.number,
        "time": event.time,
        "writer": event.header["writer"],
        "what": [_words(change, numbers) for change in changes],
        "changes": [*event.changes],
        "transaction": event.transaction,
        "digest": event.digest.hex(),
    }


def _words(change: Change, numbers: Mapping[str, int]) -> str:
    kind = change["kind"]
    if kind == "committed":
        return _commit_words(change, numbers)
    if kind == "updated":
        return _update_words(change)
    if kind == "linked":
        aliases = ", ".join(change["aliases"])
        return f"v{change['version']} of a collection in {change['project']} linked as {aliases}"
    if kind == "expected":
        number = change.get("version")
        where = "no version" if number is None else f"v{number}"
        return f"counts only if alias {change['alias']} is on {where}"
    if kind == "retained":
        return f"versions last {_time_words(change['ttl'], 'the project')}"
    words = _WORDS.get(kind)
    return words.format_map(change) if words else f"{kind!r}"


def _update_words(change: Change) -> str:
    version = f"v{change['version']}"
    facts = [key for key in ("description", "metadata", "tags") if key in change]
    said = [f"{' and '.join(facts)} of {version} changed"] if facts else []
    if "ttl" in change:
        said.append(f"{version} lasts {_time_words(change['ttl'], 'the collection')}")
    return ", ".join(said)


def _time_words(ttl: int | None, above: str) -> str:
    return {None: f"as {above} says", 0: "for ever"}.get(ttl, f"{ttl} seconds")


def _commit_words(change: Change, numbers: Mapping[str, int]) -> str:
    number = numbers.get(change["manifest"])
    if number is None:
        return "a commit refused, as it came too late"
    files, size = count_text(change["entries"], "file"), size_text(change["size"])
    return f"v{number} committed as {', '.join(change['aliases'])}: {files}, {size}"


def _lines(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return table(
        (">EVENT", "WHEN (UTC)", "WRITER", "WHAT"),
        (
            (
                f"{event['number']:,}",
                event["time"][:19].replace("T", " "),
                event["writer"],
                "; ".join(event["what"]),
            )
            for event in events
        ),
    )
