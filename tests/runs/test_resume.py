"""Resume: a table of what comes of `id`, `resume`, `resume_from` and `fork_from`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from artifacts import UsageError, init
from artifacts.errors import IntegrityError, InvalidError
from artifacts.runs import Run, active_run, find_run
from artifacts.runs.resume import beginning_of
from artifacts.runs.rows.compaction import compact
from artifacts.runs.rows.storing import Storing
from artifacts.storage import Proposal
from runs.read_back import rows_of, state_of, summary_of, writer_of

pytestmark = pytest.mark.usefixtures("store")

OLD = [(0, {"a": 0}), (1, {"a": 1}), (2, {"a": 2, "m": 3})]
NEW = {"a": 9}
USAGE, INVALID = UsageError, InvalidError


@dataclass(frozen=True)
class Case:
    """What is given to `init` on a machine that knows nothing, and what comes of it."""

    given: Mapping[str, Any]
    step: int = 0
    rows: list[Any] = field(default_factory=list)  # that are there before the new one
    is_resumed: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    error: type[Exception] | None = None


def going_on(**given: Any) -> Case:  # noqa: ANN401
    return Case(given, 3, OLD, is_resumed=True, config={"lr": 1, "old": 1}, name="first")


def anew(**given: Any) -> Case:  # noqa: ANN401
    return Case(given)


def refused(error: type[Exception], **given: Any) -> Case:  # noqa: ANN401
    return Case(given, error=error)


def back_to(step: int, **given: Any) -> Case:  # noqa: ANN401
    rows = OLD[: step + 1]
    return Case(given, step + 1, rows, is_resumed=True, config={"lr": 1, "old": 1}, name="first")


def branch(step: int, **given: Any) -> Case:  # noqa: ANN401
    return Case(given, step + 1, OLD[: step + 1], config={"lr": 1, "old": 1})


CASES = [
    # a run that is there: old, three steps, finished
    anew(id="old"),
    anew(id="old", resume=False),
    going_on(id="old", resume="allow"),
    going_on(id="old", resume="must"),
    going_on(id="old", resume="auto"),
    going_on(id="old", resume=True),
    going_on(settings={"run_id": "old", "resume": "allow"}),
    going_on(id="old", settings={"resume": "must"}),
    refused(USAGE, id="old", resume="never"),
    # one that is not
    anew(id="new"),
    anew(id="new", resume="allow"),
    anew(id="new", resume="never"),
    anew(id="new", resume="auto"),
    anew(id="new", resume=True),
    anew(id="new", resume=False),
    refused(USAGE, id="new", resume="must"),
    # no id
    anew(),
    anew(resume="allow"),
    anew(resume="never"),
    anew(resume="auto"),
    refused(USAGE, resume="must"),
    refused(ValueError, resume="sometimes"),
    # back
    back_to(2, resume_from="old?_step=2"),
    back_to(1, resume_from="old?_step=1"),
    back_to(0, resume_from="old?_step=0"),
    back_to(1, id="old", resume_from="old?_step=1"),
    refused(USAGE, resume_from="old?_step=3"),
    refused(USAGE, resume_from="new?_step=0"),
    refused(USAGE, id="new", resume_from="old?_step=1"),
    refused(USAGE, id="old", resume="allow", resume_from="old?_step=1"),
    refused(INVALID, resume_from="old"),
    refused(INVALID, resume_from="old?step=1"),
    refused(INVALID, resume_from="old?_step=x"),
    refused(INVALID, resume_from="old?_step=-1"),
    # a branch
    branch(2, fork_from="old?_step=2"),
    branch(0, fork_from="old?_step=0"),
    branch(1, id="new", fork_from="old?_step=1"),
    refused(USAGE, id="old", fork_from="old?_step=1"),
    refused(USAGE, id="other", fork_from="old?_step=1"),
    refused(USAGE, fork_from="old?_step=9"),
    refused(USAGE, fork_from="new?_step=0"),
    refused(USAGE, id="new", resume="allow", fork_from="old?_step=1"),
    refused(USAGE, resume_from="old?_step=1", fork_from="old?_step=1"),
    refused(INVALID, fork_from="old?_runtime=1"),
]


@pytest.fixture(autouse=True)
def old(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that another machine left in the store; this one has nothing but the store."""
    monkeypatch.setenv("ART_CACHE_DIR", str(tmp_path / "other-cache"))
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "other"))
    for id_ in ("old", "other"):
        with init(id=id_, name="first", config={"lr": 1, "old": 1}, tags=["t"]) as run:
            run.define_metric("m", summary="mean,max")
            run.summary["by_hand"] = 7
            for _, values in OLD:
                run.log(values)
    monkeypatch.setenv("ART_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "here"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(dict(case.given)))
def test_case_of_the_table(case: Case) -> None:
    if case.error is not None:
        with pytest.raises(case.error):
            init(**case.given)
        return
    with init(**case.given) as run:
        assert (run.step, run.starting_step, run.resumed) == (case.step, case.step, case.is_resumed)
        assert dict(run.config) == case.config
        assert case.name in (None, run.name)
        run.log(NEW)

    assert [row for row in rows_of(run) if row[1]] == [*case.rows, (case.step, NEW)]
    state = state_of(run)
    assert state.config == case.config
    assert state.summary["a"] == 9
    assert (state.told_state, state.last_step) == ("finished", case.step)


def test_resumed_run_keeps_what_it_was_and_takes_what_is_given() -> None:
    with init(id="old", resume="must", config={"lr": 2, "more": 1}, notes="again") as run:
        assert dict(run.config) == {"lr": 2, "old": 1, "more": 1}
        assert (run.tags, run.notes, run.summary["by_hand"]) == (("t",), "again", 7)

    state = state_of(run)
    assert state.config == {"lr": 2, "old": 1, "more": 1}
    assert state.facts["notes"] == "again"


def test_what_was_added_up_goes_on() -> None:
    with init(id="old", resume="must") as run:
        run.log({"m": 5})
        assert run.summary["m"] == {"mean": 4.0, "max": 5}


def test_rewound_run_has_the_summary_of_that_step() -> None:
    with init(resume_from="old?_step=1") as run:
        assert run.summary["a"] == 1
        assert "m" not in run.summary
        run.log({"m": 1})

    assert summary_of(run) == {"a": 1, "m": {"mean": 1.0, "max": 1}}
    assert state_of(run).summary["_wandb"] == {"counts": {"m": 1}}


def own_of(run: Run) -> list[Any]:
    """Step, time and runtime that the run's summary has of its last row, so far."""
    return [run.summary[key] for key in ("_step", "_timestamp", "_runtime")]


def test_step_time_and_runtime_in_the_summary_go_on_with_the_run() -> None:
    with init(id="old", resume="must") as run:
        step, time, runtime = own_of(run)
        assert step == 2
        run.log(NEW)
        assert own_of(run)[0] == 3
        assert own_of(run)[1] > time
        assert own_of(run)[2] >= runtime
        left = own_of(run)

    assert [state_of(run).summary[key] for key in ("_step", "_timestamp", "_runtime")] == left


@pytest.mark.parametrize("given", [{"fork_from": "old?_step=1"}, {"resume_from": "old?_step=1"}])
def test_step_and_time_in_the_summary_are_of_the_row_that_a_run_goes_back_to(
    given: dict[str, Any],
) -> None:
    with init(id="old", resume="must") as old:
        end = own_of(old)
    with init(**given) as run:
        step, time, runtime = own_of(run)
        assert step == 1
        assert old.start_time - 3600 < time < end[1]
        assert 0 <= runtime <= end[2]
        run.log(NEW)
        assert own_of(run)[0] == 2

    assert state_of(run).summary["_step"] == 2


def test_fork_that_logs_nothing_has_the_summary_of_its_beginning() -> None:
    with init(fork_from="old?_step=1") as run:
        pass

    summary = state_of(run).summary
    assert (summary["_step"], summary["a"]) == (1, 1)


def test_fork_leaves_the_run_that_it_is_of_alone() -> None:
    with init(fork_from="old?_step=0", id="fork") as run:
        run.log({"a": 5})
        assert run.summary["a"] == 5

    assert state_of(run).facts["forked_from"] == "old?_step=0"
    with init(id="old", resume="must") as old:
        assert rows_of(old)[:2] == OLD[:2]
        assert old.step == 3


def test_fork_of_a_fork_and_a_rewound_fork() -> None:
    with init(fork_from="old?_step=1", id="one") as run:
        run.log({"a": 10})
        run.log({"a": 11})
    with init(fork_from="one?_step=2", id="two") as run:
        run.log({"a": 20})
    assert rows_of(run) == [*OLD[:2], (2, {"a": 10}), (3, {"a": 20})]
    with init(resume_from="two?_step=0") as run:
        run.log({"a": 30})
    assert rows_of(run) == [OLD[0], (1, {"a": 30})]


def test_run_without_resume_takes_the_place_of_the_one_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with init(id="old", config={"x": 1}) as run:
        run.log({"b": 1})

    [told] = caplog.messages
    assert told.startswith(f"there is a run {run.path} already: this one takes its place")
    state = state_of(run)
    assert (rows_of(run), state.config, summary_of(run)) == ([(0, {"b": 1})], {"x": 1}, {"b": 1})


def test_what_is_made_few_while_a_run_is_begun_anew_does_not_count_for_it() -> None:
    with init(id="pieces") as old:
        for at in range(5):
            old.log({"old": at})
            old._diary.flush()
        found = find_run(old._session, "pieces")
        beginning = beginning_of(old._session, old.settings, "pieces", (), is_new_id=False)

        compact(found.fold, Storing(found.store, old._session.writable.epoch(is_new=True)))
        assert len(state_of(old).segments["history"]) == 1
        found.fold.append(Proposal([{"kind": kind, **told} for kind, told in beginning.changes]))

        assert rows_of(old) == []


def test_auto_goes_on_with_the_run_of_this_folder_that_failed() -> None:
    failed = init(resume="auto")
    failed.log({"a": 0})
    failed.finish(exit_code=1)
    with init(resume="auto") as run:
        assert (run.id, run.step, run.resumed) == (failed.id, 1, True)
        run.log({"a": 1})
    assert rows_of(run) == OLD[:2]

    with init(resume="auto") as another:
        assert another.id != failed.id


def test_what_a_killed_process_left_here_is_delivered_before_its_run_goes_on(
    tmp_path: Path,
) -> None:
    first = init(id="killed", resume="allow")
    first.log({"a": 0})
    writer_of(first)._journal.close()  # as the system does it
    writer_of(first)._sending.is_over = True
    first.finish()

    with init(id="killed", resume="allow") as run:
        assert run.step == 1
        assert (run.summary["a"], run.summary["_step"]) == (0, 0)
        run.log({"a": 1})
    assert rows_of(run) == OLD[:2]


@pytest.mark.local
def test_a_run_whose_rows_are_lost_goes_on_after_them(caplog: pytest.LogCaptureFixture) -> None:
    first = init(id="lost", resume="allow", config={"lr": 1})
    first.log({"a": 0, "": 1})
    writer_of(first).flush()
    writer_of(first)._journal.close()  # as the system does it
    writer_of(first)._sending.is_over = True
    first.finish()
    [segment] = state_of(first).segments["history"]
    with init(id="lost", resume="allow") as run:
        assert run.summary[""] == 1

    Path(first.settings.store, segment.name.key).unlink()
    with init(id="lost", resume="allow") as run:
        assert (run.step, run.config["lr"]) == (1, 1)


def test_a_missing_run_is_told_without_our_insides() -> None:
    with pytest.raises(UsageError, match="there is no run 'new' to resume") as caught:
        init(id="new", resume="must")

    assert [each.name for each in caught.traceback][1:] == ["init"]


@pytest.mark.parametrize("resume", [None, "allow", "never", "must"])
def test_a_run_whose_log_is_damaged_is_told_of_and_not_taken_for_a_store_that_is_away(
    resume: Literal["allow", "never", "must"] | None, store: Path
) -> None:
    with init(id="hurt", resume="allow") as run:
        run.log({"a": 1})
    log = store / "logs" / find_run(run._session, "hurt").fold.log.name
    last = max(log.iterdir())
    last.chmod(0o644)
    last.write_bytes(b"junk")

    with pytest.raises(IntegrityError):
        init(id="hurt", resume=resume)
    assert active_run() is None


def test_a_run_that_takes_the_place_of_another_has_its_own_configuration() -> None:
    for config in ({"lr": 1, "old": 1}, {"lr": 1, "k": 5}, {"lr": 1, "k": 5}, {}):
        with init(id="again", config=dict(config)) as run:
            run.log({"a": 1})

        assert state_of(run).config == config
