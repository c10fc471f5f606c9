"""Delivery: a version's files put into a folder, with the receipt that lets it be audited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from artifacts.cache import Checkout, Delivery, Outcome, Part, Receipt
from artifacts.catalog.version import Version
from artifacts.content import Digest
from artifacts.errors import EntryNotFoundError
from artifacts.progress import Progress


def deliver(
    version: Version,
    root: Path,
    prefix: str = "",
    *,
    only: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Every file whose path starts with `prefix` is below `root`, checked, or an error says not.

    If `only` lists paths, then these and no others. Raises EntryNotFoundError for one too many.
    Files that are right are kept, edited ones too unless `force`. What can be delivered is
    delivered before anything is raised: LocalChangesError, DigestMismatchError,
    MissingBlobError, InvalidPathError, StorageError.
    """
    receipt = Receipt.find(root)
    pages: dict[Digest, bytes] = {}
    checkout = Checkout(version.store, root, receipt.files(), force=force, progress=progress)
    parts = [*_chosen(version, only, pages)] if only else _parts(version, prefix, pages)
    outcome = checkout.run(parts)
    delivery = Delivery(
        name=version.qualified_name,
        type=version.type,
        store=version.store.url,
        prefix=prefix,
        manifest=version.manifest,
        pages=pages,
        only=tuple(sorted({*only})),
    )
    receipt.adding(delivery).write(root)
    outcome.raise_problems()
    return outcome


def _parts(version: Version, prefix: str, pages: dict[Digest, bytes]) -> Iterator[Part]:
    for position in version.manifest.positions_under(prefix):
        row = version.manifest.rows[position]
        data = version.page_bytes(position)
        page = row.check(data)
        if wanted := page.range_of(prefix):
            pages[row.digest] = data
            yield page, wanted, partial(version.page_layout, position, page)


def _chosen(version: Version, only: Sequence[str], pages: dict[Digest, bytes]) -> Iterator[Part]:
    """Raises EntryNotFoundError."""
    for path in sorted({*only}):
        position = version.manifest.position_of(path)
        if position is None:
            raise EntryNotFoundError(path)
        row = version.manifest.rows[position]
        if row.digest not in pages:
            pages[row.digest] = version.page_bytes(position)
            page = row.check(pages[row.digest])
        if (index := page.index_of(path)) is None:
            raise EntryNotFoundError(path)
        yield page, range(index, index + 1), partial(version.page_layout, position, page)
