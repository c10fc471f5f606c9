"""Names: the grammar [[entity/]project/]artifact[:version-or-alias], parsed once at the door."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from artifacts.errors import InvalidNameError

LATEST = "latest"
REGISTRY = "wandb-registry-"  # what a registry's project begins with
MODEL_REGISTRY = "model-registry"  # the project of registered models, in each entity
HIDDEN = ".patches."  # what collections begin with in which the writers of one version meet
MAX_LENGTH = 128  # characters, of any name

_FORM = "expected [[entity/]project/]name"
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # controls, and what is not UTF-8
_REFUSED_IN_PLACE = re.compile(r"[/\\#?%:]|" + _UNWRITABLE.pattern)
_COLLECTION = re.compile(r"[a-zA-Z0-9_\-.]+")
_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,11})")
_LIKE_A_VERSION = re.compile(r"v\d+")
_HEX = re.compile(r"[0-9a-f]+")
_LIKE_A_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):/(?!/)")  # C:/ is a disk


class CollectionName(Struct, frozen=True):
    """A collection, its entity and project spelled out."""

    entity: str
    project: str
    collection: str

    def __post_init__(self) -> None:
        check_entity(self.entity)
        check_project(self.project)
        check_collection_name(self.collection)

    @classmethod
    def parse(cls, text: str, *, entity: str, project: str) -> CollectionName:
        """Read `[[entity/]project/]name`; the arguments stand for what is left out.

        Raises InvalidNameError.
        """
        return cls(*_split(text, entity, project))

    @property
    def qualified(self) -> str:
        return f"{self.entity}/{self.project}/{self.collection}"


class ArtifactName(Struct, frozen=True):
    """One version of a collection, by its number (`v3`) or by an alias."""

    entity: str
    project: str
    collection: str
    version: str

    def __post_init__(self) -> None:
        CollectionName(self.entity, self.project, self.collection)
        if parse_version(self.version) is None:
            _check_alias(self.version)

    @classmethod
    def parse(
        cls, text: str, *, entity: str, project: str, default_version: str | None = LATEST
    ) -> ArtifactName:
        """Read `[[entity/]project/]name[:version-or-alias]`, as CollectionName does.

        With `default_version=None` the version must be written. Raises InvalidNameError.
        """
        path, colon, version = _text(text).partition(":")
        if not colon:
            if default_version is None:
                raise InvalidNameError(text, "must be specified as 'collection:alias'")
            version = default_version
        return cls(*_split(path, entity, project), version)

    @property
    def collection_name(self) -> CollectionName:
        return CollectionName(self.entity, self.project, self.collection)

    @property
    def qualified(self) -> str:
        return f"{self.entity}/{self.project}/{self.collection}:{self.version}"


class DigestName(Struct, frozen=True):
    """Whatever version has this content, in one collection, or (None) in any of the project.

    Within a collection the first eight digits are enough.
    """

    entity: str
    project: str
    collection: str | None
    digest: str

    def __post_init__(self) -> None:
        check_entity(self.entity)
        check_project(self.project)
        if self.collection is not None:
            check_collection_name(self.collection)
        shortest = 64 if self.collection is None else 8
        if not _HEX.fullmatch(self.digest) or not shortest <= len(self.digest) <= 64:
            raise InvalidNameError(
                self.digest, "expected 64 lower-case hex digits, or after name@ 8 of them or more"
            )

    @classmethod
    def parse(cls, text: str, *, entity: str, project: str) -> DigestName:
        """Read `[[entity/]project/]name@digest` or `[[entity/]project/]digest`.

        Raises InvalidNameError.
        """
        entity, project, last = _split(text, entity, project)
        collection, at, digest = last.rpartition("@")
        return cls(entity, project, collection if at else None, digest)

    @property
    def qualified(self) -> str:
        within = "" if self.collection is None else f"{self.collection}@"
        return f"{self.entity}/{self.project}/{within}{self.digest}"


def parse_name(
    text: str, *, entity: str, project: str, default_version: str | None = LATEST
) -> ArtifactName | DigestName:
    """What a user may write where one version is meant.

    64 hex digits alone are a digest; a collection of that name needs its version said.
    Raises InvalidNameError.
    """
    last = _text(text).rpartition("/")[2]
    is_digest = "@" in last or (len(last) == 64 and _HEX.fullmatch(last))
    if is_digest and ":" not in text:
        return DigestName.parse(text, entity=entity, project=project)
    return ArtifactName.parse(text, entity=entity, project=project, default_version=default_version)


def parse_version(text: str) -> int | None:
    """The number of `v12`; None for whatever else, `v012` included."""
    return int(text[1:]) if _VERSION.fullmatch(text) else None


def check_entity(text: str) -> str:
    """The text itself, if an entity may be called so. Raises InvalidNameError."""
    return _check_place(text, "an entity")


def check_project(text: str) -> str:
    """The text itself, if a project may be called so. Raises InvalidNameError.

    Source: W&B's `init`, which refuses the same characters and the same length.
    """
    return _check_place(text, "a project")


def check_run_id(text: str) -> str:
    """The text itself, if a run may have it for an id. Raises InvalidNameError."""
    return _check_place(text, "a run's id")


def nearest_project(text: str) -> str:
    """The text with what a project must not contain made dashes; may be empty as the text."""
    return _REFUSED_IN_PLACE.sub("-", text.strip())[:MAX_LENGTH]


def check_collection_name(text: str) -> str:
    """The text itself, if an artifact may be called so. Raises InvalidNameError."""
    _check_text(text, "an artifact's name")
    if not _COLLECTION.fullmatch(text):
        raise InvalidNameError(
            text, "may only contain alphanumeric characters, dashes, underscores, and dots"
        )
    return _check_no_folder(text, "an artifact's name")


def check_type(text: str) -> str:
    """The text itself, if a user's artifact may be of that type. Raises InvalidNameError."""
    _check_text(text, "a type")
    if text == "job" or text.startswith("wandb-"):
        raise InvalidNameError(text, "the types 'job' and 'wandb-*' are reserved for internal use")
    return text


def check_aliases(aliases: str | Iterable[str] | None) -> tuple[str, ...]:
    """Each alias once, in the order given. `latest` is neither refused nor added.

    Raises InvalidNameError, for `v3` and its like too: these are versions.
    """
    return _each_once(aliases, _check_alias)


def check_tags(tags: str | Iterable[str] | None) -> tuple[str, ...]:
    """Each tag once, in the order given. Raises InvalidNameError."""
    return _each_once(tags, _check_tag)


def check_folder(text: str) -> str:
    """Raises InvalidNameError for a URL that lacks a slash: the system would make folders of it."""
    if match := _LIKE_A_URL.match(text):
        scheme = match[1]
        slashes = "///" if scheme.lower() == "file" else "//"
        shown = f"{scheme}:/…"  # what follows may be a password
        reason = f"write {scheme}:{slashes}… for a URL, ./{shown} for a folder"
        raise InvalidNameError(shown, reason)
    return text


def _split(text: str, entity: str, project: str) -> tuple[str, str, str]:
    """Entity, project and the rest, the defaults standing for what is left out."""
    parts = _text(text).split("/")
    if len(parts) > 3 or "" in parts:
        raise InvalidNameError(text, _FORM)
    entity, project, last = [*(entity, project)[: 3 - len(parts)], *parts]
    return entity, project, last


def _each_once(texts: str | Iterable[str] | None, check: Callable[[str], str]) -> tuple[str, ...]:
    listed = [texts] if isinstance(texts, str) else texts or ()
    return tuple(dict.fromkeys(map(check, listed)))


def _check_alias(text: str) -> str:
    _check_text(text, "an alias")
    if "/" in text or ":" in text:
        raise InvalidNameError(
            text, "aliases must not contain any of the following characters: /, :"
        )
    if _LIKE_A_VERSION.fullmatch(text):
        raise InvalidNameError(text, "v and digits is how versions are numbered; choose another")
    return text


def _check_tag(text: str) -> str:
    _check_text(text, "a tag")
    if not _TAG.fullmatch(text):
        raise InvalidNameError(
            text,
            "tags must only contain alphanumeric characters separated by hyphens, underscores, "
            "and/or spaces",
        )
    return text


def _check_place(text: str, what: str) -> str:
    _check_text(text, what)
    if found := _REFUSED_IN_PLACE.search(text):
        raise InvalidNameError(
            text, f"{what} must not contain {found[0]!r}, nor any of / \\ # ? % :"
        )
    return _check_no_folder(text, what)


def _check_no_folder(text: str, what: str) -> str:
    if text in (".", ".."):
        raise InvalidNameError(text, f"{what} must not be '.' or '..'")
    return text


def _check_text(text: str, what: str) -> None:
    if not _text(text, what).strip():
        raise InvalidNameError(text, f"{what} must not be empty")
    if len(text) > MAX_LENGTH:
        raise InvalidNameError(
            text, f"{what} must have at most {MAX_LENGTH} characters, found {len(text)}"
        )
    if found := _UNWRITABLE.search(text):
        raise InvalidNameError(text, f"{what} must not contain {found[0]!r}")


def _text(text: str, what: str = "an artifact's name") -> str:
    """Of who does not check types."""
    if not isinstance(text, str):
        raise InvalidNameError(repr(text), f"{what} must be text, not {type(text).__name__}")
    return text
