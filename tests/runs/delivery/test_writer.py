"""Writer: it returns at once, and what it was told is in the store soon, once, in order."""

from __future__ import annotations

import gc
import math
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from multiprocessing import get_context
from multiprocessing.context import ForkContext, ForkServerContext, SpawnContext
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from forks import done_by_fork

from artifacts.catalog import Session
from artifacts.catalog.upkeep.gc import collect
from artifacts.errors import StorageError
from artifacts.runs.delivery import delivery, sending
from artifacts.runs.delivery.delivery import Delivery
from artifacts.runs.delivery.recovery import recover, sync
from artifacts.runs.delivery.sending import pace
from artifacts.runs.delivery.writer import Started, Writer, _writers
from artifacts.runs.heartbeat import beat, standing_of
from artifacts.runs.journal import journal, line
from artifacts.runs.journal.journal import Journal
from artifacts.runs.journal.part import part
from artifacts.runs.journal.pending import Pending
from artifacts.runs.rows import compaction, segments
from artifacts.runs.rows.history import columns
from artifacts.runs.rows.reader import segment_data
from artifacts.storage import FileStore
from runs.away import GONE, AwayStore
from runs.logbook import Logbook, OverStore, never

_NONE = timedelta()


def leave(book: Logbook) -> None:
    """A run whose store refused it to the end: what it logged is in its journal alone."""
    store = AwayStore(book.store)
    store.is_refusing = True
    writer = book.write(session=OverStore(book.settings, store))
    writer.row(0, {"x": 1})
    assert not writer.close()


def test_rows_are_read_back_as_they_were_logged(book: Logbook) -> None:
    writer = book.write()
    for step in range(3000):
        writer.row(step, {"loss": 1 / (step + 1), "note": {"n": [step]}, "odd": math.nan})
    writer.row(3000, {"late": True})
    assert writer.close()

    rows = book.rows()
    assert [row["_step"] for row in rows] == [*range(3001)]
    assert rows[7]["note"] == {"n": [7]}
    assert math.isnan(rows[7]["odd"])
    assert rows[-1]["late"] is True
    assert "loss" not in rows[-1]
    assert book.rows(keys=["late"]) == [{"late": True}]
    assert [row["_step"] for row in book.rows(min_step=5, max_step=8)] == [5, 6, 7]
    assert columns(book.state, book.session.catalog.store, ["late"])["late"][-2:] == [None, True]


def test_a_run_that_ended_is_one_segment_of_parquet(book: Logbook) -> None:
    writer = book.write()
    for step in range(4):
        writer.row(step, {"x": step})
        writer.flush()
    assert [each.format for each in book.state.segments["history"]] == ["jsonl"] * 4

    writer.close()

    [segment] = book.state.segments["history"]
    assert (segment.format, segment.rows, segment.first, segment.last) == ("parquet", 4, 0, 3)
    assert segment_data(book.session.catalog.store, segment).startswith(b"PAR1")
    assert book.steps == [0, 1, 2, 3]


def test_segments_are_compacted_to_what_fits_into_memory(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_MOST_UNPACKED", 10_000)
    writer = book.write()
    for step in range(12):
        writer.row(step, {"text": f"{step:04}" * 1_000})  # which compresses to next to nothing
        writer.flush()

    writer.close()

    found = book.state.segments["history"]
    assert [each.rows for each in found] == [2] * 6
    assert [(each.first, each.last) for each in found] == [(n, n + 1) for n in range(0, 12, 2)]
    assert book.steps == [*range(12)]
    events = book.events
    assert writer._sending.delivery is not None
    writer._sending.delivery.compact()
    assert book.events == events, "they are as few as they can be"


def test_the_longest_row_that_may_be_logged_is_read_back(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for holder in (line, journal):
        monkeypatch.setattr(holder, "MOST_ROW_BYTES", 2**12 - 2**10)
    monkeypatch.setattr(segments, "_MOST_LINE", 2**12)
    for module in (segments, compaction):
        monkeypatch.setattr(module, "has_parquet", lambda: False)
    empty = len(line.encoded({"text": ""}))
    text = "x" * (line.MOST_ROW_BYTES - empty)
    writer = book.write()
    writer.row(2**62, {"text": text})

    assert writer.close()

    assert [row["text"] for row in book.rows()] == [text]


def test_what_the_run_says_is_in_its_log(book: Logbook) -> None:
    writer = book.write(facts={"name": "first", "config": {"lr": 1, "depth": 2}})
    writer.note("config", {"set": {"lr": 2, "worst": math.inf}})
    writer.note("config", {"set": {"new": 1}, "unset": ["depth"]})
    writer.note("summary", {"set": {"best": 0.5}})
    writer.note("metric", {"name": "loss", "summary": "min"})
    writer.note("facts", {"notes": "good"})
    writer.line("system", {"cpu": 0.5})
    writer.tell("used", {"artifact": "team/proj/data:v0", "digest": "0" * 64})
    assert book.state.told_state == "running"
    writer.close(3)

    state = book.state
    assert state.config == {"lr": 2, "worst": "Infinity", "new": 1}
    assert (state.summary, state.facts["notes"]) == ({"best": 0.5}, "good")
    assert state.metrics["loss"]["summary"] == "min"
    assert (state.told_state, state.exit_code) == ("failed", 3)
    assert [each["artifact"] for each in state.used] == ["team/proj/data:v0"]
    [row] = book.rows(stream="system")
    assert row["cpu"] == 0.5
    assert "_step" not in row


def test_text_that_is_no_unicode_is_spelled_out_and_blocks_nothing(book: Logbook) -> None:
    name = os.fsdecode(b"caf\xe9")
    book.place().mkdir()
    (book.place() / name).write_bytes(b"bytes")
    writer = book.write(facts={"name": name})
    writer.note("config", {"set": {name: [{"deep": name}]}})
    writer.row(0, {name: name, "odd": math.nan})
    writer.line("system", {"x": name})
    writer.file(name, book.place() / name)

    assert writer.close()

    state, said = book.state, "caf\\udce9"
    assert (state.facts["name"], state.config[said]) == (said, [{"deep": said}])
    assert book.rows(keys=[said]) == [{said: said}]
    assert [*state.files] == [said]


def test_what_could_not_be_delivered_is_due_though_nothing_new_is_said(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise GONE

    writer = book.write()
    writer.row(0, {"x": 0})
    writer.flush()
    assert writer._sending.delivery is not None
    writer.row(1, {"x": 1})
    with monkeypatch.context() as patch:
        patch.setattr(writer._sending.delivery._fold, "append", refuse)
        with pytest.raises(StorageError):
            writer.flush()
    assert writer.backlog.waiting == 1

    writer._sending.step(1.0, 0.0, 2.0)

    assert book.steps == [0, 1]
    assert writer.backlog.waiting == 0
    writer.close()


def test_rows_that_cannot_be_stored_are_no_damage_to_the_record_after_them(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> bytes:
        raise ValueError("Parquet would have it otherwise")

    writer = book.write()
    writer.row(0, {"x": 0})
    writer.row(1, {"x": 1})
    writer.note("rewound", {"step": 0})
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "encode", fail)
        with pytest.raises(ValueError, match="otherwise"):
            writer.flush()

    assert writer.close()

    assert book.steps == [0]


def test_whatever_compaction_raises_the_run_ends_with_its_rows(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    writer = book.write()
    writer.row(0, {"x": 0})
    monkeypatch.setattr(delivery, "compact", fail)

    assert writer.close()

    assert book.steps == [0]


def test_the_thread_that_sends_goes_on_whatever_it_meets(
    book: Logbook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deliver, times = Delivery.deliver, 0
    is_sent = Event()

    def unsure(self: Delivery, *given: Any) -> bool:  # noqa: ANN401 - as deliver
        nonlocal times
        times += 1
        if times == 1:
            raise ZeroDivisionError("nobody foresaw it")
        was_any = deliver(self, *given)
        is_sent.set()
        return was_any

    monkeypatch.setattr(sending, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(Delivery, "deliver", unsure)
    writer = book.write(is_timed=True)
    writer.row(0, {"x": 0})

    assert is_sent.wait(300)

    assert "nobody foresaw it" in caplog.text
    assert writer.close()
    assert book.steps == [0]


def test_neither_a_segment_nor_an_event_grows_with_what_waits(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_BYTES_A_SEGMENT", 2**20)
    monkeypatch.setattr(Delivery, "compact", lambda *_: None)
    writer = book.write()
    for number in range(40):
        writer.row(number, {"text": f"{number:06}" * 2**14})  # 96 KiB
    for number in range(4_000):
        writer.note("alert", {"title": str(number), "text": "x" * 1_000})

    assert writer.close()

    assert all(each.rows <= 12 for each in book.state.segments["history"])
    assert book.steps == [*range(40)]
    assert [each["title"] for each in book.state.alerts] == [*map(str, range(4_000))]
    logs = Path(book.settings.store, "logs", "run")
    assert max(path.stat().st_size for path in logs.rglob("*") if path.is_file()) < 3 * 2**20


def test_a_damaged_journal_keeps_no_other_from_its_store(
    book: Logbook, caplog: pytest.LogCaptureFixture
) -> None:
    for number, run in enumerate("ab"):
        Pending.add(
            book.settings.cache_dir,
            run * 32,
            book.place(number),
            {"entity": "team", "project": "proj", "run": run, "store": book.settings.store},
        )
        Journal(book.place(number), {"run": run, "entity": "team", "project": "proj"}).close()
    head = part(book.place(), "a", 0)
    head.write_bytes(b'{"journal":1,"first":0,"run":"a"}\n')

    assert [each.path for each in recover(book.session)] == ["team/proj/b"]
    assert str(book.place()) in caplog.text


def test_an_offline_run_that_was_moved_has_its_files(book: Logbook, tmp_path: Path) -> None:
    writer = book.write(is_offline=True)
    for place in (book.place() / "files", tmp_path):
        place.mkdir(exist_ok=True)
        (place / f"of-{place.name}").write_bytes(b"bytes")
        writer.file(f"of-{place.name}", place / f"of-{place.name}")
    outside = tmp_path / f"of-{tmp_path.name}"
    writer.close()
    outside.unlink()
    moved = book.place().rename(tmp_path / "moved")

    synced = sync(book.session, moved)

    assert synced is not None
    assert [*book.state.files] == ["of-files"]
    assert synced.missed == (str(outside),)


def test_a_pending_journal_is_not_forgotten_by_who_cannot_see_it(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = book.write()
    writer.row(0, {})
    writer._sending.stop()
    writer._leave()  # as if it were killed
    away = book.place().rename(book.folder / "away")
    [file] = (book.settings.cache_dir / "pending").iterdir()
    assert recover(book.session) == []
    os.utime(file, (0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "another")
        assert recover(book.session) == []
    assert file.exists()

    os.utime(file)
    away.rename(book.place())
    journal_there = recover(book.session)

    assert len(journal_there) == 1
    assert book.steps == [0]


def test_a_journal_that_is_gone_for_long_is_forgotten(book: Logbook) -> None:
    about = {"entity": "team", "project": "proj", "run": "abc", "store": "x"}
    pending = Pending.add(book.settings.cache_dir, "a" * 32, book.folder / "gone", about)
    assert [*Pending.all(book.settings.cache_dir)] == []
    assert pending.file.exists()

    os.utime(pending.file, (0, 0))

    assert [*Pending.all(book.settings.cache_dir)] == []
    assert not pending.file.exists()


def test_files_are_stored_when_their_policy_says(book: Logbook, tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in ("now", "live", "end", "large")}
    for path in paths.values():
        path.write_bytes(b"first")
    paths["large"].write_bytes(bytes(2**24))
    writer = book.write()
    for policy in ("now", "live", "end"):
        writer.file(policy, paths[policy], policy)
    writer.file("large", paths["large"])
    writer.file("gone", tmp_path / "gone")
    writer.flush()
    assert {*book.state.files} == {"now", "live", "large"}
    for path in paths.values():
        path.write_bytes(b"second")
    writer.flush()
    writer.close()

    store = book.store
    files = {name: store.read(each.blob.key) for name, each in book.state.files.items()}
    assert files.pop("large") == bytes(2**24)
    assert files == {"now": b"first", "live": b"second", "end": b"second"}


def test_no_run_has_more_than_some_two_thousand_batches() -> None:
    century_s = 100 * 365 * 24 * 3600.0
    batches = count()
    while century_s > 0:
        century_s -= pace(last := next(batches))

    assert pace(0) == pace(100) == 2
    assert last <= 2700
    assert sum(pace(number) for number in range(2000)) > 365 * 24 * 3600


def test_a_store_that_answers_nothing_holds_up_nobody_who_logs(book: Logbook) -> None:
    store = AwayStore(book.store)
    writer = book.write(session=OverStore(book.settings, store), is_timed=True)

    assert store.asked.wait(300)

    for step in range(10_000):
        writer.row(step, {"x": step})
    store.is_there.set()

    assert writer.close()
    assert book.steps == [*range(10_000)]


def test_a_store_that_refuses_is_told_of_once_and_gets_all_when_it_is_back(
    book: Logbook, caplog: pytest.LogCaptureFixture
) -> None:
    store = AwayStore(book.store)
    store.is_there.set()
    store.is_refusing = True
    writer = book.write(session=OverStore(book.settings, store))
    for step in range(100):
        writer.row(step, {"x": step})
        writer._sending.step(1.0, 0.0, 2.0)
    writer._sending._failures += 10_000  # a week of them
    assert writer._sending.step(1.0, 0.0, 2.0)[0] <= 61.0
    [told] = caplog.messages
    assert str(book.place()) in told
    assert "the store is gone" in told

    store.is_refusing = False
    writer._sending.step(1.0, 0.0, 2.0)
    assert "there again" in caplog.messages[-1]
    assert book.steps == [*range(100)]
    writer.close()


def test_what_a_store_refused_to_the_end_is_delivered_by_the_next_run(book: Logbook) -> None:
    leave(book)

    [synced] = recover(book.session)

    assert synced.path == "team/proj/abc"
    assert book.steps == [0]
    assert book.state.told_state == "finished"
    assert recover(book.session) == []


def test_a_journal_of_which_something_is_not_told_is_not_deleted(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that another thread logs while the run is closed."""
    writer = book.write()
    writer.row(0, {})
    compact = Delivery.compact

    def late(delivery: Delivery) -> None:
        writer.row(1, {})
        compact(delivery)

    monkeypatch.setattr(Delivery, "compact", late)

    assert not writer.close()

    monkeypatch.undo()
    assert len(recover(book.session)) == 1
    assert book.steps == [0, 1]


def test_the_next_run_of_the_machine_delivers_what_another_left(book: Logbook) -> None:
    leave(book)
    next_ = Writer.begin(book.session, book.place(1), Started("next"), pace=never)
    next_.row(0, {})

    assert next_.close()

    assert book.steps == [0]
    assert recover(book.session) == []


def test_an_offline_run_waits_for_its_sync_and_is_told_once(book: Logbook) -> None:
    writer = book.write(is_offline=True)
    writer.row(0, {"x": 1})
    writer.flush()
    assert sync(book.session, book.place()) is None  # it is under way
    writer.close()
    assert book.events == 0
    assert recover(book.session) == []

    for _ in range(2):
        assert sync(book.session, book.place())

    assert book.steps == [0]
    assert book.state.told_state == "finished"


def test_where_no_thread_may_be_begun_all_is_sent_at_the_end(
    book: Logbook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Refused(Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sending, "Thread", Refused)
    writer = book.write()
    writer.row(0, {"x": 1})
    assert "can't start new thread" in caplog.text

    assert writer.close()

    assert book.steps == [0]
    assert book.state.told_state == "finished"


def test_a_run_of_which_no_cache_can_be_told_is_recorded(
    book: Logbook, caplog: pytest.LogCaptureFixture
) -> None:
    file = book.folder / "file"
    file.touch()
    session = Session(replace(book.settings, cache_dir=file / "cache"))
    writer = book.write(session=session)
    writer.row(0, {"x": 1})
    assert "`art sync` it" in caplog.text

    assert writer.close()

    assert book.steps == [0]


def test_what_a_run_that_is_refused_began_is_there_for_the_next(book: Logbook) -> None:
    with pytest.raises(TypeError):
        book.write(facts={"name": {object(): 1}})

    writer = book.write()
    writer.row(0, {"x": 1})
    assert writer.close()

    assert book.steps == [0]


def test_a_process_that_forks_keeps_nothing_of_runs_that_are_over(book: Logbook) -> None:
    gc.collect()
    kept = {*_writers}
    for number in range(3):
        book.write(number=number, is_offline=True).close()
    gc.collect()

    assert {*_writers} <= kept


def test_a_forked_child_tells_nothing_of_its_parents_run(book: Logbook) -> None:
    writer = book.write()
    writer.row(0, {})

    def act() -> None:
        writer.row(1, {})
        writer.note("facts", {"name": "child"})
        writer.flush()
        writer.close(1)

    assert done_by_fork(act) == 0
    writer.row(2, {})
    writer.close()

    assert book.steps == [0, 2]
    assert book.state.facts["name"] == "first"
    assert book.state.told_state == "finished"


@pytest.mark.parametrize(
    "context", [get_context("fork"), get_context("spawn"), get_context("forkserver")]
)
def test_children_of_any_kind_come_and_go_while_their_parent_logs(
    book: Logbook, context: ForkContext | SpawnContext | ForkServerContext
) -> None:
    writer = book.write(is_timed=True)
    children = [context.Process(target=abs, args=(number,)) for number in range(4)]
    for step, child in enumerate(children):
        writer.row(step, {})
        child.start()
    for child in children:
        child.join(300)
        assert child.exitcode == 0
    writer.close()

    assert book.steps == [0, 1, 2, 3]


def test_who_went_on_elsewhere_is_not_disturbed_by_whoever_was_thought_dead(book: Logbook) -> None:
    first = book.write()
    for step in range(10):
        first.row(step, {"by": "first"})
    first.flush()
    second = book.write(number=1, step=10, facts={"name": "second"})
    second.row(10, {"by": "second"})
    second.flush()

    for step in range(10, 20):
        first.row(step, {"by": "first"})
    first.note("facts", {"name": "zombie"})
    first.close(1)
    second.row(11, {"by": "second"})
    second.flush()

    assert [row["by"] for row in book.rows()] == ["first"] * 10 + ["second"] * 2
    assert book.steps == [*range(12)]
    assert (book.state.facts["name"], book.state.told_state) == ("second", "running")
    second.close()
    assert book.steps == [*range(12)]


def test_a_run_goes_back_and_another_branches_off_it(book: Logbook) -> None:
    writer = book.write()
    for step in range(10):
        writer.row(step, {"x": step})
    writer.note("rewound", {"step": 4})
    writer.row(5, {"x": 50})
    writer.close()

    assert [row["x"] for row in book.rows()] == [0, 1, 2, 3, 4, 50]
    assert book.state.last_step == 5


def test_a_collector_keeps_what_runs_name_and_nothing_else(book: Logbook) -> None:
    writer = book.write()
    for step in range(5):
        writer.row(step, {"x": step})
        writer.flush()
        collect(book.session.writable, _NONE)
    writer.close()
    collect(book.session.writable, _NONE)

    assert book.steps == [*range(5)]
    store = book.store
    assert isinstance(store, FileStore)
    assert [*store.list("blobs/")] == [book.state.segments["history"][0].name.key]


def test_a_batch_whose_blobs_were_given_up_is_stored_anew(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector comes between the blobs of a batch and the event that names them."""
    writer = book.write()
    writer.row(0, {"x": 0})
    writer.flush()
    delivery = writer._sending.delivery
    assert delivery is not None
    append, times = delivery._fold.append, 0

    def late(proposal: object) -> object:
        nonlocal times
        times += 1
        if times == 1:
            collect(book.session.writable, _NONE)
        return append(proposal)  # type: ignore[arg-type]  # it is one

    monkeypatch.setattr(delivery._fold, "append", late)
    writer.row(1, {"x": 1})
    writer.flush()

    assert times == 2
    assert book.steps == [0, 1]
    collect(book.session.writable, _NONE)
    assert book.steps == [0, 1]
    assert book.state.segments["history"][-1].name.epoch
    writer.close()


def test_rows_and_files_outlive_collectors_that_run_all_the_time(
    book: Logbook, tmp_path: Path
) -> None:
    """Nothing is too young for them: what is not named yet is given up at once."""
    file = tmp_path / "file"
    is_over = Event()

    def collect_on() -> None:
        while not is_over.is_set():
            collect(book.session.writable, _NONE)

    with ThreadPoolExecutor(1) as pool:
        collecting = pool.submit(collect_on)
        try:
            writer = book.write()
            for step in range(60):
                writer.row(step, {"x": step})
                file.write_bytes(b"%d" % (step % 3))
                writer.file(f"file-{step}", file)
                writer.flush()
            assert writer.close()
        finally:
            is_over.set()
    collecting.result()
    collect(book.session.writable, _NONE)

    assert book.steps == [*range(60)]
    store = book.store
    for step in range(60):
        assert store.read(book.state.files[f"file-{step}"].blob.key) == b"%d" % (step % 3)


def test_a_run_that_nothing_is_heard_of_has_crashed(book: Logbook) -> None:
    store = book.store
    writer = book.write()
    writer.row(0, {})
    writer.flush()
    fold = book.session.catalog.run("team", "proj", "abc")
    assert fold is not None
    now_s = datetime.fromisoformat(fold.state.heard_at).timestamp()
    log = fold.log.name

    assert standing_of(fold.state, store, log, clock=lambda: now_s + 299).state == "running"
    assert standing_of(fold.state, store, log, clock=lambda: now_s + 301).state == "crashed"
    beat(store, log, lambda: now_s + 290)
    assert standing_of(fold.state, store, log, clock=lambda: now_s + 301).state == "running"
    writer.note("preempting", {})
    writer.flush()
    assert standing_of(book.state, store, log, clock=lambda: now_s + 9999).state == "preempted"
    writer.close(1)
    assert standing_of(book.state, store, log, clock=lambda: now_s + 9999).state == "failed"


def test_a_run_goes_on_where_the_clock_is_behind(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ahead:
        now = time.time()
        ahead.setattr(time, "time", lambda: now + 600)
        first = book.write()
        first.row(0, {"x": 0})
        assert first.close()

    second = book.write(number=1, step=1)
    second.row(1, {"x": 1})

    assert second.close(exit_code=1)
    assert book.steps == [0, 1]
    assert book.state.told_state == "failed"
