"""Run: what a program uses and logs is recorded, in order, by one run at a time."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from artifact.samples import FILES, content, draft, logged, read, write

import artifacts
from artifacts import Api, Artifact, Settings, UsageError, init
from artifacts.catalog import Session
from artifacts.content import Digest
from artifacts.errors import ArtifactNotFoundError, CommError
from artifacts.runs import Run, active_run, find_run
from artifacts.storage import Proposal, Tail
from runs.read_back import state_of

pytestmark = pytest.mark.usefixtures("store")

OTHER = {"a.txt": b"other"}


def record(run: Run) -> list[Mapping[str, Any]]:
    """What the run's own log says, in order."""
    key = Digest.of(run.id.encode()).hex()[:32]
    log = Session(run.settings).catalog.run_log(run.entity, run.project, key)
    return [change for event in log.after(Tail.start(log.name)) for change in event.changes]


def kinds(run: Run) -> list[str]:
    return [change["kind"] for change in record(run)]


def logger_of(name: str) -> str | None:
    """The run that a version's row names."""
    return Session(Settings.load()).resolve(name).row.run


# Beginning and end


@pytest.mark.local  # elsewhere its beginning is told with what follows
def test_run_goes_on_until_its_block_ends() -> None:
    assert artifacts.run is None
    with init() as run:
        assert artifacts.run is active_run() is run
        assert kinds(run) == ["started"]

    assert artifacts.run is None
    assert kinds(run) == ["started", "finished"]


def test_run_knows_what_it_was_begun_with() -> None:
    with init(
        "team",
        "proj",
        id="abc",
        name="first try",
        notes="why",
        tags=["x"],
        config={"lr": (1, 2)},
        group="g",
        job_type="train",
    ) as run:
        assert (run.entity, run.project, run.id, run.name) == ("team", "proj", "abc", "first try")
        assert (run.path, run.config.as_dict()) == ("team/proj/abc", {"lr": [1, 2]})
        assert repr(run) == "<Run team/proj/abc>"

    assert record(run)[0] == {
        "kind": "started",
        "id": "abc",
        "path": "team/proj/abc",
        "name": "first try",
        "notes": "why",
        "tags": ["x"],
        "config": {"lr": [1, 2]},
        "group": "g",
        "job_type": "train",
    }


def test_run_has_an_id_of_its_own_and_is_called_by_two_words() -> None:
    runs = []
    for _ in range(2):
        with init() as run:
            runs.append(run)
            assert re.fullmatch("[a-z]+-[a-z]+", str(run.name))
            assert re.fullmatch("[a-z0-9]{8}", run.id)

    assert runs[0].id != runs[1].id


def test_nested_init_is_the_running_run() -> None:
    with init(project="outer") as outer:
        inner = init(project="inner", id="other")

        assert inner is outer
        assert inner.project == "outer"


def test_run_ends_once() -> None:
    run = init()
    run.finish()
    run.finish(exit_code=1)
    artifacts.finish()

    assert kinds(run) == ["started", "finished"]
    assert record(run)[-1] == {"kind": "finished", "state": "finished", "exit_code": 0}


def test_the_next_run_is_another() -> None:
    first = init()
    artifacts.finish()
    second = init()

    assert second is not first
    assert artifacts.run is second


@pytest.mark.parametrize("code", [1, 3])
def test_run_with_an_exit_code_failed(code: int) -> None:
    run = init()
    artifacts.finish(code)

    assert record(run)[-1] == {"kind": "finished", "state": "failed", "exit_code": code}


def test_what_fails_at_the_end_of_a_run_keeps_nothing_else_from_it() -> None:
    run = init()

    def fail() -> None:
        raise ZeroDivisionError

    run.ended.insert(0, fail)
    with pytest.raises(ZeroDivisionError):
        run.finish()
    assert active_run() is None
    assert state_of(run).told_state == "finished"


def test_run_that_an_exception_ends_failed() -> None:
    def fail() -> None:
        with init(id="failing"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert artifacts.run is None
    with init(id="failing") as again:
        started, finished, *_ = record(again)
    assert (started["kind"], finished["state"], finished["exit_code"]) == ("started", "failed", 1)


def test_run_of_the_same_id_goes_on_in_the_same_log() -> None:
    for _ in range(2):
        with init(id="same") as run:
            run.log_artifact(draft())

    assert kinds(run) == 2 * ["started", "logged", "finished"]


@pytest.mark.local
def test_rows_that_are_delivered_after_a_run_was_begun_anew_with_artifacts_are_not_its_own() -> (
    None
):
    with init(id="same"):
        pass
    with init(id="same") as run:
        run.log_artifact(draft())
        late = {"stream": "history", "segment": f"blobs/{'0' * 64}", "format": "jsonl"}
        fold = find_run(run._session, "same").fold
        fold.append(
            Proposal([{"kind": "rows", **late, "rows": 1, "size": 1, "first": 0, "last": 0}])
        )
        run.log({"a": 1})

    assert [each.rows for each in state_of(run).segments["history"]] == [1]
    assert state_of(run).segments["history"][0].format == "parquet"


def test_run_is_over_even_if_its_store_is_gone(store: Path) -> None:
    run = init()
    shutil.rmtree(store)
    store.write_bytes(b"a file now")

    run.finish()

    assert active_run() is None
    store.unlink()
    assert init() is not run


def test_run_that_cannot_begin_leaves_nothing_behind(store: Path) -> None:
    for project in ("a/b", "a:b", "x" * 129):
        with pytest.raises(ValueError, match="project"):
            init(project=project)
    with pytest.raises(TypeError):
        init(config=3)  # type: ignore[arg-type]

    assert active_run() is None
    assert not (store / "logs").exists()


def test_settings_name_the_store(tmp_path: Path) -> None:
    settings = Settings.load(store=tmp_path / "other", project="proj")
    with init(settings=settings) as run:
        made = draft()
        run.log_artifact(made)
        assert run.settings == settings

    assert made.qualified_name == "default/proj/data:v0"
    assert read(Api(store=tmp_path / "other").artifact("proj/data").download()) == FILES
    with pytest.raises(CommError):
        Api().artifact("proj/data")


# What is logged


def test_artifact_is_committed_when_it_is_logged() -> None:
    with init() as run:
        made = draft()
        assert run.log_artifact(made) is made
        assert made.name == "data:v0"
        assert Api().artifact("data").digest == made.digest

    assert record(run)[1] == {
        "kind": "logged",
        "artifact": "default/uncategorized/data:v0",
        "digest": made.digest,
        "id": made.id,
    }
    assert logger_of("data:v0") == run.path


@pytest.mark.parametrize("as_path", [str, Path])
def test_file_is_logged_by_its_path(as_path: type, tmp_path: Path) -> None:
    write(tmp_path / "d", FILES)
    with init() as run:
        made = run.log_artifact(as_path("d/sub/b.txt"))

    assert (made.name, made.type) == (f"run-{run.id}-b.txt:v0", "unspecified")
    assert read(made.download()) == {"b.txt": b"beta"}


@pytest.mark.parametrize("path", ["d", "d/", "./d/../d"])
def test_folder_is_logged_by_its_path(path: str, tmp_path: Path) -> None:
    write(tmp_path / "d", FILES)
    with init() as run:
        made = run.log_artifact(path)

    assert made.name == f"run-{run.id}-d:v0"
    assert read(made.download()) == FILES


def test_path_is_logged_under_a_name_and_a_type(tmp_path: Path) -> None:
    write(tmp_path / "d", FILES)
    with init() as run:
        made = run.log_artifact("d", "data", "dataset", ["a"], ["t"])

    assert (made.name, made.type, made.tags) == ("data:v0", "dataset", ["t"])
    assert sorted(made.aliases) == ["a", "latest"]


@pytest.mark.parametrize("path", ["absent", "", "https//example.org/x"])
def test_path_of_nothing_is_refused(path: str) -> None:
    with init() as run, pytest.raises(ValueError, match="neither a file nor a folder"):
        run.log_artifact(path)
    assert kinds(run) == ["started", "finished"]


@pytest.mark.parametrize("what", [3, None, b"path", ["d"]])
def test_what_is_neither_path_nor_artifact_is_refused(what: Any) -> None:  # noqa: ANN401
    with init() as run:
        with pytest.raises(TypeError, match="log_artifact wants a path or an Artifact"):
            run.log_artifact(what)
        with pytest.raises(TypeError, match="use_artifact wants a name or an Artifact"):
            run.use_artifact(what)


@pytest.mark.parametrize(
    ("aliases", "found"),
    [
        (None, ["latest"]),
        ([], ["latest"]),
        ("best", ["best", "latest"]),
        (["best"], ["best", "latest"]),
        (["latest"], ["latest"]),
        (["b", "a", "b"], ["a", "b", "latest"]),
    ],
    ids=str,
)
def test_latest_always_moves_along(aliases: Any, found: list[str]) -> None:  # noqa: ANN401
    logged(OTHER)
    with init() as run:
        made = run.log_artifact(draft(), aliases=aliases)

    assert sorted(made.aliases) == sorted(Api().artifact("data:latest").aliases) == found
    assert Api().artifact("data:v0").aliases == []


@pytest.mark.parametrize(
    "given", [{"aliases": ["a/b"]}, {"aliases": ["v3"]}, {"tags": ["a.b"]}, {"aliases": ["a:b"]}]
)
def test_bad_alias_or_tag_commits_nothing(given: dict[str, list[str]]) -> None:
    with init() as run:
        made = draft()
        with pytest.raises(ValueError, match="invalid name"):
            run.log_artifact(made, **given)  # type: ignore[arg-type]
        assert made.is_draft()

    assert not Api().artifact_exists("data")
    assert kinds(run) == ["started", "finished"]


def test_equal_content_stays_the_output_of_the_run_that_logged_it_first() -> None:
    runs = []
    for _ in range(2):
        with init() as run:
            assert run.log_artifact(draft()).name == "data:v0"
            runs.append(run)

    assert logger_of("data:v0") == runs[0].path
    assert kinds(runs[1]) == ["started", "logged", "finished"]


def test_logged_artifact_is_logged_again_for_its_aliases() -> None:
    with init() as run:
        first = run.log_artifact(draft(), aliases=["best"], tags=["one"])
        run.log_artifact(draft(OTHER), aliases=["best"])
        run.log_artifact(first, aliases=["again"], tags=["two"])

    found = Api().artifact("data:v0")
    assert sorted(found.aliases) == sorted(first.aliases) == ["again", "latest"]
    assert found.tags == first.tags == ["one", "two"]
    assert Api().artifact("data:best").name == "data:v1"


def test_artifact_that_is_saved_is_an_output_of_the_active_run() -> None:
    with init(project="proj") as run:
        made = draft()
        made.save(project="ignored")
        with Artifact("late", "dataset").new_file("f"):
            pass

    assert made.qualified_name == "default/proj/data:v0"
    assert logger_of("proj/data:v0") == run.path
    assert kinds(run) == ["started", "logged", "finished"]
    assert logger_of(logged(name="after").name) is None


def test_artifact_made_before_the_run_is_logged_by_it() -> None:
    made = draft()
    with init(project="proj") as run:
        run.log_artifact(made)

    assert made.qualified_name == "default/proj/data:v0"


# What is used


@pytest.mark.parametrize(
    "name", ["data", "data:latest", "data:v0", "data:best", "default/uncategorized/data:v0"]
)
def test_artifact_is_used_by_name(name: str) -> None:
    made = logged()
    made.aliases.append("best")
    made.save()
    with init() as run:
        used = run.use_artifact(name, type="dataset")

    assert (used.name, used.use_as) == ("data:v0", name)
    assert read(used.download()) == FILES
    assert record(run)[1] == {
        "kind": "used",
        "artifact": "default/uncategorized/data:v0",
        "digest": made.digest,
        "id": made.id,
    }


def test_artifact_is_used_by_digest() -> None:
    made = logged()
    logged(OTHER)
    with init() as run:
        for name in (made.digest, f"data@{made.digest[:8]}"):
            assert run.use_artifact(name).name == "data:v0"


def test_artifact_object_is_used_as_it_is() -> None:
    logged()
    with init() as run:
        found = Api().artifact("data")
        assert run.use_artifact(found) is found
        assert found.use_as == "data:v0"

    assert kinds(run) == ["started", "used", "finished"]


def test_draft_is_logged_to_be_used_but_is_no_output() -> None:
    with init() as run:
        made = draft()
        assert run.use_artifact(made, aliases=["mine"]) is made

    assert (made.name, sorted(made.aliases)) == ("data:v0", ["latest", "mine"])
    assert content(Api().artifact("data:mine")) == content(made)
    assert logger_of("data:v0") is None
    assert kinds(run) == ["started", "used", "finished"]


@pytest.mark.parametrize("name", ["absent", "data:v1", "data:absent", "elsewhere/data", "0" * 64])
def test_what_is_not_there_cannot_be_used(name: str, store: Path) -> None:
    logged()
    with init() as run, pytest.raises(CommError, match=str(store)) as caught:
        run.use_artifact(name)
    assert isinstance(caught.value, ArtifactNotFoundError)


def test_artifact_of_another_type_is_refused() -> None:
    made, fresh = logged(), draft(name="fresh")
    with init() as run:
        for what in ("data", made.digest, made, fresh):
            with pytest.raises(ValueError, match="its type is 'dataset', not 'model'"):
                run.use_artifact(what, type="model")

    assert fresh.is_draft()
    assert kinds(run) == ["started", "finished"]


def test_name_of_use_stands_for_one_artifact() -> None:
    logged(), logged(OTHER)
    with init() as run:
        for _ in range(2):
            used = run.use_artifact("data:v0", use_as="train")
            assert used.use_as == "train"
        with pytest.raises(ValueError, match=r"'train': use_as stands for .*data:v0 already"):
            run.use_artifact("data:v1", use_as="train")
        for bad in ("a:b", "a/b"):
            with pytest.raises(ValueError, match="use_as cannot contain"):
                run.use_artifact("data:v1", use_as=bad)

    assert [change.get("as") for change in record(run)[1:-1]] == ["train", "train"]
    with init() as other:
        assert other.use_artifact("data:v1", use_as="train").name == "data:v1"


# Without a run, and after it


def test_functions_of_the_module_are_the_active_runs(tmp_path: Path) -> None:
    write(tmp_path / "d", FILES)
    with init() as run:
        made = artifacts.log_artifact("d", "data", "dataset", ["a"], ["t"])
        assert artifacts.use_artifact("data:a", "dataset", use_as="x").digest == made.digest

    assert kinds(run) == ["started", "logged", "used", "finished"]


@pytest.mark.parametrize("name", ["log_artifact", "use_artifact"])
def test_without_a_run_they_say_so(name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"You must call artifacts.init\(\) before artifacts.{name}\(\)"
    ):
        getattr(artifacts, name)("data")
    artifacts.finish()


@pytest.mark.parametrize("name", ["log_artifact", "use_artifact"])
def test_finished_run_takes_nothing_more(name: str) -> None:
    with init() as run:
        pass

    with pytest.raises(UsageError, match=rf"Run \({run.id}\) is finished. The call to `{name}`"):
        getattr(run, name)(draft())
    assert kinds(run) == ["started", "finished"]
