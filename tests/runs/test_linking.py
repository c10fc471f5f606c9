"""Linking: a run shows what it logs in portfolios and registries, and models are artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from artifact.samples import FILES, draft, logged, read, write

import artifacts
from artifacts import Api, Artifact, UsageError, init
from artifacts.errors import CommError, InvalidNameError

pytestmark = pytest.mark.usefixtures("store")

MODEL = {"weights.bin": b"w" * 100, "config.json": b"{}"}


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("best", "team/proj/best"),
        ("shelf/best", "team/shelf/best"),
        ("others/shelf/best", "others/shelf/best"),
        ("model-registry/Digits", "team/model-registry/Digits"),
        ("others/model-registry/Digits", "others/model-registry/Digits"),
        ("wandb-registry-model/digits", "team/wandb-registry-model/digits"),
    ],
)
def test_a_target_may_leave_out_what_the_run_knows(target: str, found: str) -> None:
    with init("team", "proj") as run:
        artifact = run.log_artifact(draft())
        run.link_artifact(artifact, target, aliases=["prod"])

    linked = Api().artifact(f"{found}:prod")
    assert (linked.qualified_name, linked.is_link) == (f"{found}:v0", True)
    assert linked.source_qualified_name == "team/proj/data:v0"
    assert sorted(linked.aliases) == ["latest", "prod"]
    assert not artifact.is_link


@pytest.mark.parametrize("target", ["a/b/c/d", "", "a//b", "best:prod", "a b", "e/p/"])
def test_a_target_of_another_form_is_a_value_error_and_nothing_is_logged(target: str) -> None:
    artifact = draft()
    with init() as run, pytest.raises(ValueError, match="invalid name"):
        run.link_artifact(artifact, target)
    assert artifact.is_draft()


@pytest.mark.parametrize("alias", ["a/b", "a:b", "v3"])
def test_a_bad_alias_is_a_value_error_and_nothing_is_linked(alias: str) -> None:
    with init() as run, pytest.raises(ValueError, match="invalid name"):
        run.link_artifact(draft(), "best", [alias])
    assert not Api().artifact_exists("best")


def test_a_draft_is_logged_first_as_output_of_the_run() -> None:
    artifact = draft()
    with init() as run:
        run.link_artifact(artifact, "best")

    assert artifact.name == "data:v0"
    by = artifact.logged_by()
    assert by is not None
    assert by.path == run.path


def test_an_error_of_linking_is_raised() -> None:
    logged(name="best")
    with init() as run:
        artifact = run.log_artifact(draft({"x": b"x"}))
        with pytest.raises(InvalidNameError, match="no portfolio"):
            run.link_artifact(artifact, "best")


def test_a_finished_run_links_nothing() -> None:
    artifact = logged()
    run = init()
    run.finish()

    with pytest.raises(UsageError, match="is finished"):
        run.link_artifact(artifact, "best")


def test_what_is_used_from_a_portfolio_is_a_use_of_its_source(tmp_path: Path) -> None:
    source = logged()
    source.link("best", ["prod"])

    with init() as run:
        used = run.use_artifact("best:prod")

    assert used.name == "best:v0"
    assert [each.path for each in source.used_by()] == [run.path]
    assert read(used.download(str(tmp_path / "out"))) == dict(FILES)


# Models


def test_a_logged_model_is_an_artifact_of_type_model(tmp_path: Path) -> None:
    folder = write(tmp_path / "net", MODEL)
    with init() as run:
        run.log_model(folder, "net", aliases=["best"])
        artifacts.log_model(folder)

    assert Api().artifact("net:best").type == "model"
    assert Api().artifact(f"run-{run.id}-net").type == "model"


def test_a_linked_model_is_in_the_model_registry_of_the_runs_entity(tmp_path: Path) -> None:
    folder = write(tmp_path / "net", MODEL)
    with init("team", "proj") as run:
        run.link_model(folder, "Digits", "net", ["staging"])

    model = Api().artifact("team/model-registry/Digits:staging", type="model")
    assert model.source_qualified_name == "team/proj/net:v0"
    assert model.aliases == ["staging", "latest"]
    assert Api().artifact("team/proj/net").aliases == ["latest"]


def test_the_same_model_linked_again_is_the_same_link(tmp_path: Path) -> None:
    folder = write(tmp_path / "net", MODEL)
    with init():
        artifacts.link_model(folder, "Digits", "net")
        artifacts.link_model(folder, "Digits", "net", ["prod"])

    assert Api().artifact("model-registry/Digits:prod").version == "v0"
    assert Api().artifact("net").version == "v0"


def test_a_model_keeps_the_model_type_that_it_has(tmp_path: Path) -> None:
    folder = write(tmp_path / "net", MODEL)
    with init() as run:
        run.log_artifact(folder, "net", "keras-model")
        write(tmp_path / "net", {"more": b"m"})
        run.link_model(folder, "Digits", "net")

    assert Api().artifact("net:v1").type == "keras-model"


def test_what_is_no_model_is_refused_before_anything_is_logged(tmp_path: Path) -> None:
    logged(name="net")
    folder = write(tmp_path / "net", MODEL)
    with init() as run:
        with pytest.raises(AssertionError, match="'dataset', which does not contain 'model'"):
            run.link_model(folder, "Digits", "net")
        with pytest.raises(AssertionError, match="only the name of the registered model"):
            run.link_model(folder, "team/Digits")

    assert not Api().artifact_exists("net:v1")
    assert not Api().artifact_exists("model-registry/Digits")


def test_a_used_model_is_its_file_or_the_folder_of_its_files(tmp_path: Path) -> None:
    one = {"weights.bin": b"w"}
    with init() as run:
        run.log_model(write(tmp_path / "one", one), "one")
        run.log_model(write(tmp_path / "net", MODEL), "net")
        file, folder = run.use_model("one"), artifacts.use_model("net:latest")

    assert Path(file).read_bytes() == b"w"
    assert read(folder) == MODEL
    assert [each.path for each in Api().artifact("one").used_by()] == [run.path]


def test_a_used_model_must_be_one() -> None:
    logged()
    with init() as run:
        with pytest.raises(AssertionError, match="no model"):
            run.use_model("data")
        with pytest.raises(CommError):
            run.use_model("nothing")


@pytest.mark.parametrize("name", ["log_model", "link_model", "use_model"])
def test_models_need_a_run(name: str) -> None:
    arguments = ["x", "y"] if name == "link_model" else ["x"]
    with pytest.raises(UsageError, match=r"init\(\)"):
        getattr(artifacts, name)(*arguments)


def test_a_model_without_a_name_is_called_after_the_run(tmp_path: Path) -> None:
    with init() as run:
        run.link_model(write(tmp_path / "net", MODEL), "Digits")

    assert isinstance(found := Api().artifact("model-registry/Digits"), Artifact)
    assert found.source_name == f"run-{run.id}-net:v0"


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_what_is_no_artifact_is_not_linked(mode: Literal["online", "offline"]) -> None:
    with init(mode=mode) as run, pytest.raises(TypeError, match="wants an Artifact, not None"):
        run.link_artifact(None, "best")  # type: ignore[arg-type]
