"""Fleet: the servers by name, each started when a test first asks for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from servers import azurite, ceph, google, ministack, rclone, s3rver
from servers.server import MissingError, Server

STORES: Mapping[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "ceph": ceph.run,
    "ministack": ministack.run,
    "azurite": azurite.run,
    "gcs": google.run,
}
REFUSED: Mapping[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "rclone": rclone.run,
    "s3rver": s3rver.run,
}
_PROGRAMS = {**STORES, **REFUSED}


class Fleet:
    """Runs until it is closed. One for each process that runs tests."""

    def __init__(self, new_folder: Callable[[str], Path]) -> None:
        self._new_folder = new_folder
        self._running: dict[str, Server] = {}
        self._failed: dict[str, str] = {}
        self._stack = ExitStack()

    def server(self, name: str) -> Server:
        """Skips the test where the server is not installed, but fails it in CI."""
        if name not in self._running and name not in self._failed:
            self._start(name)
        if reason := self._failed.get(name):
            pytest.fail(reason)
        found = self._running[name]
        os.environ.update(found.environment)
        return found

    def _start(self, name: str) -> None:
        run = _PROGRAMS[name](self._new_folder(name))
        try:
            self._running[name] = self._stack.enter_context(run)
        except MissingError as error:
            if not os.environ.get("CI"):
                pytest.skip(str(error))
            self._failed[name] = f"CI has every server: {error}"
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            self._failed[name] = f"{name} does not start: {error}"

    def close(self) -> None:
        self._stack.close()
