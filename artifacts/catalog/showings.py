"""Showings: the links that lead to versions, told when these are deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from artifacts.catalog.catalog import Catalog


def showing(catalog: Catalog, ids: Collection[str]) -> Mapping[str, list[str]]:
    """Of each of these versions, by id, the qualified names under which portfolios show it.

    The portfolios of all projects are read, one by one; none, if no version is asked about.
    """
    found: dict[str, list[str]] = {}
    for portfolio in catalog.all_portfolios() if ids else ():
        fold = catalog.collection(portfolio)
        for row in fold.state.links() if fold else ():
            if (id_ := f"{row.collection}-{row.version}") in ids:
                found.setdefault(id_, []).append(f"{portfolio.qualified}:v{row.number}")
    return found
