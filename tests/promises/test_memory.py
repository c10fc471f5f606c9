"""Memory: bounded, however large or many the files are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
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


def random_bytes() -> bytes:
    return os.urandom(2**20)


def random_text() -> bytes:
    """Compresses to half."""
    return os.urandom(2**19).hex().encode()


def insert(path: Path, at: int, new: bytes) -> None:
    beside = path.with_name("beside")
    with path.open("rb") as before, beside.open("wb") as after:
        while before.tell() < at:
            after.write(before.read(2**20))
        after.write(new)
        shutil.copyfileobj(before, after)
    beside.replace(path)


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


@pytest.mark.parametrize("block", [random_bytes, random_text])
def test_a_large_file_and_its_next_version_pass_through_in_pieces(
    data: Path, tmp_path: Path, block: Callable[[], bytes]
) -> None:
    """One that does not compress and is put together of stretches, and one of chunks that do."""
    with (data / "large").open("wb") as file:
        for _ in range(512):
            file.write(block())
    assert peak_mib("-c", LOG, str(data), str(tmp_path / "first")) <= 200

    insert(data / "large", 200 * 2**20, b"what is new")
    assert peak_mib("-c", LOG, str(data), str(tmp_path / "second")) <= 200


def test_many_files_take_little_each(data: Path, tmp_path: Path) -> None:
    for folder in range(50):
        (data / str(folder)).mkdir()
        for number in range(200):
            (data / str(folder) / str(number)).write_bytes(b"%d %d" % (folder, number))

    assert peak_mib("-c", LOG, str(data), str(tmp_path / "copy")) <= 100
