"""Tasks: what companions do in tests."""

from __future__ import annotations

import os
import sys
import time


def turned(request: bytes) -> bytes:
    return request[::-1]


def doubled(request: bytes) -> bytes:
    return request * 2


def failing(request: bytes) -> bytes:
    raise RuntimeError(request)


def silent(_: bytes) -> bytes:
    time.sleep(3600)
    return b""


def about(_: bytes) -> bytes:
    """Its session, and whether it has what was this process's program or what it had loaded."""
    is_bare = not {"pytest", "__mp_main__", "msgspec", "subprocess"} & {*sys.modules}
    return f"{os.getpid()} {os.getsid(0)} {is_bare}".encode()
