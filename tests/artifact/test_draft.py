"""Draft: what can be said of an artifact, and asked of it, before it is logged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from artifact.samples import FILES, content, draft, write
from artifacts.artifact import Artifact
from artifacts.errors import ArtifactFinalizedError, ArtifactNotLoggedError

pytestmark = pytest.mark.usefixtures("store")

LOGGED_ONLY = [
    *("aliases", "commit_hash", "created_at", "entity", "file_count", "project"),
    *("qualified_name", "source_entity", "source_project", "source_qualified_name"),
    *("source_version", "tags", "updated_at", "version", "url"),
    *("collection", "source_collection"),
]
LOGGED_ONLY_METHODS = [
    *("checkout", "download", "file", "files", "new_draft", "verify", "wait"),
    *("json_encode",),
]
GOOD_NAMES = ["data", "a", "A-b_c.1", "..a", "v3", "latest", "x" * 128]
BAD_NAMES = ["", " ", "a/b", "a:b", "a b", "ä", "a@b", "..", "x" * 129]
BAD_TYPES = ["", "job", "wandb-history"]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_name_of_letters_digits_dots_and_dashes_is_taken(name: str) -> None:
    assert Artifact(name, "dataset").name == name


@pytest.mark.parametrize("name", BAD_NAMES)
def test_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Artifact(name, "dataset")


@pytest.mark.parametrize("type_", BAD_TYPES)
def test_reserved_type_is_refused(type_: str) -> None:
    with pytest.raises(ValueError, match="type"):
        Artifact("data", type_)


def test_draft_says_what_it_was_made_with() -> None:
    artifact = Artifact("data", "dataset", "*what*", {"n": 1}, use_as="train")

    assert (artifact.name, artifact.type, artifact.source_name) == ("data", "dataset", "data")
    assert (artifact.description, artifact.metadata) == ("*what*", {"n": 1})
    assert (artifact.use_as, artifact.incremental) == ("train", False)
    assert (artifact.id, artifact.state, artifact.is_draft()) == (None, "PENDING", True)
    assert repr(artifact) == "<Artifact data>"


@pytest.mark.parametrize("name", LOGGED_ONLY)
def test_what_only_a_logged_artifact_has_is_no_attribute_of_a_draft(name: str) -> None:
    artifact = Artifact("data", "dataset")

    with pytest.raises(ArtifactNotLoggedError, match=rf"'Artifact.{name}' used prior to logging"):
        getattr(artifact, name)
    assert not hasattr(artifact, name)
    assert getattr(artifact, name, "absent") == "absent"


@pytest.mark.parametrize("name", LOGGED_ONLY_METHODS)
def test_what_only_a_logged_artifact_can_do_is_refused(name: str) -> None:
    with pytest.raises(ArtifactNotLoggedError, match=f"'Artifact.{name}'"):
        getattr(draft(), name)()


@pytest.mark.parametrize("name", ["aliases", "tags"])
def test_aliases_and_tags_are_not_set_before_logging(name: str) -> None:
    with pytest.raises(ArtifactNotLoggedError):
        setattr(Artifact("data", "dataset"), name, ["x"])


def test_entry_of_a_draft_cannot_be_downloaded() -> None:
    with pytest.raises(ArtifactNotLoggedError):
        draft().get_entry("a.txt").download()


# Metadata


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, {}),
        ({1: (2, 3)}, {"1": [2, 3]}),
        ({"s": {3, 1}}, {"s": [1, 3]}),
        ({"nan": float("nan")}, {"nan": None}),
        ({"t": datetime(2026, 1, 2, tzinfo=UTC)}, {"t": "2026-01-02T00:00:00+00:00"}),
    ],
    ids=str,
)
def test_metadata_is_what_json_would_make_of_it(given: dict[Any, Any], kept: object) -> None:
    artifact = Artifact("data", "dataset", metadata=given)
    assert artifact.metadata == kept

    artifact.metadata = {"else": 0}
    artifact.metadata = given
    assert artifact.metadata == kept


def test_metadata_is_a_copy_at_any_depth() -> None:
    mine = {"a": {"b": [1]}}
    artifact = Artifact("data", "dataset", metadata=mine)
    mine["a"]["b"].append(2)

    assert artifact.metadata == {"a": {"b": [1]}}


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ("text", TypeError),
        ([("a", 1)], TypeError),
        ({"f": print}, TypeError),
        ({str(n): n for n in range(101)}, ValueError),
        ({"inf": float("inf")}, ValueError),
    ],
    ids=["text", "pairs", "function", "101 keys", "infinity"],
)
def test_what_is_no_metadata_is_refused(metadata: Any, error: type[Exception]) -> None:  # noqa: ANN401
    with pytest.raises(error):
        Artifact("data", "dataset", metadata=metadata)
    with pytest.raises(error):
        Artifact("data", "dataset").metadata = metadata


def test_metadata_changed_in_place_is_checked_when_it_is_logged() -> None:
    artifact = draft()
    artifact.metadata["mean"] = (1, float("nan"))
    artifact.save()
    assert artifact.metadata == {"mean": [1, None]}

    other = draft(name="other")
    other.metadata["f"] = print
    with pytest.raises(TypeError):
        other.save()
    del other.metadata["f"]
    other.save()
    assert other.name == "other:v0"


# Finalized


def test_finalized_draft_takes_and_gives_no_entries(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", FILES)
    artifact = draft()
    artifact.finalize()

    refused: dict[str, Callable[[], object]] = {
        "add_file": lambda: artifact.add_file(f"{folder}/a.txt"),
        "add_dir": lambda: artifact.add_dir(folder),
        "new_file": lambda: ExitStack().enter_context(artifact.new_file("x")),
        "remove": lambda: artifact.remove("a.txt"),
    }
    for name, call in refused.items():
        with pytest.raises(ArtifactFinalizedError, match=f"'Artifact.{name}' used on logged"):
            call()
    assert content(artifact).keys() == FILES.keys()


def test_finalized_draft_is_still_told_of_and_logged() -> None:
    artifact = draft()
    artifact.finalize()
    artifact.description, artifact.metadata = "said later", {"n": 1}
    artifact.save()

    assert (artifact.description, artifact.metadata) == ("said later", {"n": 1})


# Content


def test_draft_knows_its_digest_size_and_entries() -> None:
    artifact = draft()

    assert artifact.size == artifact.manifest._manifest.size == sum(map(len, FILES.values()))  # noqa: SLF001
    assert content(artifact) == {path: blake3(data).hexdigest() for path, data in FILES.items()}
    assert artifact.manifest.digest() == artifact.digest
    before = artifact.digest
    artifact.save()
    assert artifact.digest == before


@given(order=st.permutations([*FILES]))
def test_digest_does_not_depend_on_the_order_of_adding(order: list[str]) -> None:
    made = Artifact("other", "model")
    for path in order:
        with made.new_file(path, "wb") as file:
            file.write(FILES[path])

    assert made.digest == draft().digest


def test_asking_an_empty_draft_touches_no_store(store: Path) -> None:
    shutil.rmtree(store)
    artifact = Artifact("data", "dataset")

    assert (artifact.size, len(artifact.manifest), len(artifact.digest)) == (0, 0, 64)
    assert not store.exists()


def test_empty_artifact_is_an_artifact(tmp_path: Path) -> None:
    artifact = Artifact("data", "dataset")
    before = artifact.digest
    artifact.save()

    assert (artifact.name, artifact.digest, artifact.file_count) == ("data:v0", before, 0)
    artifact.download(tmp_path / "out")
    artifact.verify(str(tmp_path / "out"))


@pytest.mark.parametrize("path", ["none", "sub", "sub/", "a.txt/b", ""])
def test_entry_that_there_is_not_is_a_key_error(path: str) -> None:
    made = draft()
    made.save()
    for artifact in (Artifact("data", "dataset"), draft(), made):
        for look in (artifact.get_entry, artifact.get_path):
            with pytest.raises(KeyError) as caught:
                look(path)
            assert str(caught.value).startswith("Path not contained in artifact: ")


@pytest.mark.parametrize("path", ["sub/b.txt", "./sub//b.txt", Path("sub/b.txt")])
def test_entry_is_found_however_its_path_is_written(path: str) -> None:
    made = draft()
    made.save()
    for artifact in (draft(), made):
        assert artifact.get_entry(path).path == artifact.get_path(path).name == "sub/b.txt"


def test_what_is_left_out_of_an_artifact_is_told_of_the_class_that_users_know() -> None:
    with pytest.raises(TypeError, match=r"^Artifact\.__init__\(\) missing .* 'type'$"):
        Artifact("data")  # type: ignore[call-arg]
