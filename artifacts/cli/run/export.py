"""Export: what a run logged, as files for other programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import click

from artifacts.catalog import HISTORY
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown, size_text
from artifacts.errors import UsageError
from artifacts.runs import Export, ExportFormat, FoundRun, find_run, tidy

_NEAR, _SHOWN = 3, 12  # keys that are told of


@command
@click.argument("run")
@click.option(
    "--to",
    "format_",
    type=click.Choice(get_args(ExportFormat)),
    help="As what, if the name of FILE does not end so.",
)
@click.option("-o", "--output", "target", metavar="FILE", help="Or FOLDER/, for all streams.")
@click.option("--stream", metavar="NAME", help="Which rows, if not the history.")
@click.option("--key", "keys", metavar="KEY", multiple=True, help="This column; repeatable.")
def export(
    call: Call,
    run: str,
    *,
    format_: ExportFormat | None,
    target: str | None,
    stream: str | None,
    keys: tuple[str, ...],
) -> None:
    """Write the rows of a run as Parquet, CSV or JSON lines.

    To standard output, unless -o says a file, whose ending says as what, or a folder, which gets
    a file of each stream. With --key only these columns, of the rows that have any of them.
    """
    format_ = format_ or _format_of(target)
    if target is None:
        _check_output(call, format_)
    found = find_run(call.session, run)
    tidy(call.session, found)
    if target is None:
        wanted = _export(found, stream or HISTORY, keys)
        _check_keys(found, [wanted])
        wanted.write(format_, sys.stdout.buffer)
        return
    files = _files(found, target, stream, format_)
    is_mixed = any(map(_is_output, files.values()))
    if is_mixed and call.is_json:
        raise UsageError(f"what --json tells would go into {target}, too; leave it out")
    _check_keys(found, [_export(found, each, keys) for each in files])
    data = []
    with call.progress(f"export {found.path}") as progress:
        for each, path in files.items():
            size = _export(found, each, keys).save(format_, path)
            data.append({"stream": each, "file": str(path), "size": size})
            progress.advance(size)
    if is_mixed:
        call.note("\n".join(_lines(data)))
    else:
        call.tell(data, _lines)


def _format_of(target: str | None) -> ExportFormat:
    """As the name of the file says. Raises UsageError."""
    ending = Path(target or "").suffix.lower()
    for each in get_args(ExportFormat):
        if ending == f".{each}":
            return each  # type: ignore[no-any-return]
    is_file = target is not None and not target.endswith("/")
    found = f"; {target!r} does not end like any of them" if is_file else ""
    raise UsageError(f"say --to parquet, csv or jsonl{found}")


def _files(run: FoundRun, target: str, stream: str | None, format_: str) -> dict[str, Path]:
    """For each stream the file that it goes to."""
    path = Path(target)
    if not target.endswith("/") and not path.is_dir():
        return {stream or HISTORY: path}
    path.mkdir(parents=True, exist_ok=True)
    streams = [stream] if stream else [*run.state.segments]
    return {each: path / f"{each}.{format_}" for each in streams}


def _is_output(path: Path) -> bool:
    """Whether what is told on standard output goes there, too."""
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except OSError:
        return False  # it is not there yet, or standard output is none of the system's


def _check_output(call: Call, format_: str) -> None:
    """Raises UsageError."""
    if format_ == "parquet":
        raise UsageError("--to parquet wants -o FILE: Parquet is nothing for a terminal or a pipe")
    if call.is_json:
        raise UsageError("--to has a form of its own; leave out --json, or take -o FILE")


def _export(run: FoundRun, stream: str, keys: Sequence[str]) -> Export:
    """Raises UsageError for a stream that the run has not."""
    if stream not in run.state.segments and stream != HISTORY:
        there = ", ".join(run.state.segments) or "none"
        raise UsageError(f"{run.path} has no stream {stream!r}; it has: {there}")
    return Export(run.state, run.store, stream, keys or None)


def _check_keys(run: FoundRun, exports: Sequence[Export]) -> None:
    """Raises UsageError for a key that none of the streams has, with those that are like it."""
    strangers = [each.strangers() for each in exports]
    unknown = set[str].intersection(*(missing for missing, _ in strangers))
    there = {key for _, keys in strangers for key in keys}
    for key in sorted(unknown):
        near = get_close_matches(key, there, _NEAR) or sorted(there)[:_SHOWN]
        known = ", ".join(map(repr, near)) or "no rows"
        raise UsageError(f"no row of {run.path} has the key {key!r}; there is {known}")


def _lines(data: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (f"{shown(each['file'])}  {each['stream']}, {size_text(each['size'])}" for each in data)
