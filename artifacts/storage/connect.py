"""Connect: from a URL and options to a bucket, with the settings that suit a store."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

from msgspec import Struct

from artifacts.errors import ArtifactsError, InvalidSettingError, StorageError
from artifacts.storage.bucket import Bucket, Foreign
from artifacts.storage.cloud import AzureBucket, GoogleBucket
from artifacts.storage.failure import Failure, classify, describe
from artifacts.storage.s3 import S3Bucket

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_SECRET = re.compile(r"(?<=://)[^/]*:[^/]*@|[?#].*", re.DOTALL)
_CONNECT_S, _READ_S = 10, 20  # without a byte from the other side
_EXPECTED = "expected scheme://bucket/folder"
_UNFIT = (TypeError, ValueError, LookupError, AttributeError)  # as of options that do not fit
_EVERYWHERE = {"use_listings_cache": False, "skip_instance_cache": True}


class _Cloud(Struct, frozen=True):
    """How the buckets of one provider are reached."""

    extra: str
    package: str
    bucket: type[Bucket]
    options: Mapping[str, Any]
    quiet: Callable[[Foreign], None] = lambda _: None  # turns the client's own retries off


def check_url(url: str) -> None:
    """Whether it has a form that may lead somewhere, and a package that knows its scheme.

    Raises InvalidSettingError.
    """
    cloud = _cloud_of(url)
    if cloud is _ANYWHERE:
        error = _unknown(url)
    else:
        error = None if find_spec(cloud.package) else ImportError(cloud.package)
    if error is not None:
        raise InvalidSettingError("store", _shown(url), _missing(cloud, error))


def connect(url: str, options: Mapping[str, Any]) -> Bucket:
    """A bucket of this process. Nothing is asked of it yet, but what its client asks to be made.

    Raises InvalidSettingError for a URL that leads nowhere, a package that is not installed,
    or options that its filesystem does not take; StorageError if its client got no answer.
    """
    cloud = _cloud_of(url)
    scheme, _, rest = url.partition("://")
    made = _made(f"{scheme.lower()}://{rest}", cloud, options)
    if isinstance(made, ArtifactsError):
        raise made  # here, out of reach of the client's error, which may quote an option
    return made


def _cloud_of(url: str) -> _Cloud:
    scheme, _, rest = url.partition("://")
    if not _SCHEME.fullmatch(scheme.lower()) or "::" in url or not rest.strip("/"):
        raise InvalidSettingError("store", f"{scheme}://…", _EXPECTED)
    return _CLOUDS.get(scheme.lower(), _ANYWHERE)


def _unknown(url: str) -> ValueError | ImportError | None:
    """Why no filesystem has the URL's scheme."""
    from fsspec import get_filesystem_class

    try:
        get_filesystem_class(url.partition("://")[0].lower())
    except (ValueError, ImportError) as error:
        return error
    return None


def _made(url: str, cloud: _Cloud, options: Mapping[str, Any]) -> Bucket | ArtifactsError:
    from fsspec.core import url_to_fs

    before = sys.exception()
    merged = _merged(_EVERYWHERE, _merged(cloud.options, options))
    try:
        with _all_kept():
            filesystem, root = url_to_fs(url, **merged)
            cloud.quiet(filesystem)
        return cloud.bucket(filesystem, root)
    except ImportError as error:
        return InvalidSettingError("store", _shown(url), _missing(cloud, error))
    except Exception as error:  # noqa: BLE001  # the clients' have no common base
        return _explained(url, options, error, before)


@contextmanager
def _all_kept() -> Iterator[None]:
    """Nothing is looked through for garbage while modules load, of which all is kept."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _explained(
    url: str, options: Mapping[str, Any], error: Exception, before: BaseException | None
) -> ArtifactsError:
    failure, found = classify(error, before), describe(error, before)
    given = ", ".join(sorted(map(str, options))) or "nothing"
    if isinstance(error, _UNFIT) or failure in (Failure.REFUSED, Failure.ABSENT):
        reason = f"no filesystem can be made of it, with {given} in storage_options ({found})"
        return InvalidSettingError("store", _shown(url), reason)
    reason = f"connecting failed, with {given} in storage_options: {failure.value} ({found})"
    return StorageError(_shown(url), reason)


def _missing(cloud: _Cloud, error: Exception) -> str:
    if cloud.extra:
        return f"needs {cloud.package}: pip install 'artifact-store[{cloud.extra}]'"
    return str(error)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` counts, down to single fields of nested tables."""
    both = {
        key: _merged(under[key], over[key])
        for key in under.keys() & over.keys()
        if isinstance(under[key], Mapping) and isinstance(over[key], Mapping)
    }
    return {**under, **over, **both}


def _shown(url: str) -> str:
    """Without what may be a password or a signature."""
    return _SECRET.sub("…", url)


def _ask_s3_once(filesystem: Foreign) -> None:
    """And send a body at once: to be told to continue takes a round trip, and has no time limit."""
    from aiobotocore.session import AioSession
    from botocore.handlers import add_expect_header

    filesystem.retries = 1
    if filesystem.session is None:
        filesystem.session = AioSession(**filesystem.kwargs)
        filesystem.session.unregister("before-call.s3", add_expect_header)
        data_path = filesystem.session.get_config_variable("data_path")
        filesystem.session.register_component("data_loader", _data_of_botocore(data_path))


@cache
def _data_of_botocore(path: str | None) -> Foreign:
    """Read once in a process: it is most of what a client takes to be made."""
    from botocore.loaders import create_loader

    loader = create_loader(path)
    loader.file_loader = _Models()
    loader.list_available_services = lambda _type: _EveryName()
    return loader


class _Models:
    """Botocore's descriptions of services, in a quarter of the time. Source: its JSONFileLoader."""

    def exists(self, path: str) -> bool:
        return any(os.path.isfile(path + ending) for ending in (".json", ".json.gz"))

    def load_file(self, path: str) -> Foreign:
        """None if there is none."""
        import gzip

        import orjson

        for ending, opened in ((".json", open), (".json.gz", gzip.open)):
            if os.path.isfile(path + ending):
                with opened(path + ending, "rb") as file:
                    return orjson.loads(file.read())
        return None


class _EveryName(tuple[str, ...]):
    """Where botocore looks up each service by listing the folders of all 430: there it is."""

    def __contains__(self, name: object) -> bool:
        return True


def _ask_google_once(filesystem: Foreign) -> None:
    """gcsfs takes no such option, and repeats a request for half a minute."""
    from aiohttp import ClientTimeout

    if once := getattr(getattr(type(filesystem), "_request", None), "__wrapped__", None):
        filesystem._request = partial(once, filesystem)  # noqa: SLF001
    limits = ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S)
    filesystem.requests_timeout = filesystem.requests_timeout or limits


def _ask_azure_once(filesystem: Foreign) -> None:
    """adlfs takes no such option, and its client's first pause is 15 s."""
    made = filesystem.service_client
    limits = {"connection_timeout": _CONNECT_S, "read_timeout": _READ_S}
    once = type(made)(made.url, credential=made.credential, retry_total=0, **limits)
    filesystem.service_client = once


_S3 = _Cloud(
    "s3",
    "s3fs",
    S3Bucket,
    {
        "max_concurrency": 1,  # with more, s3fs asks for the size before each read
        "config_kwargs": {
            "max_pool_connections": 64,
            "connect_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
            "retries": {"max_attempts": 0},
            # what is sent is named by its BLAKE3 already, and signing it takes as long as sending
            "s3": {"payload_signing_enabled": False},
            # BLAKE3 is checked on every read, and not every server knows the newer headers
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        },
    },
    _ask_s3_once,
)
_GOOGLE = _Cloud("gcs", "gcsfs", GoogleBucket, {}, _ask_google_once)
_AZURE = _Cloud("azure", "adlfs", AzureBucket, {}, _ask_azure_once)
_WEB = _Cloud("http", "aiohttp", Bucket, {})  # of references alone: nothing can be created there
_ANYWHERE = _Cloud("", "", Bucket, {})
_CLOUDS: Mapping[str, _Cloud] = {
    "http": _WEB,
    "https": _WEB,
    "s3": _S3,
    "s3a": _S3,
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
}
