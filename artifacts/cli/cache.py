"""Cache: what this machine keeps so that it need not be fetched or read again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from artifacts.cache import clear_digests, digests_size, key_of, verify_copies
from artifacts.cli.call import Call
from artifacts.cli.options import command, shared_options
from artifacts.cli.output import age_text, count_text, facts, shown, size_text, table
from artifacts.errors import InvalidNameError
from artifacts.written import parse_size


@click.group(params=shared_options(), no_args_is_help=False)
def cache() -> None:
    """Look after what this machine keeps, so as not to fetch it again."""


@command
def info(call: Call) -> None:
    """Tell where the cache is, what is in it, and how many bytes."""
    copies = call.session.copies
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    oldest_ns: int | None = None
    for copy in copies:
        kind = key_of(copies, copy).partition("/")[0]
        counts[kind] += 1
        sizes[kind] += copy.size
        oldest_ns = copy.used_ns if oldest_ns is None else min(copy.used_ns, oldest_ns)
    data = {
        "folder": copies.folder,
        "limit": copies.limit,
        "size": sizes.total(),
        "used": None if oldest_ns is None else _time(oldest_ns),
        "digests": digests_size(call.session.cache),
        "copies": [{"kind": k, "count": counts[k], "size": sizes[k]} for k in sorted(counts)],
    }
    call.answer(data, _info_lines)


@command
def verify(call: Call) -> int:
    """Compare every copy with its digest.

    Repairs nothing: whoever reads a damaged copy fetches it again.
    """
    count = size = 0
    damaged: list[str] = []
    with call.progress("verify the cache") as progress:
        for verdict in verify_copies(call.session.copies, progress):
            count += 1
            size += verdict.size
            if not verdict.is_sound:
                damaged.append(verdict.key)
    data = {"copies": count, "size": size, "damaged": sorted(damaged)}
    call.answer(data, _verify_lines)
    return 1 if damaged else 0


@command
@click.option("--to", "most", metavar="SIZE", required=True, help="What may stay, like 10GB.")
def evict(call: Call, most: str) -> None:
    """Delete copies, those unused longest first, until SIZE is left.

    What is in use stays.
    """
    _evict(call, _size(most))


@command
def clear(call: Call) -> None:
    """Delete all that is kept here.

    Copies that are in use stay. Files that were added before are read again by the next `art put`.
    """
    clear_digests(call.session.cache)
    _evict(call, 0)


for each in (info, verify, evict, clear):
    cache.add_command(each)


def _evict(call: Call, most: int) -> None:
    gone, left = call.session.copies.evict(most)
    data = {"folder": call.session.copies.folder, "deleted": gone, "left": left}
    call.tell(data, _evict_lines)


def _size(text: str) -> int:
    """Raises UsageError of the command line."""
    try:
        return parse_size(text)
    except InvalidNameError as error:
        raise click.BadParameter(error.reason, param_hint="--to") from None


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 10**9, UTC).isoformat(timespec="seconds")


def _info_lines(data: Mapping[str, Any]) -> Iterator[str]:
    used = data["used"]
    yield from facts(
        (
            ("folder", data["folder"]),
            ("limit", size_text(data["limit"])),
            ("size", size_text(data["size"])),
            ("unused", f"since {age_text(used, datetime.now(UTC))} at most" if used else ""),
            ("digests", size_text(data["digests"])),
        )
    )
    if data["copies"]:
        yield ""
        yield from table(
            ("KIND", ">COPIES", ">SIZE"),
            ((c["kind"], f"{c['count']:,}", size_text(c["size"])) for c in data["copies"]),
        )


def _verify_lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"damaged: {shown(key)}" for key in data["damaged"])
    number, size = count_text(data["copies"], "file"), size_text(data["size"])
    problems = count_text(len(data["damaged"]), "problem")
    yield f"{number} of the cache, {size}, {problems}"


def _evict_lines(data: Mapping[str, Any]) -> Iterator[str]:
    gone, left = size_text(data["deleted"]), size_text(data["left"])
    yield f"{gone} deleted, {left} left, in {shown(data['folder'])}"
