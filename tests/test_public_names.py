"""The public names are listed, in order, importable and documented, and cost nothing unused."""

import inspect
import subprocess
import sys

import pytest

import artifacts

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


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, artifacts; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert HEAVY.isdisjoint(loaded)
