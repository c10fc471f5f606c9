"""Damage: every single stored file, harmed in turn, is named by whoever reads it next."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import artifacts
from artifacts import Artifact, Settings
from artifacts.catalog import Catalog, verify_store
from artifacts.errors import ArtifactsError
from artifacts.storage import Name, fold

LARGE = bytes(range(256)) * 20_000  # 5 MB: a blob of its own
CONTENTS = {"large": LARGE, "one": b"1" * 2000, "two": b"2" * 3000}

Harm = Callable[[Path], None]


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def flip(place: float) -> Harm:
    def harm(file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[int((len(data) - 1) * place)] ^= 0x20
        file.write_bytes(data)

    harm.__name__ = f"flip_at_{place}"
    return harm


def remove(file: Path) -> None:
    file.unlink()


HARMS = [truncate, empty, flip(0), flip(0.5), flip(1), remove]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packs, a solo blob, objects inside and outside of events, a checkpoint, runs."""
    root = tmp_path_factory.mktemp("damage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold, "_EVENTS_A_CHECKPOINT", 2)
        log(root / "store", "small", CONTENTS, versions=3)
        many = {f"d{n % 7}/f{n}": b"%d" % n for n in range(900)}  # its page does not fit an event
        log(root / "store", "many", many, versions=2)
    return root / "store"


def log(store: Path, project: str, contents: dict[str, bytes], versions: int) -> None:
    settings = Settings.load(store=store, project=project)
    for number in range(versions):
        with artifacts.init(settings=settings) as run:
            artifact = Artifact("x", "dataset")
            for path, content in contents.items():
                with artifact.new_file(path, "wb") as file:
                    file.write(content)
            with artifact.new_file("number", "w") as file:
                file.write(str(number))
            run.log_artifact(artifact)


@contextmanager
def harmed(store: Path, key: str, harm: Harm) -> Iterator[None]:
    """As it was, afterwards."""
    file = store / key
    before = file.read_bytes()
    try:
        harm(file)
        yield
    finally:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(before)


def keys_of(store: Path, *kinds: str) -> list[str]:
    files = [each for kind in kinds for each in (store / kind).rglob("*") if each.is_file()]
    return sorted(str(each.relative_to(store)) for each in files)


def delivered(store: Path, folder: Path) -> dict[str, bytes]:
    """Everything that could be downloaded, by project, version and path."""
    files = {}
    for project, versions in (("small", 3), ("many", 2)):
        for number in range(versions):
            root = folder / f"{project}-{number}"
            try:
                api = artifacts.Api({"project": project}, store=str(store))
                api.artifact(f"x:v{number}").download(root)
            except ArtifactsError:
                pass  # what did arrive must be right all the same
            for each in root.rglob("*"):
                if each.is_file() and not each.name.startswith(".artifact"):
                    files[f"{project}/v{number}/{each.relative_to(root)}"] = each.read_bytes()
    return files


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_damaged_object_is_reported_by_its_key_with_what_it_affects(
    store: Path, harm: Harm
) -> None:
    for key in keys_of(store, "blobs", "pages", "layouts", "manifests"):
        with harmed(store, key, harm):
            problems = verify_store(Catalog.open(str(store))).problems

        name = Name.of_key(key)
        assert name is not None
        told = " ".join(f"{each.where} {each.reason}" for each in problems)
        assert key in told or name.digest.hex() in told, key
        assert any("default/" in each for p in problems for each in p.affected), key


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_damaged_blob_is_never_delivered(store: Path, harm: Harm, tmp_path: Path) -> None:
    whole = delivered(store, tmp_path / "whole")
    assert len(whole) == 3 * 4 + 2 * 901
    for number, key in enumerate(keys_of(store, "blobs")):
        with harmed(store, key, harm):
            found = delivered(store, tmp_path / str(number))
        shutil.rmtree(tmp_path / str(number))

        assert found.items() < whole.items(), key


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_damaged_event_is_reported_unless_it_is_the_last_and_gone(
    store: Path, harm: Harm
) -> None:
    keys = keys_of(store, "logs")
    for key, following in zip(keys, [*keys[1:], ""], strict=True):
        with harmed(store, key, harm):
            problems = verify_store(Catalog.open(str(store))).problems

        is_last = key.rpartition("/")[0] != following.rpartition("/")[0]
        is_undetectable = harm is remove and is_last
        told = " ".join(f"{each.where} {each.reason}" for each in problems)
        assert is_undetectable or key.rpartition("/")[0] in told, key


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_damaged_cache_changes_nothing(store: Path, harm: Harm) -> None:
    keys = keys_of(store, "cache")
    assert keys, "there is no checkpoint to harm"
    for key in keys:
        with harmed(store, key, harm):
            catalog = Catalog.open(str(store))
            assert verify_store(catalog).is_clean
            artifact = artifacts.Api({"project": "small"}, store=str(store)).artifact("x:latest")
            assert artifact.version == "v2"


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_damaged_identity_of_the_store_stops_everybody(store: Path, harm: Harm) -> None:
    with harmed(store, "store.json", harm):
        try:
            Catalog.open(str(store))
        except ArtifactsError:
            return
    assert harm.__name__ == "flip_at_1", "only white space may change unnoticed"
