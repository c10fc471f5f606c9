"""`art lineage` tells where a version comes from and where it went, in three forms."""

from __future__ import annotations

from itertools import pairwise

import pytest

from artifacts import init, log_artifact
from artifacts.cli.lineage import tree_lines
from artifacts.runs import Run
from cli.shell import Shell


@pytest.fixture
def pipeline(art: Shell) -> Shell:
    """raw -> clean -> data -> train -> net."""
    (art.folder / "f.txt").write_text("raw")
    art.ok("put", "f.txt", "raw")
    with init(project="proj", id="clean", name="tidy up") as run:
        make(art, run, "raw", "data")
    with init(project="proj", id="train", name="train") as run:
        make(art, run, "data", "net")
    return art


def make(art: Shell, run: Run, before: str, after: str) -> None:
    run.use_artifact(before)
    (art.folder / "f.txt").write_text(after)
    run.log_artifact("f.txt", after, "dataset")


def test_both_ways_are_a_tree(pipeline: Shell) -> None:
    assert pipeline.ok("lineage", "data").lines == [
        "default/proj/data:v0 (dataset)",
        "├─ ← run default/proj/clean tidy up (finished)",
        "│  └─ ← default/proj/raw:v0 (dataset)",
        "└─ → run default/proj/train (finished)",
        "   └─ → default/proj/net:v0 (dataset)",
    ]


def test_deleted_run_is_marked(pipeline: Shell) -> None:
    pipeline.ok("run", "delete", "clean")

    assert "├─ ← run default/proj/clean tidy up (deleted)" in pipeline.ok("lineage", "data").lines
    nodes = pipeline.ok("lineage", "data", "--json").json["nodes"]
    assert [each["state"] for each in nodes if each["id"] == "default/proj/clean"] == ["deleted"]


def test_one_way_is_asked_for(pipeline: Shell) -> None:
    up, down = pipeline.ok("lineage", "net", "--up"), pipeline.ok("lineage", "net", "--down")

    assert len(up.lines) == 5
    assert down.lines == ["default/proj/net:v0 (dataset)"]
    assert pipeline.ok("lineage", "data", "--up", "--down").lines == (
        pipeline.ok("lineage", "data").lines
    )


def test_depth_ends_the_tree(pipeline: Shell) -> None:
    assert len(pipeline.ok("lineage", "net", "--depth", "2").lines) == 3
    assert pipeline("lineage", "net", "--depth", "-1").code == 2


def test_json_has_nodes_and_edges(pipeline: Shell) -> None:
    told = pipeline.ok("lineage", "data", "--json").json

    names = {node["id"]: node["name"] for node in told["nodes"]}
    assert names[told["root"]] == "default/proj/data:v0"
    assert [(names[e["from"]], e["kind"], names[e["to"]]) for e in told["edges"]] == [
        ("tidy up", "logged", "default/proj/data:v0"),
        ("default/proj/raw:v0", "used", "tidy up"),
        ("default/proj/data:v0", "used", "train"),
        ("train", "logged", "default/proj/net:v0"),
    ]
    assert {node["kind"] for node in told["nodes"]} == {"run", "version"}


def test_mermaid_is_a_flowchart_whatever_a_run_is_called(art: Shell) -> None:
    with init(project="proj", id="r", name='a "b" <c>\n#d'):
        (art.folder / "f.txt").write_text("x")
        log_artifact("f.txt", "data", "dataset")

    lines = art.ok("lineage", "data", "--mermaid").lines

    assert lines == [
        "flowchart LR",
        '  n0["default/proj/data:v0 (dataset)"]',
        '  n1(["run default/proj/r a #34;b#34; #60;c#62;#10;#35;d (finished)"])',
        "  n1 -->|logged| n0",
    ]
    assert art("lineage", "data", "--mermaid", "--json").code == 2


def test_what_was_told_above_is_not_told_again(art: Shell) -> None:
    (art.folder / "f.txt").write_text("raw")
    art.ok("put", "f.txt", "raw")
    with init(project="proj", id="one", name="one") as run:
        make(art, run, "raw", "left")
        make(art, run, "raw", "right")
    with init(project="proj", id="two", name="two") as run:
        run.use_artifact("left")
        make(art, run, "right", "net")

    assert art.ok("lineage", "net").lines == [
        "default/proj/net:v0 (dataset)",
        "└─ ← run default/proj/two (finished)",
        "   ├─ ← default/proj/left:v0 (dataset)",
        "   │  └─ ← run default/proj/one (finished)",
        "   │     └─ ← default/proj/raw:v0 (dataset)",
        "   └─ ← default/proj/right:v0 (dataset)",
        "      └─ ← run default/proj/one (finished) (above)",
    ]


def test_a_lineage_longer_than_the_stack_is_told_whole() -> None:
    ids = [f"v{number}" for number in range(5000)]
    nodes = [
        {"id": id_, "kind": "version", "name": id_, "type": "t", "deleted": False} for id_ in ids
    ]
    edges = [{"from": new, "to": old, "kind": "used"} for old, new in pairwise(ids)]

    lines = [*tree_lines({"root": "v0", "nodes": nodes, "edges": edges})]

    assert len(lines) == 5000
    assert lines[-1].endswith("└─ ← v4999 (t)")


def test_what_was_deleted_is_told_so(pipeline: Shell) -> None:
    pipeline.ok("rm", "raw", "--yes")

    assert "default/proj/raw:v0 (deleted)" in pipeline.ok("lineage", "net").lines[-1]


def test_an_unknown_name_is_not_found(pipeline: Shell) -> None:
    assert pipeline("lineage", "nothing").code == 3
