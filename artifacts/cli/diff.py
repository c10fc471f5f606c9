"""Diff: what turns one version into another, or into a folder as it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from artifacts.cache import audit
from artifacts.catalog import Version, expectation
from artifacts.cli.arguments import as_folder, parse_target
from artifacts.cli.call import Call
from artifacts.cli.files import size_of
from artifacts.cli.options import command
from artifacts.cli.output import shown, size_text
from artifacts.content import Entry
from artifacts.errors import UsageError


@command
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
def diff(call: Call, old: str, new: str) -> int:
    """Tell what turns A into B: versions, or one and a folder.

    A folder is written with ./, ../, ~/ or /. The exit code is 1 if there are differences.
    """
    before, after = _side(call, old), _side(call, new)
    match before, after:
        case Version(), Version():
            data = _between_versions(before, after)
        case Version(), Path():
            data = _to_folder(call, before, after)
        case Path(), Version():
            data = _reversed(_to_folder(call, after, before))
        case _:
            raise UsageError("two folders; name a version on one side, or use diff -r")
    call.answer({"old": _label(before), "new": _label(after), **data}, _lines)
    return 1 if any(data.values()) else 0


def _side(call: Call, text: str) -> Version | Path:
    target = parse_target(text, call.settings)
    return target if isinstance(target, Path) else call.session.catalog.resolve(target)


def _label(side: Version | Path) -> str:
    return as_folder(side) if isinstance(side, Path) else side.qualified_name


def _between_versions(before: Version, after: Version) -> dict[str, list[dict[str, Any]]]:
    found = before.diff(after)
    return {
        "added": [*map(_entry, found.added)],
        "removed": [*map(_entry, found.removed)],
        "changed": [
            {"path": old.path, "old": _content(old.digest, old.size)}
            | {"new": _content(new.digest, new.size)}
            for old, new in found.changed
        ],
    }


def _to_folder(call: Call, before: Version, after: Path) -> dict[str, list[dict[str, Any]]]:
    wanted = expectation(before, after)
    files = wanted.files
    with call.progress(f"read {after.name}") as progress:
        found = audit(after, files, progress, unproven=wanted.unproven)
    return {
        "added": [
            {"path": path, **_content(None, size_of(after / path))} for path in found.unexpected
        ],
        "removed": [
            {"path": path, **_content(digest, files[path][1] if digest else None)}
            for path, digest in found.missing
        ],
        "changed": [
            {"path": each.path, "old": _content(each.expected, files[each.path][1])}
            | {"new": _content(each.found, size_of(after / each.path))}
            for each in found.changed
        ],
    }


def _reversed(data: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {
        "added": [*data["removed"]],
        "removed": [*data["added"]],
        "changed": [{**each, "old": each["new"], "new": each["old"]} for each in data["changed"]],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {"path": entry.path, **_content(entry.digest, entry.size)}


def _content(digest: bytes | None, size: int | None) -> dict[str, Any]:
    return {"size": size, "digest": digest and digest.hex()}


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    for entry in data["added"]:
        yield f"+ {size_text(entry['size']):>22}  {shown(entry['path'])}"
    for entry in data["removed"]:
        yield f"- {size_text(entry['size']):>22}  {shown(entry['path'])}"
    for entry in data["changed"]:
        sizes = f"{size_text(entry['old']['size'])} → {size_text(entry['new']['size'])}"
        yield f"~ {sizes:>22}  {shown(entry['path'])}"
    totals = ", ".join(f"{len(data[kind]):,} {kind}" for kind in ("added", "removed", "changed"))
    yield f"{data['old']} → {data['new']}: {totals}, {_balance(data)}"


def _balance(data: Mapping[str, Any]) -> str:
    """How much larger the newer side is."""
    grown = (
        sum(entry["size"] or 0 for entry in data["added"])
        - sum(entry["size"] or 0 for entry in data["removed"])
        + sum(
            (entry["new"]["size"] or 0) - (entry["old"]["size"] or 0) for entry in data["changed"]
        )
    )
    return f"{'-' if grown < 0 else '+'}{size_text(abs(grown))}"
