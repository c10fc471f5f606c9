"""Memory: bounded, however large or many the files are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = """if True:
    import os, sys
    child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, *sys.argv[1:]])
    _, status, usage = os.wait4(child, 0)
    assert status == 0
    print(usage.ru_maxrss // 1024)
"""
LOG = """if True:
    import sys
    import artifacts
    with artifacts.init(project="p") as run:
        run.log_artifact(sys.argv[1], "x", "dataset")
    artifacts.Api({"project": "p"}).artifact("x").download(sys.argv[2])
"""


def peak_mib(*arguments: str) -> int:
    """Peak of resident memory of a Python process. A small one measures: it is inherited."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", MEASURE, *arguments]
    return int(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_a_large_file_passes_through_in_pieces(data: Path, tmp_path: Path) -> None:
    with (data / "large").open("wb") as file:
        for _ in range(300):
            file.write(os.urandom(2**20))

    assert peak_mib("-c", LOG, str(data), str(tmp_path / "copy")) <= 100


def test_many_files_take_little_each(data: Path, tmp_path: Path) -> None:
    for folder in range(50):
        (data / str(folder)).mkdir()
        for number in range(200):
            (data / str(folder) / str(number)).write_bytes(b"%d %d" % (folder, number))

    assert peak_mib("-c", LOG, str(data), str(tmp_path / "copy")) <= 100
