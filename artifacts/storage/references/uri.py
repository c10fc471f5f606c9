"""Uri: a place in somebody else's system, as an entry names it. It never holds a credential."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct, field

from artifacts.errors import InvalidError
from artifacts.names import check_folder

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_VERSION = re.compile(r"\?versionId=([^&#/]+)$")
_GENERATION = re.compile(r"#([0-9]+)$")
_AZURE = re.compile(r"([a-z0-9-]+)\.blob\.(core\.[a-z.]+)", re.IGNORECASE)
_FAMILIES = {
    "https": "http",
    "s3a": "s3",
    "gcs": "gs",
    "abfs": "az",
    "abfss": "az",
}
BUCKETS = {"s3", "gs", "az"}
_WRAPPERS = {  # of other filesystems: where they lead is not in the uri
    *("async_wrapper", "blockcache", "cached", "dask", "data", "dir", "filecache", "generic"),
    *("libarchive", "local", "reference", "simplecache", "tar", "zip"),
}
_SECRET = re.compile(
    r"(.*[-_.])?(token|secret|sig|signature|credentials?|password|passwd|pwd|authorization|jwt)"
    r"|(.*[-_.])?(api|access|subscription)[-_]?key(id)?|awsaccesskeyid|key|auth|sas",
    re.IGNORECASE,
)


class Uri(Struct, frozen=True):
    """`text` is what an entry records; `root` and `key` are where to ask, and for what.

    `version` is one that the user wrote. `options` follow from the text alone.
    """

    text: str
    scheme: str
    root: str
    key: str
    version: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Raises InvalidError, for one that holds credentials too."""
        scheme, separator, rest = text.partition("://")
        scheme = scheme.lower()
        if not separator:
            check_folder(text)
            hint = "References must be URIs. To reference a local file, use file://"
            raise InvalidError(hint)
        if not _SCHEME.fullmatch(scheme) or "::" in text or not rest or "\0" in text:
            raise InvalidError(
                f"no reference can lead to {_shown(text)}: write scheme://place/path"
            )
        if scheme in _WRAPPERS:
            raise InvalidError(f"no reference can lead to {scheme}://: name the place itself")
        if scheme == "file":
            path = os.path.abspath(rest.lstrip("/") if os.name == "nt" else rest)
            return cls(f"file://{path}", scheme, "file://", path)
        _refuse_credentials(scheme, rest, text)
        if scheme in ("http", "https"):
            return _web(scheme, rest)
        family = _FAMILIES.get(scheme, scheme)
        place, _, key = rest.partition("/")
        if not place:
            raise InvalidError(f"no reference can lead to {text}: write {scheme}://bucket/path")
        version = None
        if family in ("s3", "az"):
            key, version = _cut(_VERSION, key)
        elif family == "gs":
            key, version = _cut(_GENERATION, key)
        return cls(f"{scheme}://{place}/{key}", family, f"{scheme}://{place}", key, version)

    @property
    def is_bucket(self) -> bool:
        return self.scheme in BUCKETS

    @property
    def name(self) -> str:
        """What it is called where it lies; nothing if that has no name."""
        key = self.key.partition("?")[0] if self.scheme == "http" else self.key
        return key.rstrip("/").rpartition("/")[2]

    def beside(self, key: str) -> str:
        """The text of another key of the same root."""
        return self.text.removesuffix(self.key) + key


def family_of(scheme: str) -> str:
    """Schemes of one family take the same options."""
    scheme = scheme.lower()
    return _FAMILIES.get(scheme, scheme)


def _web(scheme: str, rest: str) -> Uri:
    rest = rest.partition("#")[0]
    host, _, key = rest.partition("/")
    if azure := _AZURE.fullmatch(host):
        key, version = _cut(_VERSION, key)
        container, _, below = key.partition("/")
        if container:
            text = f"{scheme}://{host}/{key}"
            options = {"account_name": azure[1], "account_host": host}
            return Uri(text, "az", f"az://{container}", below, version, options)
    if not host:
        raise InvalidError(f"no reference can lead to {scheme}://{rest}: it names no host")
    return Uri(f"{scheme}://{host}/{key}", "http", f"{scheme}://{host}", key)


def _cut(version: re.Pattern[str], key: str) -> tuple[str, str | None]:
    found = version.search(key)
    return (key[: found.start()], found[1]) if found else (key, None)


def _refuse_credentials(scheme: str, rest: str, text: str) -> None:
    """Raises InvalidError: an entry is written down for ever, and shown to everybody."""
    where = "give them in the setting reference_options"
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, _ = place.rpartition("@")
    if at and (":" in user or scheme in ("http", "https", "ftp", "sftp")):
        raise InvalidError(f"{_shown(text)} holds credentials: {where}, and leave them out here")
    for name, _ in parse_qsl(urlsplit(f"x://{rest}").query, keep_blank_values=True):
        if _SECRET.fullmatch(name):
            reason = f"holds {name!r}, which looks like a credential"
            raise InvalidError(f"{_shown(text)} {reason}: {where}, and leave it out here")


def _shown(text: str) -> str:
    """Without what may be a password or a signature."""
    scheme, separator, rest = text.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    place, slash, path = rest.partition("/")
    return f"{scheme}{separator}{place.rpartition('@')[2]}{slash}{path}"
