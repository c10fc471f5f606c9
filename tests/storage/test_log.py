"""Log: one order for all, and no event is ever lost, changed, invented or written twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import (
    AlreadyExistsError,
    BrokenLogError,
    IntegrityError,
    LostRaceError,
    ObjectNotFoundError,
    StorageError,
    UnknownEventError,
)
from artifacts.storage import (
    BLOBS,
    Change,
    Event,
    Frame,
    LocalStore,
    Log,
    MemoryStore,
    Name,
    ObjectStore,
    Parallel,
    Proposal,
    Tail,
)
from artifacts.testing import CountingStore, FailingStore, TimelineStore

EVENTS = 5
WRITERS = 4
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
UNANSWERED = StorageError("k", "timed out")


class Far(MemoryStore):
    """As a store on the other side of the world, but for the waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.parallel = Parallel(self)

    @property
    def concurrency(self) -> int:
        return 8


def log_of(store: ObjectStore, name: str = "kind/id") -> Log:
    return Log(store, name, lambda: NOON, store.parallel if isinstance(store, Far) else None)


def note(number: int) -> Proposal:
    return Proposal([{"kind": "noted", "number": number}])


def appended(log: Log, count: int = EVENTS) -> list[Event]:
    """Events after whatever the log has."""
    tail = end_of(log)
    events = []
    for number in range(count):
        events.append(log.append(tail, note(number)))
        tail = events[-1].tail
    return events


def read(log: Log) -> list[Event]:
    return [*log.after(Tail.start(log.name))]


def end_of(log: Log) -> Tail:
    events = read(log)
    return events[-1].tail if events else Tail.start(log.name)


def rewrite(log: Log, number: int, changed: Mapping[str, object]) -> None:
    """Change an event's envelope, its own digest included."""
    key = log.key(number)
    header = dict(Frame.decode(log.store.read(key), key).header)
    log.store.write(key, Frame({**header, **changed}).encode())


def notes(events: list[Event]) -> list[int]:
    return [change["number"] for event in events for change in event.changes]


@pytest.fixture(params=[MemoryStore, Far], ids=["near", "far"])
def store(request: pytest.FixtureRequest) -> MemoryStore:
    made: MemoryStore = request.param()
    return made


@pytest.fixture
def log(store: MemoryStore) -> Log:
    """A log of a few events."""
    log = log_of(store)
    appended(log)
    return log


class Answering(MemoryStore):
    """Creates nothing without asking `answer`, which may commit, refuse, or raise afterwards."""

    answer: Callable[[Callable[[], None]], None]

    def create(self, key: str, data: bytes) -> None:
        self.answer(lambda: super(Answering, self).create(key, data))


class Losing(Answering):
    """Commits or forgets the first creations, as `commits` says, and answers with `error`."""

    def __init__(self, error: Exception, commits: list[bool]) -> None:
        super().__init__()
        self.error, self.left = error, commits
        self.answer = self.lose

    def lose(self, create: Callable[[], None]) -> None:
        if not self.left:
            return create()
        if self.left.pop(0):
            create()
        raise self.error


ANSWERS = [UNANSWERED, AlreadyExistsError("k")]


def test_events_are_read_in_the_order_of_their_appending(log: Log) -> None:
    assert notes(read(log)) == [0, 1, 2, 3, 4]
    assert [event.number for event in read(log)] == [0, 1, 2, 3, 4]


def test_what_was_appended_is_what_is_read(store: MemoryStore) -> None:
    log, blob = log_of(store), Name(BLOBS, Digest.of(b""), 3)
    proposal = Proposal(
        [{"kind": "a", "list": [1, {"ä": None}]}, {"kind": "b"}],
        {str(blob): b"\0\n"},
        adds=[blob],
        drops=[blob, blob],
        epoch=7,
        transaction="t",
    )

    appended_event = log.append(Tail.start(log.name), proposal)

    [event] = read(log)
    assert event == appended_event
    assert (event.changes, event.objects) == (proposal.changes, proposal.objects)
    assert (event.epoch, event.transaction, event.is_critical) == (7, "t", True)
    assert event.time == "2024-02-29T12:00:00.000+00:00"
    assert event.header["adds"] == [str(blob)]
    assert event.header["drops"] == [str(blob), str(blob)]


def test_what_the_writer_folds_is_what_readers_fold_even_if_its_values_change(
    store: MemoryStore,
) -> None:
    log, deep = log_of(store), [1]
    change = {"kind": "noted", "value": {"deep": deep, "pair": (1, 2), 3: "key"}}

    event = log.append(Tail.start(log.name), Proposal([change]))
    deep.append(2)

    assert read(log) == [event]


def test_a_reader_goes_on_from_its_tail(log: Log) -> None:
    tail = read(log)[2].tail

    assert [event.number for event in log.after(tail)] == [3, 4]


def test_a_far_logs_events_are_asked_for_several_at_once() -> None:
    far = Far()
    appended(log_of(far), 100)
    store = TimelineStore(far, 0.05)
    log = Log(store, "kind/id", parallel=Parallel(store))

    assert notes(read(log)) == [*range(100)]
    assert len(store.chain()) <= 7


def test_a_far_logs_event_is_asked_for_before_it_is_read() -> None:
    store = Far()
    log, counting = log_of(store), CountingStore(store)
    appended(log, 9)
    again = Log(counting, "kind/id", parallel=Parallel(counting))
    again.expect(3)

    assert again.read(3) == again.read(3) == log.read(3)
    assert counting.calls == [("read", log.key(3))]


def test_what_was_asked_for_too_early_is_asked_for_again() -> None:
    store = Far()
    log = log_of(store)
    log.expect(0)
    appended(log_of(store))

    assert notes([log.read(0)]) == [0]


def test_an_answer_from_before_is_forgotten() -> None:
    store = Far()
    log = log_of(store)
    log.ask(0)
    log.forget()
    appended(log_of(store))

    assert notes(read(log)) == [0, 1, 2, 3, 4]


def test_an_empty_log_is_no_error(store: MemoryStore) -> None:
    assert not read(log_of(store))


def test_each_event_names_the_one_before(log: Log) -> None:
    events = read(log)

    assert [event.header["previous"] for event in events[1:]] == [
        event.digest.hex() for event in events[:-1]
    ]


def test_equal_proposals_are_different_events(store: MemoryStore) -> None:
    log, proposal = log_of(store), note(1)
    first = log.append(Tail.start(log.name), proposal)
    second = log.append(first.tail, proposal)

    assert first.transaction == second.transaction
    assert first.header["nonce"] != second.header["nonce"]


def test_an_event_is_one_creation(store: MemoryStore) -> None:
    counting = CountingStore(store)
    log_of(counting).append(Tail.start("kind/id"), note(0))

    assert counting.calls == [("create", "logs/kind/id/000000000000")]


def test_an_event_can_be_read_by_its_number(log: Log) -> None:
    assert [log.read(number) for number in range(EVENTS)] == read(log)
    with pytest.raises(ObjectNotFoundError):
        log.read(EVENTS)


@pytest.mark.parametrize("change", [{}, {"kind": 1}, {"name": "a"}, "text", None])
def test_what_would_stop_every_reader_is_not_written(store: MemoryStore, change: Change) -> None:
    with pytest.raises(IntegrityError):
        log_of(store).append(Tail.start("kind/id"), Proposal([change]))

    assert not list(store.list())


@pytest.mark.parametrize("number", range(EVENTS - 1))
def test_a_removed_event_stops_the_reader(log: Log, number: int) -> None:
    log.store.delete(log.key(number))

    with pytest.raises(BrokenLogError) as caught:
        read(log)

    assert caught.value.key == log.key(number)


def test_only_the_last_event_can_become_absent(log: Log) -> None:
    log.store.delete(log.key(EVENTS - 1))

    assert notes(read(log)) == [0, 1, 2, 3]


def test_nobody_fills_a_gap(log: Log) -> None:
    log.store.delete(log.key(2))

    with pytest.raises(BrokenLogError):
        appended(log_of(log.store), 1)
    assert log.key(2) not in log.store.list()


@pytest.mark.parametrize("removed", range(1, EVENTS - 1))
def test_several_removed_events_stop_the_reader_too(log: Log, removed: int) -> None:
    for number in range(1, removed + 1):
        log.store.delete(log.key(number))

    with pytest.raises(BrokenLogError):
        read(log_of(log.store))


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_any_damaged_byte_stops_the_reader(store: MemoryStore, flip: int) -> None:
    log = log_of(store)
    appended(log, 2)
    data = store.read(log.key(0))

    for at in range(len(data)):
        store.write(log.key(0), data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])
        with pytest.raises(BrokenLogError) as caught:
            read(log)
        assert caught.value.key == log.key(0)


@pytest.mark.parametrize("data", [b"", b"\n", b"{}"])
@pytest.mark.parametrize("number", range(EVENTS))
def test_an_emptied_event_stops_the_reader(log: Log, number: int, data: bytes) -> None:
    log.store.write(log.key(number), data)

    with pytest.raises(BrokenLogError):
        read(log)


@pytest.mark.parametrize("number", range(EVENTS - 1))
@pytest.mark.parametrize("changed", [{"changes": []}, {"time": "later"}, {"nonce": "0"}])
def test_a_changed_event_stops_the_reader_though_its_own_digest_is_right(
    log: Log, number: int, changed: Mapping[str, object]
) -> None:
    rewrite(log, number, changed)

    with pytest.raises(BrokenLogError) as caught:
        read(log)

    assert caught.value.key == log.key(number + 1)


@pytest.mark.parametrize("other", range(1, EVENTS))
def test_swapped_events_stop_the_reader(log: Log, other: int) -> None:
    first, second = log.store.read(log.key(0)), log.store.read(log.key(other))
    log.store.write(log.key(0), second)
    log.store.write(log.key(other), first)

    with pytest.raises(BrokenLogError):
        read(log)


@pytest.mark.parametrize("number", range(EVENTS))
def test_another_logs_event_stops_the_reader(log: Log, number: int) -> None:
    other = log_of(log.store, "kind/other")
    appended(other)
    log.store.write(log.key(number), log.store.read(other.key(number)))

    with pytest.raises(BrokenLogError):
        read(log)


def test_another_logs_events_stop_the_reader_though_they_are_whole(log: Log) -> None:
    other = log_of(log.store, "kind/other")
    for number in range(EVENTS):
        log.store.write(other.key(number), log.store.read(log.key(number)))

    with pytest.raises(BrokenLogError):
        read(other)


def test_another_logs_first_event_stops_the_reader_though_it_claims_to_be_ours(log: Log) -> None:
    other = log_of(log.store, "kind/other")
    appended(other, 1)
    rewrite(other, 0, {"log": log.name})
    log.store.write(log.key(0), log.store.read(other.key(0)))

    with pytest.raises(BrokenLogError):
        read(log)


@pytest.mark.parametrize("number", range(EVENTS))
def test_an_earlier_event_written_again_stops_the_reader(log: Log, number: int) -> None:
    log.store.write(log.key(EVENTS), log.store.read(log.key(number)))

    with pytest.raises(BrokenLogError):
        read(log)


FIELDS = [
    "log",
    "number",
    "previous",
    "nonce",
    "transaction",
    "writer",
    "time",
    "epoch",
    "fold",
    "critical",
    "adds",
    "drops",
    "changes",
]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [None, {}, 1.5])
def test_an_envelope_that_is_not_whole_stops_the_reader(
    log: Log, field: str, value: object
) -> None:
    rewrite(log, EVENTS - 1, {field: value})

    with pytest.raises(BrokenLogError) as caught:
        read(log)

    assert caught.value.key == log.key(EVENTS - 1)


@pytest.mark.parametrize("changes", [[1], [[]], [{}], [{"kind": 1}], ["kind"]])
def test_a_change_without_a_kind_stops_the_reader(log: Log, changes: object) -> None:
    rewrite(log, EVENTS - 1, {"changes": changes})

    with pytest.raises(BrokenLogError):
        read(log)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_whatever_lies_there_it_is_an_event_or_stops_the_reader(body: bytes) -> None:
    log = log_of(MemoryStore())
    log.store.write(log.key(0), Digest.of(body).hex().encode() + b"\n" + body)

    with pytest.raises(BrokenLogError):
        read(log)


def test_a_newer_fold_stops_the_reader(log: Log) -> None:
    rewrite(log, EVENTS - 1, {"fold": 2})

    with pytest.raises(UnknownEventError) as caught:
        read(log)

    assert caught.value.key == log.key(EVENTS - 1)


def test_a_newer_fold_stops_nobody_where_it_is_not_critical(log: Log) -> None:
    rewrite(log, EVENTS - 1, {"fold": 2, "critical": False})

    assert len(read(log)) == EVENTS


def test_an_event_that_no_fold_knows_is_refused_if_it_is_critical(log: Log) -> None:
    rewrite(log, EVENTS - 1, {"critical": False})
    *_, critical, other = read(log)

    other.unknown("k", "new")
    with pytest.raises(UnknownEventError) as caught:
        critical.unknown("k", "new")
    assert (caught.value.key, caught.value.kind) == ("k", "new")


def test_who_comes_second_has_lost_and_changed_nothing(log: Log) -> None:
    tail = end_of(log)
    first = log.append(tail, note(10))

    with pytest.raises(LostRaceError) as caught:
        log.append(tail, note(11))

    assert caught.value.key == log.key(EVENTS)
    assert read(log)[-1] == first


@pytest.mark.parametrize("error", ANSWERS, ids=repr)
def test_who_won_learns_it_though_the_answer_says_otherwise(error: Exception) -> None:
    log = log_of(Losing(error, [True]))

    event = log.append(Tail.start(log.name), note(1))

    assert read(log) == [event]


@pytest.mark.parametrize("error", ANSWERS, ids=repr)
@pytest.mark.parametrize("forgotten", [1, 2, 3, 4])
def test_what_did_not_arrive_is_put_again_with_the_same_bytes(
    error: Exception, forgotten: int
) -> None:
    log = log_of(Losing(error, [False] * forgotten))

    event = log.append(Tail.start(log.name), note(1))

    assert read(log) == [event]
    assert event.digest == Digest.of(log.store.read(log.key(0)))


@pytest.mark.parametrize("error", ANSWERS, ids=repr)
def test_a_store_that_never_takes_it_is_an_error(error: Exception) -> None:
    log = log_of(Losing(error, [False] * 99))

    with pytest.raises(type(error)) as caught:
        log.append(Tail.start(log.name), note(1))

    assert caught.value is error
    assert not read(log)


@pytest.mark.parametrize("error", ANSWERS, ids=repr)
def test_who_lost_while_the_answer_was_lost_learns_it(error: Exception) -> None:
    store = Losing(error, [])
    log, rival = log_of(store), log_of(store)

    def overtaken(create: Callable[[], None]) -> None:
        store.answer = store.lose
        appended(rival, 1)
        raise error

    store.answer = overtaken
    with pytest.raises(LostRaceError):
        log.append(Tail.start(log.name), note(9))
    assert notes(read(log)) == [0]


def test_who_does_not_know_its_fate_is_told_so(store: MemoryStore) -> None:
    log = log_of(FailingStore(Losing(UNANSWERED, [True]), 2, UNANSWERED))

    with pytest.raises(StorageError):
        log.append(Tail.start(log.name), note(1))


@pytest.mark.parametrize("where", ["memory", "local"])
def test_racing_writers_all_get_in_once_and_nobody_twice(where: str, tmp_path: Path) -> None:
    store = MemoryStore() if where == "memory" else LocalStore(tmp_path)

    def write(writer: int) -> None:
        log, tail, left = log_of(store), Tail.start("kind/id"), [*range(10)]
        while left:
            try:
                tail = log.append(tail, note(100 * writer + left[0])).tail
                left.pop(0)
            except LostRaceError:
                for event in log.after(tail):
                    tail = event.tail

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    found = notes(read(log_of(store)))
    assert sorted(found) == [100 * writer + n for writer in range(WRITERS) for n in range(10)]
    for writer in range(WRITERS):
        mine = [n for n in found if n // 100 == writer]
        assert mine == sorted(mine)


def test_a_reader_among_writers_sees_no_gap(store: MemoryStore) -> None:
    def write() -> None:
        tail = Tail.start("kind/id")
        for number in range(200):
            tail = log_of(store).append(tail, note(number)).tail

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            seen = notes(read(log_of(store)))
            assert seen == [*range(len(seen))]
        writing.result()


def test_an_event_is_text_that_any_tool_can_read(log: Log) -> None:
    _, header, rest = log.store.read(log.key(1)).split(b"\n", 2)

    assert json.loads(header)["number"] == 1
    assert not rest
