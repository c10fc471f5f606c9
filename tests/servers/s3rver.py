"""S3rver: another S3 server that creates a name as often as it is asked to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.s3 import new_bucket
from servers.server import HOST, NPM_INSTALL, Server, find, free_port, running

_KEY = "S3RVER"  # the only one that it knows


@contextmanager
def run(folder: Path) -> Iterator[Server]:
    port = free_port()
    program = find("s3rver", f"{NPM_INSTALL} s3rver")
    (folder / "data").mkdir()
    place = ["-d", str(folder / "data"), "-a", HOST, "-p", str(port)]
    with running([program, *place], folder, port):
        yield new_bucket(port, _KEY, _KEY)
