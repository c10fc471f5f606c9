"""Arguments: what W&B's users may write, made into what ours take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias

from artifacts.content import check_path
from artifacts.errors import InvalidError
from artifacts.storage import hash_file

StrPath: TypeAlias = "str | os.PathLike[str]"
Policy: TypeAlias = Literal["mutable", "immutable"]


def as_path(name: StrPath) -> str:
    """A place in an artifact, './a//b' written 'a/b'; not checked. Source: W&B's LogicalPath."""
    text = os.fspath(name)
    if os.name == "nt":
        text = text.replace("\\", "/")
    lead = "/" if text.startswith("/") else ""
    return lead + "/".join(part for part in text.split("/") if part not in ("", "."))


def as_folder(name: StrPath | None) -> str:
    """What the paths of a folder's files begin with: 'a/b/', or nothing for the root.

    Raises InvalidPathError.
    """
    path = as_path(name or "")
    return f"{check_path(path)}/" if path else ""


def is_immutable(policy: Policy | None) -> bool:
    """Raises InvalidError for what is no policy."""
    if policy not in (None, "mutable", "immutable"):
        allowed = "Policy may only be `mutable` or `immutable`."
        raise InvalidError(f"Invalid policy {policy!r}. {allowed}")
    return policy == "immutable"


def is_new_only(mode: str) -> bool:
    """Of the mode of a file to be written, whether nothing may be there yet.

    Raises InvalidError for a mode that does not begin anew.
    """
    if set(mode) - set("xwbt+") or len({*mode} & {"x", "w"}) != 1:
        raise InvalidError(f"Invalid mode {mode!r}: a new file is written, with 'x' or 'w'")
    return "x" in mode


def temporary_name(path: str, source: Path) -> str:
    """W&B's is_tmp: the name up to its first dot becomes the start of the content's digest."""
    folder, slash, name = path.rpartition("/")
    _, dot, ending = name.partition(".")
    with source.open("rb", buffering=0) as file:
        digest, _ = hash_file(file.fileno())
    return f"{folder}{slash}{digest.hex()[:20]}{dot}{ending}"
