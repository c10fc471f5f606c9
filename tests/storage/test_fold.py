"""Fold: whatever became of the caches, the state is what the log's events add up to."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event as ThreadEvent
from threading import Thread
from typing import Any, ClassVar, Self

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from artifacts.content import Digest
from artifacts.errors import (
    BrokenLogError,
    MalformedError,
    ObjectNotFoundError,
    StorageError,
    UnknownEventError,
)
from artifacts.storage import (
    Change,
    Checkpoints,
    Event,
    Fold,
    Frame,
    Log,
    MachineHeads,
    MemoryStore,
    ObjectStore,
    Parallel,
    Proposal,
    Put,
    Rows,
    Tail,
    apply_rules,
    checkpoint,
    fold,
)
from artifacts.testing import CountingStore, SlowStore, TimelineStore, is_true_in_child

HEAD = "cache/heads/notes/1"
CHECKPOINT_EVENTS = 3
PAGE_ROWS = 2
FULL = StorageError("k", "no space left")


@dataclass
class Notes:
    """A list of texts, one of which may be changed, and how many changes there were."""

    changes: int = 0
    rows: Rows = field(default_factory=Rows)
    rules: ClassVar[Mapping[str, Callable[[Notes, Event, Change], None]]] = {}

    @classmethod
    def load(cls, head: Mapping[str, Any], checkpoints: Checkpoints) -> Self:
        return cls(head["changes"], Rows.load(head["rows"], checkpoints))

    def save(self, put: Put | None = None) -> Mapping[str, Any]:
        return {"changes": self.changes, "rows": self.rows.save(put)}

    def apply(self, event: Event, key: str) -> None:
        apply_rules(self, self.rules, event, key)

    def added(self, _event: Event, change: Change) -> None:
        self.changes += 1
        self.rows.append({"text": change["text"]})

    def changed(self, _event: Event, change: Change) -> None:
        self.changes += 1
        if len(self.rows):
            self.rows[int(change["at"]) % len(self.rows)] = {"text": change["text"]}

    @property
    def texts(self) -> list[str]:
        return [row["text"] for row in self.rows]


Notes.rules = {"added": Notes.added, "changed": Notes.changed}


class Far(MemoryStore):
    """As a store on the other side of the world, but for the waiting; and what is known of it."""

    def __init__(self, cache: Path) -> None:
        super().__init__("far")
        self.parallel = Parallel(self)
        self.machine = MachineHeads(cache, self.url)

    @property
    def concurrency(self) -> int:
        return 8


def fold_of(store: ObjectStore, name: str = "notes/1") -> Fold[Notes]:
    if isinstance(store, Far):
        return Fold(Log(store, name, parallel=store.parallel), Notes, machine=store.machine)
    return Fold(Log(store, name), Notes)


def add(*texts: str) -> Proposal:
    return Proposal([{"kind": "added", "text": text} for text in texts])


def texts_of(store: ObjectStore) -> list[str]:
    """As somebody reads them who comes now."""
    return fold_of(store).refresh().state.texts


def row_pages(store: ObjectStore) -> list[str]:
    return sorted(store.list("cache/rows/"))


def flipped(data: bytes, at: int) -> bytes:
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.fixture(autouse=True)
def small_checkpoints() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold, "_EVENTS_A_CHECKPOINT", CHECKPOINT_EVENTS)
        patch.setattr(fold, "_FAR_EVENTS_A_CHECKPOINT", CHECKPOINT_EVENTS)
        patch.setattr(checkpoint, "_ROWS_A_PAGE", PAGE_ROWS)
        yield


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def written(store: MemoryStore) -> MemoryStore:
    """A store with a log of seven notes, and a checkpoint after the sixth."""
    writer = fold_of(store)
    for number in range(7):
        writer.append(add(f"n{number}"))
    return store


ALL = [f"n{number}" for number in range(7)]


class FoldMachine(RuleBasedStateMachine):
    """Several writers on one log; caches come, go, age and rot."""

    @initialize(writers=st.integers(1, 3))
    def begin(self, writers: int) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(fold, "_EVENTS_A_CHECKPOINT", CHECKPOINT_EVENTS)
        self.patch.setattr(fold, "_FAR_EVENTS_A_CHECKPOINT", CHECKPOINT_EVENTS)
        self.patch.setattr(checkpoint, "_ROWS_A_PAGE", PAGE_ROWS)
        self.patch.setattr(fold, "_JITTER_S", 0)
        self.store = self.new_store()
        self.folds = [fold_of(self.store) for _ in range(writers)]
        self.texts: list[str] = []
        self.changes = 0
        self.old_heads: list[bytes] = []
        self.keep_head()
        other = fold_of(MemoryStore())
        for number in range(2 * CHECKPOINT_EVENTS):
            other.append(add(f"other {number}"))
        self.other_head = other.log.store.read(HEAD)

    def new_store(self) -> MemoryStore:
        return MemoryStore()

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()

    def keep_head(self) -> None:
        try:
            self.old_heads.append(self.store.read(HEAD))
        except ObjectNotFoundError:
            pass

    @rule(writer=st.integers(0, 2), texts=st.lists(st.text("ab", max_size=2), max_size=3))
    def append(self, writer: int, texts: list[str]) -> None:
        self.folds[writer % len(self.folds)].append(add(*texts))
        self.texts += texts
        self.changes += len(texts)
        self.keep_head()

    @rule(writer=st.integers(0, 2), at=st.integers(0, 9), text=st.text("xy", max_size=2))
    def change(self, writer: int, at: int, text: str) -> None:
        changed = {"kind": "changed", "at": at, "text": text}
        self.folds[writer % len(self.folds)].append(Proposal([changed]))
        self.changes += 1
        if self.texts:
            self.texts[at % len(self.texts)] = text
        self.keep_head()

    @rule(writer=st.integers(0, 2))
    def refresh(self, writer: int) -> None:
        state = self.folds[writer % len(self.folds)].refresh().state
        assert (state.texts, state.changes) == (self.texts, self.changes)

    @rule(writer=st.integers(0, 2))
    def begin_anew(self, writer: int) -> None:
        self.folds[writer % len(self.folds)] = fold_of(self.store)

    @rule()
    def lose_the_head(self) -> None:
        self.store.delete(HEAD)

    @precondition(lambda self: self.old_heads)
    @rule(which=st.integers(0, 99))
    def put_an_old_head_back(self, which: int) -> None:
        self.store.write(HEAD, self.old_heads[which % len(self.old_heads)])

    @rule()
    def put_another_historys_head_there(self) -> None:
        self.store.write(HEAD, self.other_head)

    @precondition(lambda self: self.old_heads)
    @rule(at=st.integers(0, 999))
    def damage_the_head(self, at: int) -> None:
        self.store.write(HEAD, flipped(self.old_heads[-1], at))

    @rule(which=st.integers(0, 99))
    def lose_rows(self, which: int) -> None:
        if pages := row_pages(self.store):
            self.store.delete(pages[which % len(pages)])

    @rule(which=st.integers(0, 99), at=st.integers(0, 99))
    def damage_rows(self, which: int, at: int) -> None:
        if pages := row_pages(self.store):
            key = pages[which % len(pages)]
            self.store.write(key, flipped(self.store.read(key), at))

    @invariant()
    def who_comes_now_reads_what_the_events_add_up_to(self) -> None:
        if hasattr(self, "store"):
            state = fold_of(self.store).refresh().state
            assert (state.texts, state.changes) == (self.texts, self.changes)


class FarMachine(FoldMachine):
    """The same where the store is far away, and this machine keeps heads of its own."""

    def new_store(self) -> MemoryStore:
        self.cache = TemporaryDirectory()
        self.old_files: list[bytes] = []
        return Far(Path(self.cache.name))

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "cache"):
            self.cache.cleanup()

    @property
    def file(self) -> Path:
        return Path(self.cache.name, "heads", Digest.of(b"memory://far").hex()[:32], "notes-1")

    @precondition(lambda self: hasattr(self, "cache") and self.file.exists())
    @rule()
    def keep_the_machines_head(self) -> None:
        self.old_files.append(self.file.read_bytes())

    @precondition(lambda self: hasattr(self, "cache") and self.old_files)
    @rule(which=st.integers(0, 99))
    def put_an_old_head_of_the_machine_back(self, which: int) -> None:
        self.file.write_bytes(self.old_files[which % len(self.old_files)])

    @precondition(lambda self: hasattr(self, "cache") and self.file.exists())
    @rule(at=st.integers(0, 999))
    def damage_the_machines_head(self, at: int) -> None:
        self.file.write_bytes(flipped(self.file.read_bytes(), at))

    @precondition(lambda self: hasattr(self, "cache") and self.file.exists())
    @rule()
    def put_another_historys_head_on_the_machine(self) -> None:
        self.file.write_bytes(self.other_head)

    @rule(writer=st.integers(0, 2))
    def begin_and_forget(self, writer: int) -> None:
        fold = self.folds[writer % len(self.folds)]
        fold.begin()
        fold.forget()


TestFarFold = FarMachine.TestCase
TestFarFold.settings = settings(deadline=None, max_examples=40, stateful_step_count=30)
TestFold = FoldMachine.TestCase
TestFold.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)


def test_a_fold_goes_on_from_its_checkpoint(written: MemoryStore) -> None:
    store = CountingStore(written)
    fold_of(store).refresh()

    read = [key for operation, key in store.calls if operation == "read"]
    assert read == [HEAD, *(f"logs/notes/1/{number:012}" for number in (5, 6, 7))]


def test_only_rows_that_are_asked_for_are_read(written: MemoryStore) -> None:
    store = CountingStore(written)
    state = fold_of(store).refresh().state
    before = len(store.calls)

    assert state.rows[1]["text"] == "n1"
    assert len(store.calls) == before + 1


def test_a_missing_head_harms_nothing(written: MemoryStore) -> None:
    written.delete(HEAD)

    assert texts_of(written) == ALL


def test_a_damaged_head_harms_nothing(written: MemoryStore) -> None:
    data = written.read(HEAD)
    for at in range(len(data)):
        written.write(HEAD, flipped(data, at))

        assert texts_of(written) == ALL


def test_a_cut_head_harms_nothing(written: MemoryStore) -> None:
    data = written.read(HEAD)
    for length in range(0, len(data), 7):
        written.write(HEAD, data[:length])

        assert texts_of(written) == ALL


def test_missing_rows_harm_nothing(written: MemoryStore) -> None:
    for key in row_pages(written):
        data = written.read(key)
        written.delete(key)

        assert texts_of(written) == ALL
        written.write(key, data)


def test_damaged_rows_harm_nothing(written: MemoryStore) -> None:
    for key in row_pages(written):
        data = written.read(key)
        for at in range(len(data)):
            written.write(key, flipped(data, at))
            assert texts_of(written) == ALL
        written.write(key, data)


def test_rows_that_went_while_somebody_reads_harm_nothing(written: MemoryStore) -> None:
    reader = fold_of(written).refresh()
    fold_of(written).append(Proposal([{"kind": "changed", "at": 0, "text": "later"}]))
    for key in row_pages(written):
        written.delete(key)

    assert reader.state.texts == ALL


def test_a_head_whose_last_event_was_changed_is_ignored(store: MemoryStore) -> None:
    writer = fold_of(store)
    for number in range(CHECKPOINT_EVENTS):
        writer.append(add(f"n{number}"))
    key = writer.log.key(CHECKPOINT_EVENTS - 1)
    header = Frame.decode(store.read(key), key).header
    changes = [{"kind": "added", "text": "changed"}]
    store.write(key, Frame({**header, "changes": changes}).encode())

    assert texts_of(store) == ["n0", "n1", "changed"]


def test_a_head_whose_last_event_is_absent_is_ignored(store: MemoryStore) -> None:
    writer = fold_of(store)
    for number in range(CHECKPOINT_EVENTS):
        writer.append(add(f"n{number}"))
    store.delete(writer.log.key(CHECKPOINT_EVENTS - 1))

    assert texts_of(store) == ["n0", "n1"]


def test_a_head_of_another_log_is_ignored(written: MemoryStore) -> None:
    other = fold_of(written, "notes/2")
    other.append(add("other"))
    written.write("cache/heads/notes/2", written.read(HEAD))

    assert fold_of(written, "notes/2").refresh().state.texts == ["other"]


@pytest.mark.parametrize(
    "changed",
    [
        {"fold": 2},
        {"head": {}},
        {"head": None},
        {"head": {"changes": 7, "rows": {"length": 6, "pages": None, "within": {}}}},
        {"head": {"changes": 7, "rows": {"length": 6, "pages": [None] * 3, "within": {}}}},
        {"head": {"changes": 7, "rows": {"length": 6, "pages": [None], "within": {"0": []}}}},
        {"number": 0},
        {"number": -1},
        {"number": "six"},
        {"number": 10**30},
        {"previous": "ab"},
        {"log": None},
    ],
    ids=str,
)
def test_a_head_that_this_software_did_not_write_is_ignored(
    written: MemoryStore, changed: Mapping[str, object]
) -> None:
    header = Frame.decode(written.read(HEAD), HEAD).header
    written.write(HEAD, Frame({**header, **changed}).encode())

    assert texts_of(written) == ALL


def test_a_head_from_before_threads_shared_folds_is_ignored(written: MemoryStore) -> None:
    header = dict(Frame.decode(written.read(HEAD), HEAD).header)
    header.pop("edition", None)
    header["head"] = {**header["head"], "changes": 99}
    written.write(HEAD, Frame(header).encode())

    assert fold_of(written).refresh().state.changes == len(ALL)


class Stubborn(MemoryStore):
    """Fails on whatever is below `cache/`."""

    fails: tuple[str, ...] = ()

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        self._strike("read", key)
        return super().read(key, start, length)

    def write(self, key: str, data: bytes) -> None:
        self._strike("write", key)
        super().write(key, data)

    def _strike(self, operation: str, key: str) -> None:
        if operation in self.fails and key.startswith("cache/"):
            raise FULL


def test_a_checkpoint_that_cannot_be_written_harms_nothing() -> None:
    store = Stubborn()
    store.fails = ("write",)
    writer = fold_of(store)
    for number in range(7):
        writer.append(add(f"n{number}"))

    assert texts_of(store) == writer.state.texts == ALL


def test_a_checkpoint_that_cannot_be_read_harms_nothing() -> None:
    store = Stubborn()
    writer = fold_of(store)
    for number in range(7):
        writer.append(add(f"n{number}"))
    reader = fold_of(store).refresh()
    store.fails = ("read",)

    assert texts_of(store) == reader.state.texts == ALL


def test_a_change_without_a_rule_stops_the_fold(store: MemoryStore) -> None:
    writer = fold_of(store)
    writer.append(add("before"))
    writer.log.append(writer.tail, Proposal([*add("with it").changes, {"kind": "new"}]))
    reader = fold_of(store)

    for _ in range(2):
        with pytest.raises(UnknownEventError) as caught:
            reader.refresh()
        assert (caught.value.key, caught.value.kind) == (writer.log.key(1), "new")
        assert reader.state.texts == ["before"]


def test_nobody_appends_to_what_it_does_not_understand(store: MemoryStore) -> None:
    log = Log(store, "notes/1")
    log.append(fold_of(store).tail, Proposal([{"kind": "new"}]))

    with pytest.raises(UnknownEventError):
        fold_of(store).append(add("after"))
    assert len(list(store.list("logs/"))) == 1


def test_a_change_that_is_not_critical_is_skipped_and_no_other(store: MemoryStore) -> None:
    log = Log(store, "notes/1")
    log.append(fold_of(store).tail, Proposal([{"kind": "new"}, *add("beside").changes]))
    header = Frame.decode(store.read(log.key(0)), "k").header
    store.write(log.key(0), Frame({**header, "critical": False}).encode())
    fold_of(store).append(add("after"))

    assert texts_of(store) == ["beside", "after"]


@pytest.mark.parametrize("change", [{"kind": "added"}, {"kind": "changed", "at": "x"}])
def test_a_change_that_its_rule_cannot_read_stops_the_fold(
    store: MemoryStore, change: Change
) -> None:
    writer = fold_of(store)
    writer.append(add("before"))
    writer.log.append(writer.tail, Proposal([change]))

    with pytest.raises(MalformedError) as caught:
        texts_of(store)

    assert writer.log.key(1) in str(caught.value)


def test_an_append_takes_in_first_what_others_appended(store: MemoryStore) -> None:
    mine, theirs = fold_of(store), fold_of(store)
    mine.append(add("a"))
    theirs.append(add("b"))
    event = mine.append(add("c"))

    assert event.number == 2
    assert mine.state.texts == ["a", "b", "c"]
    assert theirs.refresh().state.texts == ["a", "b", "c"]


def test_nobody_fills_a_gap_not_even_who_comes_now(written: MemoryStore) -> None:
    written.delete(HEAD)
    written.delete("logs/notes/1/000000000000")

    with pytest.raises(BrokenLogError):
        fold_of(written).append(add("again"))
    assert "logs/notes/1/000000000000" not in written.list()


def test_a_log_without_events_is_empty(store: MemoryStore) -> None:
    notes = fold_of(store).refresh()
    assert notes.is_empty

    notes.append(add())
    assert not notes.is_empty


class Overtaking(MemoryStore):
    """Lets somebody else append first, as often as `left` says."""

    left = 0

    def create(self, key: str, data: bytes) -> None:
        if self.left:
            self.left -= 1
            rival = fold_of(self)
            left, self.left = self.left, 0
            rival.append(add("rival"))
            self.left = left
        super().create(key, data)


def test_a_loser_waits_a_little_and_never_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    store = Overtaking()
    store.left = 12

    fold_of(store).append(add("mine"))

    assert texts_of(store) == [*["rival"] * 12, "mine"]
    assert len(waits) == 10
    assert max(waits) < 0.05


def test_heads_stay_small_and_checkpoints_rare(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    counting = CountingStore(store)
    writer = fold_of(counting)
    for number in range(20 * CHECKPOINT_EVENTS):
        writer.append(add(f"n{number}"))

    writes = [key for operation, key in counting.calls if operation == "write"]
    assert writes.count(HEAD) == 20
    assert len(writes) <= 20 * (1 + 1 + CHECKPOINT_EVENTS // PAGE_ROWS + 1)


def test_a_long_list_is_not_held_in_memory(store: MemoryStore) -> None:
    log = Log(store, "notes/1")
    rows, checkpoints = Rows(), Checkpoints(store)
    for number in range(200):
        rows.append({"text": f"{number}" * 1000})
    checkpoints.save(log, Tail(200, Digest.of(b"")), rows.save)
    head = checkpoints.load("notes/1")
    assert head is not None
    del rows
    tracemalloc.start()
    again = Rows.load(head.state, checkpoints)
    assert again[150]["text"] == "150" * 1000
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size < 50_000


@pytest.fixture
def far(tmp_path: Path) -> Far:
    """A far store with a log of seven notes, whose end this machine does not know."""
    store = Far(tmp_path / "cache")
    writer = Fold(Log(store, "notes/1", parallel=store.parallel), Notes)
    for number in range(7):
        writer.append(add(f"n{number}"))
    return store


def opened(far: Far, machine: MachineHeads | None = None) -> tuple[Fold[Notes], TimelineStore]:
    store = TimelineStore(far, 0.05)
    return Fold(Log(store, "notes/1", parallel=Parallel(store)), Notes, machine=machine), store


def test_a_far_log_is_read_in_two_round_trips_by_who_comes_now(far: Far) -> None:
    reader, store = opened(far)

    assert reader.refresh().state.rows[6] == {"text": "n6"}
    assert len(store.chain()) == 2


def test_a_far_log_is_read_in_one_round_trip_by_a_machine_that_knows_it(far: Far) -> None:
    opened(far, far.machine)[0].refresh()
    reader, store = opened(far, far.machine)

    assert reader.guess.rows[6] == {"text": "n6"}
    assert store.requests == []
    assert reader.refresh().state.changes == 7
    assert len(store.chain()) == 1


def test_a_far_log_that_is_another_than_the_machine_knows_is_read_from_the_start(
    far: Far, tmp_path: Path
) -> None:
    opened(far, far.machine)[0].refresh()
    other = Far(tmp_path / "other")
    writer = fold_of(other)
    for number in range(9):
        writer.append(add(f"other {number}"))

    reader, _ = opened(other, far.machine)

    assert reader.refresh().state.texts == [f"other {number}" for number in range(9)]


def test_what_a_machine_cannot_write_down_is_read_again(far: Far, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for _ in range(2):
        reader, _ = opened(far, MachineHeads(tmp_path / "file", far.url))
        assert reader.refresh().state.texts == ALL


def test_who_begins_to_look_sees_what_was_appended_since_it_forgot(far: Far) -> None:
    reader = fold_of(far).refresh()
    reader.begin()
    reader.forget()
    fold_of(far).append(add("later"))

    assert reader.refresh().state.texts[-1] == "later"


def at_once(*acts: Callable[[], object]) -> None:
    """Each in a thread of its own; raises what one of them raises."""
    with ThreadPoolExecutor(len(acts)) as pool:
        for future in [pool.submit(act) for act in acts]:
            future.result()


@pytest.mark.parametrize("is_far", [False, True])
def test_threads_that_refresh_one_fold_take_each_event_once(
    written: MemoryStore, far: Far, *, is_far: bool
) -> None:
    store = SlowStore(far if is_far else written, 0.01)
    parallel = Parallel(store) if is_far else None
    shared = Fold(Log(store, "notes/1", parallel=parallel), Notes)

    at_once(*[shared.refresh] * 8)

    assert shared.state.texts == ALL


def test_threads_that_append_to_one_fold_lose_nothing_and_take_nothing_twice(
    store: MemoryStore,
) -> None:
    shared = fold_of(SlowStore(store, 0.001))
    acts = [lambda each=f"n{number}": shared.append(add(each)) for number in range(7)]

    at_once(*acts, *[shared.refresh] * 7)

    assert sorted(shared.state.texts) == ALL
    assert shared.state.texts == fold_of(store).refresh().state.texts


def test_what_was_interrupted_half_way_through_an_event_is_folded_anew(
    written: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = fold_of(written).refresh()
    fold_of(written).append(add("n7", "n8"))

    def interrupted(state: Notes, event: Event, key: str) -> None:
        Notes.added(state, event, event.changes[0])
        raise KeyboardInterrupt(key)

    with monkeypatch.context() as patch:
        patch.setattr(Notes, "apply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reader.refresh()

    assert reader.refresh().state.texts == [*ALL, "n7", "n8"]


def test_a_child_folds_anew_what_a_thread_of_its_parent_was_folding(
    written: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = fold_of(written).refresh()
    fold_of(written).append(add("n7", "n8"))
    is_half_way, may_end = ThreadEvent(), ThreadEvent()
    parent, apply = os.getpid(), Notes.apply

    def slowly(state: Notes, event: Event, key: str) -> None:
        if os.getpid() == parent:
            Notes.added(state, event, event.changes[0])
            is_half_way.set()
            may_end.wait()
        else:
            apply(state, event, key)

    monkeypatch.setattr(Notes, "apply", slowly)
    thread = Thread(target=reader.refresh)
    thread.start()
    is_half_way.wait()

    assert is_true_in_child(lambda: reader.refresh().state.texts == [*ALL, "n7", "n8"])
    may_end.set()
    thread.join()


class Holding(CountingStore):
    """The first read of rows does not end before `may_end`."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self.is_reading, self.may_end = ThreadEvent(), ThreadEvent()

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if key.startswith("cache/rows/") and not self.is_reading.is_set():
            self.is_reading.set()
            self.may_end.wait()
        return super().read(key, start, length)


def test_who_reads_rows_undoes_no_change_that_is_made_meanwhile(written: MemoryStore) -> None:
    store = Holding(written)
    shared = fold_of(store).refresh()
    thread = Thread(target=lambda: shared.state.rows[0])
    thread.start()
    store.is_reading.wait()
    shared.append(Proposal([{"kind": "changed", "at": 0, "text": "changed"}]))
    store.may_end.set()
    thread.join()

    assert shared.state.texts == ["changed", *ALL[1:]]
