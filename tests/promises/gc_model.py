"""Gc model: every state that writers, collectors, late requests and readers can bring a store into.

Two contents, `a` and `c`, each under a name for every epoch, a bit of an integer for each. A
writer that dies is one that is never heard of again; a request without an answer may be done
late. Logs are what their folds need: a fence, and the names that each version has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

Label: TypeAlias = tuple[object, ...]
Names: TypeAlias = int
"""A set of names, as bits."""

IDLE, LOOK, PUT, COMMIT, DONE = range(5)  # of a writer
(
    RESTING,
    FENCE_FIRST,  # the directory, or both
    FENCE_SECOND,
    LIST_FIRST,
    LIST_SECOND,
    FENCE_OLD,  # the log that was always there
    FENCE_NEW,
    MARK_OLD,
    MARK_NEW,
    SWEEP,
    LIST_EARLY,
) = range(11)  # of a collector


@dataclass(frozen=True)
class Rules:
    """What all heed. Each that is left out loses bytes, which a test shows."""

    heeds: Literal["any", "last", "none"] = "any"  # condemned in any generation, the last, none
    heeds_too: Names = 0  # names that nobody condemned, as long as they are older than the writer
    names: Literal["epoch", "same"] = "epoch"  # of content that is stored anew
    fences: bool = True
    marks_again: Literal["after", "before"] = "after"  # the fences
    lists: Literal["after", "before"] = "after"  # the directory's fence
    new_log_starts_fenced: bool = True
    directory_checks: bool = True
    drops_references: bool = True  # when a commit is refused
    epoch: Literal["first", "last"] = "first"  # is read: before looking, or when committing
    fence_rises: bool = True  # and never falls
    resumes: Literal["whole", "unfenced", "unmarked"] = "whole"
    adopts: Literal["checked", "blindly", "never"] = "checked"  # an equal version's names
    forgets_moved: bool = False  # a directory, the ids that left it


@dataclass(frozen=True)
class Size:
    """How much of it there is."""

    generations: int = 1
    collectors: int = 1
    needs: tuple[tuple[int, ...], ...] = ((0,), (0, 1))  # contents of each writer's version
    retries: int = 1
    has_new_log: bool = True
    has_late_put: bool = True
    has_late_delete: bool = True
    drops: bool = True
    first: tuple[int, ...] = ()  # contents of a version that is there from the beginning
    moves: bool = False  # the new log, from one directory to another
    repeats: bool = False  # an event that was appended, at another number: one transaction
    reads: bool = False  # the first version, by one who began before it was laid out anew
    merges: bool = False  # a commit of the first version's content is that version


class Writer(NamedTuple):
    step: int = IDLE
    epoch: int = 0
    at: int = 0  # which of the contents it needs
    refs: Names = 0
    tries: int = 0
    version: Names = 0  # of the names that its version has, if it has one
    log: int = 0
    sent: tuple[int, Names, int] | None = None  # epoch, names and log of what was appended


class Collector(NamedTuple):
    step: int = RESTING
    generation: int = 0
    names: Names = 0  # marked, then to be deleted
    listed: int = 0  # whether the new log was


class State(NamedTuple):
    present: Names
    late_put: int = 0  # a name's bit, or 0
    late_delete: int = 0
    condemned: tuple[Names, ...] = ()
    swept: int = 0
    fences: tuple[int, int, int, int] = (0, 0, 0, -1)  # two directories, two logs; -1 for no log
    listed: int = 0  # where the new log is: bit 0 and 1 in a directory, 2 and 3 once was
    first: Names = 0
    writers: tuple[Writer, ...] = ()
    collectors: tuple[Collector, ...] = ()
    reader: Names = 0  # names that it is about to read
    is_reading: bool = False
    is_unlucky: bool = False  # did not find what a version has that is there

    @property
    def epoch(self) -> int:
        return len(self.condemned)

    @property
    def live(self) -> Names:
        live = self.first
        for writer in self.writers:
            live |= writer.version
        return live

    @property
    def is_lost(self) -> bool:
        """Whether a committed version has lost a byte."""
        return bool(self.live & ~self.present) or self.is_unlucky


Step: TypeAlias = tuple[Label, State]


@dataclass(frozen=True)
class Model:
    rules: Rules = Rules()
    size: Size = Size()

    @property
    def epochs(self) -> int:
        return self.size.generations + 1

    def bit(self, content: int, epoch: int = 0) -> Names:
        return 1 << (content * self.epochs + epoch)

    def name(self, bit: Names) -> str:
        """As tests and people read it: a, a.1, c.2."""
        content, epoch = divmod(bit.bit_length() - 1, self.epochs)
        return "ac"[content] + (f".{epoch}" if epoch else "")

    def contents(self, names: Names) -> tuple[int, ...]:
        return tuple(sorted({(bit.bit_length() - 1) // self.epochs for bit in bits(names)}))

    @property
    def start(self) -> State:
        first = sum(self.bit(content) for content in self.size.first)
        return State(
            present=first or self.bit(0),
            first=first,
            writers=(Writer(),) * len(self.size.needs),
            collectors=(Collector(),) * self.size.collectors,
        )

    def forbidden(self, state: State, epoch: int) -> Names:
        """Names that a writer of an epoch relies on no more."""
        if self.rules.heeds == "none" or not epoch:
            return 0
        if self.rules.heeds == "last":
            return state.condemned[epoch - 1]
        names = 0
        for condemned in state.condemned[:epoch]:
            names |= condemned
        return names | self.rules.heeds_too & self.older(epoch)

    def older(self, epoch: int) -> Names:
        """Names of earlier epochs, which are all that can have been condemned by that one."""
        return sum(self.bit(content, each) for content in range(2) for each in range(epoch))

    def steps(self, state: State) -> Iterator[Step]:
        yield from self._late(state)
        if self.size.drops:
            yield from self._drops(state)
        if self.size.reads:
            yield from self._read(state)
        for number in range(len(state.writers)):
            yield from self._write(state, number)
        for number in range(len(state.collectors)):
            yield from self._collect(state, number)
        if self.size.moves:
            yield from self._move(state)

    # What happens without anybody's doing

    def _late(self, state: State) -> Iterator[Step]:
        if bit := state.late_put:
            after = state._replace(present=state.present | bit, late_put=0)
            yield ("late put", self.name(bit)), after
        if bit := state.late_delete:
            after = state._replace(present=state.present & ~bit, late_delete=0)
            yield ("late delete", self.name(bit)), after

    def _drops(self, state: State) -> Iterator[Step]:
        if state.first:
            yield ("drop", "first"), state._replace(first=0)
        for number, writer in enumerate(state.writers):
            if writer.version:
                yield ("drop", number), _with(state, number, writer._replace(version=0))

    def _read(self, state: State) -> Iterator[Step]:
        if not state.is_reading:
            if state.first:
                yield ("read begins",), state._replace(reader=state.first, is_reading=True)
        elif not state.reader:
            yield ("read ends",), state._replace(is_reading=False)
        for bit in bits(state.reader):
            if state.present & bit:
                yield ("reads", self.name(bit)), state._replace(reader=state.reader & ~bit)
            elif not state.first:
                yield ("read fails",), state._replace(reader=0, is_reading=False)  # it was dropped
            else:  # the log is read again, once
                is_lost = bool(state.first & ~state.present)
                after = state._replace(reader=0, is_reading=False, is_unlucky=is_lost)
                yield ("reads again",), after

    # Writers

    def _write(self, state: State, number: int) -> Iterator[Step]:
        writer = state.writers[number]
        if writer.step == IDLE:
            begun = writer._replace(step=LOOK, epoch=state.epoch)
            yield (number, "begins", state.epoch), _with(state, number, begun)
        elif writer.step == LOOK:
            yield from self._look(state, number, writer)
        elif writer.step == PUT:
            yield from self._put(state, number, writer)
        elif writer.step == COMMIT:
            yield from self._commit(state, number, writer)
        elif self.size.repeats and writer.sent is not None:
            epoch, names, log = writer.sent
            if epoch >= state.fences[2 + log]:
                again = writer._replace(version=names, log=log, sent=None)
                yield (number, "repeats"), _with(state, number, again)

    def _next(self, writer: Writer, number: int, refs: Names) -> Writer:
        is_last = writer.at + 1 == len(self.size.needs[number])
        step, at = (COMMIT, 0) if is_last else (LOOK, writer.at + 1)
        return writer._replace(step=step, at=at, refs=writer.refs | refs)

    def _look(self, state: State, number: int, writer: Writer) -> Iterator[Step]:
        content = self.size.needs[number][writer.at]
        forbidden = self.forbidden(state, writer.epoch)
        if writer.at == 0 and self.rules.adopts != "never":
            yield from self._adopt(state, number, writer, forbidden)
        is_found = False
        for epoch in range(writer.epoch + 1):
            bit = self.bit(content, epoch)
            if state.present & bit and not forbidden & bit:
                is_found = True
                found = self._next(writer, number, bit)
                yield (number, "relies on", self.name(bit)), _with(state, number, found)
        if not is_found:
            yield (
                (number, "finds none of", content),
                _with(state, number, writer._replace(step=PUT)),
            )

    def _adopt(self, state: State, number: int, writer: Writer, forbidden: Names) -> Iterator[Step]:
        for names in {state.first, *(each.version for each in state.writers)} - {0}:
            is_equal = self.contents(names) == self.size.needs[number]
            if is_equal and not (self.rules.adopts == "checked" and names & forbidden):
                adopted = writer._replace(step=COMMIT, refs=names)
                yield (number, "adopts", names), _with(state, number, adopted)

    def _put(self, state: State, number: int, writer: Writer) -> Iterator[Step]:
        content = self.size.needs[number][writer.at]
        forbidden = self.forbidden(state, writer.epoch) & self.bit(content)
        is_new = self.rules.names == "epoch" and forbidden
        bit = self.bit(content, writer.epoch if is_new else 0)
        after = _with(state, number, self._next(writer, number, bit))
        yield (number, "puts", self.name(bit)), after._replace(present=state.present | bit)
        if self.size.has_late_put and not state.late_put:
            yield (number, "puts unanswered", self.name(bit)), state._replace(late_put=bit)

    def _commit(self, state: State, number: int, writer: Writer) -> Iterator[Step]:
        epoch = state.epoch if self.rules.epoch == "last" else writer.epoch
        for log in (0, 1):
            fence = state.fences[2 + log]
            if log == 1 and fence < 0:
                if self.size.has_new_log:
                    yield from self._create(state, number, writer, epoch)
            elif epoch >= fence:
                yield (number, "commits to", log), self._committed(state, number, writer, log)
            else:
                yield (number, "is refused by", log), self._refused(state, number, writer)

    def _committed(self, state: State, number: int, writer: Writer, log: int) -> State:
        sent = (writer.epoch, writer.refs, log) if self.size.repeats else None
        done = Writer(step=DONE, version=writer.refs, log=log, sent=sent)
        is_first = self.contents(writer.refs) == self.contents(state.first)
        if self.size.merges and log == 0 and state.first and is_first:
            return _with(state, number, done._replace(version=0))._replace(first=writer.refs)
        return _with(state, number, done)

    def _refused(self, state: State, number: int, writer: Writer) -> State:
        if writer.tries >= self.size.retries:
            return _with(state, number, Writer(step=DONE))
        if self.rules.drops_references:
            return _with(state, number, Writer(tries=writer.tries + 1))
        stubborn = writer._replace(epoch=state.epoch, tries=writer.tries + 1)
        return _with(state, number, stubborn)

    def _create(self, state: State, number: int, writer: Writer, epoch: int) -> Iterator[Step]:
        """The new log, by its listing, which may be of another epoch than what is committed."""
        for now in range(state.epoch + 1):
            if now < state.fences[0] and self.rules.directory_checks:
                continue
            floor = now if self.rules.new_log_starts_fenced else 0
            fences = (*state.fences[:3], floor)
            yield (number, "creates", now), state._replace(fences=fences, listed=1)
        if epoch < state.fences[0] and self.rules.directory_checks:
            yield (number, "may not create"), self._refused(state, number, writer)

    def _move(self, state: State) -> Iterator[Step]:
        """The new log is listed in the other directory, then no more in this one."""
        for here, there in ((0, 1), (1, 0)):
            if not state.listed & 1 << here:
                continue
            if not state.listed & 1 << there:
                if state.epoch >= state.fences[there] or not self.rules.directory_checks:
                    yield ("lists", there), state._replace(listed=state.listed | 1 << there)
            else:
                trace = 0 if self.rules.forgets_moved else 4 << here
                gone = state.listed & ~(1 << here) | trace
                yield ("unlists", here), state._replace(listed=gone)

    # Collectors

    def _collect(self, state: State, number: int) -> Iterator[Step]:
        collector = state.collectors[number]
        if collector.step != RESTING:
            yield ("gc", number, "dies"), _with_collector(state, number, Collector())
        act = {
            RESTING: self._begin,
            LIST_EARLY: self._list_early,
            FENCE_FIRST: self._fence_first,
            FENCE_SECOND: self._fence_second,
            LIST_FIRST: self._list_first,
            LIST_SECOND: self._list_second,
            FENCE_OLD: self._fence_old,
            FENCE_NEW: self._fence_new,
            MARK_OLD: self._mark_old,
            MARK_NEW: self._mark_new,
            SWEEP: self._sweep,
        }[collector.step]
        yield from act(state, number, collector)

    def _entry(self) -> int:
        if not self.rules.fences:
            return MARK_OLD
        return LIST_EARLY if self.rules.lists == "before" else FENCE_FIRST

    def _begin(self, state: State, number: int, _: Collector) -> Iterator[Step]:
        generation = state.epoch
        if state.swept < generation:
            step, names = self._entry(), 0
            if self.rules.resumes == "unfenced":
                step = MARK_OLD
            if self.rules.resumes == "unmarked":
                step, names = SWEEP, state.condemned[-1]
            resumed = Collector(step, generation, names)
            yield ("gc", number, "goes on"), _with_collector(state, number, resumed)
        elif generation < self.size.generations:
            step = MARK_OLD if self.rules.marks_again == "before" else self._entry()
            for names in subsets(state.present):
                begun = _with_collector(state, number, Collector(step, generation + 1))
                condemned = (*state.condemned, names)
                yield ("gc", number, "condemns", names), begun._replace(condemned=condemned)

    def _raised(self, there: int, generation: int) -> int:
        return max(there, generation) if self.rules.fence_rises else generation

    def _fenced(self, state: State, at: int, generation: int) -> State:
        fences = [*state.fences]
        fences[at] = self._raised(fences[at], generation)
        return state._replace(fences=tuple(fences))  # type: ignore[arg-type]  # of four

    def _list_early(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        listed = gc._replace(step=FENCE_FIRST, listed=int(bool(state.listed)))
        yield ("gc", number, "lists"), _with_collector(state, number, listed)

    def _fence_first(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        step = FENCE_SECOND if self.size.moves else LIST_FIRST
        after = self._fenced(state, 0, gc.generation)
        yield (
            ("gc", number, "fences directory", 0),
            _with_collector(after, number, gc._replace(step=step)),
        )

    def _fence_second(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        after = self._fenced(state, 1, gc.generation)
        moved = gc._replace(step=LIST_FIRST)
        yield ("gc", number, "fences directory", 1), _with_collector(after, number, moved)

    def _list_first(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        step = LIST_SECOND if self.size.moves else FENCE_OLD
        is_listed = bool(state.listed & 0b0101) and self.rules.lists == "after"
        listed = gc._replace(step=step, listed=gc.listed | is_listed)
        yield ("gc", number, "lists", 0), _with_collector(state, number, listed)

    def _list_second(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        is_listed = bool(state.listed & 0b1010)
        listed = gc._replace(step=FENCE_OLD, listed=gc.listed | is_listed)
        yield ("gc", number, "lists", 1), _with_collector(state, number, listed)

    def _fence_old(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        after = self._fenced(state, 2, gc.generation)
        moved = gc._replace(step=FENCE_NEW if gc.listed else self._after_fences())
        yield ("gc", number, "fences log", 0), _with_collector(after, number, moved)

    def _fence_new(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        after = self._fenced(state, 3, gc.generation)
        moved = gc._replace(step=self._after_fences())
        yield ("gc", number, "fences log", 1), _with_collector(after, number, moved)

    def _after_fences(self) -> int:
        return SWEEP if self.rules.marks_again == "before" else MARK_OLD

    def _mark_old(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        marked = state.first
        for writer in state.writers:
            marked |= writer.version if writer.log == 0 else 0
        moved = gc._replace(step=MARK_NEW, names=marked)
        yield ("gc", number, "marks", 0), _with_collector(state, number, moved)

    def _mark_new(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        """The new log only if it was listed, or if nothing is listed at all."""
        marked = gc.names
        for writer in state.writers:
            is_seen = gc.listed or self.rules.lists == "before" or not self.size.moves
            marked |= writer.version if writer.log == 1 and is_seen else 0
        step = self._entry() if self.rules.marks_again == "before" else SWEEP
        doomed = state.condemned[gc.generation - 1] & ~marked
        moved = gc._replace(step=step, names=doomed)
        yield ("gc", number, "marks", 1), _with_collector(state, number, moved)

    def _sweep(self, state: State, number: int, gc: Collector) -> Iterator[Step]:
        if not gc.names:
            after = _with_collector(state, number, Collector())
            swept = max(state.swept, gc.generation)
            yield ("gc", number, "has swept", gc.generation), after._replace(swept=swept)
        for bit in bits(gc.names):
            after = _with_collector(state, number, gc._replace(names=gc.names & ~bit))
            after = after._replace(present=state.present & ~bit)
            yield ("gc", number, "deletes", self.name(bit)), after
            if self.size.has_late_delete and not state.late_delete:
                yield (
                    ("gc", number, "deletes unanswered", self.name(bit)),
                    after._replace(late_delete=bit),
                )


def _with(state: State, number: int, writer: Writer) -> State:
    writers = state.writers
    return state._replace(writers=(*writers[:number], writer, *writers[number + 1 :]))


def _with_collector(state: State, number: int, collector: Collector) -> State:
    all_ = state.collectors
    return state._replace(collectors=(*all_[:number], collector, *all_[number + 1 :]))


def bits(names: Names) -> Iterator[Names]:
    while names:
        yield names & -names
        names &= names - 1


def subsets(names: Names) -> Iterator[Names]:
    """All of them, from the whole to the empty one."""
    some = names
    while some:
        yield some
        some = (some - 1) & names
    yield 0


@dataclass(frozen=True)
class Exploration:
    """How many states there are, whether these are all, and how one comes to a loss, if one can."""

    states: int
    is_whole: bool
    loss: tuple[Label, ...] | None


def explore(
    model: Model,
    *,
    most: int = 10**8,
    most_s: float = 10**6,
    clock: Callable[[], float] = time.monotonic,
) -> Exploration:
    """Breadth first, each state once, to the end or to the first loss."""
    began = clock()
    before: dict[State, tuple[State, Label] | None] = {model.start: None}
    front = [model.start]
    while front and len(before) < most and clock() - began < most_s:
        new: list[State] = []
        for state in front:
            for label, after in model.steps(state):
                if after in before:
                    continue
                before[after] = (state, label)
                if after.is_lost:
                    return Exploration(len(before), is_whole=False, loss=_way_to(after, before))
                new.append(after)
        front = new
    return Exploration(len(before), is_whole=not front, loss=None)


def _way_to(state: State, before: dict[State, tuple[State, Label] | None]) -> tuple[Label, ...]:
    labels: list[Label] = []
    while (step := before[state]) is not None:
        state, label = step
        labels.append(label)
    return tuple(reversed(labels))


def without(**left_out: object) -> Rules:
    """The rules but for one."""
    return replace(Rules(), **left_out)  # type: ignore[arg-type]  # of whatever the rule is


def alone(model: Model, states: Iterable[State], actor: Callable[[Label], bool]) -> set[State]:
    """What one actor's steps can make of the states while nobody else does anything."""
    reached = {*states}
    front = [*reached]
    while front:
        state = front.pop()
        for label, after in model.steps(state):
            if actor(label) and after not in reached:
                reached.add(after)
                front.append(after)
    return reached
