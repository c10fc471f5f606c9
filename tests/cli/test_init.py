"""`art init` writes down what a folder means, and `art status` tells what is meant and why."""

import pytest

from artifacts.settings import Settings
from cli.run.experiments import begun, logged
from cli.shell import Shell

pytestmark = pytest.mark.local


def test_settings_in_force_are_written_down(art: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    art.ok("init", "--entity", "team", "--project", 'a "b" ü', "--store", "s3://bucket/x")
    for name in ("ART_STORE", "ART_PROJECT"):
        monkeypatch.delenv(name)

    settings = Settings.load()

    assert (settings.store, settings.entity, settings.project) == (
        "s3://bucket/x",
        "team",
        'a "b" ü',
    )
    assert settings.sources["store"] == str(art.folder / "art.toml")


def test_a_store_below_moves_with_the_folder(art: Shell) -> None:
    art.ok("init", "--store", "./here")

    assert 'store = "here"' in (art.folder / "art.toml").read_text().splitlines()


def test_a_store_that_nobody_named_is_left_open(
    art: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ART_STORE")

    assert "store" not in art.ok("init", "--json").json
    assert Settings.load().sources["store"] == "default"


def test_a_file_that_is_there_is_overwritten_only_by_force(art: Shell) -> None:
    (art.folder / "art.toml").write_text('project = "mine"\n')

    answer = art("init", "--project", "other")

    assert answer.code == 4
    assert "--force overwrites it" in answer.err
    assert (art.folder / "art.toml").read_text() == 'project = "mine"\n'
    art.ok("init", "--project", "other", "--force")
    assert 'project = "other"' in (art.folder / "art.toml").read_text()


def test_status_tells_where_each_setting_came_from(art: Shell) -> None:
    (art.folder / "art.toml").write_text('entity = "team"\n')
    data = art.ok("status", "--store", "./none", "--json").json

    told = {each["name"]: (each["value"], each["from"]) for each in data["settings"]}
    assert told["store"] == (str(art.folder / "none"), "argument")
    assert told["entity"] == ("team", str(art.folder / "art.toml"))
    assert told["project"] == ("proj", "environment ART_PROJECT")
    assert told["offline"] == ("False", "default")
    assert (data["is_there"], data["pending"], data["credentials"]) == (False, [], None)
    assert "no store at" in data["trouble"]
    assert not (art.folder / "none").exists()


def test_a_run_that_is_under_way_waits_for_nobody(art: Shell) -> None:
    run = begun("a")
    run.log({"x": 1})

    assert art.process("status", "--json").json["pending"] == []
    run.finish()


def test_status_of_a_store_that_is_there(art: Shell) -> None:
    logged("a")

    lines = art.ok("status").lines

    assert "answers       yes" in lines
    assert "waiting       no run of this machine" in lines


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("WANDB_MODE", "offline", "runs only"),
        ("WANDB_MODE", "dryrun", "runs only"),
        ("WANDB_MODE", "online", "False"),
        ("ART_OFFLINE", "1", "True"),
    ],
)
def test_status_tells_what_is_offline_and_why(
    art: Shell, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)

    [row] = [s for s in art.ok("status", "--json").json["settings"] if s["name"] == "offline"]

    source = "default" if told == "False" else f"environment {variable}"
    assert row == {"name": "offline", "value": told, "from": source}
