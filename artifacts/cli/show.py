"""Show: what is known of a version, or of a folder that versions were put into."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import click

from artifacts.cache import Delivered, Receipt
from artifacts.catalog import Version
from artifacts.cli.arguments import parse_target
from artifacts.cli.b3sum import b3sum_line, is_expressible
from artifacts.cli.call import Call
from artifacts.cli.failure import no_such_path
from artifacts.cli.options import command
from artifacts.cli.output import age_text, count_text, facts, shown, size_text, time_text
from artifacts.content import Entry, Kind
from artifacts.errors import InvalidError, NotFoundError, UsageError
from artifacts.storage import now


class _Row(NamedTuple):
    """One entry; `has_content` says that its digest is that of the bytes that a download has."""

    path: str
    digest: bytes
    size: int | None
    kind: str
    has_content: bool
    uri: str | None = None


@command
@click.argument("target", metavar="NAME|DIR")
@click.option(
    "--files",
    "prefix",
    metavar="[PREFIX]",
    is_flag=False,
    flag_value="",
    help="List the files instead, or those whose path begins with PREFIX.",
)
@click.option("--b3sums", is_flag=True, help="List the files' digests as `b3sum --check` reads it.")
def show(call: Call, target: str, *, prefix: str | None, b3sums: bool) -> None:
    """Tell what is known of a version, or of a folder.

    A folder is written with ./, ../, ~/ or / and told of by its receipt alone.
    """
    if b3sums and call.is_json:
        raise UsageError("--b3sums has a form of its own; leave out --json, or take --files")
    what = parse_target(target, call.settings)
    source = Receipt.read(what) if isinstance(what, Path) else call.session.catalog.resolve(what)
    if b3sums:
        _write_b3sums(call, _listed(source, prefix or "", target))
    elif prefix is not None:
        call.answer_each(map(_file, _listed(source, prefix, target)), _file_line)
    elif isinstance(source, Version):
        call.answer(_version(call, source), _version_lines)
    else:
        call.answer([*map(_delivery, source.deliveries)], _delivery_lines)


def _listed(source: Version | Receipt, prefix: str, target: str) -> Iterator[_Row]:
    """Raises NotFoundError if no path begins with a prefix."""
    rows = _rows(source, prefix)
    first = next(rows, None)
    if first is not None:
        return chain([first], rows)
    if not prefix:
        return rows
    if isinstance(source, Version):
        raise no_such_path(source, f"{prefix}…")
    hint = f"`art show {target} --files` lists what there is"
    raise NotFoundError(f"no {f'{prefix}…'!r} in the receipt of {target}; {hint}")


def _rows(source: Version | Receipt, prefix: str) -> Iterator[_Row]:
    if isinstance(source, Version):
        return map(_row, source.entries(prefix))
    return (
        _Row(path, digest, size, Kind.FILE.name.lower(), has_content=True)
        for path, (digest, size) in source.files().items()
        if path.startswith(prefix)
    )


def _row(entry: Entry) -> _Row:
    detail, kind = entry.detail, entry.kind
    has_content = kind is Kind.FILE or (detail is not None and detail.is_content)
    uri = detail.uri if detail else None
    return _Row(entry.path, entry.digest, entry.size, kind.name.lower(), has_content, uri)


def _write_b3sums(call: Call, rows: Iterable[_Row]) -> None:
    """Raises InvalidError, at the end, for names that would stop b3sum."""
    left_out = []
    for row in rows:
        if not is_expressible(row.path):
            left_out.append(row.path)
        elif row.has_content:
            call.write(b3sum_line(row.path, row.digest))
    if left_out:
        names = ", ".join(map(repr, left_out))
        raise InvalidError(f"left out, b3sum refuses such names; use `art verify`: {names}")


def _file(row: _Row) -> dict[str, Any]:
    data = {"path": row.path, "size": row.size, "digest": row.digest.hex(), "kind": row.kind}
    return data | ({"uri": row.uri} if row.uri else {})


def _file_line(file: Mapping[str, Any]) -> str:
    kind = "" if file["kind"] == Kind.FILE.name.lower() else f" ({file['kind']})"
    uri = f" → {shown(file['uri'])}" if "uri" in file else ""
    return f"{size_text(file['size']):>10}  {shown(file['path'])}{uri or kind}"


def _version(call: Call, version: Version) -> dict[str, Any]:
    row = version.row
    return {
        "name": version.qualified_name,
        "source": version.source_qualified_name if version.link else None,
        "type": version.type,
        "aliases": version.aliases,
        "tags": [*row.tags],
        "digest": version.digest.hex(),
        "files": row.entries,
        "size": row.size,
        "pages": len(version.manifest.rows),
        "created": row.created,
        "updated": row.updated,
        "expires": time_text(call.session.catalog.end_of(version)),
        "logged_by": row.run,
        "description": row.description,
        "metadata": dict(row.metadata),
        "store": version.store.url,
    }


def _version_lines(data: Mapping[str, Any]) -> Iterator[str]:
    changed = data["updated"] != data["created"]
    metadata = json.dumps(data["metadata"], indent=2, ensure_ascii=False)
    yield from facts(
        [
            ("name", data["name"]),
            ("shows", data["source"] or ""),
            ("type", data["type"]),
            ("aliases", ", ".join(data["aliases"])),
            ("tags", ", ".join(data["tags"])),
            ("digest", data["digest"]),
            ("content", _content(data)),
            ("created", age_text(data["created"], now())),
            ("updated", age_text(data["updated"], now()) if changed else ""),
            ("expires", data["expires"] or ""),
            ("logged by", f"run {data['logged_by']}" if data["logged_by"] else ""),
            ("description", data["description"] or ""),
            ("metadata", metadata if data["metadata"] else ""),
            ("store", data["store"]),
        ]
    )


def _content(data: Mapping[str, Any]) -> str:
    files, pages = count_text(data["files"], "file"), count_text(data["pages"], "page")
    return f"{files}, {size_text(data['size'])} uncompressed, listed on {pages}"


def _delivery(delivery: Delivered) -> dict[str, Any]:
    sizes = [size for _, size in delivery.files().values()]
    return {
        "name": delivery.name,
        "type": delivery.type,
        "prefix": delivery.prefix,
        "part": delivery.part,
        "digest": delivery.manifest.digest.hex(),
        "files": len(sizes),
        "size": sum(sizes),
        "store": delivery.store,
    }


def _delivery_lines(deliveries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for at, data in enumerate(deliveries):
        yield from [""] if at else []
        yield from facts(
            [
                ("name", data["name"]),
                ("type", data["type"]),
                ("only", data["part"]),
                ("digest", data["digest"]),
                ("content", f"{count_text(data['files'], 'file')}, {size_text(data['size'])}"),
                ("store", data["store"]),
            ]
        )
