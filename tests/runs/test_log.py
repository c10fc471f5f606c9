"""Log: what a program logs is in its run's history, summary and metrics."""

from __future__ import annotations

import copy
import logging
import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any, Literal, NoReturn

import pytest
from forks import done_by_fork

import artifacts
from artifacts import UsageError, init
from artifacts.catalog import Session
from artifacts.errors import InvalidError
from artifacts.runs import active_run, sync
from artifacts.runs.rows.history import scan
from artifacts.settings import Settings
from artifacts.storage import LocalStore
from runs.read_back import rows_of, state_of, summary_of

pytestmark = pytest.mark.usefixtures("store")


def test_rows_are_logged_in_steps() -> None:
    with init() as run:
        assert (run.step, run.starting_step, run.resumed) == (0, 0, False)
        run.log({"a": 1})
        run.log({"a": 2}, commit=False)
        run.log({"b": 3})
        run.log({"a": 4}, step=7)
        run.log({"b": 5}, step=7)
        assert run.step == 7

    assert rows_of(run) == [(0, {"a": 1}), (1, {"a": 2, "b": 3}), (7, {"a": 4, "b": 5})]
    assert summary_of(run) == {"a": 4, "b": 5}


def test_late_row_is_a_row_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with init() as run, caplog.at_level(logging.WARNING):
        run.log({"a": 1}, step=5)
        run.log({"a": 9, "late": 1}, step=2)
        run.log({"late": 2}, step=3)
        run.log({"b": 2}, step=5)

    assert sorted(rows_of(run), key=lambda row: row[0]) == [
        (2, {"a": 9, "late": 1}),
        (3, {"late": 2}),
        (5, {"a": 1, "b": 2}),
    ]
    assert summary_of(run) == {"a": 1, "late": 1, "b": 2}
    assert caplog.text.count("is over") == 1


def test_nested_values_have_dotted_keys_in_rows_and_stay_nested_in_the_summary() -> None:
    with init() as run:
        run.log({"a": {"b": 1, "c": {"d": 2}}, "list": [1, "x"], "none": None})

    assert rows_of(run) == [(0, {"a.b": 1, "a.c.d": 2, "list": [1, "x"]})]
    assert summary_of(run) == {
        "a": {"b": 1, "c": {"d": 2}},
        "list": [1, "x"],
        "none": None,
    }


def test_summary_has_step_time_and_runtime_of_the_last_row() -> None:
    with init() as run:
        assert "_step" not in run.summary
        run.log({"a": 1})
        run.log({"a": 2}, step=5)
        assert run.summary["_step"] == 0  # as the row of step 5 is open
        run.log({"a": 3}, commit=True)
        run.log({"a": 4}, step=2)
        assert (run.summary["_step"], run.summary.a) == (5, 3)
        assert {"_step", "_timestamp", "_runtime"} <= {*run.summary.keys(), *dict(run.summary)}
        run.summary["_step"] = 70
        assert run.summary["_step"] == 70
        run.log({})
        run.log({"a": 5})

    summary = state_of(run).summary
    rows = [*scan(state_of(run), Session(Settings.load()).catalog.store)]
    assert (summary["_step"], summary["_timestamp"]) == (7, rows[-1]["_timestamp"])
    assert summary["_runtime"] == pytest.approx(summary["_timestamp"] - run.start_time)


def test_run_that_logs_no_row_has_no_step_in_its_summary() -> None:
    with init() as run:
        run.summary["a"] = 1

    assert state_of(run).summary == {"a": 1}


def test_what_a_row_says_of_itself_is_the_runs_own(caplog: pytest.LogCaptureFixture) -> None:
    with init() as run, caplog.at_level(logging.WARNING):
        run.define_metric("b", step_metric="_step")
        for _ in range(2):
            run.log({"a": 1, "b": 1, "_step": 40, "_runtime": "long", "_timestamp": "today"})
        run.log({"a": 2, "_timestamp": 1.5e9})
        assert run.summary["_timestamp"] == 1.5e9
        run.log({"a": 3, "nested": {"_step": 4}})

    rows = [*scan(state_of(run), Session(Settings.load()).catalog.store)]
    times = [row.pop("_timestamp") for row in rows]
    assert rows == [
        {"_step": 0, "a": 1, "b": 1},
        {"_step": 1, "a": 1, "b": 1},
        {"_step": 2, "a": 2},
        {"_step": 3, "a": 3, "nested._step": 4},
    ]
    assert times[2] == 1.5e9
    assert min(times[0], times[1], times[3]) >= run.start_time
    for key in ("_step", "_runtime", "_timestamp"):
        assert caplog.text.count(f"the run's own {key}") == 1
    assert state_of(run).summary["_step"] == 3


def test_nan_and_infinities_are_logged() -> None:
    with init() as run:
        run.log({"a": math.nan, "b": math.inf, "c": -math.inf})

    [(_, row)] = rows_of(run)
    assert math.isnan(row["a"])
    assert (row["b"], row["c"]) == (math.inf, -math.inf)


def test_step_may_be_any_whole_number() -> None:
    numpy = pytest.importorskip("numpy")
    with init() as run:
        run.log({"a": numpy.float32(1)}, step=numpy.int64(3))
        run.log({"a": 2}, step=4.0)  # type: ignore[arg-type]
        for step in (1.5, "x"):
            with pytest.raises(InvalidError, match="a step is a whole number"):
                run.log({"a": 3}, step=step)  # type: ignore[arg-type]

    assert rows_of(run) == [(3, {"a": 1.0}), (4, {"a": 2})]


@pytest.mark.parametrize(
    ("data", "error"),
    [(3, ValueError), ([1], ValueError), ({1: 2}, ValueError), ({"a": object()}, TypeError)],
)
def test_what_cannot_be_logged_is_refused_and_logs_nothing(
    data: Any,  # noqa: ANN401
    error: type[Exception],
) -> None:
    with init() as run:
        with pytest.raises(error):
            run.log(data)
        run.log({"a": 1})

    assert rows_of(run) == [(0, {"a": 1})]


def test_a_row_that_nobody_could_read_is_refused_by_the_name_of_what_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("line", "journal"):
        monkeypatch.setattr(sys.modules[f"artifacts.runs.journal.{module}"], "MOST_ROW_BYTES", 1000)
    with init() as run:
        with pytest.raises(InvalidError, match=r"1,043 bytes, of which 'text' has 1,002"):
            run.log({"a": 1.5, "few": [1] * 8, "text": "x" * 1000})
        run.log({"a": 2})

    assert rows_of(run) == [(0, {"a": 2})]
    assert summary_of(run) == {"a": 2}


def test_finished_run_logs_nothing() -> None:
    run = init()
    run.finish()

    with pytest.raises(UsageError, match=r"is finished. The call to `log` comes too late"):
        run.log({"a": 1})


def test_threads_log_side_by_side() -> None:
    def work(number: int) -> None:
        for at in range(200):
            run.log({f"t{number}": at})

    with init() as run:
        threads = [Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    rows = rows_of(run)
    assert [step for step, _ in rows] == [*range(800)]
    for number in range(4):
        logged = [row[f"t{number}"] for _, row in rows if f"t{number}" in row]
        assert logged == [*range(200)]


def test_metric_has_an_axis_and_a_summary() -> None:
    with init() as run:
        run.define_metric("epoch", hidden=True)
        metric = run.define_metric("val/*", step_metric="epoch", summary="min,last")
        assert (metric.name, metric.step_metric, metric.step_sync) == ("val/*", "epoch", True)
        run.log({"val/loss": 3.0})
        run.log({"epoch": 4})
        run.log({"val/loss": 1.0, "x": 1})
        run.log({"val/loss": 2.0, "epoch": 5})
        assert run.summary["val/loss"] == {"min": 1.0, "last": 2.0}

    assert rows_of(run) == [
        (0, {"val/loss": 3.0, "epoch": 0}),
        (1, {"epoch": 4}),
        (2, {"val/loss": 1.0, "x": 1, "epoch": 4}),
        (3, {"val/loss": 2.0, "epoch": 5}),
    ]
    state = state_of(run)
    assert state.summary["val/loss"] == {"min": 1.0, "last": 2.0}
    assert state.metrics["val/*"]["step_metric"] == "epoch"
    assert state.metrics["epoch"]["hidden"] is True


def test_summary_is_kept_as_it_was_left() -> None:
    with init() as run:
        run.log({"loss": 2.0})
        run.summary["best"] = 1.0
        run.summary["gone"] = 1
        run.summary.update({"nested": {"a": 1}})
        run.summary["nested"]["b"] = 2
        del run.summary["gone"]

    assert summary_of(run) == {"loss": 2.0, "best": 1.0, "nested": {"a": 1, "b": 2}}


def test_configuration_is_kept_as_it_was_left() -> None:
    with init(config={"lr": 0.1, "nested": {"a": 1}}) as run:
        run.config["epochs"] = 3
        run.config.update({"lr": 0.2}, allow_val_change=True)
        static = run.config_static
        assert static["lr"] == 0.2

    assert state_of(run).config == {"lr": 0.2, "nested": {"a": 1}, "epochs": 3}


def test_name_notes_and_tags_are_set_at_any_time() -> None:
    with init(name="first", tags=["a"]) as run:
        run.name = "second"
        run.notes = "why"
        run.tags = ("b", "c", "b")
        run.tags = (*(run.tags or ()), "d")
        assert (run.name, run.notes, run.tags) == ("second", "why", ("b", "c", "d"))

    facts = state_of(run).facts
    assert (facts["name"], facts["notes"], facts["tags"]) == ("second", "why", ["b", "c", "d"])


def test_files_in_the_runs_folder_are_its_files() -> None:
    with init(settings={"ignore_globs": ("*.tmp",)}) as run:
        Path(run.dir, "best.pth").write_bytes(b"weights")
        Path(run.dir, "x.tmp").write_bytes(b"")
        run.log({"a": 1})

    files = state_of(run).files
    assert files["best.pth"].size == 7
    assert "x.tmp" not in files


def test_run_tells_where_and_what_it_is(place: Any) -> None:  # noqa: ANN401
    with init("team", "proj", id="abc", name="n<b>", group="g", job_type="train") as run:
        run.log({"loss": 0.5})
        assert (run.group, run.job_type, run.sweep_id) == ("g", "train", None)
        assert (run.mode, run.offline, run.disabled) == ("online", False, False)
        assert (run.id, run.entity, run.path) == ("abc", "team", "team/proj/abc")
        assert run.project_name() == run.project == "proj"
        assert run.url == run.get_url() == f"{run.settings.store.rstrip('/')}/team/proj/abc"
        assert run.get_project_url() == f"{run.settings.store.rstrip('/')}/team/proj"
        assert run.get_sweep_url() is None
        assert run.start_time > 1.7e9
        assert run.status().sync_items_pending >= 0
        assert run.display() in (True, False)
        html = run.to_html(height=100, hidden=True)
        assert "n&lt;b&gt;" in html
        assert "0.5" in html
        run.detach()
        assert active_run() is run
        run.join()

    assert active_run() is None


def test_run_that_is_about_to_be_preempted_was_if_it_fails() -> None:
    run = init()
    run.mark_preempting()
    run.finish(exit_code=1)

    assert state_of(run).told_state == "preempted"


def test_what_is_no_model_is_not_watched() -> None:
    with init() as run:
        with pytest.raises(ValueError, match="watch: log is 'x'"):
            run.watch(None, log="x")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"a torch\.nn\.Module, not a int"):
            run.watch(3)


# The functions of the module


def test_functions_of_the_module_are_the_active_runs(caplog: pytest.LogCaptureFixture) -> None:
    with init() as run:
        artifacts.define_metric("a", summary="max")
        artifacts.log({"a": 2})
        artifacts.log({"a": 1})
        artifacts.config.update({"lr": 1})
        artifacts.summary["b"] = 3
        artifacts.mark_preempting()
        assert artifacts.config["lr"] == run.config.lr == 1
        assert artifacts.summary["a"] == {"max": 2}
        artifacts.join()
        assert artifacts.run is None

    assert summary_of(run) == {"a": {"max": 2}, "b": 3}


@pytest.mark.parametrize("name", ["log", "define_metric", "mark_preempting", "watch", "unwatch"])
def test_without_a_run_they_say_so(name: str) -> None:
    arguments: dict[str, list[Any]] = {"log": [{}], "define_metric": ["a"], "watch": [None]}
    with pytest.raises(
        UsageError, match=rf"must call artifacts\.init\(\) before artifacts\.{name}"
    ):
        getattr(artifacts, name)(*arguments.get(name, []))


@pytest.mark.parametrize("name", ["config", "summary"])
def test_before_a_run_there_is_neither_configuration_nor_summary(name: str) -> None:
    before: Any = getattr(artifacts, name)
    for act in (
        lambda: before["a"],
        lambda: before.__setitem__("a", 1),
        lambda: before.a,
        lambda: setattr(before, "a", 1),
    ):
        with pytest.raises(UsageError, match=rf"before artifacts.{name}"):
            act()


def test_what_is_required_changes_nothing() -> None:
    artifacts.require("core")
    artifacts.require(experiment=["service"])
    assert artifacts.run is None


def test_setup_and_teardown_need_no_process_of_their_own() -> None:
    settings = artifacts.setup()
    assert settings.project == "uncategorized"
    init()
    artifacts.teardown()
    assert artifacts.run is None


def test_terms_are_logged_once_if_they_are_not_to_be_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="artifacts"):
        for _ in range(2):
            artifacts.termlog("one")
            artifacts.termwarn("two", repeat=False)
            artifacts.termerror("three", repeat=False)

    said = [(record.levelname, record.message) for record in caplog.records]
    assert said == [("INFO", "one"), ("WARNING", "two"), ("ERROR", "three"), ("INFO", "one")]


# Processes


@pytest.mark.parametrize(
    ("end", "state", "code"),
    [
        ("", "finished", 0),
        ("raise ValueError('x')", "failed", 1),
        ("import sys; sys.exit(3)", "failed", 3),
        ("import sys; sys.exit()", "finished", 0),
        ("import sys; sys.exit('text')", "failed", 1),
        ("raise KeyboardInterrupt", "failed", 255),
        ("artifacts.finish(exit_code=4)", "failed", 4),
    ],
)
def test_run_ends_with_its_process(end: str, state: str, code: int) -> None:
    program = "import artifacts; artifacts.init(id='p'); artifacts.log({'a': 1}, step=2)\n" + end
    source = Path(artifacts.__file__).parent.parent
    subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        check=False,
    )

    with init(id="p", resume="must") as run:
        left = state_of(run)
    assert rows_of(run) == [(2, {"a": 1})]
    assert (left.told_state, left.exit_code) == (state, code)


def test_a_signals_handler_ends_a_run_whose_event_is_being_stored(store: Path) -> None:
    def end(*_: object) -> NoReturn:
        assert artifacts.run is not None
        artifacts.run.finish(3)
        os._exit(7)

    def create(self: LocalStore, key: str, data: bytes) -> None:
        stored(self, key, data)
        if key.startswith("logs/run/") and key.endswith("1"):
            signal.raise_signal(signal.SIGTERM)

    def act() -> None:
        signal.alarm(300)
        signal.signal(signal.SIGTERM, end)
        LocalStore.create = create  # type: ignore[method-assign]
        run = init(id="p")
        run.log_artifact(__file__, "data", "dataset")

    stored = LocalStore.create
    assert done_by_fork(act) == 7

    with init(id="p", resume="must") as run:
        left = state_of(run)
    assert (left.told_state, left.exit_code) == ("failed", 3)
    assert [each["artifact"].rpartition("/")[2] for each in left.logged] == ["data:v0"]


def test_forked_process_logs_nothing_to_its_parents_run_and_may_have_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def act() -> None:
        assert artifacts.run is None
        run.log({"child": 1})
        artifacts.log({"child": 1})
        artifacts.define_metric("child")
        assert (artifacts.config["lr"], artifacts.summary["a"]) == (1, 1)
        artifacts.config["child"] = run.summary["child"] = 1
        [told] = caplog.messages
        assert told == f"a forked process logs nothing to the run {run.id} of its parent"
        with init(id="child") as own:
            artifacts.log({"a": 2})
            assert artifacts.run is own

    with init(config={"lr": 1}) as run:
        run.log({"a": 1})
        assert done_by_fork(act) == 0
        run.log({"a": 2})
        assert artifacts.run is run

    assert rows_of(run) == [(0, {"a": 1}), (1, {"a": 2})]
    assert (state_of(run).config, summary_of(run)) == ({"lr": 1}, {"a": 2})
    with init(id="child", resume="must") as child:
        pass
    assert rows_of(child) == [(0, {"a": 2})]


@pytest.mark.local  # a far store hears of a run with what it does next
@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_forked_process_may_log_and_use_artifacts_though_its_parents_run_does_not_hear(
    mode: Literal["online", "offline"], caplog: pytest.LogCaptureFixture
) -> None:
    def act() -> None:
        run.log_artifact(__file__, "theirs", "code")
        assert run.use_artifact("theirs:latest").name == "theirs:v0"
        run.restore("nothing", replace=True) if mode == "online" else run.mark_preempting()
        assert run.status().sync_items_total == 0
        told = f"a forked process logs nothing to the run {run.id} of its parent"
        assert caplog.messages.count(told) == 1

    with init(mode=mode) as run:
        assert done_by_fork(act) == 0
        run.log_artifact(__file__, "mine", "code")

    sync(Session(Settings.load()), run._start.folder) if mode == "offline" else None
    assert "mine:v0" in [each["artifact"].rpartition("/")[2] for each in state_of(run).logged]


def test_forked_process_begins_no_journal_of_its_parents_run() -> None:
    def act() -> None:
        run.config["child"] = 1
        run.name = "child"
        run.alert("child", "text")

    with init() as run:
        assert done_by_fork(act) == 0
        assert not Path("wandb").exists()


def test_copy_of_a_run_is_the_run() -> None:
    with init() as run:
        assert copy.copy(run) is run
        assert copy.deepcopy({"run": [run]}) == {"run": [run]}


def test_run_reaches_another_process_as_one_that_logs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with init() as run:
        there = pickle.loads(pickle.dumps(run))
        assert (there.id, there.path, there.disabled) == (run.id, run.path, True)
        there.log({"a": 1})
        there.log({"a": 1})
        there.finish()
        assert artifacts.run is run
        run.log({"a": 2})

    assert rows_of(run) == [(0, {"a": 2})]
    assert caplog.messages == [
        f"run {run.id} belongs to the process that began it: here nothing is logged"
    ]


def test_run_may_be_given_to_a_process_that_is_spawned() -> None:
    with init(config={"lr": 1}) as run:
        process = multiprocessing.get_context("spawn").Process(target=spawned, args=(run,))
        process.start()
        process.join()
        assert process.exitcode == 0
        run.log({"a": 1})

    assert rows_of(run) == [(0, {"a": 1})]
    assert state_of(run).config == {"lr": 1}


def spawned(run: artifacts.Run) -> None:
    assert run.config["lr"] == 1
    run.log({"child": 1})
    run.config["child"] = 1
    run.finish()
