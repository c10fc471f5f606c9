"""Outbox: what an offline run did with artifacts is so in the run's store once it is synced."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from artifact.samples import FILES, LARGE, content, draft, logged, read, size_of, write

from artifacts import Api, Artifact, init
from artifacts.catalog import RunFacts, RunState, Session
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.errors import (
    ArtifactNotFoundError,
    CommError,
    InvalidNameError,
    InvalidPathError,
    MissingBlobError,
)
from artifacts.runs import Run, Synced, delete_run, sync
from artifacts.runs.delivery.outbox import Brought
from artifacts.settings import Settings

pytestmark = pytest.mark.usefixtures("store")

QUIET = {"console": "off", "disable_git": True, "x_disable_meta": True, "x_disable_stats": True}


def offline(id_: str = "far", **given: Any) -> Run:  # noqa: ANN401 - as `init`
    settings = {**QUIET, "x_save_requirements": False}
    return init("team", "proj", id=id_, mode="offline", settings=settings, **given)


def stored(*drafts: Artifact) -> Artifact:
    """The last of them, which another run logged into the store."""
    with init("team", "proj") as run:
        return [run.log_artifact(each) for each in drafts][-1]


def log_under_a_name_of_another_type(*others: Artifact) -> None:
    """An offline run does, uses and links it, and then logs others."""
    stored(draft(name="taken", type="model"))
    with offline() as run:
        taken = run.log_artifact(draft(name="taken"))
        run.use_artifact(taken)
        run.link_artifact(taken, "shelf/best")
        for each in others:
            run.log_artifact(each)


def free_the_name() -> None:
    collection = found("taken").collection
    collection.name = "freed"
    collection.save()


def folder_of(id_: str = "far") -> Path:
    [folder] = Path("wandb").glob(f"offline-run-*-{id_}")
    return folder


def synced(id_: str = "far") -> Synced:
    done = sync(Session(Settings.load()), folder_of(id_))
    assert done is not None
    return done


def state_of(id_: str = "far") -> RunState:
    fold = Session(Settings.load()).catalog.run("team", "proj", id_)
    assert fold is not None
    return fold.state


def found_below(folder: Path) -> Path:
    """The only file there."""
    [file] = (each for each in folder.rglob("*") if each.is_file())
    return file


def found(name: str) -> Artifact:
    return Api().artifact(f"team/proj/{name}" if "/" not in name else name)


def referring_to(base: Artifact) -> Artifact:
    """A draft with a file of another artifact."""
    made = Artifact("data", "dataset")
    made.add_reference(base.get_entry("a.txt").ref_url())
    return made


def logger_of(artifact: Artifact) -> RunFacts:
    by = artifact.logged_by()
    assert by is not None
    return by


def told(artifact: Artifact, **more: str) -> dict[str, str | None]:
    named = {"artifact": artifact.source_qualified_name, "digest": artifact.digest}
    return {**named, "id": artifact.id, **more}


def without_of(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in each.items() if key != "of"} for each in changes]


def test_what_was_logged_is_a_version_with_all_that_was_said_of_it(tmp_path: Path) -> None:
    with offline() as run:
        made = draft(description="words", metadata={"rows": 3})
        made.ttl = None
        run.log_artifact(made, aliases=["prod"], tags=["clean"])
        made.description = "better words"
        made.save()

    [version] = synced().brought.versions
    artifact = found("data:prod")

    assert version.qualified_name == artifact.qualified_name == "team/proj/data:v0"
    assert (artifact.type, artifact.description) == ("dataset", "better words")
    assert (artifact.metadata, artifact.tags) == ({"rows": 3}, ["clean"])
    assert sorted(artifact.aliases) == ["latest", "prod"]
    assert artifact.digest == made.digest
    assert read(artifact.download(str(tmp_path / "out"))) == dict(FILES)
    by = logger_of(artifact)
    assert (by.path, by.state) == ("team/proj/far", "finished")
    assert without_of(state_of().logged) == [told(artifact)]
    assert verify_store(Session(Settings.load()).catalog).problems == []


def test_versions_come_in_the_order_in_which_they_were_logged() -> None:
    with offline() as run:
        for number in range(3):
            run.log_artifact(draft({"x": b"%d" % number}), aliases=["best"])
            run.log_artifact(draft({"y": b"%d" % number}, name="other"))

    names = [version.name for version in synced().brought.versions]

    assert names == ["data:v0", "other:v0", "data:v1", "other:v1", "data:v2", "other:v2"]
    assert [sorted(found(f"data:v{number}").aliases) for number in range(3)] == [
        *([], []),
        ["best", "latest"],
    ]


def test_again_does_nothing_though_aliases_were_moved_since(store: Path) -> None:
    with offline() as run:
        run.link_artifact(run.log_artifact(draft(), aliases=["prod"]), "shelf/best", ["prod"])
    synced()
    newer = logged({"x": b"newer"}, name="data")  # in the project of no run
    assert newer.project != "proj"
    with init("team", "proj") as run:
        other = run.log_artifact(draft({"x": b"newer"}), aliases=["prod"])
        run.link_artifact(other, "shelf/best", ["prod"])
    before = size_of(store), [*store.rglob("*")]

    again = synced()

    assert (again.records, again.brought.deeds, again.brought.versions) == (0, 0, [])
    assert (size_of(store), [*store.rglob("*")]) == before
    assert found("data:prod").version == "v1"
    assert found("team/shelf/best:prod").source_version == "v1"


def test_content_that_is_there_is_that_version_and_not_uploaded(
    store: Path, tmp_path: Path
) -> None:
    large = {"large.bin": os.urandom(LARGE)}
    stored(draft(large), draft(name="data"))
    with offline() as run:
        run.log_artifact(draft(large), aliases=["again"])
        run.log_artifact(draft({**large, "more": b"m"}, name="copy"))
    before = size_of(store / "blobs")

    synced()

    assert found("data:again").version == "v0"
    assert sorted(found("data:latest").aliases) == ["again", "latest"]
    assert logger_of(found("data:v0")).id != "far"
    assert size_of(store / "blobs") - before < 2**16
    assert read(found("copy").download(str(tmp_path / "out")))["large.bin"] == large["large.bin"]


def test_two_runs_that_logged_the_same_both_tell_of_one_version() -> None:
    for id_ in ("one", "two"):
        with offline(id_) as run:
            run.log_artifact(draft())
    for id_ in ("two", "one"):
        synced(id_)

    artifact = found("data")
    assert artifact.name == "data:v0"
    for id_ in ("one", "two"):
        assert without_of(state_of(id_).logged) == [told(artifact)]
    assert logger_of(artifact).id == "two"


def test_a_folder_that_was_moved_is_synced_from_where_it_is(tmp_path: Path) -> None:
    with offline() as run:
        run.log_artifact(draft())
    shutil.move(folder_of(), tmp_path / "elsewhere")

    assert sync(Session(Settings.load()), tmp_path / "elsewhere") is not None

    assert found("data").digest == draft().digest
    assert without_of(state_of().logged) == [told(found("data"))]


def test_a_folder_above_the_working_directory_is_synced_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with offline(dir="..") as run:
        run.use_artifact(run.log_artifact(draft()))
        run.upsert_artifact(draft({"a": b"a"}, name="whole"), distributed_id="all")
        run.finish_artifact(draft({"b": b"b"}, name="whole"), distributed_id="all")
    monkeypatch.chdir(tmp_path)

    synced()

    assert without_of(state_of().logged) == [told(found("data")), told(found("whole"))]
    assert without_of(state_of().used) == [told(found("data"))]
    assert state_of().told_state == "finished"


def test_a_record_that_no_log_can_have_is_left_out_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with offline() as run:
        artifact = run.log_artifact(draft())
        run._diary.note("finished", {"artifact": artifact.qualified_name, "id": "all"})
        run.log({"loss": 0.5})

    synced()

    assert "'finished'" in caplog.text
    assert state_of().last_step == 0
    assert state_of().told_state == "finished"
    assert without_of(state_of().logged) == [told(found("data"))]


def test_what_was_used_is_told() -> None:
    there = stored(draft(name="base"))
    with offline() as run:
        run.use_artifact("base:latest", use_as="start")
        own = run.log_artifact(draft())
        run.use_artifact(own)
        run.use_artifact("data:latest", use_as="mine")
        run.use_artifact(draft({"z": b"z"}, name="input"))

    synced()

    data = found("data")
    expected = [told(there, **{"as": "start"}), told(data), told(data, **{"as": "mine"})]
    assert [each for each in without_of(state_of().used) if "input" not in each["artifact"]] == (
        expected
    )
    assert told(found("input")) in without_of(state_of().used)
    assert found("input").logged_by() is None
    assert [each.path for each in data.used_by()] == ["team/proj/far"]
    assert without_of(state_of().logged) == [told(data)]


def test_a_number_is_that_of_the_store_before_that_of_what_waits() -> None:
    there = stored(draft({"x": b"there"}))
    with offline() as run:
        run.log_artifact(draft({"x": b"0"}))
        run.log_artifact(draft({"x": b"1"}))
        assert run.use_artifact("data:v0").digest == there.digest
        assert run.use_artifact("data:v1").digest == draft({"x": b"1"}).digest
        assert run.use_artifact("data:latest").digest == draft({"x": b"1"}).digest
        with pytest.raises(CommError, match="data:v7"):
            run.use_artifact("data:v7")
    synced()

    assert [each["artifact"] for each in state_of().used] == [
        "team/proj/data:v0",
        "team/proj/data:v2",
    ]


def test_configuration_names_what_artifacts_became() -> None:
    stored(draft({"x": b"before"}))
    with offline() as run:
        run.config["input"] = run.log_artifact(draft())

    synced()

    data = found("data")
    assert data.version == "v1"
    value = state_of().config["input"]
    assert (value["id"], value["name"]) == (data.id, data.qualified_name)


def test_links_are_made_once_with_their_aliases(tmp_path: Path) -> None:
    there = stored(draft(name="base"))
    with offline() as run:
        first, second = (run.log_artifact(draft({"x": each})) for each in (b"1", b"2"))
        run.link_artifact(first, "shelf/best", ["old"])
        second.link("shelf/best", ["prod"])
        run.link_model(write(tmp_path / "net", {"w.bin": b"w"}), "Digits", "net", ["staging"])
        run.link_artifact(run.use_artifact("base:latest"), "shelf/bases", ["used"])
    assert not Api().artifact_exists("team/shelf/bases:used")

    assert synced().brought.links == 4

    assert found("team/shelf/best:old").source_qualified_name == "team/proj/data:v0"
    assert found("team/shelf/best:prod").source_qualified_name == "team/proj/data:v1"
    assert sorted(found("team/shelf/best:prod").aliases) == ["latest", "prod"]
    assert found("team/model-registry/Digits:staging").source_name == "net:v0"
    assert found("team/shelf/bases:used").digest == there.digest


def test_what_the_store_has_is_linked_there_by_the_sync(store: Path) -> None:
    stored(draft(name="base"))
    with offline() as run:
        used = run.use_artifact("base:latest")
        before = sorted(store.rglob("*"))
        used.link("bases", ["direct"])
        Api().artifact("team/proj/base:v0").link("shelf/bases", ["of-api"])
        assert sorted(store.rglob("*")) == before

    assert synced().brought.links == 2

    assert found("team/proj/bases:direct").source_name == "base:v0"
    assert found("team/shelf/bases:of-api").source_name == "base:v0"


def test_what_another_store_has_is_linked_by_no_sync(tmp_path: Path) -> None:
    elsewhere = Settings.load(store=tmp_path / "elsewhere")
    (theirs := draft()).save(settings=elsewhere)

    with offline() as run:
        for link in (theirs.link, lambda path: run.link_artifact(theirs, path)):
            with pytest.raises(InvalidNameError, match="elsewhere"):
                link("shelf/best")

    assert synced().brought == Brought()


def test_parts_that_offline_runs_added_are_finished_with_all_others() -> None:
    with init("team", "proj") as run:
        run.upsert_artifact(draft({"near": b"n"}), distributed_id="all")
    with offline("one") as run:
        run.upsert_artifact(draft({"a": b"a"}), distributed_id="all", aliases=["x"])
    with offline("two") as run:
        run.upsert_artifact(draft({"b": b"b"}), distributed_id="all")
        done = run.finish_artifact(draft({"c": b"c"}), distributed_id="all", aliases=["whole"])
        run.use_artifact(done)
        done.aliases.append("later")
        done.save()
        assert [*done.manifest.entries] == ["b", "c"]

    synced("one")
    synced("two")

    artifact = found("data:whole")
    assert [*artifact.manifest.entries] == ["a", "b", "c", "near"]
    assert sorted(artifact.aliases) == ["later", "latest", "whole", "x"]
    assert without_of(state_of("two").logged) == [told(artifact)]
    assert without_of(state_of("two").used) == [told(artifact)]
    assert state_of("one").logged == []


def test_what_was_laid_over_the_latest_is_laid_over_the_latest_there() -> None:
    stored(draft({"a": b"there", "b": b"b"}))
    with offline() as run:
        run.log_artifact(draft({"a": b"first"}, incremental=True))
        run.log_artifact(draft({"c": b"c"}, incremental=True))
    stored(draft({"a": b"there", "b": b"b", "z": b"z"}))

    synced()

    assert content(found("data:v3")) == content(
        draft({"a": b"first", "b": b"b", "c": b"c", "z": b"z"})
    )
    assert found("data:latest").version == "v3"


def test_what_refers_to_another_of_its_artifacts_refers_to_what_that_became(
    tmp_path: Path,
) -> None:
    stored(draft({"x": b"before"}, name="base"))
    with offline() as run:
        base = run.log_artifact(draft(name="base"))
        run.log_artifact(referring_to(base))

    synced()

    data = found("data")
    assert data.get_entry("a.txt").ref == found("base:v1").get_entry("a.txt").ref_url()
    assert state_of().logged[-1]["digest"] == data.digest
    assert read(data.download(str(tmp_path / "out"))) == {"a.txt": FILES["a.txt"]}


def test_a_name_that_has_another_type_there_is_told_and_the_rest_is_synced() -> None:
    log_under_a_name_of_another_type(draft())

    done = synced()

    [error] = done.brought.left
    assert isinstance(error, InvalidNameError)
    assert "team/proj/taken" in str(error)
    assert "'model'" in str(error)
    assert without_of(state_of().logged) == [told(found("data"))]
    assert state_of().told_state == "finished"


def test_a_later_sync_goes_on_with_what_was_left() -> None:
    log_under_a_name_of_another_type()
    assert synced().brought.left

    free_the_name()
    done = synced()

    assert (done.brought.left, done.brought.links) == ([], 1)
    artifact = found("taken")
    assert artifact.type == "dataset"
    assert without_of(state_of().logged) == without_of(state_of().used) == [told(artifact)]
    assert found("team/shelf/best").source_name == artifact.name


def test_versions_wait_for_one_that_is_left(tmp_path: Path) -> None:
    with offline() as run:
        broken = run.log_artifact(draft({"x": os.urandom(LARGE)}))
        kept = found_below(folder_of() / "store" / "blobs")
        run.log_artifact(draft({"x": b"1"}))
        run.log_artifact(draft({"y": b"y"}, incremental=True))
        run.link_artifact(broken, "shelf/best", ["first"])
        run.link_artifact(run.log_artifact(draft(name="other")), "shelf/best", ["last"])
    kept.rename(tmp_path / "away")

    done = synced().brought

    assert [version.name for version in done.versions] == ["other:v0"]
    assert [type(error) for error in done.left] == [MissingBlobError]
    assert done.links == 0

    (tmp_path / "away").rename(kept)
    done = synced().brought

    assert [version.name for version in done.versions] == ["data:v0", "data:v1", "data:v2"]
    assert content(found("data:latest")) == content(draft({"x": b"1", "y": b"y"}))
    assert found("team/shelf/best:latest").source_name == "other:v0"
    assert (done.left, done.links) == ([], 2)


def test_one_that_can_never_be_brought_may_be_deleted_to_bring_the_rest(tmp_path: Path) -> None:
    with offline() as run:
        run.log_artifact(draft({"x": os.urandom(LARGE)}))
        found_below(folder_of() / "store" / "blobs").unlink()
        run.log_artifact(draft({"x": b"1"}))
    assert synced().brought.versions == []

    own = Session(Settings.load(store=folder_of() / "store", entity="team", project="proj"))
    own.writable.drop(own.resolve("data:v0"), with_aliases=True)

    assert [version.name for version in synced().brought.versions] == ["data:v0"]
    assert content(found("data:latest")) == content(draft({"x": b"1"}))


def test_what_the_store_lost_since_holds_up_no_other_link() -> None:
    with init("team", "proj") as run:
        lost = run.log_artifact(draft(name="lost"))
        run.log_artifact(draft(name="base"))
    with offline() as run:
        for name in ("lost", "base"):
            run.link_artifact(run.use_artifact(f"{name}:latest"), "shelf/best", [name])
    lost.delete(delete_aliases=True)

    done = synced().brought

    assert [type(error) for error in done.left] == [ArtifactNotFoundError]
    assert found("team/shelf/best:base").source_name == "base:v0"


def test_what_was_deleted_offline_is_not_brought() -> None:
    with offline() as run:
        run.log_artifact(draft({"x": b"0"})).delete(delete_aliases=True)
        run.log_artifact(draft({"x": b"1"}))

    synced()

    assert found("data").name == "data:v0"
    assert [each["artifact"] for each in state_of().logged] == ["team/proj/data:v0"]


def test_a_run_that_was_deleted_since_brings_nothing() -> None:
    log_under_a_name_of_another_type()
    synced()
    free_the_name()
    delete_run(Session(Settings.load()), "team", "proj", "far")

    assert synced().brought == Brought()

    assert not Api().artifact_exists("team/proj/taken")


def test_what_a_killed_process_did_not_write_down_is_brought_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = offline()
    with monkeypatch.context() as patch:
        patch.setattr(run, "_tell", lambda *_args, **_more: None)
        run.log_artifact(draft())
    run.finish()

    synced()

    assert without_of(state_of().logged) == [told(found("data"))]


def test_a_reference_to_nothing_of_it_is_left_and_told() -> None:
    with offline() as run:
        base = run.log_artifact(draft(name="base"))
        made = referring_to(base)
        base.delete(delete_aliases=True)
        run.log_artifact(made)

    [error] = synced().brought.left

    assert isinstance(error, InvalidPathError)
