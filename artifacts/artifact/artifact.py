"""Artifact: what users hold. W&B's one name for two things: a draft, and a version."""

from __future__ import annotations

from typing import Any

from artifacts.artifact.distributing import Distributing
from artifacts.artifact.lasting import Lasting
from artifacts.artifact.linked import Linked


class Artifact(Lasting, Linked, Distributing):
    """A named, typed set of files, put together freely, then logged and never changed again.

    `description` is Markdown; `metadata` a dict of at most 100 keys. Raises ValueError for a bad
    name or type or for metadata that JSON cannot hold, TypeError for what JSON has no form for.
    Source: W&B SDK 0.19.8.
    """

    def __init__(  # so that what Python says of wrong arguments names this class
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
    ) -> None:
        super().__init__(name, type, description, metadata, incremental, use_as)

    def __repr__(self) -> str:
        return f"<Artifact {self._version.qualified_name if self._version else self._name}>"
