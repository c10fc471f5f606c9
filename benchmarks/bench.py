"""Bench: where works find their data, at full size or little of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks import data, product, wheel
from benchmarks.race import Duel, Race, progress
from benchmarks.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Source:
    """A data set on this disk."""

    title: str
    folder: Path
    size: int

    @classmethod
    def of(cls, data_set: data.DataSet, root: Path) -> Source:
        progress(f"  data set {data_set.name}: {data_set.title}")
        folder = data_set.make(root)
        data.read(folder)
        return cls(data_set.title, folder, data.size_of(folder)[1])


Pair = tuple[Source, Source]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the data and the scratch folders are, and how much is done."""

    root: Path
    scratch: Scratch
    rounds: int
    is_small: bool

    def small_files(self) -> Source:
        return self._of(data.small_files(self._size(500, 20)))

    def big_file(self) -> Source:
        return self._of(data.big_file("B", self._size(4 * data.GIB, 64 * data.MIB)))

    def edited_files(self) -> Pair:
        folders = self._size(20, 2)
        return self._of(data.medium_files(folders)), self._of(data.edited_files(folders))

    def tables(self) -> Pair:
        rows = self._size(18_250_000, 200_000)
        return self._of(data.table(rows)), self._of(data.longer_table(rows))

    def wheels(self) -> Pair:
        first, second = map(wheel.pyarrow, wheel.RELEASES)
        return self._of(first), self._of(second)

    def far_files(self) -> Source:
        return self._of(data.far_files(self._size(50, 2)))

    def far_file(self) -> Source:
        return self._of(data.big_file("F", self._size(2 * data.GIB, 64 * data.MIB)))

    def run(self, race: Race) -> list[Duel]:
        return race.run(self.rounds, self.scratch)

    def store_of(self, source: Source) -> Path:
        """A place with a store that holds the data set as the product adds it."""
        place = self.scratch.place("store")
        product.add([source.folder], source.size).run_at(place)
        return place

    def _of(self, data_set: data.DataSet) -> Source:
        return Source.of(data_set, self.root)

    def _size(self, full: int, small: int) -> int:
        return small if self.is_small else full
