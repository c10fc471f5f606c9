"""Identity: the same files give the same digest, in any order, in any store, on any machine."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from folders import write_tree

import artifacts
from artifacts import Artifact
from artifacts.cache import Intake, Tree
from artifacts.catalog import Draft
from artifacts.progress import Silent
from artifacts.storage import MemoryStore
from artifacts.testing import SlowStore

FILES = {
    "a.txt": b"hello\n",
    "a/b.bin": bytes(range(256)) * 20_000,  # which compresses
    "large.bin": random.Random(1).randbytes(5 * 2**20),  # large enough for a blob of its own
    "empty": b"",
    "same": b"hello\n",
    "sub/dir/é ü.txt": "päth".encode(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "files", FILES)


@pytest.fixture
def digest(folder: Path) -> str:
    artifact = Artifact("x", "dataset")
    artifact.add_dir(str(folder))
    return artifact.digest


@pytest.mark.parametrize("delays", [False, True], ids=["near", "far"])
def test_placement_does_not_matter(folder: Path, digest: str, *, delays: bool) -> None:
    """Whole, in chunks, and in stretches of a version of which each file was a little longer."""
    memory = MemoryStore()
    store = SlowStore(memory, 1, sleep=lambda _: None) if delays else memory
    past = Intake(store, folder.parent / "cache", "store")
    spans = {path: (past.add_bytes(data + b"more"), len(data) + 4) for path, data in FILES.items()}
    past.close()
    base = {
        path: (found, past.contents.spans(found, size)) for path, (found, size) in spans.items()
    }
    placements = []
    for known in ({}, base):
        draft = Draft("x", "dataset", Intake(store, folder.parent / str(len(known)), "store"))
        draft.intake.base = known.get
        draft.add_tree(Tree(str(folder)), "", Silent())
        draft.intake.close()
        contents = draft.intake.contents
        placements.append([contents.spans(row[0], row[1]) for row in draft.rows.values() if row[1]])

        assert draft.manifest().digest.hex() == digest
    assert delays or placements[0] != placements[1]


@pytest.mark.parametrize("seed", range(5))
def test_order_of_adding_does_not_matter(folder: Path, digest: str, seed: int) -> None:
    paths = sorted(FILES)
    random.Random(seed).shuffle(paths)
    artifact = Artifact("other", "model")
    for path in paths:
        artifact.add_file(str(folder / path), path)

    assert artifact.digest == digest


@pytest.mark.parametrize("policy", ["mutable", "immutable"])
def test_way_of_adding_does_not_matter(folder: Path, digest: str, policy: str) -> None:
    added, written = Artifact("x", "dataset"), Artifact("x", "dataset")
    added.add_dir(str(folder), policy=policy)  # type: ignore[arg-type]  # parametrized
    for path, content in FILES.items():
        with written.new_file(path, "wb") as file:
            file.write(content)

    assert added.digest == written.digest == digest


def test_store_does_not_matter(folder: Path, digest: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        settings = artifacts.Settings.load(store=tmp_path / name, project="p")
        with artifacts.init(settings=settings) as run:
            assert run.log_artifact(str(folder), "x", "dataset").digest == digest


def test_name_metadata_and_times_do_not_matter(folder: Path, digest: str) -> None:
    for path in FILES:
        (folder / path).touch()
    artifact = Artifact("y", "model", "words", {"n": 1})
    artifact.add_dir(str(folder))

    assert artifact.digest == digest


@pytest.mark.parametrize("change", [("a.txt", b"hallo\n"), ("new", b""), ("same", None)])
def test_any_change_of_a_file_changes_it(
    folder: Path, digest: str, change: tuple[str, bytes | None]
) -> None:
    path, content = change
    (folder / path).unlink(missing_ok=True)
    if content is not None:
        (folder / path).write_bytes(content)
    artifact = Artifact("x", "dataset")
    artifact.add_dir(str(folder))

    assert artifact.digest != digest


def test_hash_seed_and_process_do_not_matter(folder: Path, digest: str) -> None:
    program = """if True:
        import sys
        from artifacts import Artifact
        artifact = Artifact("x", "dataset")
        artifact.add_dir(sys.argv[1])
        print(artifact.digest)
    """
    environment = {
        "PYTHONPATH": ":".join(sys.path),
        "HOME": str(folder.parent),
        "PYTHONHASHSEED": "7",
    }
    other = subprocess.run(
        [sys.executable, "-c", program, folder],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.strip() == digest
