"""Details: links, folders and permissions on this disk, against what entries say of them."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Mapping

from artifacts.content import Detail, Digest, Kind

_PERMISSIONS = 0o777  # never more: a foreign artifact makes no program run as somebody else


def permissions(detail: Detail) -> int | None:
    """What is set on this disk; None for an entry that says nothing of them."""
    return None if detail.mode is None else detail.mode & _PERMISSIONS


def has_permissions(path: str, detail: Detail | None) -> bool:
    """Whether they are as the entry says, if it says any. Raises FileNotFoundError."""
    wanted = permissions(detail) if detail else None
    return wanted is None or modes.S_IMODE(os.lstat(path).st_mode) == wanted


def link_digest(path: str) -> Digest:
    """Of where a link leads, as an entry of it has it."""
    return Digest.of(os.fsencode(os.readlink(path)))


def leads_out(path: str, target: str) -> bool:
    """Whether a link at a path may lead out of the folder that all paths are in.

    Only at its beginning may a target lead upwards: what comes after a name may be another link.
    """
    parts = target.split("/")
    ups = next((at for at, part in enumerate(parts) if part not in ("..", ".", "")), len(parts))
    is_absolute = os.path.isabs(target) or "\\" in target or ":" in parts[0]
    return is_absolute or ".." in parts[ups:] or parts[:ups].count("..") > path.count("/")


def digests_of_links(details: Mapping[str, Detail]) -> dict[str, bytes]:
    """By path, as `link_digest` finds them."""
    return {
        path: Digest.of(detail.target.encode())
        for path, detail in details.items()
        if detail.target is not None
    }


def fault_of(path: str, detail: Detail) -> str | None:
    """How what lies there differs from what is said, beside a file's content; None if it does not.

    Nothing at all there is a fault of a link or a folder; of a file somebody else tells.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return None if detail.kind is Kind.FILE else "is not there"
    if detail.target is not None:
        found = os.readlink(path) if modes.S_ISLNK(mode) else None
        if found != detail.target:
            was = "no link" if found is None else f"a link to {found!r}"
            return f"should be a link to {detail.target!r}, is {was}"
    elif detail.kind is Kind.FOLDER and not modes.S_ISDIR(mode):
        return "should be a folder"
    wanted = permissions(detail)
    if wanted is not None and modes.S_IMODE(mode) != wanted:
        return f"should have mode {wanted:04o}, has {modes.S_IMODE(mode):04o}"
    return None
