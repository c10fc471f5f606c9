"""Linked: an artifact is shown in portfolios and registries, and runs know where it came from."""

from __future__ import annotations

from collections.abc import Sequence

from artifacts.artifact.active import current_link
from artifacts.artifact.life import Living
from artifacts.catalog import RunFacts, Session
from artifacts.names import CollectionName, check_aliases


class Linked(Living):
    """What other collections and runs have to do with an artifact."""

    @property
    def is_link(self) -> bool:
        """Whether it was found in a portfolio, which shows what was logged elsewhere.

        Raises ArtifactNotLoggedError.
        """
        return self._logged("is_link").link is not None

    def link(self, target_path: str, aliases: list[str] | None = None) -> None:
        """Show it in a portfolio or registry, which is made if there is none.

        With an active run as its `link_artifact`, so offline when the run is synced. The target is
        `[[entity/]project/]portfolio`, by default in the active run's entity and project, and
        without a run in the artifact's; `model-registry` and `wandb-registry-<name>` are projects
        like any other. The aliases, and `latest`, are the portfolio's own, and move from what has
        them there. Raises ArtifactNotLoggedError, and ValueError for another form of target, a bad
        alias, or a collection that is no portfolio or has another type.
        """
        home = self._logged("link").collection_name
        if (link := current_link()) is not None:
            link(self, target_path, aliases)
            return
        target = CollectionName.parse(target_path, entity=home.entity, project=home.project)
        self.show(target, check_aliases(aliases))

    def show(self, target: CollectionName, aliases: Sequence[str]) -> None:
        """As `link`, for whoever knows the target's full name."""
        version = self._logged("link")
        self._the_session.writable.link(version, target, aliases)

    def lies_in(self, session: Session) -> bool:
        """Whether it is a version of the session's store. Raises ArtifactNotLoggedError."""
        return self._logged("lies_in").store.url == session.url

    def unlink(self) -> None:
        """The portfolio that it was found in shows it no more; where it was logged it stays.

        Raises ArtifactNotLoggedError, ValueError if it was not found in a portfolio.
        """
        version = self._logged("unlink")
        self._the_session.writable.unlink(version)

    def logged_by(self) -> RunFacts | None:
        """The run that logged it first; None if it was logged without one.

        Raises ArtifactNotLoggedError.
        """
        version = self._logged("logged_by")
        return self._the_session.catalog.logged_by(version)

    def used_by(self) -> list[RunFacts]:
        """The runs that used it, under whatever name, in order of beginning.

        Raises ArtifactNotLoggedError.
        """
        version = self._logged("used_by")
        return self._the_session.catalog.used_by(version)
