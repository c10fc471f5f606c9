"""Gc world: a real store that is brought along the model's steps, and looked at as the model is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from gc_model import (
    FENCE_FIRST,
    FENCE_NEW,
    FENCE_OLD,
    MARK_OLD,
    RESTING,
    SWEEP,
    Label,
    Model,
    Names,
    State,
    alone,
    bits,
)
from scene import noise

from artifacts.catalog import Catalog, Draft, Version
from artifacts.catalog.upkeep.collecting import Collecting
from artifacts.catalog.upkeep.gc import Collector
from artifacts.catalog.upkeep.reach import Reach
from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.names import CollectionName
from artifacts.storage import (
    BLOBS,
    LocalStore,
    Name,
    open_store,
    read_condemned,
)
from artifacts.testing import EchoingStore

SIZE = 2**17  # bytes of a content, which is a blob by itself
BYTES = (noise(SIZE, 1), noise(SIZE, 2))
LOGS = (CollectionName("team", "proj", "old"), CollectionName("team", "proj", "new"))


class Mortal(EchoingStore):
    """Of a collector that dies before it has deleted all that it wants to."""

    deletes_left: int | None = None

    def delete(self, key: str) -> None:
        if self.deletes_left is not None and key.startswith(BLOBS):
            if not self.deletes_left:
                raise StorageError(key, "the collector died")
            self.deletes_left -= 1
        super().delete(key)


@dataclass
class Writing:
    draft: Draft | None = None
    refs: Names = 0
    tries: int = 0
    version: Version | None = None
    is_done: bool = False


@dataclass
class Collected:
    collector: Collector | None = None
    step: int = RESTING
    generation: int = 0
    ids: list[str] = field(default_factory=list)
    reached: Reach | None = None


class World:
    """Does what a random choice says, and holds all states of the model that look as it does."""

    def __init__(self, folder: Path, model: Model, random: Random) -> None:
        self.model, self._random = model, random
        open_store(str(folder / "store"), create=True)
        self.store = Mortal(LocalStore(folder / "store"))
        self._cache = folder / "cache"
        self._files = [folder / name for name in "ac"]
        for path, data in zip(self._files, BYTES, strict=True):
            path.write_bytes(data)
        self._make_old_log()
        self.writers = [Writing() for _ in model.size.needs]
        self.collectors = [Collected() for _ in range(model.size.collectors)]
        self.late_put: Names = 0
        self.late_delete: Names = 0
        self.states = {model.start}
        self._check(lambda _: False, "at the start")

    def _make_old_log(self) -> None:
        """A log without a version, and content that nothing reaches."""
        catalog = Catalog(self.store)
        version = catalog.commit(self._draft(catalog), LOGS[0].entity, LOGS[0].project)
        catalog.drop(version, with_aliases=True)
        garbage = self._draft(catalog)
        self._add(garbage, 0)
        garbage.intake.close()

    def _draft(self, catalog: Catalog) -> Draft:
        return Draft(LOGS[0].collection, "dataset", catalog.intake(self._cache))

    def _add(self, draft: Draft, content: int) -> None:
        draft.add_file(self._files[content], f"file-{content}")

    # What can be done now

    def act(self) -> str | None:
        """One of the things that can be done; None if nothing can."""
        if not (choices := [*self._choices()]):
            return None
        name, act, actor = self._random.choice(choices)
        act()
        self._check(actor, name)
        return name

    def _choices(self) -> Iterator[tuple[str, Callable[[], None], Callable[[Label], bool]]]:
        for number in range(len(self.writers)):
            yield from self._of_writer(number)
        for number in range(len(self.collectors)):
            yield from self._of_collector(number)
        if self.late_put:
            yield "late put", self._land_put, lambda label: label[0] == "late put"
        if self.late_delete:
            yield "late delete", self._land_delete, lambda label: label[0] == "late delete"

    def _of_writer(  # noqa: C901, PLR0915 - one thought: what a writer may do next
        self, number: int
    ) -> Iterator[tuple[str, Callable[[], None], Callable[[Label], bool]]]:
        writing, needs = self.writers[number], self.model.size.needs[number]

        def is_mine(label: Label) -> bool:
            return label[0] == number

        def begin() -> None:
            writing.draft = self._draft(Catalog(self.store))

        def add(content: int, *, echoes: bool) -> None:
            assert writing.draft is not None
            before = {**self.store.puts}
            self.store.puts.clear()
            self._add(writing.draft, content)
            writing.refs = self._refs_of(writing.draft)
            if echoes and not self.late_put:
                self.late_put = self._present(self.store.puts)
            self.store.puts |= before

        def commit(log: int) -> None:
            assert writing.draft is not None
            name = LOGS[log]
            writing.draft.name = name.collection
            writing.version = Catalog(self.store).commit(writing.draft, name.entity, name.project)
            writing.is_done, writing.draft, writing.refs = True, None, 0

        def drop() -> None:
            assert writing.version is not None
            Catalog(self.store).drop(writing.version, with_aliases=True)
            writing.version = None

        if writing.version is not None:
            yield f"drop w{number}", drop, lambda label: label == ("drop", number)
        if writing.is_done:
            return
        if writing.draft is None:
            yield f"w{number} begins", begin, is_mine
            return
        missing = [each for each in needs if not self._has(writing.refs, each)]
        if missing:
            for echoes in (False, True):
                yield (
                    f"w{number} adds {missing[0]}",
                    lambda echoes=echoes: add(missing[0], echoes=echoes),  # type: ignore[misc]
                    is_mine,
                )
        for log in (0, 1) if not missing else ():
            yield f"w{number} commits to {log}", lambda log=log: commit(log), is_mine  # type: ignore[misc]

    def _has(self, refs: Names, content: int) -> bool:
        return content in self.model.contents(refs)

    def _of_collector(  # noqa: C901, PLR0915 - likewise
        self, number: int
    ) -> Iterator[tuple[str, Callable[[], None], Callable[[Label], bool]]]:
        gc = self.collectors[number]

        def is_its(label: Label) -> bool:
            return label[:2] == ("gc", number)

        def begin() -> None:
            gc.collector = Collector(Catalog(self.store))
            if gc.collector.open is None and not gc.collector.condemn(Collecting(), timedelta(0)):
                gc.collector = None
                return
            assert gc.collector.open is not None
            gc.step, gc.generation = FENCE_FIRST, gc.collector.open.epoch

        def fence_directories() -> None:
            assert gc.collector is not None
            directories = gc.collector.fence_directories(gc.generation)
            gc.ids = [id_ for each in directories for id_ in each.refresh().state.ids]
            gc.step = FENCE_OLD

        def fence_log(at: int, step: int) -> None:
            assert gc.collector is not None
            fold = gc.collector.fold(gc.ids[at])
            gc.collector.fence_log(fold, gc.generation)
            gc.step = step

        def mark() -> None:
            assert gc.collector is not None
            gc.reached = gc.collector.mark(Collecting())
            gc.step = SWEEP

        def sweep(*, dies: bool, echoes: bool) -> None:
            assert gc.collector is not None
            assert gc.reached is not None
            self.store.deletes.clear()
            self.store.deletes_left = self._random.randrange(2) if dies else None
            generation = gc.collector.generation(gc.generation)
            try:
                gc.collector.sweep(generation, gc.reached)
            except StorageError:
                assert dies
            self.store.deletes_left = None
            if echoes and not self.late_delete:
                self.late_delete = self._one_of(self._present(self.store.deletes))
            self.collectors[number] = Collected()

        def die() -> None:
            self.collectors[number] = Collected()

        if gc.step == RESTING:
            if self._generations_left():
                yield f"gc{number} begins", begin, is_its
            return
        yield f"gc{number} dies", die, is_its
        if gc.step == FENCE_FIRST:
            yield f"gc{number} fences directories", fence_directories, is_its
        elif gc.step == FENCE_OLD:
            after = FENCE_NEW if len(gc.ids) > 1 else MARK_OLD
            yield f"gc{number} fences 0", lambda: fence_log(0, after), is_its
        elif gc.step == FENCE_NEW:
            yield f"gc{number} fences 1", lambda: fence_log(1, MARK_OLD), is_its
        elif gc.step == MARK_OLD:
            yield f"gc{number} marks", mark, is_its
        else:
            for dies, echoes in ((False, False), (True, False), (False, True)):
                yield (
                    f"gc{number} sweeps{' and dies' if dies else ''}",
                    lambda dies=dies, echoes=echoes: sweep(dies=dies, echoes=echoes),  # type: ignore[misc]
                    is_its,
                )

    def _generations_left(self) -> bool:
        state = Catalog(self.store).logs.generations.refresh().state
        return state.open is not None or state.epoch < self.model.size.generations

    def _land_put(self) -> None:
        self.store.put_again(self._key(self.late_put))
        self.late_put = 0

    def _land_delete(self) -> None:
        self.store.delete_again(self._key(self.late_delete))
        self.late_delete = 0

    # How it looks

    def _check(self, actor: Callable[[Label], bool], what: str) -> None:
        """It looks as the model may after steps of that actor, and every version is whole."""
        seen = self._look()
        reached = alone(self.model, self.states, actor)
        self.states = {state for state in reached if self._view(state) == seen}
        assert self.states, f"after {what} no state of the model looks so: {seen}"
        assert not any(state.is_lost for state in self.states)
        for number, writing in enumerate(self.writers):
            if writing.version is not None:
                now = writing.version.renewed() or writing.version
                for content in self.model.size.needs[number]:
                    assert b"".join(now.read(f"file-{content}")) == BYTES[content], what

    def _look(self) -> tuple[object, ...]:
        catalog = Catalog(self.store)
        generations = catalog.logs.generations.refresh().state
        directory = catalog.logs.project(LOGS[0].entity, LOGS[0].project)
        assert directory is not None
        folds = [catalog.logs.fold(id_).refresh() for id_ in directory.state.ids]
        fences = [directory.state.fence, *(fold.state.fence for fold in folds)]
        return (
            self._present(self.store.list(f"{BLOBS}/")),
            self.late_put,
            self.late_delete,
            tuple(
                self._mask(
                    each.name for name in one.lists for each in read_condemned(self.store, name)
                )
                for one in generations.all
            ),
            generations.swept,
            tuple(fences),
            tuple(self._refs(writing.version) for writing in self.writers),
            tuple(
                (writing.refs, writing.draft.intake.epoch.number if writing.draft else None)
                for writing in self.writers
            ),
            tuple((gc.step, gc.generation) for gc in self.collectors),
        )

    def _view(self, state: State) -> tuple[object, ...]:
        """The same of a state."""
        directory, _, old, new = state.fences
        is_begun = [bool(writer.step) and writer.step < 4 for writer in state.writers]
        return (
            state.present,
            state.late_put,
            state.late_delete,
            state.condemned,
            state.swept,
            (directory, old, *((new,) if new >= 0 else ())),
            tuple(writer.version for writer in state.writers),
            tuple(
                (writer.refs if begun else 0, writer.epoch if begun else None)
                for writer, begun in zip(state.writers, is_begun, strict=True)
            ),
            tuple((gc.step, gc.generation) for gc in state.collectors),
        )

    def _refs(self, version: Version | None) -> Names:
        if version is None:
            return 0
        now = version.renewed() or version
        page = now.page(0)
        return self._mask(now.page_layout(0, page).names(page))

    def _refs_of(self, draft: Draft) -> Names:
        contents = draft.intake.contents
        spans = [
            contents.spans(Digest.of(data), SIZE) for data in BYTES if Digest.of(data) in contents
        ]
        return self._mask(span.blob for each in spans for span in each)

    def _present(self, keys: Iterator[str] | dict[str, bytes] | dict[str, None]) -> Names:
        return self._mask(name for key in keys if (name := Name.of_key(key)) is not None)

    def _mask(self, names: object) -> Names:
        mask = 0
        for name in names:  # type: ignore[attr-defined]  # of names
            for content, data in enumerate(BYTES):
                if name.kind == BLOBS and name.digest == Digest.of(data):
                    mask |= self.model.bit(content, name.epoch)
        return mask

    def _one_of(self, names: Names) -> Names:
        return self._random.choice([*bits(names)]) if names else 0

    def _key(self, bit: Names) -> str:
        content, epoch = divmod(bit.bit_length() - 1, self.model.epochs)
        return Name(BLOBS, Digest.of(BYTES[content]), epoch).key
