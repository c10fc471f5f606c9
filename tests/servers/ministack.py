"""MiniStack: an emulator of AWS that looks at every header that S3 has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.s3 import new_bucket
from servers.server import HOST, Server, find, free_port, running


@contextmanager
def run(folder: Path) -> Iterator[Server]:
    find("ministack", "pip install ministack")  # which would listen on every address
    port = free_port()
    command = [find("hypercorn", "pip install ministack"), "ministack.app:app"]
    environment = {"SERVICES": "s3", "GATEWAY_PORT": str(port)}
    with running([*command, "--bind", f"{HOST}:{port}"], folder, port, environment):
        yield new_bucket(port)
