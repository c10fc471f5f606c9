"""Untold: the summary of a run that was killed is what its process saw last."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import done_by_fork

from artifacts import Settings, init
from artifacts.catalog import Session
from artifacts.runs import Run, find_run, sync
from artifacts.runs.delivery.recovery import recover

ID = "mortal"
ALONE = {"console": "off", "x_disable_meta": True, "x_disable_stats": True, "disable_git": True}
"""No process of its own outlives it, be it for a moment, and holds what it held."""
Logged = Callable[[Run], None]


def flat(run: Run) -> None:
    for at in range(5):
        run.log({"a": at, "text": str(at), "a.b": -at})


def nested(run: Run) -> None:
    run.log({"a": {"b": 1, "x.y": {"z": 1}}, "c": 2, "d.e": 3})
    run.log({"a": {"b": 2, "h": {"_type": "histogram", "bins": [1]}}, "late": {"k": 1}})


def delivered_in_part(run: Run) -> None:
    nested(run)
    run._diary.flush()
    run.log({"a": {"b": 5}, "new": {"k": 1}})


def added_up(run: Run) -> None:
    run.define_metric("low", summary="min,first")
    run.define_metric("high", summary="best,last", goal="maximize")
    run.define_metric("at.*", summary="mean,max")
    run.define_metric("no", summary="none")
    for at in (4.0, 1.0, float("inf"), 2.0):
        run.log({"low": at, "high": at, "at": {"x": at}, "no": at})


def by_hand(run: Run) -> None:
    run.summary["first"] = 1
    run.log({"acc": 1, "loss": 1, "other": 1, "gone": 1, "first": 2, "a": {"b": 1}})
    run.summary["acc"] = 9
    run.summary["a"]["b"] = 8
    del run.summary["gone"]
    run.summary["loss"] = 7
    run.log({"loss": 2, "other": 2})


def by_hand_in_a_row_that_is_open(run: Run) -> None:
    for at in range(3):
        run.log({"acc": at, "loss": at}, step=at)
        run.summary["acc"] = 10 * at
    run.log({"loss": 3}, step=3)
    run.log({}, step=4)


def by_hand_before_the_open_row_has_it(run: Run) -> None:
    run.log({"acc": 1, "loss": 1, "a": {"b": 1}}, step=0)
    run.log({"loss": 2, "a": {"b": 2}}, step=1)
    for key in ("acc", "loss", "new"):
        run.summary[key] = 9
    run.summary["a"]["b"] = 9
    run.log({"acc": 3, "new": 3}, step=1)
    run.log({}, step=2)


def added_up_from_then_on(run: Run) -> None:
    run.define_metric("high", summary="max")
    for at in (4.0, 1.0, 7.0):
        run.log({"m": at, "high": at, "low": at, "deep": {"x": at}})
    run.define_metric("m", summary="mean")
    run.define_metric("high", summary="min", overwrite=True)
    run.define_metric("deep.*", summary="mean")
    for at in (5.0, 3.0):
        run.log({"m": at, "high": at, "low": at, "deep": {"x": at}})
    run.define_metric("low", summary="min")
    run.define_metric("m", summary="none")


def added_up_anew_by_hand(run: Run) -> None:
    for key in ("m", "left"):
        run.define_metric(key, summary="mean")
    for at in (1, 3):
        run.log({"m": at, "left": at, "acc": 1})
    run.define_metric("other", summary="max")
    run.log({"left": 9})
    run.summary.update({"m": {"mean": 7}, "acc": 9})
    run.log({"m": 5, "left": 5, "acc": 1})
    run.log({"m": 6})


def added_up_from_within_a_row_on(run: Run) -> None:
    run.define_metric("before", summary="mean")
    for at in (4, 1, 7):
        run.log({"m": at, "before": at, "deep": {"x": at}}, step=at)
    run.define_metric("m", summary="mean")
    run.define_metric("deep.x", summary="mean")
    run.log({"after": 1}, step=7)
    for at in (9, 11):
        run.log({"m": at, "before": at, "deep": {"x": at}}, step=at)
    run.log({}, step=12)


def late(run: Run) -> None:
    run.log({"a": 5, "b": 5}, step=5)
    run.log({"a": 6}, step=6)
    run.log({"a": 3, "c": 3}, step=3)
    run.log({"b": 7}, step=7)
    run.log({}, step=8)


LOGGED = pytest.mark.parametrize(
    "logged",
    [
        *(flat, nested, delivered_in_part, added_up, added_up_from_then_on),
        *(added_up_anew_by_hand, added_up_from_within_a_row_on),
        *(by_hand, by_hand_in_a_row_that_is_open),
        *(by_hand_before_the_open_row_has_it, late),
    ],
)


def killed(logged: Logged, folder: Path, **given: Any) -> dict[str, Any]:  # noqa: ANN401
    """Its summary when a process that logs this is killed, as the process saw it."""

    def act() -> None:
        run = init(id=ID, settings=dict(ALONE), **given)
        logged(run)
        (folder / "seen").write_text(json.dumps(run.summary._as_dict()))
        os.kill(os.getpid(), signal.SIGKILL)

    assert done_by_fork(act) == -signal.SIGKILL
    seen: dict[str, Any] = json.loads((folder / "seen").read_text())
    return seen


def stored() -> dict[str, Any]:
    """As any reader has it."""
    return dict(find_run(Session(Settings.load()), ID).state.summary)


def gone_on_with(logged: Logged, folder: Path, row: dict[str, Any], **given: Any) -> Run:  # noqa: ANN401
    """A run whose process was killed, as it is when it went on and logged a row more."""
    killed(logged, folder, **given)
    assert len(recover(Session(Settings.load()))) == 1
    with init(id=ID, resume="must") as run:
        run.log(row)
    return run


def _text(summary: dict[str, Any]) -> str:
    """Numbers that JSON has not are told by their names."""
    values = {key: each for key, each in summary.items() if key not in ("_runtime", "_wandb")}
    text = json.dumps(values, sort_keys=True, indent=1)
    return text.replace('"NaN"', "NaN").replace('"Infinity"', "Infinity")


def assert_is_same(found: dict[str, Any], seen: dict[str, Any]) -> None:
    """But for what is kept beside, and the few moments before the journal began."""
    assert 0 <= found["_runtime"] <= seen["_runtime"]
    assert _text(found) == _text(seen)


@LOGGED
@pytest.mark.usefixtures("store")
def test_who_ends_well_tells_it(logged: Logged) -> None:
    with init(id=ID, settings=dict(ALONE)) as run:
        logged(run)
        seen = json.loads(json.dumps(run.summary._as_dict()))

    assert_is_same(stored(), seen)


@LOGGED
@pytest.mark.usefixtures("store")
def test_who_delivers_its_journal_tells_it(logged: Logged, tmp_path: Path) -> None:
    seen = killed(logged, tmp_path)
    recover(Session(Settings.load()))

    assert_is_same(stored(), seen)


@LOGGED
@pytest.mark.usefixtures("store")
def test_who_syncs_it_tells_it(logged: Logged, tmp_path: Path) -> None:
    seen = killed(logged, tmp_path, mode="offline")
    [folder] = (tmp_path / "wandb").glob("offline-run-*")
    for _ in range(2):
        sync(Session(Settings.load()), folder)

    assert_is_same(stored(), seen)


@LOGGED
@pytest.mark.usefixtures("store")
def test_who_goes_on_with_it_on_another_machine_has_it_and_tells_it(
    logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deliver_and(run: Run) -> None:
        logged(run)
        run._diary.flush()

    seen = killed(deliver_and, tmp_path)
    monkeypatch.setenv("ART_CACHE_DIR", str(tmp_path / "other"))
    with init(id=ID, resume="must") as run:
        assert_is_same(run.summary._as_dict(), seen)
        run._diary.flush()
        assert_is_same(stored(), seen)

    assert_is_same(stored(), seen)


@pytest.mark.usefixtures("store")
def test_one_that_is_killed_again_and_again_has_it_of_all_its_rows(tmp_path: Path) -> None:
    def logged(run: Run) -> None:
        run.define_metric("m", summary="mean,min")
        for value in (1.0, 3.0):
            run.log({"m": value, "a": {"b": run.step}})

    for times in range(1, 4):
        seen = killed(logged, tmp_path, resume="allow")
        recover(Session(Settings.load()))

        assert seen["m"] == {"mean": 2.0, "min": 1.0}
        assert (stored()["m"], stored()["a"]) == (seen["m"], {"b": 2 * times - 1})
        assert stored()["_wandb"] == {"counts": {"m": 2 * times}}


@pytest.mark.usefixtures("store")
def test_a_fork_that_is_killed_knows_what_its_parent_said_of_keys(tmp_path: Path) -> None:
    with init(id="parent") as parent:
        parent.define_metric("m", summary="max")
        for at in range(3):
            parent.log({"m": at, "a": {"b": at}})
    child = "parent?_step=1"
    seen = killed(lambda run: run.log({"m": 0, "c": 1}), tmp_path, fork_from=child)
    recover(Session(Settings.load()))

    assert (seen["m"], seen["a"]) == ({"max": 1}, {"b": 1})
    assert_is_same(stored(), seen)


@pytest.mark.parametrize("said", ["2h", None, [1], float("nan")])
@pytest.mark.usefixtures("store")
def test_what_is_no_time_in_the_place_of_the_runtime_is_passed_by(
    said: object, tmp_path: Path
) -> None:
    def logged(run: Run) -> None:
        run.summary["_runtime"] = run.summary["_timestamp"] = said
        run._diary.flush()
        run.log({"a": 1})

    run = gone_on_with(logged, tmp_path, {"a": 2})

    assert (stored()["a"], run.step) == (2, 2)
    assert 0 <= stored()["_runtime"] < 3600


@pytest.mark.parametrize(
    "said", [5, None, {"counts": 5}, {"counts": {"m": "2"}}, {"counts": {"m": None, "x": -1}}]
)
@pytest.mark.usefixtures("store")
def test_what_is_no_count_in_the_summarys_own_place_is_passed_by(
    said: object, tmp_path: Path
) -> None:
    def logged(run: Run) -> None:
        run.define_metric("m", summary="mean")
        run.summary["_wandb"] = said
        run.summary["m"] = {"mean": 7}
        run._diary.flush()
        run.log({"m": 1})

    gone_on_with(logged, tmp_path, {"m": 3})

    assert stored()["m"] == {"mean": 2}
    assert stored()["_wandb"] == {"counts": {"m": 2}}


@pytest.mark.parametrize("said", ["much", None, [1], {"of": 1}])
@pytest.mark.usefixtures("store")
def test_what_is_no_number_in_the_place_of_one_that_was_added_up_begins_anew(
    said: object, tmp_path: Path
) -> None:
    def logged(run: Run) -> None:
        run.define_metric("m", summary="mean,min,max,best")
        run.log({"m": 9})

    def spoiled(run: Run) -> None:
        run.summary["m"] = {"mean": said, "min": said, "max": said, "best": said}
        run._diary.flush()
        run.log({"m": 1})

    with init(id=ID) as run:
        logged(run)
    gone_on_with(spoiled, tmp_path, {"m": 3}, resume="must")

    assert stored()["m"] == {"mean": 2, "min": 1, "max": 3, "best": 1}


@pytest.mark.usefixtures("store")
def test_time_that_was_told_while_the_run_went_on_is_not_added_twice(tmp_path: Path) -> None:
    def logged(run: Run) -> None:
        began = run._start_time
        run.log({"a": 1, "_timestamp": began + 100})
        run.define_metric("a", summary="mean")
        run.log({"a": 2, "_timestamp": began + 150})

    seen = killed(logged, tmp_path)
    recover(Session(Settings.load()))

    assert seen["_runtime"] == pytest.approx(150)
    assert 140 < stored()["_runtime"] <= 150
