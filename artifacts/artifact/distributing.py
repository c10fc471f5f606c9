"""Distributing: an artifact as one writer's part of what many put together."""

from __future__ import annotations

from msgspec.structs import replace

from artifacts.artifact.life import Living
from artifacts.catalog import Distributed, Draft, Facts, Session
from artifacts.errors import UsageError
from artifacts.metadata import check_metadata


class Distributing(Living):
    """How its entries get into a version that is not of them alone."""

    def upsert(self, session: Session, distributed_id: str, facts: Facts) -> str:
        """Its entries are part of what will be finished under the id; it takes no more itself.

        Returns the part's id. Again adds nothing. Raises UsageError for one that is logged.
        """
        draft = self._part(session, "upsert_artifact")
        part = self._shared(session, distributed_id).upsert(draft, self._said(facts))
        self._session, self._distributed_id, self._is_final = session, distributed_id, True
        return part.id

    def conclude(self, session: Session, distributed_id: str, facts: Facts) -> None:
        """It becomes the version that has its entries and all that were upserted under the id.

        Raises UsageError for one that is logged.
        """
        draft = self._part(session, "finish_artifact")
        version = self._shared(session, distributed_id).finish(draft, self._said(facts))
        self._session, self._distributed_id = session, distributed_id
        self._become(version)

    def _shared(self, session: Session, distributed_id: str) -> Distributed:
        return Distributed(session, self._name, self._type, distributed_id)

    def _said(self, facts: Facts) -> Facts:
        metadata = check_metadata(self._metadata)
        return replace(facts, description=self._description, metadata=metadata, ttl=self._ttl)

    def _part(self, session: Session, method: str) -> Draft:
        if self._version is not None:
            raise UsageError(f"{method} wants an artifact that is not logged; {self.name} is")
        self._refuse_move(session)
        draft = self._the_draft
        if draft.intake.store.url != session.writable.store.url:
            return draft.moved(session.draft(self._name, self._type))
        return draft
