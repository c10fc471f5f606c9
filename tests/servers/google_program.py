"""Google program: gcp-storage-emulator that keeps the preconditions on an object's generation.

It answers one request at a time, so that to look and then to write is one step.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, TypeAlias

from gcp_storage_emulator import server
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import buckets
from gcp_storage_emulator.storage import Storage

Foreign: TypeAlias = Any
"""Of the emulator, which has no types."""

_QUERY: dict[str, list[str]] = {}  # of the one request that is being answered
_REFUSAL = {"code": 412, "message": "conditionNotMet", "errors": [{"reason": "conditionNotMet"}]}


class PreconditionError(Exception):
    """The object's generation is not the one that was asked for."""


def _checked(change: Callable[..., Foreign]) -> Callable[..., Foreign]:
    def act(storage: Foreign, bucket: str, name: str, *rest: Foreign, **named: Foreign) -> Foreign:
        try:
            found = int(storage.get_file_obj(bucket, name).get("generation") or 0)
        except NotFound:
            found = 0
        if "ifGenerationMatch" in _QUERY and found != int(_QUERY["ifGenerationMatch"][0]):
            raise PreconditionError
        return change(storage, bucket, name, *rest, **named)

    return act


def _answering(handle: Callable[..., Foreign]) -> Callable[..., Foreign]:
    def act(
        request: Foreign, response: Foreign, storage: Foreign, *rest: Foreign, **named: Foreign
    ) -> Foreign:
        _QUERY.clear()
        _QUERY.update(request.query)
        if request.query.get("uploadType") == ["media"] and request.data is None:
            request._data = b""  # noqa: SLF001  # it has no objects without bytes otherwise
        try:
            return handle(request, response, storage, *rest, **named)
        except PreconditionError:
            response.status = HTTPStatus.PRECONDITION_FAILED
            return response.json({"error": _REFUSAL})

    return act


def _cancel_upload(request: Foreign, response: Foreign, *rest: Foreign, **named: Foreign) -> None:
    """As Google answers when an upload is cancelled."""
    response.status = SimpleNamespace(value=499, phrase="Client Closed Request")


def _handlers(path: str, by_method: Mapping[str, Callable[..., Foreign]]) -> tuple[str, Foreign]:
    found = {**by_method, "DELETE": _cancel_upload} if "upload" in path else by_method
    return path, {method: _answering(handle) for method, handle in found.items()}


if __name__ == "__main__":
    Storage.create_file = _checked(Storage.create_file)
    Storage.delete_file = _checked(Storage.delete_file)
    Storage._write_config_to_file = lambda self: None  # noqa: SLF001  # all of it, at each write
    server.server.HTTPServer.request_queue_size = 256  # else clients are turned away
    server.HANDLERS = tuple(_handlers(*each) for each in server.HANDLERS)
    program = server.create_server("127.0.0.1", int(sys.argv[1]), in_memory=True)
    for bucket in sys.argv[2:]:
        buckets.create_bucket(bucket, program._storage)  # noqa: SLF001
    program.run()
