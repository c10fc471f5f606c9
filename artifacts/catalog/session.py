"""Session: settings, and the catalog of the store that they name."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from artifacts.cache import FILES_ONLY, Copies, Ignore, Keep, Tree
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.draft import Draft
from artifacts.catalog.version import Version
from artifacts.credentials import Credentials
from artifacts.errors import NotFoundError, StoreNotFoundError, UnavailableError, UsageError
from artifacts.names import ArtifactName, CollectionName, DigestName, parse_name
from artifacts.progress import Progress, bar_of
from artifacts.settings import Settings
from artifacts.storage import Address, Places, check_address, place_at

_log = logging.getLogger(__name__)


class Session:
    """Opens the store when it is first needed, and makes it when it is first written to."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._catalog: Catalog | None = None

    def within(self, entity: str, project: str) -> Session:
        """The same store, which is not opened again, in another project."""
        there = Session(self.settings.within(entity, project))
        there._catalog = self._catalog
        return there

    @property
    def catalog(self) -> Catalog:
        """For reading. Raises StoreNotFoundError where nothing was ever written."""
        if self._catalog is None:
            self._catalog = Catalog.open(self._address, cache=self.cache, copies=self.copies)
        return self._catalog

    @property
    def writable(self) -> Catalog:
        """For writing: a store that is not there yet is made."""
        try:
            self.catalog.may_create()
        except StoreNotFoundError:
            self._catalog = Catalog.open(self._address, create=True, cache=self.cache)
            _log.warning("made a store at %s", self._catalog.store.url)
        return self.catalog

    @property
    def url(self) -> str:
        """The store's, as it says itself, be it there or not. Raises InvalidSettingError."""
        return place_at(self._address).url

    @property
    def is_far(self) -> bool:
        """Whether the store may be reached through a client only, which has to be loaded."""
        return "://" in self.settings.store

    def check_address(self) -> None:
        """Whether the settings may lead to a store, of which nothing is asked.

        Raises InvalidSettingError.
        """
        check_address(self._address)

    @property
    def _address(self) -> Address:
        settings = self.settings
        return Address(settings.store, self._storage_options, settings.single_writer)

    @cached_property
    def _storage_options(self) -> Mapping[str, Any]:
        """What was said of the store, over what `art login` keeps for it."""
        settings = self.settings
        if not self.is_far:
            return settings.storage_options
        kept = Credentials(settings.credentials_path).options_of(settings.store)
        return {**kept, **settings.storage_options}

    def draft(self, name: str, type: str) -> Draft:
        """A new draft whose files go into this session's store."""
        catalog = self.writable
        draft = Draft(name, type, catalog.intake(self.cache))
        collection = CollectionName(self.settings.entity, self.settings.project, name)
        if (base := catalog.base(collection)) is not None:
            draft.intake.base = base.placed
        return draft

    def tree(self, folder: str, ignore: Ignore | None = None, keep: Keep = FILES_ONLY) -> Tree:
        """A folder to be versioned, without what `ignore` and its own ignore files leave out.

        Raises UsageError if this session's store lies in it.
        """
        store = self.settings.store
        root = os.path.join(os.path.realpath(folder), "")
        if "://" not in store and os.path.join(os.path.realpath(store), "").startswith(root):
            raise UsageError(f"{folder} holds the store itself, {store}: move it out")
        return Tree(folder, ignore or Ignore(), keep)

    def resolve(self, text: str, type: str | None = None) -> Version:
        """The version that a user means.

        Where the store cannot be reached, or is not to be, as this machine knew it last. Raises
        InvalidNameError, ArtifactNotFoundError, StorageError.
        """
        name = parse_name(text, entity=self.settings.entity, project=self.settings.project)
        if self.settings.offline and (known := self._known) is not None:
            return known.resolve(name, type)
        try:
            return self.catalog.resolve(name, type)
        except UnavailableError:
            version = self._resolve_offline(name, type)
            if version is None:
                raise
            return version

    def _resolve_offline(self, name: ArtifactName | DigestName, type: str | None) -> Version | None:
        """What this machine knew last, if it knew such a version."""
        try:
            version = self._known.resolve(name, type) if self._known else None
        except (NotFoundError, UnavailableError):
            return None
        if version is not None:
            told = "%s cannot be reached; %s is what this machine knew of it last"
            _log.warning(told, version.store.url, version.qualified_name)
        return version

    @cached_property
    def _known(self) -> Catalog | None:
        """None for a store of this machine."""
        return Catalog.offline(self._address, self.cache, self.copies)

    @property
    def cache(self) -> Path:
        return self.settings.cache_dir

    @property
    def copies(self) -> Copies:
        """What this machine keeps of stores that are far away, and of large files."""
        return Copies(self.cache / "copies", self.settings.cache_size)

    @property
    def places(self) -> Places:
        """Where references lead to; the store's own options serve its scheme's, unless told."""
        settings = self.settings
        scheme, separator, _ = settings.store.partition("://")
        own = {scheme: self._storage_options} if separator else {}
        return Places({**own, **settings.reference_options})

    def progress(self, label: str, total: int | None = None) -> Progress:
        """As `bar_of`, quiet where the settings are."""
        return bar_of(label, total, is_quiet=self.settings.quiet)
