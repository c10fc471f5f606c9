"""Google: an emulator of its storage, with the preconditions that it lacks (google_program)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from servers.server import HOST, MissingError, Server, free_port, running

_BUCKET = "bucket"
_ENVIRONMENT = {  # else gcsfs asks Google itself what kind of bucket it is, a minute for each call
    "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"
}


@contextmanager
def run(folder: Path) -> Iterator[Server]:
    if find_spec("gcp_storage_emulator") is None:
        raise MissingError("pip install gcp-storage-emulator")
    port = free_port()
    program = Path(__file__).with_name("google_program.py")
    with running([sys.executable, program, str(port), _BUCKET], folder, port):
        options = {"project": "p", "token": "anon", "endpoint_url": f"http://{HOST}:{port}"}
        yield Server("gs", _BUCKET, options, _ENVIRONMENT)
