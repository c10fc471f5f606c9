"""Proof: the chain of digests that leads to a version, as `art log --proof` tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from artifacts.catalog import Proof, Version, prove
from artifacts.cli.output import count_text, shown, size_text, table
from artifacts.storage import Change

_Words = Callable[[Change], str]
_LISTING = {
    "added": "{name} is {id}",
    "opened": "{name} is portfolio {id}",
    "renamed": "{name} is called {to}",
    "retyped": "{name} is of type {type}",
    "closing": "{name} is about to be deleted",
    "removed": "{name} was deleted",
}


def proof_data(version: Version, words: _Words) -> dict[str, Any]:
    """The proof, once all of it was checked. Raises IntegrityError."""
    proof = prove(version)
    return {
        "name": proof.name,
        "digest": proof.digest.hex(),
        "store": version.store.url,
        "files": version.row.entries,
        "size": version.row.size,
        "pages": len(version.manifest.rows),
        "events": proof.events,
        "chain": [*_steps(proof, words)],
    }


def _steps(proof: Proof, words: _Words) -> Iterator[dict[str, Any]]:
    for step in proof.steps:
        is_directory = step.log.startswith("directory/")
        say = partial(_listing_words, others=words) if is_directory else words
        yield {
            "log": step.log,
            "number": step.event.number,
            "digest": step.event.digest.hex(),
            "previous": step.previous,
            "time": step.event.time,
            "what": [say(change) for change in step.event.changes],
        }


def _listing_words(change: Change, others: _Words) -> str:
    words = _LISTING.get(change["kind"])
    return words.format_map(change) if words else others(change)


def proof_lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield from table(
        ("LOG", ">EVENT", "DIGEST", "WHAT"),
        (
            (step["log"], f"{step['number']:,}", step["digest"], "; ".join(step["what"]))
            for step in data["chain"]
        ),
    )
    files, pages = count_text(data["files"], "file"), count_text(data["pages"], "page")
    content = f"{files}, {size_text(data['size'])}, on {pages}"
    yield f"{shown(data['name'])} is {data['digest']}: {content}"
    yield f"{count_text(data['events'], 'event')} checked, each follows from the one before it"
