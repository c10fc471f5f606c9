"""Files: what can be said of one on this machine, be it there or not."""

from __future__ import annotations

from pathlib import Path


def size_of(path: Path) -> int | None:
    """Bytes; None for what cannot be read as a file."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
