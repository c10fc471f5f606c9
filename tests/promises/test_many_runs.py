"""Many runs: fifty processes of one group log at once to a bucket, and every row arrives."""

from __future__ import annotations

from pathlib import Path

from dying import FORKS
from servers.fleet import Fleet

from artifacts.catalog import Catalog, Session
from artifacts.runs.delivery.writer import Started, Writer
from artifacts.runs.rows.history import scan
from artifacts.settings import Settings
from artifacts.storage import Address, open_store

RUNS, ROWS = 50, 200


def log(settings: Settings, folder: Path, number: int) -> None:
    run = f"run-{number}"
    writer = Writer.begin(Session(settings), folder / run, Started(run, {"group": "fifty"}))
    for step in range(ROWS):
        writer.row(step, {"x": number * ROWS + step})
    assert writer.close()


def test_every_row_of_fifty_processes_arrives_in_a_bucket(fleet: Fleet, tmp_path: Path) -> None:
    server = fleet.server("ceph")
    settings = Settings(
        store=server.place(),
        entity="team",
        project="proj",
        cache_dir=tmp_path / "cache",
        artifact_dir=tmp_path / "artifacts",
        storage_options=server.options,
    )
    address = Address(settings.store, settings.storage_options)
    open_store(address, create=True)

    processes = [
        FORKS.Process(target=log, args=(settings, tmp_path, number)) for number in range(RUNS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0

    catalog = Catalog.open(address)
    for number in range(RUNS):
        fold = catalog.run("team", "proj", f"run-{number}")
        assert fold is not None
        assert fold.state.told_state == "finished"
        assert fold.state.facts["group"] == "fifty"
        rows = [*scan(fold.state, catalog.store)]
        assert [(row["_step"], row["x"]) for row in rows] == [
            (step, number * ROWS + step) for step in range(ROWS)
        ]
