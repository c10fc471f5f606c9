"""Download: a version's files in a folder, and the folder compared with them."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from artifact.samples import FILES, LARGE, draft, logged, read, write
from artifacts.artifact import Artifact
from artifacts.cache import RECEIPT, Receipt
from artifacts.companion import Companion
from artifacts.errors import (
    DigestMismatchError,
    LocalChangesError,
    ObstructedError,
    VerificationError,
)
from artifacts.query import Api
from artifacts.runs import init

pytestmark = pytest.mark.usefixtures("store")

MIXED = {**FILES, "empty": b"", "large": b"l" * LARGE}
ROOT = Path(__file__).parents[2]


# Where to


def test_root_is_made_and_returned(tmp_path: Path) -> None:
    artifact = logged(MIXED)

    assert artifact.download("deep/er") == "deep/er"
    assert artifact.download(tmp_path / "out") == str(tmp_path / "out")
    assert read("deep/er") == read(tmp_path / "out") == MIXED


def test_empty_root_is_the_default_one() -> None:
    artifact = logged()
    root = artifact.download()

    assert artifact.download("") == root
    artifact.verify("")
    assert not Path(RECEIPT).exists()


def test_default_root_is_named_after_the_version(tmp_path: Path) -> None:
    logged()
    root = Api().artifact("data:latest").download()

    assert root == str(tmp_path / "artifacts" / "data:v0")
    assert read(root) == FILES


@pytest.mark.parametrize("variable", ["WANDB_ARTIFACT_DIR", "ART_ARTIFACT_DIR"])
def test_environment_decides_the_default_root(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "elsewhere")
    root = logged().download()

    assert root == str(tmp_path / "elsewhere" / "data:v0")


def test_versions_do_not_meet_in_default_roots() -> None:
    roots = [logged({"n": bytes([n])}).download() for n in range(2)]

    assert [read(root) for root in roots] == [{"n": b"\0"}, {"n": b"\1"}]


def test_files_respect_the_umask(tmp_path: Path) -> None:
    artifact = logged(MIXED)
    before = os.umask(0o027)
    try:
        artifact.download(tmp_path / "out")
    finally:
        os.umask(before)

    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*.*")}
    assert modes <= {0o640, 0o750}


# Which of them


@pytest.mark.parametrize(
    ("prefix", "paths"),
    [
        (None, ["a", "ab", "b/a", "b/ab/c", "c"]),
        ("", ["a", "ab", "b/a", "b/ab/c", "c"]),
        ("a", ["a", "ab"]),
        ("b", ["b/a", "b/ab/c"]),
        ("b/a", ["b/a", "b/ab/c"]),
        ("b/a/", []),
        (Path("b/ab"), ["b/ab/c"]),
        ("nowhere", []),
    ],
)
def test_prefix_is_one_of_text_as_in_w_and_b(prefix: str | None, paths: list[str]) -> None:
    artifact = logged({path: path.encode() for path in ["a", "ab", "b/a", "b/ab/c", "c"]})

    assert sorted(read(artifact.download("out", path_prefix=prefix))) == paths


def test_parts_come_together_in_one_folder() -> None:
    artifact = logged()
    artifact.download("out", path_prefix="sub/")
    artifact.download("out", path_prefix="a")

    artifact.verify("out")
    assert read("out") == FILES


def test_one_entry_is_downloaded_alone() -> None:
    artifact = logged({"a": b"1", "ab": b"2", "a.b/c": b"3"})

    assert artifact.get_entry("a").download("out") == "out/a"
    assert read("out") == {"a": b"1"}
    assert artifact.get_entry("a.b/c").download("out") == "out/a.b/c"
    assert read("out") == {"a": b"1", "a.b/c": b"3"}
    [delivery] = Receipt.read(Path("out")).deliveries
    assert delivery.files().keys() == {"a", "a.b/c"}
    assert delivery.part == "a, a.b/c"


def test_entry_goes_by_default_where_the_artifact_goes(tmp_path: Path) -> None:
    entry = logged().get_entry("sub/b.txt")

    assert entry.download() == str(tmp_path / "artifacts" / "data:v0" / "sub" / "b.txt")


def test_entry_of_the_next_version_takes_the_place_of_the_last() -> None:
    for n in range(3):
        entry = logged({"model": bytes([n]), "n": bytes([n])}).get_entry("model")
        assert Path(entry.download("out")).read_bytes() == bytes([n])

    [delivery] = Receipt.read(Path("out")).deliveries
    assert (delivery.name.rpartition(":")[2], delivery.only) == ("v2", ("model",))


def test_many_entries_one_by_one_are_one_delivery() -> None:
    artifact = logged({f"{n:03}": bytes([n]) for n in range(60)})
    for entry in artifact.manifest.entries.values():
        entry.download("out")
    assert len(Receipt.read(Path("out")).deliveries) == 1
    artifact.verify("out")

    artifact.download("out")
    [delivery] = Receipt.read(Path("out")).deliveries
    assert not delivery.only


def test_entries_that_threads_download_at_once_are_all_remembered() -> None:
    artifact = logged({f"sub/{n:03}": bytes([n]) for n in range(30)})
    with ThreadPoolExecutor(8) as pool:
        [*pool.map(lambda entry: entry.download("out"), artifact.manifest.entries.values())]

    artifact.verify("out")
    [delivery] = Receipt.read(Path("out")).deliveries
    assert len(delivery.only) == 30


def test_only_file_is_downloaded_and_named() -> None:
    assert logged({"sub/only": b"1"}).file("out") == "out/sub/only"
    assert read("out") == {"sub/only": b"1"}


@pytest.mark.parametrize("files", [{}, FILES], ids=["none", "three"])
def test_file_is_refused_for_what_has_not_one(files: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match=f"has {len(files)} files"):
        logged(files).file("out")
    assert not Path("out").exists()


# What is there already


def test_file_that_is_right_is_kept() -> None:
    artifact = logged(MIXED)
    artifact.download("out")
    before = {path: written(Path("out", path)) for path in MIXED}
    artifact.download("out")

    assert {path: written(Path("out", path)) for path in MIXED} == before


def written(path: Path) -> tuple[int, int]:
    """Which file it is, and when it was written last; that it was read does not count."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_version_takes_the_place_of_the_last_and_of_nothing_else() -> None:
    logged({"a": b"old", "gone": b"old", "edited": b"old"}).download("out")
    Path("out/edited").write_bytes(b"mine")
    Path("out/mine").write_bytes(b"mine")
    logged({"a": b"new", "b": b"new"}).download("out")

    assert read("out") == {"a": b"new", "b": b"new", "edited": b"mine", "mine": b"mine"}


def test_part_of_the_next_version_leaves_the_rest_alone() -> None:
    logged({"a": b"old", "ab": b"old", "b/c": b"old"}).download("out")
    made = logged({"a": b"new"})
    made.get_entry("a").download("out")
    made.download("out", path_prefix="a")

    assert read("out") == {"a": b"new", "ab": b"old", "b/c": b"old"}


def test_edited_file_is_kept_and_named_once_all_others_are_there() -> None:
    artifact = logged()
    artifact.download("out")
    Path("out/a.txt").write_bytes(b"edited")
    Path("out/sub/b.txt").unlink()

    with pytest.raises(LocalChangesError) as caught:
        artifact.download("out")
    assert caught.value.paths == ("a.txt",)
    assert read("out") == {**FILES, "a.txt": b"edited"}


def test_file_that_nobody_downloaded_is_kept_as_edited() -> None:
    Path("out").mkdir()
    Path("out/a.txt").write_bytes(b"mine")

    with pytest.raises(LocalChangesError):
        logged().download("out")
    assert read("out") == {**FILES, "a.txt": b"mine"}


# Exactly this


def test_checkout_makes_a_folder_hold_nothing_else(tmp_path: Path) -> None:
    artifact = logged(MIXED)
    outside = write(tmp_path / "outside", {"kept": b"kept"})
    out = Path(write(tmp_path / "out", {"stranger": b"", "sub/b.txt": b"edited", "e/f/g": b""}))
    (out / "sub" / "link").symlink_to(outside)
    (out / "a.txt").mkdir()
    (out / "hollow" / "deep").mkdir(parents=True)

    assert artifact.checkout(str(out)) == str(out)
    assert read(out) == MIXED
    assert {path.name for path in out.rglob("*") if path.is_dir()} == {"sub", "deep"}
    assert read(outside) == {"kept": b"kept"}
    artifact.verify(str(out))


def test_checkout_goes_by_default_where_the_next_version_goes_too(tmp_path: Path) -> None:
    roots = {logged({f"{n}": b""}).checkout() for n in range(2)}

    assert roots == {str(tmp_path / "artifacts" / "data")}
    assert read(tmp_path / "artifacts" / "data").keys() == {"1"}


def test_file_in_the_place_of_a_folder_makes_room_for_it() -> None:
    write(Path("out"), {"sub": b"a file"})

    assert read(logged().checkout("out")) == FILES


# Compared


def test_what_was_downloaded_is_as_it_should_be(tmp_path: Path) -> None:
    artifact = logged(MIXED)
    artifact.download()
    artifact.verify()
    artifact.verify(artifact.download(tmp_path / "out"))


def test_every_difference_is_listed() -> None:
    artifact = logged(MIXED)
    artifact.download("out")
    Path("out/a.txt").write_bytes(b"alphA")
    Path("out/large").write_bytes(b"l" * (LARGE - 1))
    Path("out/empty").write_bytes(b"not")
    Path("out/sub/b.txt").unlink()
    Path("out/sub/new").write_bytes(b"")
    Path("out/more").symlink_to("a.txt")

    with pytest.raises(VerificationError) as caught:
        artifact.verify("out")
    assert isinstance(caught.value, ValueError)
    kinds = [line.split()[:2] for line in caught.value.differences]
    assert kinds == [
        ["missing:", "sub/b.txt"],
        ["changed:", "a.txt"],
        ["changed:", "empty"],
        ["changed:", "large"],
        ["unexpected:", "more"],
        ["unexpected:", "sub/new"],
    ]
    assert all(line in str(caught.value) for line in caught.value.differences)
    assert artifact.get_entry("a.txt").digest in caught.value.differences[1]


def test_part_of_an_artifact_is_not_all_of_it() -> None:
    artifact = logged()
    artifact.download("out", path_prefix="a")

    with pytest.raises(VerificationError, match=r"missing: sub/b\.txt"):
        artifact.verify("out")


def test_folder_that_is_not_there_cannot_be_verified() -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        logged().verify("nowhere")


# By whom and from where


def test_download_needs_neither_the_run_nor_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with init() as run:
        artifact = run.log_artifact(draft(MIXED))
    (tmp_path / "far").mkdir()
    monkeypatch.chdir(tmp_path / "far")

    assert read(artifact.download("out")) == MIXED
    assert read(Api().artifact("data").download()) == MIXED
    assert (tmp_path / "far" / "artifacts" / "data:v0").is_dir()


PIPELINE = """
import artifacts
with artifacts.init() as run:
    made = artifacts.Artifact("data", "dataset")
    made.add_dir("d")
    print(run.log_artifact(made).qualified_name)
"""
INFERENCE = """
import artifacts
print(artifacts.Api().artifact("data:latest").download("out"))
"""


def test_two_processes_meet_without_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("ART_STORE", "ART_CACHE_DIR"):
        monkeypatch.delenv(variable)
    for place in ("pipeline", "inference"):
        (tmp_path / place).mkdir()
    write(tmp_path / "pipeline" / "d", MIXED)

    assert python(PIPELINE, tmp_path / "pipeline") == "default/uncategorized/data:v0"
    assert python(INFERENCE, tmp_path / "inference") == "out"
    assert read(tmp_path / "inference" / "out") == MIXED
    assert (tmp_path / "home").is_dir()


def python(code: str, folder: Path) -> str:
    """What a new process says that runs this code in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    outside = Path(write(tmp_path / "outside", {"b.txt": b"mine"}))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(outside)

    with pytest.raises(ObstructedError, match="is a link here"):
        logged().download("out")
    assert read(outside) == {"b.txt": b"mine"}


def test_receipt_is_one_hidden_file() -> None:
    logged().download("out")

    assert sorted(os.listdir("out")) == [RECEIPT, "a.txt", "sub"]


def test_artifact_of_a_download_is_the_artifact() -> None:
    first = logged(MIXED)
    again = Artifact("again", "dataset")
    again.add_dir(first.download())

    assert again.digest == first.digest


def test_a_receipt_of_long_ago_still_counts(tmp_path: Path) -> None:
    logged({"a": b"a"}, "first").download(tmp_path / "d")
    os.utime(tmp_path / "d" / RECEIPT, (0, 0))
    logged({"b": b"b"}, "second").download(tmp_path / "d")

    assert read(tmp_path / "d") == {"a": b"a", "b": b"b"}
    assert len(Receipt.read(tmp_path / "d").deliveries) == 2


@pytest.mark.parametrize("kind", ["nothing", "a file"])
def test_verifying_where_no_folder_is_says_so(tmp_path: Path, kind: str) -> None:
    artifact, place = logged(), tmp_path / "out"
    if kind == "a file":
        place.touch()

    with pytest.raises(FileNotFoundError) as caught:
        artifact.verify(str(place))

    assert str(caught.value).startswith(f"there is no folder {place}: ")
    assert "download" in str(caught.value)


# By many hands


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Files of some pages, which companions are begun for, even with one processor."""
    monkeypatch.setattr("artifacts.cache.checkout._MANY", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    return {f"{n // 1500}/{n:05}": b"%d" % n for n in range(9000)}


@pytest.mark.local
def test_companions_write_a_part(
    many: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[bytes | None] = []
    answer = Companion.answer

    def noted(self: Companion, request: bytes) -> bytes | None:
        answers.append(answer(self, request))
        return answers[-1]

    monkeypatch.setattr(Companion, "answer", noted)
    logged(many).download(tmp_path / "out")

    assert read(tmp_path / "out") == many
    assert any(answers), "nobody was asked"


@pytest.mark.local
@pytest.mark.parametrize("begun", [True, False])
def test_what_a_companion_that_dies_was_asked_for_arrives(
    begun: bool,  # noqa: FBT001
    many: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even if it had begun, and left a file of which nobody knows whether it is whole."""

    asked: list[int] = []

    def die(self: Companion, request: bytes) -> None:
        *_, places, _, _ = marshal.loads(request)
        targets = places.split(b"\0")
        asked.append(len(targets))
        for target in targets[: len(targets) // 2] if begun else ():
            Path(os.fsdecode(target)).write_bytes(b"half")
        self.is_lost = True

    monkeypatch.setattr(Companion, "answer", die)
    logged(many).download(tmp_path / "out")

    assert read(tmp_path / "out") == many
    assert asked
    assert min(asked) > 1


@pytest.mark.local
def test_damage_is_named_whoever_finds_it(
    many: dict[str, bytes], tmp_path: Path, store: Path
) -> None:
    artifact = logged(many)
    [pack] = [path for path in (store / "blobs").rglob("*") if path.is_file()]
    data = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(data[:-1] + b"?")
    with pytest.raises(DigestMismatchError) as raised:
        artifact.download(tmp_path / "out")

    last = max(many)
    assert last in str(raised.value)
    assert read(tmp_path / "out") == {path: data for path, data in many.items() if path != last}
