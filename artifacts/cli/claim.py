"""Claim: what a folder should hold, by its receipt or by a version of the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from artifacts import catalog
from artifacts.cache import Delivered, Expected, Receipt
from artifacts.cli.call import Call
from artifacts.content import Detail, Digest


class Claim(Struct, frozen=True):
    """What a folder should hold, and who says so.

    `unproven` are paths of references of whose bytes nothing is known; `left_out` those that
    never came, and need not be there.
    """

    source: str
    artifacts: Sequence[tuple[str, Digest]]
    files: Mapping[str, Expected]
    details: Mapping[str, Detail] = field(default_factory=dict)  # links, folders, permissions
    unproven: Collection[str] = ()
    left_out: Collection[str] = ()


def claim_of(call: Call, root: Path, against: str | None, wanted: Digest | None) -> Claim:
    """By the version `against`, if it is named, and else by the receipt.

    If somebody knows the artifact, by name or by the digest that is wanted, it is claimed whole,
    with what was left out. Raises ReceiptNotFoundError, ArtifactNotFoundError, IntegrityError.
    """
    if against:
        version = call.version(against)
        names = [(version.qualified_name, version.digest)]
        whole = catalog.expectation(version, root)
        return Claim(version.store.url, names, whole.files, version.details(), whole.unproven)
    receipt = Receipt.read(root)
    names = [(_label(each), each.manifest.digest) for each in receipt.deliveries]
    files, details, left_out = receipt.files(), receipt.details(), receipt.left_out()
    if wanted is None:
        return Claim("its receipt", names, files, details, left_out=left_out)
    files |= {path: content for path, content in left_out.items() if content}
    return Claim("its receipt", names, files, details, left_out.keys() - files.keys())


def _label(delivery: Delivered) -> str:
    part = delivery.part
    return f"{delivery.name} (only {part})" if part else delivery.name
