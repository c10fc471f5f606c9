"""Second reader: what we write is read by a program that knows the document and nothing of us."""

from __future__ import annotations

import os
from pathlib import Path

from folders import write_tree
from second_reader import SecondReader

import artifacts


def test_store_is_read_by_who_knows_the_document_alone(tmp_path: Path) -> None:
    first = {f"many/{i % 7}/{i:05}.txt": f"{i}\n".encode() * (i % 5) for i in range(5_000)}
    first |= {"large.bin": bytes(range(256)) * 20_000, "ä/日本語": b"text", "empty": b""}
    second = first | {"many/0/00007.txt": b"changed", "new.txt": b"new"}

    log(tmp_path / "data", first)
    log(tmp_path / "data", second)

    reader = SecondReader(Path(os.environ["ART_STORE"]))
    for alias, files in ((f"with-{len(first)}", first), ("latest", second)):
        entries = reader.version("default", "far", "data", alias)
        assert {entry.path: entry.content for entry in entries} == files


def log(folder: Path, files: dict[str, bytes]) -> None:
    write_tree(folder, files)
    with artifacts.init(project="far") as run:
        artifact = artifacts.Artifact("data", type="dataset")
        artifact.add_dir(str(folder))
        run.log_artifact(artifact, aliases=[f"with-{len(files)}"])
