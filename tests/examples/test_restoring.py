"""Reader: who has the document, and nothing of ours, gets every file that was put in."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from folders import write_tree

from artifacts.catalog import Catalog
from artifacts.names import CollectionName

READER = Path(__file__).parents[2] / "examples" / "reader.py"
RANDOM = Random(1)
SMALL = {f"many/{n % 7}/{n:04}.txt": b"%d\n" % n * (n % 5) for n in range(600)}
SOLO = RANDOM.randbytes(5 * 2**20)
TABLE = b"".join(b"%07d,value,%d\n" % (n, RANDOM.randrange(10**6)) for n in range(60_000))
FIRST = SMALL | {"solo.bin": SOLO, "table.csv": TABLE, "ä/日本語": b"text", "empty": b""}
SECOND = FIRST | {
    "solo.bin": SOLO[:1_000_000] + b"an insertion" + SOLO[1_000_000:],
    "table.csv": TABLE[:500_000] + b"a row\n" + TABLE[500_000:],
    "many/1/0001.txt": b"changed",
}


def art(*arguments: str) -> None:
    command = [sys.executable, "-m", "artifacts.cli.main", *arguments]
    subprocess.run(command, check=True, capture_output=True, env=environment())


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def read(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """By a process that cannot import anything of ours."""
    isolated = [sys.executable, "-I", str(READER), os.environ["ART_STORE"], name, str(folder)]
    return subprocess.run(isolated, check=False, capture_output=True, text=True)


def found(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def put(tmp_path: Path) -> Path:
    """A store with two versions of a collection that is called otherwise now."""
    for number, files in enumerate((FIRST, SECOND)):
        folder = write_tree(tmp_path / str(number), files)
        art("put", str(folder), "team/far/old", "--alias", f"number-{number}", "--alias", "prod")
    store = Path(os.environ["ART_STORE"])
    Catalog.open(str(store)).rename(CollectionName("team", "far", "old"), "new")
    return store


def test_every_version_comes_back(put: Path, tmp_path: Path) -> None:
    assert [*put.glob("cache/chunks/*/*")], "something should be in chunks"
    art("link", "team/far/new:v0", "team/far/shown")
    art("ttl", "team/far/new", "--set", "365d")
    shutil.rmtree(put / "cache")  # no reader needs it
    for name, files in {
        "v0": FIRST,
        "number-0": FIRST,
        "number-1": SECOND,
        "latest": SECOND,
        "prod": SECOND,
    }.items():
        answer = read(f"team/far/new:{name}", tmp_path / name)

        assert answer.returncode == 0, answer.stderr
        assert found(tmp_path / name) == files


@pytest.mark.usefixtures("put")
@pytest.mark.parametrize("name", ["team/far/old:v0", "team/far/new:v2", "team/other/new:v0"])
def test_what_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    assert read(name, tmp_path / "copy").returncode == 1
    assert not (tmp_path / "copy").exists()


def test_a_folder_that_is_there_is_left_alone(put: Path, tmp_path: Path) -> None:
    mine = write_tree(tmp_path / "mine", {"many": b"mine"})

    assert read("team/far/new:v0", mine).returncode == 1
    assert found(mine) == {"many": b"mine"}


def test_a_small_version_is_read_from_its_event(tmp_path: Path) -> None:
    write_tree(tmp_path / "few", {"file": b"text"})
    art("put", str(tmp_path / "few"), "team/far/few")
    answer = read("team/far/few:latest", tmp_path / "copy")

    assert not Path(os.environ["ART_STORE"], "pages").exists()
    assert answer.returncode == 0, answer.stderr
    assert found(tmp_path / "copy") == {"file": b"text"}


def test_one_flipped_byte_anywhere_is_refused(put: Path, tmp_path: Path) -> None:
    objects = [
        path
        for kind in ("blobs", "layouts", "logs", "manifests", "pages")
        for path in (put / kind).rglob("*")
        if path.is_file()
    ]
    assert len(objects) > 8
    for number, path in enumerate(objects):
        good = path.read_bytes()
        at = len(good) // 2
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        folders = [tmp_path / f"{version}-{number}" for version in range(2)]
        answers = [read(f"team/far/new:v{n}", folder) for n, folder in enumerate(folders)]
        path.write_bytes(good)

        assert any(answer.returncode == 1 for answer in answers), path
        for folder, files in zip(folders, (FIRST, SECOND), strict=True):
            assert found(folder).items() <= files.items()
            shutil.rmtree(folder, ignore_errors=True)
