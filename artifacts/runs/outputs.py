"""Outputs: artifacts that a run logs, uses and links."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Literal, TypeAlias

from artifacts.artifact import Artifact, StrPath
from artifacts.catalog import Facts, Session
from artifacts.errors import (
    InvalidError,
    InvalidNameError,
    NotAModelError,
    NotFoundError,
    UnavailableError,
    WrongTypeError,
)
from artifacts.metadata import check_text
from artifacts.names import (
    MODEL_REGISTRY,
    CollectionName,
    check_aliases,
    check_collection_name,
    check_tags,
    parse_version,
)
from artifacts.runs.delivery.outbox import own_store
from artifacts.runs.held import Start
from artifacts.runs.told import Told

Did: TypeAlias = Literal["logged", "used"]
"""What a run's log says that it did with a version of the run's store."""


class Artful(Told):
    """What a run does with artifacts is recorded in its log, in order."""

    def __init__(self, start: Start) -> None:
        self._slots: dict[str, str] = {}
        super().__init__(start)
        is_offline = start.mode == "offline"
        self._out = own_store(start.session, start.folder) if is_offline else start.session
        """Where its artifacts go: offline into a store in the run's folder, for `art sync`."""

    def _tell(self, kind: Did, artifact: Artifact, **facts: str) -> None:
        if self._is_beside(artifact):
            self._diary.artifact(kind, {"version": artifact.id, **facts})
        else:
            self._diary.tell(kind, {**_named(artifact), **facts})

    def _is_beside(self, artifact: Artifact) -> bool:
        """Whether it waits in the offline run's folder."""
        return self.offline and artifact.lies_in(self._out)

    def _use_in_config(self, key: str, value: object) -> Artifact:
        """What a configuration names is used by its key."""
        if isinstance(value, Artifact):
            return self.use_artifact(value, use_as=key)
        name = str(value).partition("://")[2]
        return self.use_artifact(name.removeprefix("_id/"), use_as=key)

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> Artifact:
        """Commit an artifact as output of this run; it has its version when this returns.

        A path, or a uri as `add_reference` takes, is made an artifact of type `unspecified`, called
        `run-<id>-<name of the file>`, unless they are given; of an Artifact they mean nothing. The
        aliases, and always `latest`, move to it. Content that a version of the collection has
        already is that version, and stays the output of the run that logged it first. Raises
        ValueError for a bad alias, tag or path, for another type than the collection's, for a
        version of another project.
        """
        self._refuse_finished("log_artifact")
        facts = Facts(check_aliases(aliases), check_tags(tags), run=self.path)
        artifact = self._as_artifact(artifact_or_path, name, type or "unspecified")
        artifact.log(self._out, facts)
        self._tell("logged", artifact)
        return artifact

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add to an artifact that many runs put together, until one of them finishes it.

        All of them name the same collection and `distributed_id`, by default the run's group, from
        whatever machine. What was added is durable when this returns, and the same again adds
        nothing, so a run that died is just run again. At a path that several add, what came last
        counts. Raises TypeError without id and group; otherwise as `log_artifact`.
        """
        self._refuse_finished("upsert_artifact")
        id_ = self._shared_id(distributed_id, "upsert_artifact")
        artifact = self._as_artifact(artifact_or_path, name, type or "unspecified")
        part = artifact.upsert(self._out, id_, Facts(check_aliases(aliases), run=self.path))
        if self.offline:
            self._diary.artifact("upserted", {"version": part, **_meeting(artifact, id_)})
        return artifact

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Make one version of this and of all that was upserted under the id.

        It is output of this run. Finishing twice, or in two runs at once, makes one version; the
        next upsert begins another. Raises as `upsert_artifact`.
        """
        self._refuse_finished("finish_artifact")
        id_ = self._shared_id(distributed_id, "finish_artifact")
        artifact = self._as_artifact(artifact_or_path, name, type or "unspecified")
        meeting = _meeting(artifact, id_)
        artifact.conclude(self._out, id_, Facts(check_aliases(aliases), run=self.path))
        if self.offline:
            self._diary.artifact("finished", {"version": artifact.id, **meeting})
        else:
            self._tell("logged", artifact)
        return artifact

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,
        aliases: list[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """An artifact as input of this run, which knows it as `use_as`.

        A draft is logged first, under the aliases, but not as an output. A name is
        `[[entity/]project/]name[:version-or-alias]`, or `name@digest`. Raises CommError
        (ArtifactNotFoundError), ValueError if its type is another, or if `use_as` stands for
        another artifact already or has : or / in it.
        """
        self._refuse_finished("use_artifact")
        _check_slot(use_as)
        if isinstance(artifact_or_name, Artifact):
            artifact = artifact_or_name
            _check_type(artifact, type)
            if artifact.is_draft():
                artifact.log(self._out, Facts(check_aliases(aliases)))
            name = artifact.use_as or artifact.name
        elif isinstance(artifact_or_name, str):
            artifact = self._found(artifact_or_name, type)
            name = artifact_or_name
        else:
            raise TypeError(f"use_artifact wants a name or an Artifact, not {artifact_or_name!r}")
        if use_as:
            self._take_slot(use_as, artifact)
        artifact.used_as(use_as or name)
        self._tell("used", artifact, **({"as": use_as} if use_as else {}))
        return artifact

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: list[str] | None = None
    ) -> None:
        """Show an artifact in a portfolio or registry, which is made if there is none.

        A draft is logged first, as output of this run. The target is
        `[[entity/]project/]portfolio`, of which `model-registry` and `wandb-registry-<name>` are
        projects like any other. The aliases, and `latest`, are the portfolio's own. Raises
        ValueError for another form, a bad alias, a collection that is none or has another type;
        TypeError for what is no Artifact; offline for an artifact of another store than the run's.
        """
        self._refuse_finished("link_artifact")
        if not isinstance(artifact, Artifact):
            raise TypeError(f"link_artifact wants an Artifact, not {artifact!r}")
        target = self._portfolio(target_path)
        wanted = check_aliases(aliases)
        if artifact.is_draft():
            self.log_artifact(artifact)
        if self.offline and not self._is_beside(artifact):
            _refuse_elsewhere(artifact, self._session)
            shown = {"name": artifact.source_qualified_name, "id": artifact.id}
            facts = {**shown, "target": target.qualified, "aliases": [*wanted]}
            self._diary.artifact("linked", facts)
        else:
            artifact.show(target, wanted)

    def log_model(
        self, path: StrPath, name: str | None = None, aliases: list[str] | None = None
    ) -> None:
        """As `log_artifact` of a path, with type `model`."""
        self._refuse_finished("log_model")
        self.log_artifact(path, name, "model", aliases)

    def link_model(
        self,
        path: StrPath,
        registered_model_name: str,
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> None:
        """Log a model and show it in the model registry, under these aliases there.

        It is a version of `name`, of whatever model type that has already. Raises AssertionError
        if the registered name is a path, or if `name` is of a type without `model` in it.
        """
        self._refuse_finished("link_model")
        if "/" in registered_model_name:
            reason = "only the name of the registered model is wanted, without entity and project"
            raise NotAModelError(registered_model_name, reason)
        target = self._portfolio(f"{self.entity}/{MODEL_REGISTRY}/{registered_model_name}")
        wanted = check_aliases(aliases)
        self.log_artifact(path, name, self._model_type(name)).show(target, wanted)

    def use_model(self, name: str) -> str:
        """Use a model and download it: the path of its file, or of its folder if it has several.

        Raises as `use_artifact`, and AssertionError for a type without `model` in it.
        """
        self._refuse_finished("use_model")
        artifact = self.use_artifact(name)
        _check_is_model(artifact.name, artifact.type)
        return artifact.file() if artifact.file_count == 1 else artifact.download()

    def _found(self, name: str, type_: str | None) -> Artifact:
        """Offline what it logged itself is found too; by number only if the store has none such."""
        own = self._own(name, type_) if self.offline else None
        if own is not None and parse_version(name.rpartition(":")[2]) is None:
            return own
        try:
            return Artifact.of_version(self._session.resolve(name, type_), self._session)
        except (NotFoundError, UnavailableError):
            if own is None:
                raise
            return own

    def _own(self, name: str, type_: str | None) -> Artifact | None:
        with suppress(NotFoundError):
            return Artifact.of_version(self._out.resolve(name, type_), self._out)
        return None

    def _portfolio(self, target: str) -> CollectionName:
        return CollectionName.parse(target, entity=self.entity, project=self.project)

    def _model_type(self, name: str | None) -> str:
        """Of the collection, if there is one. Raises NotAModelError."""
        if name is None:
            return "model"
        catalog = self._out.writable
        latest = catalog.latest(self._portfolio(check_collection_name(name)))
        type_ = latest.type if latest else "model"
        _check_is_model(name, type_)
        return type_

    def _as_artifact(self, given: Artifact | StrPath, name: str | None, type_: str) -> Artifact:
        if isinstance(given, Artifact):
            return given
        if not isinstance(given, str | os.PathLike):
            raise TypeError(f"log_artifact wants a path or an Artifact, not {given!r}")
        path = os.fspath(given)
        base = os.path.basename(os.path.normpath(path))
        artifact = Artifact(name or f"run-{self._id}-{base}", type_)
        if os.path.isfile(path):
            artifact.add_file(path)
        elif os.path.isdir(path):
            artifact.add_dir(path)
        elif "://" in path:
            artifact.add_reference(path)
        else:
            reason = "is neither a file nor a folder, nor a reference like s3://bucket/path"
            raise InvalidError(f"{path!r} {reason}: nothing to log")
        return artifact

    def _shared_id(self, given: str | None, method: str) -> str:
        id_ = given or self._facts.get("group")
        if not id_:
            raise TypeError(f"{method} wants a distributed_id, or a run with a group")
        return str(check_text(str(id_), "distributed_id"))

    def _take_slot(self, use_as: str, artifact: Artifact) -> None:
        if self._slots.setdefault(use_as, artifact.qualified_name) != artifact.qualified_name:
            reason = f"stands for {self._slots[use_as]} already"
            raise InvalidNameError(use_as, f"use_as {reason}: one name for one artifact")


def _named(artifact: Artifact) -> dict[str, str]:
    """What is told of it: where it was logged, whatever portfolio it was found in."""
    return {
        "artifact": artifact.source_qualified_name,
        "digest": artifact.digest,
        "id": str(artifact.id),
    }


def _meeting(artifact: Artifact, id_: str) -> dict[str, str]:
    """Under what name many put a draft together."""
    return {"name": artifact.name, "type": artifact.type, "id": id_}


def _refuse_elsewhere(artifact: Artifact, session: Session) -> None:
    if not artifact.lies_in(session):
        url = artifact.url.partition("#")[0]
        reason = f"it lies in {url}, where an offline run links nothing: link it without the run"
        raise InvalidNameError(artifact.qualified_name, reason)


def _check_slot(use_as: str | None) -> None:
    if use_as and (":" in use_as or "/" in use_as):
        raise InvalidNameError(use_as, "use_as cannot contain special characters ':' or '/'")


def _check_type(artifact: Artifact, type_: str | None) -> None:
    if type_ is not None and type_ != artifact.type:
        raise WrongTypeError(artifact.name, artifact.type, type_)


def _check_is_model(name: str, type_: str) -> None:
    if "model" not in type_.lower():
        raise NotAModelError(name, f"its type is {type_!r}, which does not contain 'model'")
