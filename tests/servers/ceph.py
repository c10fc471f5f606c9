"""Ceph: its RADOS gateway, a real S3 server: one monitor, one disk in memory, one gateway."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from servers.s3 import KEY, SECRET, new_bucket
from servers.server import HOST, Server, find, free_port, running

_INSTALLATION = "apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common"
_CONFIGURATION = """
[global]
fsid = {fsid}
mon host = [v2:{host}:{mon2},v1:{host}:{mon1}]
public addr = {host}
cluster addr = {host}
ms bind ipv6 = false
# the gateway would ask for a secure connection, which there is none of without authentication
ms mon client mode = crc
auth cluster required = none
auth service required = none
auth client required = none
run dir = {folder}
admin socket = {folder}/$name.asok
crash dir = {folder}
log to stderr = false
log file = {folder}/$name.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail crit = 0
mon data avail warn = 0
[mon]
paxos propose interval = 0.02
paxos min wait = 0.01
mon data = {folder}/mon
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 16G
osd class load list = *
osd class default list = *
[client]
rgw frontends = beast endpoint={host}:{port} tcp_nodelay=1
rgw thread pool size = 64
rgw enable usage log = false
rgw dynamic resharding = false
rgw override bucket index max shards = 4
rgw data = {folder}/rgw
"""


@contextmanager
def run(folder: Path) -> Iterator[Server]:
    for program in ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool"):
        find(program, _INSTALLATION)
    port, mon1, mon2 = free_port(), free_port(), free_port()
    fsid, disk = str(uuid4()), str(uuid4())
    settings = folder / "ceph.conf"
    settings.write_text(
        _CONFIGURATION.format(host=HOST, folder=folder, fsid=fsid, port=port, mon1=mon1, mon2=mon2)
    )
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    monitors = f"[v2:{HOST}:{mon2},v1:{HOST}:{mon1}]"
    monmap = str(folder / "monmap")

    def call(*command: str) -> str:
        found = subprocess.run(
            [find(command[0], _INSTALLATION), "-c", str(settings), *command[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            text=True,
            timeout=300,
        )
        return found.stdout.strip()

    def daemon(program: str, *arguments: str) -> list[str]:
        return [find(program, _INSTALLATION), "-f", "-c", str(settings), *arguments]

    call("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", monitors, monmap)
    call("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
    with running(daemon("ceph-mon", "-i", "a"), folder, mon2):
        number = call("ceph", "osd", "new", disk)
        call("ceph-osd", "-i", number, "--mkfs", "--osd-uuid", disk)
        with running(daemon("ceph-osd", "-i", number), folder):
            user = ["--uid=test", "--display-name=test"]
            call(
                "radosgw-admin",
                "user",
                "create",
                *user,
                f"--access-key={KEY}",
                f"--secret={SECRET}",
            )
            with running(daemon("radosgw", "-n", "client.rgw"), folder, port):
                yield new_bucket(port)
