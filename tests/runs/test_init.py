"""Init: every argument does what the reference says, or docs/reference-runs.md instead."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from artifact.samples import draft

import artifacts
from artifacts import Api, Artifact, Settings, UsageError, init
from artifacts.artifact.active import current_log
from artifacts.catalog import Session
from artifacts.errors import ArtifactsError, ConfigError, InvalidError
from artifacts.runs import active_run
from runs.read_back import rows_of, state_of

pytestmark = pytest.mark.usefixtures("store")


def test_entity_project_id_name_notes_tags_group_and_job_type_are_its_facts() -> None:
    with init("e", "p", id="i", name="n", notes="o", tags=["t"], group="g", job_type="j") as run:
        run.log({"a": 1})

    state = state_of(run)
    assert run.path == "e/p/i"
    wanted = {"name": "n", "notes": "o", "tags": ["t"], "group": "g", "job_type": "j"}
    assert {key: state.facts[key] for key in wanted} == wanted
    assert state.told_state == "finished"


@pytest.mark.parametrize("id_", ["", "a/b", "a:b", "a#b", "a?b", " a", "a ", "x" * 129, "a\\b"])
def test_bad_id_is_refused(id_: str) -> None:
    with pytest.raises(ValueError, match="id"):
        init(id=id_)


def test_dir_is_where_its_folder_is(tmp_path: Path) -> None:
    with init(dir=tmp_path / "there", id="i") as run:
        folder = Path(run.dir)

    assert re.fullmatch(r"run-\d{8}_\d{6}-i", folder.parent.name)
    assert folder.parent.parent == tmp_path / "there" / "wandb"


def test_runs_of_one_id_that_begin_in_one_second_have_each_its_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As ranks of a job do."""
    monkeypatch.setattr(time, "strftime", lambda *_: "20261122_120000")
    runs = [init(id="i", settings={"reinit": "create_new"}) for _ in range(3)]
    for run in runs:
        run.log({"a": 1})
    places = [Path(run.dir).parent for run in runs]
    for run in runs:
        run.finish()

    names = ["run-20261122_120000-i", "run-20261122_120000-2-i", "run-20261122_120000-3-i"]
    assert [place.name for place in places] == names


def test_a_run_whose_folder_cannot_be_made_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with init(id="i", dir=tmp_path / "file", settings={"console": "off"}) as run:
        run.log({"a": 1})

    assert rows_of(run) == [(0, {"a": 1})]


def test_a_run_of_a_known_id_that_only_logs_an_artifact_leaves_no_folder(tmp_path: Path) -> None:
    with init(id="i") as run:
        run.log_artifact(draft())

    assert not [*(tmp_path / "wandb").glob("*")]


def test_run_that_only_logs_an_artifact_leaves_no_folder(tmp_path: Path) -> None:
    with init() as run:
        run.log_artifact(draft())

    assert not (tmp_path / "wandb").exists()
    assert not (tmp_path / "cache" / "pending").exists()


@pytest.mark.parametrize(
    "given",
    [
        {"config": {"a": 1, "b": 2}, "config_include_keys": ["a"]},
        {"config": {"a": 1, "b": 2}, "config_exclude_keys": ["b"]},
        {"config": argparse.Namespace(a=1)},
        {"config": "config.json"},
        {"settings": {"config_paths": ["config.json"]}},
    ],
    ids=str,
)
def test_config_comes_from_wherever(given: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"a": 1}')
    with init(**given) as run:
        assert dict(run.config) == {"a": 1}


def test_defaults_of_the_folder_give_way_to_what_is_given(tmp_path: Path) -> None:
    (tmp_path / "config-defaults.yaml").write_text("a:\n  value: 1\nb:\n  value: 2\n")
    with init(config={"a": 5}) as run:
        assert dict(run.config) == {"a": 5, "b": 2}


def test_allow_val_change_allows_all() -> None:
    with init(config={"a": 1}) as run, pytest.raises(ConfigError):
        run.config.a = 2
    with init(config={"a": 1}, allow_val_change=True) as run:
        run.config.a = 2
        assert run.config.a == 2


def test_artifact_in_the_configuration_is_used() -> None:
    with init() as run:
        made = run.log_artifact(draft())
    with init(config={"first": made}) as run:
        run.config["second"] = made
        run.config["third"] = f"wandb-artifact://{made.qualified_name}"
        assert run.config["third"].id == made.id
        with pytest.raises(ValueError, match="holds an artifact within"):
            run.config["nested"] = {"a": made}
        assert made.use_as == "second"

    state = state_of(run)
    assert [each["as"] for each in state.used] == ["first", "second", "third"]
    assert state.config["second"]["_type"] == "artifactVersion"


def test_disabled_run_does_nothing(store: Path, tmp_path: Path) -> None:
    with init(mode="disabled", config={"a": 1}, project="p") as run:
        assert artifacts.run is run
        run.log({"loss": 1.0}, step=3)
        run.define_metric("x", summary="min")
        run.config["b"] = 2
        run.summary["c"] = 3
        run.alert("title", "text")
        run.mark_preempting()
        made = draft()
        assert run.log_artifact(made).wait() is made
        run.link_artifact(made, "portfolio")
        assert run.upsert_artifact("data").is_draft()
        assert run.finish_artifact("data").is_draft()
        assert (run.disabled, run.mode, run.url, run.config.b) == (True, "disabled", None, 2)
        assert run.summary["loss"] == 1.0
        run.tags = ("x",)
        run.name = "named"
    assert artifacts.run is None
    assert not (store / "logs" / "run").exists()
    assert not (tmp_path / "wandb").exists()


def test_disabled_run_has_every_member() -> None:
    with init(mode="disabled") as disabled:
        members = {name for name in dir(disabled) if name[0] != "_"}
    with init() as run:
        assert {name for name in dir(run) if name[0] != "_"} <= members


@pytest.mark.parametrize("mode", ["offline", "dryrun"])
def test_offline_run_waits_in_its_folder(mode: str, tmp_path: Path, store: Path) -> None:
    with init(mode=mode, id="off") as run:  # type: ignore[arg-type]
        run.log({"a": 1})
        made = run.log_artifact(draft())
        assert (run.offline, run.mode, run.url, made.name) == (True, "offline", None, "data:v0")

    [folder] = (tmp_path / "wandb").glob("offline-run-*-off")
    assert (folder / "run-off.wandb").is_file()
    assert not (store / "logs" / "run").exists()
    assert Api(store=folder / "store").artifact("data").digest == made.digest


@pytest.mark.parametrize(
    ("reinit", "is_same"),
    [(None, True), (False, True), (True, False), ("finish_previous", False)],
)
def test_reinit_says_whether_another_run_is_begun(reinit: Any, is_same: bool) -> None:  # noqa: ANN401, FBT001
    first = init()
    first.log({"a": 1})
    first._diary.flush()
    second = init(reinit=reinit)

    assert (second is first) == is_same
    assert artifacts.run is second
    assert (state_of(first).told_state == "running") == is_same


def test_what_an_active_run_is_not_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), init(id="one", config={"lr": 1}) as first:
        again = [init(name="two", config={"lr": 2}, mode="offline"), init(name="three")]
    told = [each.getMessage() for each in caplog.records]

    assert again == [first, first]
    assert [each for each in told if each.startswith("init() returns")] == told[:1]
    assert "uncategorized/one, which is active: name, mode, config of the call count" in told[0]
    assert "reinit='finish_previous' finishes it" in told[0]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"project": "uncategorized", "id": "one", "tags": ["a"], "config": {"lr": [1]}},
        {"name": "other", "reinit": "create_new"},
        {"name": "other", "reinit": True},
    ],
)
def test_init_as_the_active_run_is_says_nothing(
    given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        init(id="one", tags=["a"], config={"lr": [1]}),
        init(**given),
    ):
        pass

    assert "init() returns" not in caplog.text


def test_another_run_may_be_begun_beside() -> None:
    first = init(settings={"reinit": "create_new"})
    second = init(settings={"reinit": "create_new"})
    first.log({"a": 1})
    second.log({"a": 2})
    assert artifacts.run is second
    second.finish()
    assert artifacts.run is first
    first.finish()

    assert (rows_of(first), rows_of(second)) == ([(0, {"a": 1})], [(0, {"a": 2})])


def test_settings_are_settings_or_a_dict(tmp_path: Path) -> None:
    with init(settings=Settings(project="p", run_id="one", mode="online")) as run:
        assert run.path == "default/p/one"
    with init(settings={"run_name": "named", "run_tags": "a,b"}, project="q") as run:
        assert (run.name, run.tags, run.project) == ("named", ("a", "b"), "q")
    with pytest.raises(ValueError, match="no such setting"):
        init(settings={"no_such": 1})
    with pytest.raises(ValueError, match="mode"):
        init(mode="sideways")  # type: ignore[arg-type]


def test_environment_says_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "WANDB_RUN_ID": "from-env",
        "WANDB_NAME": "n",
        "WANDB_NOTES": "o",
        "WANDB_TAGS": "a, b",
        "WANDB_RUN_GROUP": "g",
        "WANDB_JOB_TYPE": "j",
        "WANDB_MODE": "online",
    }.items():
        monkeypatch.setenv(name, value)
    with init() as run:
        assert (run.id, run.name, run.notes, run.tags) == ("from-env", "n", "o", ("a", "b"))
        assert (run.group, run.job_type) == ("g", "j")
        assert init(name="x") is run


def test_what_has_no_meaning_here_is_taken_all_the_same() -> None:
    with init(
        force=True,
        anonymous="allow",
        save_code=False,
        tensorboard=False,
        sync_tensorboard=False,
        monitor_gym=True,
    ) as run:
        assert run.settings.anonymous == "allow"


def printing() -> list[object]:
    """Where it goes."""
    files = [(each.st_dev, each.st_ino) for each in map(os.fstat, (1, 2))]
    return [sys.stdout.write, sys.stderr.write, *files]


@pytest.mark.parametrize("console", ["wrap", "redirect"])
@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize(
    "given",
    [
        {"config": {"data": "wandb-artifact://nothing:latest"}},
        {"config": {"deep": {"data": Artifact("data", "dataset")}}},
        {"settings": {"store": "/dev/null/x"}},
    ],
    ids=["artifact", "config", "store"],
)
def test_a_run_that_cannot_be_begun_leaves_nothing_behind(
    given: dict[str, Any], mode: Literal["online", "offline"], console: str, tmp_path: Path
) -> None:
    if mode == "offline" and "settings" in given:
        pytest.skip("offline no store is asked")
    before = printing()
    given = {**given, "settings": {**given.get("settings", {}), "console": console}}

    with pytest.raises((ArtifactsError, ValueError)):
        init("team", "proj", id="mine", mode=mode, **given)

    assert active_run() is None
    assert current_log() is None
    assert printing() == before
    assert [*(tmp_path / "cache" / "pending").glob("*")] == []
    fold = Session(Settings.load()).catalog.run("team", "proj", "mine")
    assert fold is None or fold.state.told_state == "failed"
    with init("team", "proj", id="mine", mode=mode, settings={"console": console}) as run:
        run.log({"x": 1})


def test_another_run_is_not_touched_by_a_bad_call() -> None:
    with init() as run:
        with pytest.raises(InvalidError):
            init(fork_from="nonsense", reinit=True)
        with pytest.raises(UsageError):
            init(fork_from="a?_step=1", resume=True, reinit=True)
        assert artifacts.run in (run, None)


def test_interrupted_store_never_stops_init(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), init() as run:
        run.log({"a": 1})
    assert rows_of(run) == [(0, {"a": 1})]


@pytest.mark.parametrize("verify", [False, True])
def test_login_needs_no_account(verify: bool) -> None:  # noqa: FBT001
    assert artifacts.login(key="x" * 40, host="https://api.wandb.ai", verify=verify) is True


def test_a_read_only_folder_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Root may write anywhere, so the system's answer is simulated."""
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))

    with init() as run:
        run.log({"a": 1})

    assert Path(run.dir).is_relative_to(tmp_path / "elsewhere")
    assert "is read-only: the run has its folder in" in caplog.text


def test_an_empty_project_or_entity_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As W&B has it: an empty variable of the shell says nothing."""
    monkeypatch.delenv("ART_PROJECT", raising=False)

    with init(project="", entity="") as run:
        assert (run.entity, run.project) == ("default", "uncategorized")
