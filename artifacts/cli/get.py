"""Get: a version's files put into a folder of this machine, each one checked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from artifacts.catalog import Manner, Version, download_most
from artifacts.cli.arguments import as_folder
from artifacts.cli.call import Call
from artifacts.cli.failure import no_such_path
from artifacts.cli.options import command
from artifacts.cli.output import count_text, duration_text, shown, size_text


@command
@click.argument("name")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--prefix", default="", help="Only files whose path begins with this.")
@click.option("--force", is_flag=True, help="Overwrite files that were edited since they came.")
@click.option("--link", is_flag=True, help="Link large files to copies in the cache, read-only.")
@click.option("--allow-missing-references", is_flag=True, help="Go without what is gone.")
@click.option("--outside-links", is_flag=True, help="Make links that lead out of DIR, too.")
@click.option("--skip-cache", is_flag=True, help="Read everything from the store itself.")
def get(call: Call, name: str, folder: Path | None, *, prefix: str, **how: bool) -> None:
    """Put a version's files into a folder, each one checked.

    DIR is ./artifacts/NAME:vN unless it is given. Files that are right already are kept, those
    edited since they came too. The receipt that `art verify` reads is left beside them.
    """
    began = time.monotonic()
    version = call.version(name)
    size = _size_below(version, prefix)
    root = folder or call.settings.artifact_dir / version.name
    with call.progress(f"get {version.name}") as progress:
        manner = _manner(call, **how)
        outcome = download_most(version, root, prefix, manner=manner, progress=progress)
    data = {
        "name": version.qualified_name,
        "folder": as_folder(root),
        "digest": version.digest.hex(),
        "written": outcome.written,
        "kept": outcome.kept,
        "edited": sorted(outcome.edited),
        "problems": [*map(str, outcome.problems)],
        "size": size - sum(outcome.lacked.values()),
        "missing_references": sorted(outcome.lacked),
        "seconds": round(time.monotonic() - began, 3),
    }
    call.tell(data, _lines)
    outcome.raise_problems()


def _manner(call: Call, *, link: bool, **how: bool) -> Manner:
    links = call.session.copies if link else None
    return Manner(links=links, places=call.session.places, **how)


def _size_below(version: Version, prefix: str) -> int:
    """Bytes. Raises NotFoundError if no path begins with the prefix."""
    if not prefix:
        return version.row.size
    sizes = [entry.size or 0 for entry in version.entries(prefix)]
    if not sizes:
        raise no_such_path(version, f"{prefix}…")
    return sum(sizes)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    written, size = count_text(data["written"], "file"), size_text(data["size"])
    kept = f", {data['kept']:,} kept" if data["kept"] else ""
    if missing := data["missing_references"]:
        kept += f", {count_text(len(missing), 'reference')} missing"
    is_whole = not data["edited"] and not data["problems"]
    share = size if is_whole else f"not all of {size}"
    took = duration_text(data["seconds"])
    yield f"{data['name']}  {written} written{kept}, {share}, {took}, in {shown(data['folder'])}"
