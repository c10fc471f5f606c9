"""Connect: from a URL and options to a bucket, with the settings that suit a store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from artifacts.errors import InvalidSettingError
from artifacts.storage.bucket import Bucket, Foreign
from artifacts.storage.cloud import AzureBucket, GoogleBucket
from artifacts.storage.s3 import S3Bucket

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_CONNECT_S, _READ_S = 10, 20  # without a byte from the other side
_EVERYWHERE = {"use_listings_cache": False, "skip_instance_cache": True}


@dataclass(frozen=True, slots=True)
class _Cloud:
    """How the buckets of one provider are reached."""

    extra: str
    package: str
    bucket: type[Bucket]
    options: Mapping[str, Any]
    quiet: Callable[[Foreign], None] = lambda _: None  # turns the client's own retries off


def connect(url: str, options: Mapping[str, Any]) -> Bucket:
    """A bucket of this process. Nothing is asked of it yet.

    Raises InvalidSettingError for a URL that leads nowhere, a package that is not installed,
    or options that its filesystem does not take.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if not _SCHEME.fullmatch(scheme) or "::" in url or not rest.strip("/"):
        raise InvalidSettingError("store", _shown(url), "expected scheme://bucket/folder")
    cloud = _CLOUDS.get(scheme, _ANYWHERE)
    filesystem, root = _filesystem(f"{scheme}://{rest}", cloud, options)
    cloud.quiet(filesystem)
    return cloud.bucket(filesystem, root)


def _filesystem(url: str, cloud: _Cloud, options: Mapping[str, Any]) -> tuple[Foreign, str]:
    from fsspec.core import url_to_fs

    try:
        return url_to_fs(url, **_merged(_EVERYWHERE, _merged(cloud.options, options)))  # type: ignore[no-any-return]
    except ImportError as error:
        raise InvalidSettingError("store", _shown(url), _missing(cloud, error)) from error
    except (TypeError, ValueError, KeyError) as error:  # its message may quote an option
        reason = f"no filesystem can be made of it and storage_options ({type(error).__name__})"
        raise InvalidSettingError("store", _shown(url), reason) from None


def _missing(cloud: _Cloud, error: ImportError) -> str:
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
    """The rest may hold a password."""
    return f"{url.partition('://')[0]}://…"


def _ask_s3_once(filesystem: Foreign) -> None:
    """And send a body at once: to be told to continue takes a round trip, and has no time limit."""
    from aiobotocore.session import AioSession
    from botocore.handlers import add_expect_header

    filesystem.retries = 1
    if filesystem.session is None:
        filesystem.session = AioSession(**filesystem.kwargs)
        filesystem.session.unregister("before-call.s3", add_expect_header)


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
            # BLAKE3 is checked on every read, and not every server knows the newer headers
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        },
    },
    _ask_s3_once,
)
_GOOGLE = _Cloud("gcs", "gcsfs", GoogleBucket, {}, _ask_google_once)
_AZURE = _Cloud("azure", "adlfs", AzureBucket, {}, _ask_azure_once)
_ANYWHERE = _Cloud("", "", Bucket, {})
_CLOUDS: Mapping[str, _Cloud] = {
    "s3": _S3,
    "s3a": _S3,
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
}
