"""Sources: under which name a file of this machine was added."""

from __future__ import annotations

import os


class Sources:
    """Names by local path as it was given. The files of an added folder cost nothing each."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}

    def add_file(self, source: str, name: str) -> None:
        self._names[source] = name

    def add_folder(self, source: str, prefix: str) -> None:
        root = os.path.join(source, "")
        self._names = {
            path: name for path, name in self._names.items() if path[: len(root)] != root
        }
        self._prefixes.pop(root, None)
        self._prefixes[root] = prefix

    def name_of(self, source: str) -> str | None:
        """The last one, if the file is one of those that were added."""
        if source in self._names:
            return self._names[source]
        for root, prefix in reversed(self._prefixes.items()):
            if source.startswith(root):
                return prefix + source[len(root) :].replace(os.sep, "/")
        return None
