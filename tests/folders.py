"""Folders: of given files, and what is in one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from artifacts.cache import is_ours


def write_tree(root: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def read_tree(root: Path) -> dict[str, bytes]:
    """Every file of a folder, but for what a download keeps for its own use."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not is_ours(path.name)
    }
