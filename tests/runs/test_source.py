from pathlib import Path

import pytest

from artifacts.runs.source import code_artifact, code_name, is_code, is_wandb_folder


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> None:
    for name in (
        *("train.py", "pkg/model.py", "pkg/data.csv", "requirements.txt", "Dockerfile.gpu"),
        *("wandb/run-1/files/code.py", ".wandb/x.py", "pkg/wandb/kept.py", "note.ipynb"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def paths(**given: object) -> list[str]:
    wanted = {"include": is_code, "exclude": is_wandb_folder, **given}
    artifact = code_artifact(Path(), "code", **wanted)  # type: ignore[arg-type]
    assert artifact is not None
    assert artifact.type == "code"
    return sorted(artifact.manifest.entries)


def test_code_is_python_requirements_and_dockerfiles() -> None:
    expected = ["Dockerfile.gpu", "pkg/model.py", "pkg/wandb/kept.py", "requirements.txt"]
    assert paths() == [*expected, "train.py"]


def test_functions_take_a_path_or_a_root_as_well(tmp_path: Path) -> None:
    def is_notebook(path: str) -> bool:
        return path.endswith(".ipynb")

    def is_in_package(path: str, root: str) -> bool:
        assert root == str(tmp_path)
        return Path(path).relative_to(root).parts[0] == "pkg"

    assert paths(include=is_notebook) == ["note.ipynb"]
    assert paths(include=is_in_package, exclude=lambda path: path.endswith(".py")) == [
        "pkg/data.csv"
    ]


def test_nothing_wanted_is_no_artifact() -> None:
    assert code_artifact(Path("missing"), "code", is_code, is_wandb_folder) is None


def test_artifact_is_called_after_project_and_entrypoint() -> None:
    assert code_name("proj", "src/train.py") == "source-proj-src_train.py"
    assert code_name("proj", None) == "source-proj"
    assert len(code_name("p" * 200, "train.py")) == 128
