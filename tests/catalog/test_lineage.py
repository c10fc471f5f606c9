"""Lineage: versions and runs are found upwards and downwards, whatever they are called now."""

from __future__ import annotations

import pytest

from artifacts.catalog import Catalog, Lineage, RunNode, Version, VersionNode
from artifacts.names import CollectionName
from artifacts.storage import Proposal, Tail
from catalog.commits import DATA, commit
from catalog.test_usage import tell, use


def pipeline(catalog: Catalog) -> dict[str, Version]:
    """raw -> clean -> data -> split -> train -> net and, of the same run, curve; other -> data."""
    made = {"raw": commit(catalog, "raw", "raw")}
    tell(catalog, "clean", use(made["raw"]))
    made["data"] = commit(catalog, "data", run="team/proj/clean")
    tell(catalog, "clean", use(made["data"], "logged"))
    tell(catalog, "train", use(made["data"]))
    for name in ("net", "curve"):
        made[name] = commit(catalog, name, name, run="team/proj/train")
        tell(catalog, "train", use(made[name], "logged"))
    return made


def names(found: Lineage) -> list[str]:
    return sorted(node.name for node in found.nodes.values())


def edges(found: Lineage) -> set[tuple[str, str, str]]:
    called = {id_: node.name for id_, node in found.nodes.items()}
    return {(called[edge.start], edge.kind, called[edge.end]) for edge in found.edges}


def full(*collections: str) -> list[str]:
    return [f"team/proj/{name}:v0" for name in collections]


def test_upwards_is_what_it_was_made_from(catalog: Catalog) -> None:
    made = pipeline(catalog)

    found = Catalog(catalog.store).lineage(made["net"], down=False)

    raw, data, net = full("raw", "data", "net")
    assert edges(found) == {
        (raw, "used", "clean"),
        ("clean", "logged", data),
        (data, "used", "train"),
        ("train", "logged", net),
    }
    assert names(found) == sorted([raw, data, net, "clean", "train"])


def test_downwards_is_what_was_made_from_it(catalog: Catalog) -> None:
    made = pipeline(catalog)

    found = Catalog(catalog.store).lineage(made["data"], up=False)

    assert names(found) == sorted([*full("data", "net", "curve"), "train"])


def test_both_ways_begin_at_the_version_itself(catalog: Catalog) -> None:
    made = pipeline(catalog)

    found = Catalog(catalog.store).lineage(made["data"])

    assert names(found) == sorted([*full("raw", "data", "net", "curve"), "clean", "train"])
    sideways = Catalog(catalog.store).lineage(made["net"])
    assert full("curve")[0] not in names(sideways)


@pytest.mark.parametrize(("depth", "count"), [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (9, 5)])
def test_depth_bounds_the_steps(catalog: Catalog, depth: int, count: int) -> None:
    made = pipeline(catalog)

    found = Catalog(catalog.store).lineage(made["net"], down=False, depth=depth)

    assert len(found.nodes) == count
    assert len(found.edges) == count - 1


def test_a_run_that_uses_what_it_logged_ends_the_walk(catalog: Catalog) -> None:
    version = commit(catalog, "a", run="team/proj/r")
    tell(catalog, "r", use(version, "logged"), use(version))

    found = Catalog(catalog.store).lineage(version)

    data = full("data")[0]
    assert edges(found) == {("r", "logged", data), (data, "used", "r")}


def test_versions_are_called_as_they_are_now(catalog: Catalog) -> None:
    made = pipeline(catalog)
    catalog.rename(DATA, "digits")

    found = Catalog(catalog.store).lineage(made["net"], down=False)

    assert "team/proj/digits:v0" in names(found)
    assert full("data")[0] not in names(found)


def test_what_was_deleted_is_still_known(catalog: Catalog) -> None:
    made = pipeline(catalog)
    catalog.delete(CollectionName("team", "proj", "raw"))

    found = Catalog(catalog.store).lineage(made["net"], down=False)

    assert found.nodes[made["raw"].id] == VersionNode(
        made["raw"].id, full("raw")[0], is_deleted=True
    )


def test_every_run_that_logged_the_content_is_a_maker_the_first_one_first(
    catalog: Catalog,
) -> None:
    made = pipeline(catalog)
    tell(catalog, "again", use(made["raw"]), use(made["data"], "logged"))

    found = Catalog(catalog.store).lineage(made["data"], down=False, depth=1)

    assert [edge.start for edge in found.edges] == ["team/proj/clean", "team/proj/again"]


def test_a_run_without_a_log_is_known_by_its_path(catalog: Catalog) -> None:
    version = commit(catalog, "a", run="team/proj/dead")

    found = Catalog(catalog.store).lineage(version)

    assert found.nodes["team/proj/dead"] == RunNode("team/proj/dead", "dead", "")


def test_a_link_has_the_lineage_of_its_source(catalog: Catalog) -> None:
    made = pipeline(catalog)
    linked = catalog.link(made["net"], CollectionName("team", "shelf", "best"))

    found = Catalog(catalog.store).lineage(linked)

    assert found.root == made["net"].id
    assert full("net")[0] in names(found)


def test_projects_do_not_end_it(catalog: Catalog) -> None:
    version = commit(catalog, "a")
    log = catalog.run_log("others", "theirs", "0" * 32)
    started = {"kind": "started", "id": "r", "path": "others/theirs/r"}
    log.append(Tail.start(log.name), Proposal([started, use(version)]))

    assert "others/theirs/r" in Catalog(catalog.store).lineage(version).nodes
