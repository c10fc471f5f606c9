"""Peers: other programs that do the same work, with the settings that their users get.

They are looked for in $ART_BENCH_PEERS, beside this interpreter, and on PATH.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contender import Contender, without
from benchmarks.server import URL

_XET_ADD = """\
import os, sys
import hf_xet
session = hf_xet.XetSession()
with session.new_upload_commit(endpoint="local://" + os.environ["STORE"]) as commit:
    for folder, _, names in os.walk(sys.argv[1]):
        for name in names:
            commit.start_upload_file(os.path.join(folder, name), sha256=hf_xet.SKIP_SHA256)
"""
_WANDB_ADD = """\
import sys
import wandb
run = wandb.init(project="bench", mode="offline")
data = wandb.Artifact("data", type="dataset")
data.add_dir(sys.argv[1])
run.log_artifact(data)
run.finish()
"""
_DVC_PREPARE = """\
mkdir -p "$0" && cd "$0"
test -d .dvc || dvc init --no-scm -q
dvc cache dir -q --local "$1"
shift
for folder; do
    rm -f "${folder##*/}.dvc"
    test -d "${folder##*/}" || cp -r "$folder" .
done
"""
_MLFLOW_ADD = """\
import sys
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
LocalArtifactRepository(sys.argv[2]).log_artifacts(sys.argv[1])
"""
_S3FS = """\
import sys
import s3fs
call, source, target = sys.argv[1:]
options = {"recursive": True} if call == "put" else {}
getattr(s3fs.S3FileSystem(), call)(source, target, **options)
"""
_VERSIONS = {
    "restic": ("restic", "version"),
    "borg": ("borg", "--version"),
    "b3sum": ("b3sum", "--version"),
    "coreutils": ("cp", "--version"),
}
_DISTRIBUTIONS = ("dvc", "hf-xet", "mlflow", "s3fs", "tensorboardX", "trackio", "wandb")


def find() -> None:
    """Look for programs where this module says, from now on, in this process and its children."""
    own = (os.environ.get("ART_BENCH_PEERS"), os.path.dirname(sys.executable))
    os.environ["PATH"] = os.pathsep.join(filter(None, (*own, os.environ.get("PATH"))))


def restic(folders: Sequence[Path], writes: int) -> Contender:
    """A snapshot of each folder."""
    restic = ("restic", "-q", "-r", "{place}/store")
    return Contender(
        name="restic backup",
        before=((*restic, "init"),),
        steps=tuple((*restic, "backup", str(folder)) for folder in folders),
        environment={"RESTIC_PASSWORD": "bench"},
        writes=writes,
        missing=without("restic"),
    )


def borg(folders: Sequence[Path], writes: int) -> Contender:
    """An archive of each folder."""
    return Contender(
        name="borg create",
        before=(("borg", "init", "-e", "none", "{place}/store"),),
        steps=tuple(
            ("borg", "create", f"{{place}}/store::{number}", str(folder))
            for number, folder in enumerate(folders)
        ),
        environment={
            "BORG_BASE_DIR": "{place}",
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        },
        writes=writes,
        missing=without("borg"),
    )


def dvc(folders: Sequence[Path], writes: int, repository: Path) -> Contender:
    """`dvc add` of each. It tracks only what lies in its repository: there is a copy, made once."""
    given = tuple(map(str, folders))
    return Contender(
        name="dvc add",
        before=(("sh", "-ec", _DVC_PREPARE, str(repository), "{place}/store", *given),),
        steps=tuple(
            ("dvc", "--cd", str(repository), "add", "-q", folder.name) for folder in folders
        ),
        environment={
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": "{place}/site",
            "DVC_SYSTEM_CONFIG_DIR": "{place}/config",
        },
        writes=writes,
        missing=without("dvc"),
    )


def xet(folders: Sequence[Path], writes: int) -> Contender:
    """Upload each to the CAS in a folder that hf-xet has for its tests; without SHA-256."""
    return Contender(
        name="hf-xet upload",
        steps=tuple(("python3", "-c", _XET_ADD, str(folder)) for folder in folders),
        environment={
            "STORE": "{place}/store",
            "HF_HOME": "{place}/home",
            "HF_XET_TELEMETRY_ENABLED": "0",
        },
        writes=writes,
        missing=without_distribution("hf-xet"),
    )


def wandb(folders: Sequence[Path], writes: int) -> Contender:
    """The same calls as the product's, offline, for each folder."""
    return Contender(
        name="wandb offline",
        steps=tuple(("python3", "-c", _WANDB_ADD, str(folder)) for folder in folders),
        environment={"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"},
        writes=writes,
        missing=without_distribution("wandb"),
    )


def mlflow(folder: Path, size: int) -> Contender:
    """Log the folder's files, which is a plain copy of them."""
    return Contender(
        name="mlflow log_artifacts",
        steps=(("python3", "-c", _MLFLOW_ADD, str(folder), "{place}/store"),),
        writes=size,
        missing=without_distribution("mlflow"),
    )


def s3_put(folder: Path) -> Contender:
    """Put a folder's files into the bucket, each as it is."""
    return Contender(
        name="s3fs put",
        steps=(("python3", "-c", _S3FS, "put", str(folder), f"{URL}/copy"),),
        missing=without_distribution("s3fs"),
    )


def s3_put_and_get(file: Path, size: int) -> Contender:
    """Put one file into the bucket, and get it back."""
    return Contender(
        name="s3fs put_file, get_file",
        steps=(
            ("python3", "-c", _S3FS, "put_file", str(file), f"{URL}/copy"),
            ("python3", "-c", _S3FS, "get_file", f"{URL}/copy", "{place}/copy"),
        ),
        writes=size,
        missing=without_distribution("s3fs"),
    )


def copy(folder: Path, size: int) -> Contender:
    """`cp -r` of the folder."""
    return Contender("cp -r", (("cp", "-r", str(folder), "{place}/copy"),), writes=size)


def copy_file(file: Path, size: int) -> Contender:
    """`cp` of one file."""
    return Contender("cp", (("cp", str(file), "{place}/copy"),), writes=size)


def copy_and_sync(file: Path, size: int) -> Contender:
    """`cp` of one file, until the copy is on the disk."""
    script = 'cp "$0" "$1" && sync "$1"'
    return Contender("cp + sync", (("sh", "-c", script, str(file), "{place}/copy"),), writes=size)


def copy_and_hash(file: Path, size: int) -> Contender:
    """`cp` of one file, and a BLAKE3 pass over it."""
    script = 'cp "$0" "$1" && b3sum "$0"'
    return Contender(
        name="cp + b3sum",
        steps=(("sh", "-c", script, str(file), "{place}/copy"),),
        writes=size,
        missing=without("b3sum"),
    )


def hash_files(folder: Path) -> Contender:
    """A BLAKE3 pass over every file of the folder."""
    script = 'find "$0" -type f -print0 | xargs -0 b3sum > "$1"'
    return Contender(
        name="b3sum",
        steps=(("sh", "-c", script, str(folder), "/dev/null"),),
        missing=without("b3sum"),
    )


def versions() -> dict[str, str]:
    """Version of each peer, or that it is not installed."""
    programs = {name: _first_version(argv) for name, argv in _VERSIONS.items()}
    distributions = {name: _distribution(name) for name in _DISTRIBUTIONS}
    return {name: found or "not installed" for name, found in (programs | distributions).items()}


def _first_version(argv: tuple[str, ...]) -> str:
    if shutil.which(argv[0]) is None:
        return ""
    words = _output(argv).split()
    return next((word for word in words if word[0].isdigit()), "of unknown version")


@functools.cache
def _distribution(name: str) -> str:
    """Version of a distribution that the peers' interpreter has; empty if it has none."""
    script = f"from importlib.metadata import version; print(version({name!r}))"
    return _output(("python3", "-c", script)).strip()


def without_distribution(name: str) -> str:
    return "" if _distribution(name) else f"{name} not installed"


def _output(argv: tuple[str, ...]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
