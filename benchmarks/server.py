"""Server: S3 on this machine, new and empty for each contender.

It is the tests' own: Ceph's gateway, which speaks the real protocol and keeps all in memory.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contender import Contender, Environment, without
from benchmarks.process import ProgramFailedError
from benchmarks.product import CHECKOUT

URL = "s3://bucket"

_PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
_SERVE = """\
import json, pathlib, sys
from servers import ceph
with ceph.run(pathlib.Path(sys.argv[1])) as server:
    print(json.dumps(dict(server.options)), flush=True)
    sys.stdin.read()
"""


def served(contender: Contender) -> Contender:
    """The same, with a server beside it whose bucket is at `URL`."""
    return replace(contender, beside=_s3, missing=contender.missing or _missing())


def _missing() -> str:
    s3fs = "" if importlib.util.find_spec("s3fs") else "s3fs not importable"
    return without(*_PROGRAMS) or s3fs


@contextmanager
def _s3() -> Iterator[Environment]:
    """Runs until left. Raises ProgramFailedError if it does not start."""
    with TemporaryDirectory(prefix="art-bench-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as errors, _start(folder, errors.fileno()) as server:
            assert server.stdout is not None
            if not (answer := server.stdout.readline()):
                raise ProgramFailedError(f"no S3 server: {log.read_text()[-300:]}")
            yield _environment(json.loads(answer))
            # leaving closes its input, which ends it


def _start(folder: str, errors: int) -> subprocess.Popen[bytes]:
    """In a process of its own, as a measured child's peak starts at what this one holds."""
    return subprocess.Popen(
        (sys.executable, "-c", _SERVE, folder),
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "tests")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )


def _environment(options: dict[str, str]) -> Environment:
    """Where AWS's own library, which all clients here use, looks for what it is not told."""
    return {
        "AWS_ENDPOINT_URL": options["endpoint_url"],
        "AWS_ACCESS_KEY_ID": options["key"],
        "AWS_SECRET_ACCESS_KEY": options["secret"],
        "AWS_DEFAULT_REGION": "us-east-1",
    }
