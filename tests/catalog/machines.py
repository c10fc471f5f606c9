"""Machines: writers and readers of one store, each of which has never seen it before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from folders import read_tree, write_tree

from artifacts.cache import Tree
from artifacts.catalog import Catalog, Draft, Version, download
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.names import CollectionName
from artifacts.progress import Silent
from artifacts.storage import BLOBS, Name, ObjectStore

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Machines:
    """Collections are called by their last name alone."""

    folder: Path
    store: ObjectStore
    _numbers: count[int] = field(default_factory=count)

    @property
    def catalog(self) -> Catalog:
        """With nothing in memory from before."""
        return Catalog(self.store)

    def draft(self, name: str) -> Draft:
        catalog = self.catalog
        draft = Draft(name, "dataset", catalog.intake(self._new("cache")))
        if (base := catalog.base(collection(name))) is not None:
            draft.intake.base = base.placed
        return draft

    def put(self, name: str, files: Files) -> Version:
        """From a new machine, that has to ask the store what it knows."""
        draft = self.draft(name)
        draft.add_tree(Tree(str(write_tree(self._new("data"), files))), "", Silent())
        return self.commit(draft)

    def commit(self, draft: Draft) -> Version:
        return self.catalog.commit(draft, "team", "proj")

    def share(self, version: Version, name: str, paths: Iterable[str]) -> Version:
        """Another collection has some of a version's files, where they lie."""
        draft = self.draft(name)
        draft.adopt(version)
        for path in {*draft.rows} - {*paths}:
            draft.remove(path)
        return self.commit(draft)

    def delete(self, name: str) -> None:
        self.catalog.delete(collection(name))

    def versions(self, name: str) -> list[Version]:
        """Oldest first."""
        return [*self.catalog.versions(collection(name))][::-1]

    def read(self, name: str, number: int = 0) -> dict[str, bytes]:
        root = self._new("download")
        download(self.versions(name)[number], root)
        return read_tree(root)

    def base_blobs(self) -> set[Name]:
        """Those whose names are plain."""
        return {name for name in self.blobs() if not name.epoch}

    def blobs_of(self, name: str) -> set[Name]:
        """All that its versions refer to."""
        return {
            blob
            for version in self.versions(name)
            for position, page, _ in version.pages()
            for blob in version.page_layout(position, page).names(page)
        }

    def blobs(self) -> dict[Name, int]:
        """Sizes of all there are."""
        names = filter(None, map(Name.of_key, self.store.list(f"{BLOBS}/")))
        return {name: self.store.size(name.key) for name in names}

    def problems(self) -> list[str]:
        return [f"{each.where}: {each.reason}" for each in verify_store(self.catalog).problems]

    def _new(self, what: str) -> Path:
        return self.folder / f"{what}-{next(self._numbers)}"


def collection(name: str) -> CollectionName:
    return CollectionName("team", "proj", name)
