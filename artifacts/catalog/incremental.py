"""Incremental: a draft whose entries are laid over those of the latest version."""

from __future__ import annotations

from artifacts.catalog.catalog import Catalog
from artifacts.catalog.commit import Facts
from artifacts.catalog.draft import Draft
from artifacts.catalog.version import Version
from artifacts.errors import ArtifactNotFoundError, ConflictError, LostRaceError
from artifacts.names import LATEST, ArtifactName
from artifacts.storage import Change

_TRIES = 32  # of laying entries over a version before somebody else commits the next


def commit_over_latest(
    catalog: Catalog, draft: Draft, entity: str, project: str, facts: Facts | None = None
) -> Version:
    """The version that has the draft's entries, and at all other paths those of `latest`.

    However many commit at once, nobody's entries are lost: who was overtaken lays them over the
    version that overtook. Raises as Catalog.commit; InvalidPathError for a file where the other
    has a folder; ConflictError if it is overtaken again and again.
    """
    name = ArtifactName(entity, project, draft.name, LATEST)
    for _ in range(_TRIES):
        base = _find(catalog, name)
        expected = [latest_on(None if base is None else base.row.number)]
        try:
            return catalog.commit(_over(draft, base), entity, project, facts, expected=expected)
        except LostRaceError:
            continue
    raise ConflictError(f"{name.qualified} moves on faster than this can follow; log it again")


def latest_on(number: int | None) -> Change:
    """To expect that the alias `latest` is on a version, or on none."""
    expected: Change = {"kind": "expected", "alias": LATEST}
    return expected if number is None else {**expected, "version": number}


def _find(catalog: Catalog, name: ArtifactName) -> Version | None:
    try:
        return catalog.resolve(name)
    except ArtifactNotFoundError:
        return None


def _over(draft: Draft, base: Version | None) -> Draft:
    merged = Draft(draft.name, draft.type, draft.intake)
    with draft.lock:
        if base is not None:
            merged.adopt(base)
        merged.rows.update(draft.rows)
    return merged
