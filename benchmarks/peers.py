"""Peers: other programs that do the same work, with the settings that their users get.

They are looked for in $ART_BENCH_PEERS, beside this interpreter, and on PATH.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.contender import Contender, without

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
test -d data || { dvc init --no-scm -q && cp -r "$1" data; }
rm -f data.dvc && dvc cache dir -q --local "$2"
"""
_VERSIONS = {
    "restic": ("restic", "version"),
    "borg": ("borg", "--version"),
    "b3sum": ("b3sum", "--version"),
    "coreutils": ("cp", "--version"),
}
_DISTRIBUTIONS = ("dvc", "hf-xet", "wandb")


def find() -> None:
    """Look for programs where this module says, from now on, in this process and its children."""
    own = (os.environ.get("ART_BENCH_PEERS"), os.path.dirname(sys.executable))
    os.environ["PATH"] = os.pathsep.join(filter(None, (*own, os.environ.get("PATH"))))


def restic(folder: Path, size: int) -> Contender:
    """A snapshot, and another of the same."""
    backup = ("restic", "-q", "-r", "{place}/store", "backup", str(folder))
    return Contender(
        name="restic backup",
        before=(("restic", "-q", "-r", "{place}/store", "init"),),
        steps=(backup, backup),
        environment={"RESTIC_PASSWORD": "bench"},
        writes=size,
        missing=without("restic"),
    )


def borg(folder: Path, size: int) -> Contender:
    """An archive, and another of the same."""
    return Contender(
        name="borg create",
        before=(("borg", "init", "-e", "none", "{place}/store"),),
        steps=(
            ("borg", "create", "{place}/store::one", str(folder)),
            ("borg", "create", "{place}/store::two", str(folder)),
        ),
        environment={
            "BORG_BASE_DIR": "{place}",
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        },
        writes=size,
        missing=without("borg"),
    )


def dvc(folder: Path, size: int, repository: Path) -> Contender:
    """`dvc add` twice. It tracks only what lies in its repository, so a copy is made there once."""
    add = ("dvc", "--cd", str(repository), "add", "-q", "data")
    return Contender(
        name="dvc add",
        before=(("sh", "-ec", _DVC_PREPARE, str(repository), str(folder), "{place}/store"),),
        steps=(add, add),
        environment={
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": "{place}/site",
            "DVC_SYSTEM_CONFIG_DIR": "{place}/config",
        },
        writes=size,
        missing=without("dvc"),
    )


def xet(folder: Path, size: int) -> Contender:
    """Upload to the CAS in a folder that hf-xet has for its tests, twice; without SHA-256."""
    upload = ("python3", "-c", _XET_ADD, str(folder))
    return Contender(
        name="hf-xet upload",
        steps=(upload, upload),
        environment={
            "STORE": "{place}/store",
            "HF_HOME": "{place}/home",
            "HF_XET_TELEMETRY_ENABLED": "0",
        },
        writes=size,
        missing=_without_distribution("hf-xet"),
    )


def wandb(folder: Path, size: int) -> Contender:
    """The same calls as the product's, offline, twice."""
    log = ("python3", "-c", _WANDB_ADD, str(folder))
    return Contender(
        name="wandb offline",
        steps=(log, log),
        environment={"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"},
        writes=size,
        missing=_without_distribution("wandb"),
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


def _without_distribution(name: str) -> str:
    return "" if _distribution(name) else f"{name} not installed"


def _output(argv: tuple[str, ...]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
