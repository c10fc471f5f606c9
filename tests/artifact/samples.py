"""Samples: small trees of files, and artifacts made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from folders import read_tree, write_tree

from artifacts.artifact import Artifact

Files: TypeAlias = Mapping[str, bytes]

FILES: Files = {"a.txt": b"alpha", "sub/b.txt": b"beta", "sub/deep/c.bin": bytes(range(256))}
LARGE = 5 * 2**20  # bytes, of a file that gets a blob of its own


def write(root: Path, files: Files) -> str:
    """The folder with these files in it, as users write paths."""
    return str(write_tree(root, files))


def read(root: str | Path) -> dict[str, bytes]:
    """Every file of a folder, but for what a download keeps for its own use."""
    return read_tree(Path(root))


def draft(files: Files = FILES, name: str = "data", **facts: Any) -> Artifact:  # noqa: ANN401
    """An artifact of these files that is not logged yet."""
    artifact = Artifact(name, **{"type": "dataset", **facts})
    for path, data in files.items():
        with artifact.new_file(path, "wb") as file:
            file.write(data)
    return artifact


def logged(files: Files = FILES, name: str = "data", **facts: Any) -> Artifact:  # noqa: ANN401
    """An artifact of these files, logged by no run."""
    artifact = draft(files, name, **facts)
    artifact.save()
    return artifact


def content(artifact: Artifact) -> dict[str, str]:
    """Digest of each file, by path."""
    return {path: entry.digest for path, entry in artifact.manifest.entries.items()}


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
