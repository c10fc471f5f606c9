"""Scale: sizes that take minutes and tens of GB, through a real bucket. `make soak` runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from far import moved, port_of
from servers.fleet import Fleet
from servers.server import HOST, Server
from test_memory import peak_mib

from artifacts.testing import Proxy

IS_SOAK = int(os.environ.get("SEEDS", "0")) >= 100
GIB = 2**30
PROCESSES = 10
LOG = """if True:
    import sys
    import artifacts
    with artifacts.init(project="p") as run:
        run.log_artifact(sys.argv[1], "x", "dataset")
"""
DOWNLOAD = """if True:
    import sys
    import artifacts
    artifacts.Api({"project": "p"}).artifact("x").download(sys.argv[1])
"""

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(not IS_SOAK, reason="takes minutes and 20 GB: `make soak`"),
]


@pytest.fixture
def server(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Server:
    server = fleet.server("ceph")
    monkeypatch.setenv("ART_STORE", server.place())
    monkeypatch.setenv("ART_STORAGE_OPTIONS", json.dumps(server.options))
    return server


def write_noise(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // 2**20):
            file.write(os.urandom(2**20))


@pytest.mark.usefixtures("server")
def test_eight_gib_pass_through_a_bucket_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "data"
    source.mkdir()
    write_noise(source / "large", 8 * GIB)

    assert peak_mib("-c", LOG, str(source)) <= 400
    (source / "large").unlink()
    monkeypatch.setenv("ART_CACHE_DIR", str(tmp_path / "cold"))
    assert peak_mib("-c", DOWNLOAD, str(tmp_path / "copy")) <= 400
    assert (tmp_path / "copy" / "large").stat().st_size == 8 * GIB


def test_ten_processes_that_want_one_gib_fetch_it_once(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "data"
    source.mkdir()
    write_noise(source / "large", GIB // 2)
    for number in range(GIB // 2 // 2**20):
        write_noise(source / f"{number:03}", 2**20)
    subprocess.run([sys.executable, "-c", LOG, str(source)], check=True)
    sizes = {path.name: path.stat().st_size for path in source.iterdir()}

    monkeypatch.setenv("ART_CACHE_DIR", str(tmp_path / "cold"))
    port = port_of(server.options)
    with Proxy(port) as proxy:
        options = moved(server.options, f"{HOST}:{port}", f"{HOST}:{proxy.port}")
        monkeypatch.setenv("ART_STORAGE_OPTIONS", json.dumps(options))
        command = [sys.executable, "-c", DOWNLOAD]
        at_once = [subprocess.Popen([*command, str(tmp_path / f"{n}")]) for n in range(PROCESSES)]
        assert [process.wait(600) for process in at_once] == PROCESSES * [0]

    fetched = [each.size for each in proxy.exchanges if "/blobs/" in each.target]
    assert GIB <= sum(fetched) <= 1.01 * GIB
    for number in range(PROCESSES):
        copy = tmp_path / f"{number}"
        assert {path: (copy / path).stat().st_size for path in sizes} == sizes
