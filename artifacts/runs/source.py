"""Source: a program's code as an artifact."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from artifacts.artifact import Artifact

Wanted: TypeAlias = Callable[[str, str], bool] | Callable[[str], bool]
"""Of a file's path, and of the root if it takes two."""
_OTHER = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST_NAME = 128


def is_code(path: str) -> bool:
    """Python, requirements.txt and files that are called like Dockerfile."""
    name = os.path.basename(path)
    return name.endswith(".py") or name == "requirements.txt" or name.startswith("Dockerfile")


def is_wandb_folder(path: str, root: str) -> bool:
    """In `wandb/` or `.wandb/` of the root, where runs have their own files."""
    return os.path.relpath(path, root).split(os.sep)[0] in ("wandb", ".wandb")


def code_name(project: str, entrypoint: str | None) -> str:
    """source-PROJECT-ENTRYPOINT, as W&B calls it, made fit for an artifact."""
    text = f"source-{project}" + (f"-{entrypoint}" if entrypoint else "")
    return _OTHER.sub("_", text)[:_LONGEST_NAME]


def code_artifact(root: Path, name: str, include: Wanted, exclude: Wanted) -> Artifact | None:
    """A draft of type `code` with the wanted files below the root; None if there are none."""
    artifact = Artifact(name, "code")
    is_empty = True
    for path in _files(root, _of_two(include), _of_two(exclude)):
        artifact.add_file(path, os.path.relpath(path, root).replace(os.sep, "/"))
        is_empty = False
    return None if is_empty else artifact


def _files(
    root: Path, include: Callable[[str, str], bool], exclude: Callable[[str, str], bool]
) -> Iterator[str]:
    top = os.path.abspath(root)
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if include(path, top) and not exclude(path, top) and os.path.isfile(path):
                yield path


def _of_two(wanted: Wanted) -> Callable[[str, str], bool]:
    """It is asked with as many arguments as it takes."""
    try:
        takes = len(inspect.signature(wanted).parameters)
    except (TypeError, ValueError):
        takes = 2
    if takes == 1:
        return lambda path, _: wanted(path)  # type: ignore[call-arg]
    return wanted  # type: ignore[return-value]
