"""Life: an artifact is logged, changed in what is said of it, and drafted anew."""

from __future__ import annotations

from typing import Self

from msgspec.structs import replace

from artifacts.artifact.active import current_log
from artifacts.artifact.facts import changes, without
from artifacts.artifact.referring import Referring
from artifacts.catalog import Facts, Session, commit_over_latest
from artifacts.errors import InvalidNameError
from artifacts.metadata import check_metadata
from artifacts.names import LATEST, check_aliases, check_tags
from artifacts.settings import Settings


class Living(Referring):
    """What happens to an artifact from its logging on."""

    def save(self, project: str | None = None, settings: Settings | None = None) -> None:
        """Log a draft; of a logged artifact, save what is said of it.

        A draft is logged by the active run, and if there is none by nobody, into the project and
        the store that the arguments name. Of a logged artifact, whatever was changed here in its
        aliases, tags, description, metadata and ttl is recorded, and what others changed is kept.
        Raises ValueError for a bad alias, tag or metadata.
        """
        if not self.is_draft():
            self._save_facts()
        elif (log := current_log()) is not None:
            log(self)
        else:
            base = settings or self._the_session.settings
            is_other = settings is not None or project is not None
            self.log(Session(base.within(project=project)) if is_other else self._the_session)

    def log(self, session: Session, facts: Facts | None = None) -> None:
        """Commit a draft, for whoever adds aliases, tags and a run to what it says of itself.

        What is logged already stays as it is, and takes the aliases and tags, and `latest`.
        Raises ValueError for a version, or its new draft, that belongs elsewhere.
        """
        facts = facts or Facts()
        self._refuse_move(session)
        if self._version is None:
            self._commit(session, facts)
        else:
            wanted = [*facts.aliases, LATEST]
            self._aliases = [*dict.fromkeys((*self._aliases, *wanted))]
            self._tags = [*dict.fromkeys((*self._tags, *facts.tags))]
            # they are to move here even from where they moved to since
            self._saved = replace(self._saved, aliases=without(self._saved.aliases, wanted))
            self._save_facts()

    def _commit(self, session: Session, facts: Facts) -> None:
        metadata = check_metadata(self._metadata)
        facts = replace(facts, description=self._description, metadata=metadata, ttl=self._ttl)
        was_final, self._is_final = self._is_final, True
        try:
            draft = self._the_draft
            if draft.intake.store.url != session.writable.store.url:
                draft = draft.moved(session.draft(self._name, self._type))
            to = session.settings
            if self._is_incremental:
                made = commit_over_latest(session.writable, draft, to.entity, to.project, facts)
            else:
                made = session.writable.commit(draft, to.entity, to.project, facts)
        except BaseException:
            self._is_final = was_final  # so that what was wrong with it can be put right
            raise
        self._session = session
        self._become(made)

    def _refuse_move(self, session: Session) -> None:
        home, to = self._home, session.settings
        if home is not None and home.entity != to.entity:
            reason = f"it is owned by entity {home.entity!r}; it can't be moved to {to.entity!r}"
            raise InvalidNameError(self.name, reason)
        if home is not None and home.project != to.project:
            reason = f"it exists in project {home.project!r}; it can't be moved to {to.project!r}"
            raise InvalidNameError(self.name, reason)
        if self._version is not None and self._version.store.url != session.writable.store.url:
            reason = f"it lies in {self._version.store.url}: add its files to a new artifact"
            raise InvalidNameError(self.name, reason)

    def _save_facts(self) -> None:
        version = self._logged("save")
        after = Facts(
            aliases=check_aliases(self._aliases),
            tags=check_tags(self._tags),
            description=self._description,
            metadata=check_metadata(self._metadata),
            ttl=self._ttl,
        )
        version.refresh()
        if found := changes(self._saved, after, version):
            self._the_session.writable.change(version, found)
        self._become(version)

    def used_as(self, use_as: str) -> None:
        """From now on a run knows it under this name."""
        self._use_as = use_as

    def wait(self, timeout: int | None = None) -> Self:
        """The artifact itself: logging returns when it is committed.

        Raises ArtifactNotLoggedError.
        """
        self._logged("wait")
        return self

    def new_draft(self) -> Self:
        """A draft of the next version, with the same entries, description and metadata.

        Only what is changed in it will cost. Aliases and tags stay where they are. Raises
        ArtifactNotLoggedError.
        """
        version = self._logged("new_draft")
        home = version.collection_name
        draft = type(self)(self._name, self._type, self._description, self._metadata)
        draft._home = home
        settings = self._the_session.settings
        draft._session = Session(settings.within(home.entity, home.project))
        draft._the_draft.adopt(version)
        return draft
