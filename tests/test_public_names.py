"""The public names are listed, in order, importable and documented, and cost nothing unused."""

import inspect
import subprocess
import sys

import pytest

import artifacts
from artifacts.util import generate_id

HEAVY = {
    *("adlfs", "aiohttp", "azure", "boto3", "botocore", "fsspec", "gcsfs", "google", "s3fs"),
    *("numpy", "pandas", "PIL", "pyarrow", "pydantic", "torch", "yaml"),
}


def test_names_are_listed_once_in_order() -> None:
    assert artifacts.__all__ == sorted(set(artifacts.__all__))


@pytest.mark.parametrize("name", artifacts.__all__)
def test_name_is_importable_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(artifacts, name))


def test_names_are_all_in_dir() -> None:
    assert set(artifacts.__all__) <= set(dir(artifacts))


def test_nothing_else_is_public() -> None:
    made = {
        name
        for name, value in vars(artifacts).items()
        if inspect.isclass(value) or inspect.isroutine(value)
    }
    assert {name for name in made if name[0] != "_"} <= set(artifacts.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    unknown = "no_such_name"
    with pytest.raises(AttributeError, match=unknown):
        getattr(artifacts, unknown)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("errors", "Error"),
        ("errors", "CommError"),
        ("errors", "UsageError"),
        ("sdk.wandb_config", "Config"),
        ("sdk.wandb_run", "Run"),
        ("sdk.wandb_settings", "Settings"),
        ("sdk.wandb_summary", "Summary"),
    ],
)
def test_class_is_where_theirs_is(module: str, name: str) -> None:
    code = f"import artifacts; assert artifacts.{module}.{name} is artifacts.{name}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_ids_are_generated_where_theirs_are() -> None:
    made = {artifacts.util.generate_id(), artifacts.util.generate_id(), generate_id(4)}
    assert sorted(map(len, made)) == [4, 8, 8]


@pytest.mark.parametrize("name", ["Table", "Image", "Histogram", "plot"])
def test_media_objects_are_said_not_to_be_there_yet(name: str) -> None:
    assert not hasattr(artifacts, name)
    with pytest.raises(AttributeError, match=f"no media objects yet, so no artifacts.{name}$"):
        getattr(artifacts, name)


@pytest.mark.parametrize("name", ["agent", "controller", "sweep"])
def test_sweeps_are_said_not_to_be_there_yet(name: str) -> None:
    assert not hasattr(artifacts, name)
    with pytest.raises(AttributeError, match=f"no sweeps yet, so no artifacts.{name}$"):
        getattr(artifacts, name)


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, artifacts; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert HEAVY.isdisjoint(loaded)
