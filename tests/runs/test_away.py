"""A store that is away when a run begins, or ends: nothing is lost, and nobody waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from artifact.samples import draft

from artifacts import Settings, init
from artifacts.catalog import Session
from artifacts.errors import InvalidSettingError, NotAStoreError, StorageError
from artifacts.runs import Run, active_run, sync
from artifacts.runs.delivery import patience
from artifacts.runs.delivery.recovery import recover
from artifacts.runs.diary import Diary
from artifacts.storage import LocalStore, connect, opening
from runs.away import AwayStore
from runs.read_back import rows_of, state_of, summary_of, writer_of

FACTS: dict[str, Any] = {"console": "off", "x_disable_meta": True, "x_disable_stats": True}
QUIET = FACTS | {"x_save_requirements": False, "disable_git": True}


pytestmark = pytest.mark.local  # a folder that can be told to be away


@pytest.fixture
def away(store: Path, monkeypatch: pytest.MonkeyPatch) -> AwayStore:
    """That of the settings, which is there so far."""
    away = AwayStore(LocalStore(store))
    away.is_there.set()
    monkeypatch.setattr(opening, "_at_path", lambda _: away)
    for limit in ("ANSWER_S", "MINUTE_S"):
        monkeypatch.setattr(patience, limit, 0.2)
    return away


def refuse(away: AwayStore) -> None:
    away.is_refusing = True


def hang(away: AwayStore) -> None:
    away.is_there.clear()


def come_back(away: AwayStore) -> None:
    away.is_refusing = False
    away.is_there.set()


FAULTS = pytest.mark.parametrize("fault", [refuse, hang])


def begun(id_: str | None = None, **given: Any) -> Run:  # noqa: ANN401 - as `init`
    return init(id=id_, settings={**QUIET}, **given)


def folders(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "wandb").iterdir())


def recovered() -> None:
    recover(Session(Settings.load()))


@FAULTS
@pytest.mark.parametrize("id_", [None, "mine"])
def test_a_run_begins_without_its_store_and_tells_it_all_when_it_is_there(
    away: AwayStore,
    fault: Callable[[AwayStore], None],
    id_: str | None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault(away)
    run = begun(id_, config={"lr": 1})
    for step in range(3):
        run.log({"x": step})
    [told] = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    [folder] = folders(tmp_path)
    assert f"`art sync {folder}`" in told

    come_back(away)
    run.finish()

    assert rows_of(run) == [(step, {"x": step}) for step in range(3)]
    state = state_of(run)
    assert (state.told_state, state.config) == ("finished", {"lr": 1})
    assert "there again" in caplog.messages[-1]


@pytest.mark.parametrize("how", ["the next run", "sync"])
def test_what_a_store_did_not_take_to_the_end_is_sent_later(
    away: AwayStore, how: str, tmp_path: Path
) -> None:
    refuse(away)
    with begun("left") as run:
        run.log({"x": 1})
    assert active_run() is None
    [folder] = folders(tmp_path)

    come_back(away)
    if how == "sync":
        sync(Session(Settings.load()), folder)
    else:
        with begun() as other:
            other.log({"y": 1})

    assert rows_of(run) == [(0, {"x": 1})]
    assert state_of(run).told_state == "finished"


@pytest.mark.parametrize("id_", [None, "mine"])
def test_what_is_wrong_with_an_artifact_is_raised_and_the_run_goes_on(
    away: AwayStore, id_: str | None
) -> None:
    refuse(away)
    with begun(id_) as run:
        with pytest.raises(StorageError):
            run.log_artifact(draft())
        with pytest.raises(StorageError):
            run.use_artifact("data:v0")
        come_back(away)
        made = run.log_artifact(draft())

    state = state_of(run)
    assert [each["artifact"] for each in state.logged] == [made.qualified_name]
    assert state.told_state == "finished"


def test_a_store_that_goes_away_under_a_run_of_artifacts_gets_its_end_later(
    away: AwayStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with begun() as run:
        made = run.log_artifact(draft())
        refuse(away)
    [folder] = folders(tmp_path)
    assert f"`art sync {folder}`" in caplog.text

    come_back(away)
    assert state_of(run).told_state == "running"
    recovered()

    assert state_of(run).told_state == "finished"
    assert [each["artifact"] for each in state_of(run).logged] == [made.qualified_name]


@pytest.mark.parametrize("is_plain", [False, True])
def test_a_store_that_hangs_in_the_end_holds_up_nobody(
    away: AwayStore, caplog: pytest.LogCaptureFixture, *, is_plain: bool
) -> None:
    run = begun()
    if not is_plain:
        run.log({"x": 1})
    hang(away)
    run.finish()
    assert "waits in" in caplog.text
    come_back(away)

    recovered()

    assert state_of(run).told_state == "finished"
    assert rows_of(run) == ([] if is_plain else [(0, {"x": 1})])


def test_the_status_tells_what_waits_with_and_without_rows(away: AwayStore) -> None:
    run = begun()
    assert run.status().sync_items_pending == 0 < run.status().sync_items_total
    assert run.status().sync_time is not None
    refuse(away)
    run.log({"x": 1})
    with pytest.raises(StorageError):
        writer_of(run).flush()
    assert run.status().sync_items_pending > 1
    come_back(away)
    run.finish()

    assert run.status().sync_items_pending == 0


@FAULTS
def test_the_status_of_a_run_that_began_without_its_store_tells_that_all_waits(
    away: AwayStore, fault: Callable[[AwayStore], None]
) -> None:
    fault(away)
    run = begun()
    run.log({"x": 1})

    status = run.status()
    assert status.sync_items_pending == status.sync_items_total == 2
    assert status.sync_time is None
    come_back(away)


def test_a_beginning_that_hung_disturbs_nobody_once_the_store_is_there(away: AwayStore) -> None:
    hang(away)
    run = begun()
    waiting = run._diary
    assert isinstance(waiting, Diary)
    come_back(away)
    run.finish()
    late = waiting._log_itself()

    assert not late.add("used", {"artifact": "a/b/c:v0", "digest": "0" * 64})
    assert state_of(run).told_state == "finished"


def test_a_run_of_a_known_id_takes_the_others_place_when_it_is_sent(away: AwayStore) -> None:
    with begun("same", config={"old": 1, "lr": 1}) as first:
        for step in range(5):
            first.log({"x": step})
    refuse(away)
    second = begun("same", config={"lr": 2})
    second.log({"x": "new"})

    come_back(away)
    second.finish()

    assert rows_of(second) == [(0, {"x": "new"})]
    assert state_of(second).config == {"lr": 2}
    assert summary_of(second) == {"x": "new"}


@pytest.mark.parametrize("what", ["rows", "a journal"])
def test_a_store_that_hangs_while_a_run_is_asked_for_holds_up_no_beginning(
    away: AwayStore, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    with begun("same") as run:
        run.log({"x": "old"})
        if what == "a journal":
            writer_of(run)._sending.stop()
            writer_of(run)._leave()  # as if it were killed
    away.last = "logs/run"
    run = begun("same", resume="allow")
    run.log({"x": "new"})
    assert "waits in" in caplog.text

    away.last = ""
    come_back(away)
    run.finish()
    recovered()

    assert sorted(row["x"] for _, row in rows_of(run)) == ["new", "old"]
    assert state_of(run).told_state == "finished"


def test_a_run_goes_on_after_the_rows_that_wait_here(away: AwayStore) -> None:
    refuse(away)
    for start in (0, 3):
        with begun("same", resume="allow") as run:
            assert run.starting_step == start
            for _ in range(3):
                run.log({"x": run.step})

    come_back(away)
    recovered()

    assert rows_of(run) == [(step, {"x": step}) for step in range(6)]
    assert state_of(run).told_state == "finished"


def test_a_run_that_may_go_on_loses_nothing_of_what_only_the_store_knows(away: AwayStore) -> None:
    with begun("same") as run:
        run.log({"x": "old"})
    refuse(away)
    with begun("same", resume="allow") as run:
        run.log({"x": "new"})

    come_back(away)
    recovered()

    assert rows_of(run) == [(0, {"x": "old"}), (0, {"x": "new"})]


def test_a_killed_run_of_unknown_place_is_told_to_have_crashed(away: AwayStore) -> None:
    refuse(away)
    run = begun("same", resume="allow")
    run.log({"x": 1})
    writer_of(run)._sending.stop()
    writer_of(run)._leave()  # as if it were killed
    come_back(away)

    recovered()

    assert rows_of(run) == [(0, {"x": 1})]
    assert state_of(run).told_state == "crashed"


@pytest.mark.parametrize(
    "given",
    [
        {"id": "a", "resume": "must"},
        {"id": "a", "resume": "never"},
        {"resume_from": "a?_step=1"},
        {"fork_from": "a?_step=1"},
    ],
    ids=str,
)
def test_what_needs_the_store_to_begin_says_so(away: AwayStore, given: dict[str, str]) -> None:
    refuse(away)

    with pytest.raises(StorageError, match=r"needs to know what there is.*the store is gone"):
        init(**given)  # type: ignore[arg-type]
    assert active_run() is None


@pytest.mark.parametrize(
    "store", ["nosuch://bucket/x", "s3://", "a b://c", "s3://key:secret@bucket", "s3::file://x"]
)
def test_a_bad_address_is_an_error_at_once(store: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError):
        init(settings={"store": store})
    assert active_run() is None
    assert not (tmp_path / "wandb").exists()


def test_a_client_that_is_not_installed_is_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connect, "find_spec", lambda _: None)

    with pytest.raises(InvalidSettingError, match=r"artifact-store\[s3\]"):
        init(settings={"store": "s3://bucket/x"})


def test_a_folder_of_something_else_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "file").touch()

    with pytest.raises(NotAStoreError):
        init(settings={"store": str(tmp_path / "else")})
    assert active_run() is None


def test_a_store_that_nobody_serves_stops_no_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Which its client finds out by itself."""
    monkeypatch.setattr("artifacts.storage.client._TRIES", 1)
    monkeypatch.setattr("artifacts.storage.client._AT_LEAST", 1)
    options = {"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:9"}
    settings = {**QUIET, "store": "s3://bucket/x", "storage_options": options}

    with init(id="far", settings=settings) as run:
        run.log({"x": 1})

    [folder] = folders(tmp_path)
    assert (folder / "run-far.wandb").is_file()
    assert f"`art sync {folder}`" in caplog.text
