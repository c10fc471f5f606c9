"""Packages: what is installed, as a requirements file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator

REQUIREMENTS = "requirements.txt"
_METADATA = re.compile(
    r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[^-]+)(?:-py[0-9.]+)?\.(?:dist|egg)-info"
)


def requirements(path: Iterable[str] | None = None) -> str:
    """`name==version`, a line each, as pip would read them.

    Told by the names of folders alone: to read what lies in them takes a hundred times as long.
    """
    found: dict[str, str] = {}
    for name, version in _installed(sys.path if path is None else path):
        found.setdefault(name, version)  # what comes first on the path is what is imported
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found))


def _installed(path: Iterable[str]) -> Iterator[tuple[str, str]]:
    for folder in path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue  # an archive, or a place that does not exist
        for name in names:
            if match := _METADATA.fullmatch(name):
                yield re.sub(r"[-_.]+", "-", match["name"]).lower(), match["version"]
