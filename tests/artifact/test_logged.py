"""Logged: what an artifact is from then on, and what can still be said of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from artifact.samples import FILES, LARGE, content, draft, logged, read, size_of, write
from artifacts.artifact import Artifact
from artifacts.errors import ArtifactFinalizedError, ArtifactNotFoundError
from artifacts.query import Api
from artifacts.runs import init
from artifacts.settings import Settings

pytestmark = pytest.mark.usefixtures("store")

OTHER = {"a.txt": b"other"}


def get(name: str) -> Artifact:
    """As somebody else sees it now."""
    return Api().artifact(name)


# What it is


def test_logged_artifact_says_where_it_is() -> None:
    artifact = draft(description="*what*", metadata={"n": 1})
    artifact.save()

    for made in (artifact, get("data")):
        assert (made.entity, made.project) == ("default", "uncategorized")
        assert (made.name, made.version, made.type) == ("data:v0", "v0", "dataset")
        assert made.qualified_name == "default/uncategorized/data:v0"
        assert (made.source_entity, made.source_project) == (made.entity, made.project)
        assert (made.source_name, made.source_version) == (made.name, made.version)
        assert made.source_qualified_name == made.qualified_name
        assert (made.description, made.metadata) == ("*what*", {"n": 1})
        assert (made.state, made.is_draft()) == ("COMMITTED", False)
        assert (made.size, made.file_count) == (sum(map(len, FILES.values())), 3)
        assert made.digest == made.commit_hash == made.manifest.digest() == draft().digest
        assert (made.aliases, made.tags) == (["latest"], [])
        assert repr(made) == "<Artifact default/uncategorized/data:v0>"
        assert made.wait() is made.wait(timeout=1) is made


def test_times_are_iso_8601_in_utc() -> None:
    artifact = logged()
    created = datetime.fromisoformat(artifact.created_at)
    artifact.description = "later"
    artifact.save()

    assert created.utcoffset() == timedelta(0)
    assert created <= datetime.fromisoformat(artifact.updated_at)
    assert artifact.created_at == get("data").created_at


def test_id_is_one_versions_for_ever() -> None:
    first, second, other = logged(), logged(OTHER), logged(name="other")

    assert len({first.id, second.id, other.id}) == 3
    assert (get("data:v0").id, get("data:v1").id) == (first.id, second.id)


def test_versions_are_numbered_in_order() -> None:
    names = [logged({"n": bytes([n])}).name for n in range(4)]

    assert names == ["data:v0", "data:v1", "data:v2", "data:v3"]
    assert get("data").name == get("data:latest").name == "data:v3"


def test_logged_artifact_is_not_changed_any_more(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", OTHER)
    for artifact in (logged(), get("data")):
        refused: dict[str, Callable[[], object]] = {
            "add_file": lambda artifact=artifact: artifact.add_file(f"{folder}/a.txt"),  # type: ignore[misc]
            "add_dir": lambda artifact=artifact: artifact.add_dir(folder),  # type: ignore[misc]
            "new_file": lambda artifact=artifact: ExitStack().enter_context(artifact.new_file("x")),  # type: ignore[misc]
            "remove": lambda artifact=artifact: artifact.remove("a.txt"),  # type: ignore[misc]
        }
        for name, call in refused.items():
            with pytest.raises(ArtifactFinalizedError, match=f"'Artifact.{name}'"):
                call()
    assert content(get("data")) == content(draft())


def test_collection_keeps_its_type() -> None:
    logged()
    model = Artifact("data", "model")

    with pytest.raises(ValueError, match="already exists with type 'dataset'"):
        model.save()
    with model.new_file("still") as file:
        file.write("a draft, and not final")


def test_draft_that_could_not_be_logged_can_be_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = draft()
    artifact.metadata["bad"] = float("inf")
    with pytest.raises(ValueError, match="infinities"):
        artifact.save()
    artifact.metadata["bad"] = 1
    artifact.remove("a.txt")
    artifact.save()

    assert (artifact.name, artifact.file_count) == ("data:v0", 2)


# Equal content


@pytest.mark.parametrize("again", [0, 1, 2])
def test_content_of_any_version_is_that_version(again: int) -> None:
    versions = [{"f": bytes([n])} for n in range(3)]
    for files in versions:
        logged(files)

    artifact = draft(versions[again], description="again", metadata={"again": again})
    with init() as run:
        run.log_artifact(artifact, aliases=["best"], tags=["seen"])

    assert artifact.name == f"data:v{again}"
    assert {get("data").name, get("data:best").name} == {artifact.name}
    found = get(artifact.name)
    assert sorted(found.aliases) == sorted(artifact.aliases) == ["best", "latest"]
    assert (found.tags, found.description, found.metadata) == (["seen"], "again", {"again": again})
    with pytest.raises(ArtifactNotFoundError):
        get("data:v3")


def test_equal_content_keeps_what_nothing_is_said_about() -> None:
    first = logged(description="first", metadata={"n": 1})
    first.tags = ["seen"]
    first.save()
    again = logged()

    assert (again.name, again.description, again.metadata) == ("data:v0", "first", {"n": 1})
    assert again.tags == ["seen"]


# What is said of it


def test_aliases_are_added_and_removed_in_place() -> None:
    artifact = logged()
    artifact.aliases.append("prod")
    artifact.save()
    assert sorted(get("data:prod").aliases) == ["latest", "prod"]

    artifact.aliases.remove("latest")
    artifact.save()
    assert artifact.aliases == get("data:prod").aliases == ["prod"]
    with pytest.raises(ArtifactNotFoundError):
        get("data:latest")


def test_aliases_are_set() -> None:
    artifact = logged()
    artifact.aliases = ["b", "a", "b"]
    assert artifact.aliases == ["b", "a"]
    artifact.save()

    assert sorted(get("data:a").aliases) == ["a", "b"]


def test_alias_stands_for_one_version() -> None:
    first, second = logged(), logged(OTHER)
    for artifact in (first, second):
        artifact.aliases.append("best")
        artifact.save()

    assert get("data:best").name == "data:v1"
    assert "best" not in get("data:v0").aliases


@pytest.mark.parametrize("alias", ["a/b", "a:b", "v3", "", " "])
def test_what_is_no_alias_is_refused(alias: str) -> None:
    artifact = logged()
    with pytest.raises(ValueError, match="invalid name"):
        artifact.aliases = [alias]
    artifact.aliases.append(alias)
    with pytest.raises(ValueError, match="invalid name"):
        artifact.save()

    assert get("data").aliases == ["latest"]


def test_tags_are_changed_in_place_and_set() -> None:
    artifact = logged()
    artifact.tags.append("two words")
    artifact.save()
    assert get("data").tags == ["two words"]

    artifact.tags = ["b", "a", "b"]
    artifact.save()
    assert get("data").tags == artifact.tags == ["b", "a"]


@pytest.mark.parametrize("tag", ["a/b", "a.b", "", " a"])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    artifact = logged()
    with pytest.raises(ValueError, match="tag"):
        artifact.tags = [tag]
    artifact.tags.append(tag)
    with pytest.raises(ValueError, match="tag"):
        artifact.save()

    assert get("data").tags == []


def test_description_and_metadata_are_saved() -> None:
    artifact = logged(description="old", metadata={"n": {"deep": [1]}, "kept": True})
    artifact.description = None
    artifact.metadata["n"]["deep"].append(2)
    assert get("data").metadata["n"] == {"deep": [1]}
    artifact.save()

    assert (get("data").description, get("data").name) == (None, "data:v0")
    assert get("data").metadata == artifact.metadata == {"n": {"deep": [1, 2]}, "kept": True}


def test_metadata_can_be_emptied() -> None:
    artifact = logged(metadata={"n": 1})
    artifact.metadata = {}
    artifact.save()

    assert get("data").metadata == {}


def test_bad_metadata_is_not_saved() -> None:
    artifact = logged(metadata={"n": 1})
    artifact.metadata["f"] = print
    with pytest.raises(TypeError):
        artifact.save()

    assert get("data").metadata == {"n": 1}


def test_saving_nothing_new_writes_nothing(store: Path) -> None:
    artifact = logged(metadata={"n": 1})
    artifact.aliases.append("a")
    artifact.save()
    before = size_of(store)
    artifact.save()
    get("data").save()

    assert size_of(store) == before


def test_saving_takes_back_nothing_that_moved_on_since() -> None:
    with init() as run:
        first = run.log_artifact(draft(), aliases=["best"])
        run.log_artifact(draft(OTHER), aliases=["best"])
        first.description = "the first"
        first.save()

    assert get("data:latest").name == get("data:best").name == "data:v1"
    assert (get("data:v0").description, first.aliases) == ("the first", [])


def test_what_others_said_meanwhile_is_kept() -> None:
    logged()
    mine, theirs = get("data"), get("data")
    mine.tags.append("mine")
    mine.description = "mine"
    theirs.tags.append("theirs")
    theirs.metadata["by"] = "them"
    theirs.aliases.append("theirs")
    theirs.save()
    mine.save()

    for artifact in (mine, get("data")):
        assert sorted(artifact.tags) == ["mine", "theirs"]
        assert (artifact.description, artifact.metadata) == ("mine", {"by": "them"})
        assert sorted(artifact.aliases) == ["latest", "theirs"]


# The next version


def test_new_draft_has_the_same_content_and_is_free() -> None:
    first = logged(description="first", metadata={"n": {"deep": 1}})
    first.tags = ["seen"]
    first.save()
    made = get("data").new_draft()

    assert (made.is_draft(), made.name, made.type, made.id) == (True, "data", "dataset", None)
    assert (made.description, made.metadata) == ("first", {"n": {"deep": 1}})
    assert content(made) == content(first)
    assert made.digest == first.digest
    made.metadata["n"]["deep"] = 2
    made.remove("sub")
    with made.new_file("new") as file:
        file.write("new")
    made.save()

    assert (made.name, made.aliases, made.tags) == ("data:v1", ["latest"], [])
    assert read(made.download()) == {"a.txt": b"alpha", "new": b"new"}
    assert read(get("data:v0").download()) == FILES
    assert get("data:v0").metadata == {"n": {"deep": 1}}


def test_unchanged_new_draft_is_the_same_version() -> None:
    logged(), logged(OTHER)
    made = get("data:v0").new_draft()
    made.save()

    assert made.name == get("data:latest").name == "data:v0"


def test_new_draft_costs_what_is_changed(store: Path) -> None:
    logged({"large": b"l" * LARGE, "small": b"s" * 100_000, "n": b"old"})
    made = get("data").new_draft()
    before = size_of(store)
    with made.new_file("n", "w") as file:
        file.write("new")
    made.save()

    assert made.name == "data:v1"
    assert size_of(store) - before < 10_000
    assert read(made.download()) == {"large": b"l" * LARGE, "small": b"s" * 100_000, "n": b"new"}


def test_unchanged_files_cost_nothing_in_a_new_artifact_either(store: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", {"large": b"l" * LARGE, "small": b"s" * 100_000, "n": b"old"})
    first = Artifact("data", "dataset")
    first.add_dir(folder)
    first.save()
    before = size_of(store)
    Path(folder, "n").write_bytes(b"new")
    second = Artifact("data", "dataset")
    second.add_dir(folder)
    second.save()

    assert second.name == "data:v1"
    assert size_of(store) - before < 10_000


def test_new_draft_goes_where_its_version_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ART_PROJECT", "home")
    logged()
    monkeypatch.setenv("ART_PROJECT", "elsewhere")
    made = get("default/home/data").new_draft()
    made.remove("a.txt")
    made.save()

    assert made.qualified_name == "default/home/data:v1"


@pytest.mark.parametrize(
    ("where", "reason"),
    [({"project": "other"}, "exists in project"), ({"entity": "other"}, "owned by entity")],
)
def test_version_and_its_draft_are_not_moved(where: dict[str, str], reason: str) -> None:
    first = logged()
    made = first.new_draft()
    with init(**where) as run:  # type: ignore[arg-type]
        for artifact in (first, made):
            with pytest.raises(ValueError, match=f"{reason}.* can't be moved to 'other'"):
                run.log_artifact(artifact)

    made.save()
    assert made.qualified_name == first.qualified_name


# Which store, which project


def test_draft_arrives_whole_in_another_store(tmp_path: Path, store: Path) -> None:
    files = {**FILES, "large": bytes(range(256)) * (LARGE // 256), "empty": b"", "copy": b"alpha"}
    folder = write(tmp_path / "d", files)
    artifact = Artifact("data", "dataset")
    artifact.add_dir(folder)
    artifact.add_dir(folder, "late", policy="immutable")
    with init(settings=Settings.load(store=tmp_path / "other")) as run:
        run.log_artifact(artifact)
    Path(tmp_path / "d").rename(tmp_path / "gone")
    store.rename(tmp_path / "away")

    found = Api(store=tmp_path / "other").artifact("data")
    assert found.digest == artifact.digest
    expected = files | {f"late/{path}": data for path, data in files.items()}
    assert read(found.download()) == read(artifact.download(tmp_path / "again")) == expected
    assert not (tmp_path / "store").exists()


def test_new_draft_arrives_whole_in_another_store(tmp_path: Path) -> None:
    made = logged({**FILES, "large": b"l" * LARGE, "empty": b""}).new_draft()
    made.remove("a.txt")
    with init(settings=Settings.load(store=tmp_path / "other")) as run:
        run.log_artifact(made)

    found = Api(store=tmp_path / "other").artifact("data:v0")
    assert read(found.download()).keys() == {"sub/b.txt", "sub/deep/c.bin", "large", "empty"}


@pytest.mark.local
def test_logged_artifact_is_not_logged_to_another_store(tmp_path: Path) -> None:
    artifact = logged()
    run = init(settings=Settings.load(store=tmp_path / "other"))

    with pytest.raises(ValueError, match=r"it lies in /.*store: add its files to a new artifact"):
        run.log_artifact(artifact)


def test_save_takes_a_project_and_settings(tmp_path: Path) -> None:
    first, second = draft(), draft()
    first.save(project="named")
    second.save(settings=Settings.load(store=tmp_path / "other", entity="team"))

    assert first.qualified_name == "default/named/data:v0"
    assert second.qualified_name == "team/uncategorized/data:v0"
    found = Api({"entity": "team"}, store=tmp_path / "other").artifact("data")
    assert read(found.download()) == FILES


@pytest.mark.parametrize("variable", ["WANDB_PROJECT", "ART_PROJECT"])
def test_environment_decides_the_project(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "from-there")
    by_nobody = logged()
    with init() as run:
        by_run = run.log_artifact(draft(OTHER))

    assert by_nobody.project == by_run.project == run.project == get("data").project == "from-there"
    monkeypatch.delenv(variable)
    assert get("from-there/data").name == "data:v1"


def test_our_variable_is_stronger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    monkeypatch.setenv("ART_PROJECT", "ours")
    monkeypatch.setenv("WANDB_ENTITY", "team")

    assert logged().qualified_name == "team/ours/data:v0"


@pytest.mark.parametrize("fact", ["aliases", "tags"])
def test_none_is_no_list_and_takes_nothing_away(fact: str) -> None:
    artifact = logged()
    artifact.aliases, artifact.tags = ["latest", "best"], ["good"]
    artifact.save()

    with pytest.raises(TypeError, match=f"{fact} must be a list of str, not None"):
        setattr(artifact, fact, None)
    artifact.save()

    assert (sorted(get("data").aliases), get("data").tags) == (["best", "latest"], ["good"])
