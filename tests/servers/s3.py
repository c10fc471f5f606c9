"""S3: how the clients of a server that speaks it are told where it is, and its first bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import s3fs

from servers.server import HOST, Server

KEY, SECRET = "test", "testtest"
BUCKET = "bucket"


def options(port: int, key: str = KEY, secret: str = SECRET) -> Mapping[str, Any]:
    return {
        "key": key,
        "secret": secret,
        "endpoint_url": f"http://{HOST}:{port}",
        "client_kwargs": {"region_name": "us-east-1"},
        "config_kwargs": {"s3": {"addressing_style": "path"}},
    }


def new_bucket(port: int, key: str = KEY, secret: str = SECRET) -> Server:
    found = options(port, key, secret)
    filesystem = s3fs.S3FileSystem(**found, skip_instance_cache=True)
    filesystem.call_s3("create_bucket", Bucket=BUCKET)  # its mkdir names a region, which Ceph hates
    return Server("s3", BUCKET, found, {})
