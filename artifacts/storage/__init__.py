"""Storage: bytes by key on any filesystem, and what is built of them: objects, packs, logs."""

from artifacts.door import lazily

TYPE_CHECKING = False  # as in `artifacts`
if TYPE_CHECKING:
    from artifacts.storage.age import DatedStore, is_old, written
    from artifacts.storage.ahead import Ahead
    from artifacts.storage.checkpoint import Checkpoints, Head, Put, Row, Rows
    from artifacts.storage.chunks import (
        CHUNK_SIZES,
        Chunk,
        ChunkLists,
        ChunkRows,
        ChunkSizes,
        Cutter,
        cut,
    )
    from artifacts.storage.claiming import alone, claim, claimed, delete_abandoned
    from artifacts.storage.codec import RAW, ZSTD, compress, decode, encode, expand
    from artifacts.storage.condemned import (
        COLLECTED,
        Condemned,
        CondemnedKeys,
        CondemnedList,
        Heeded,
        key_of,
        read_condemned,
        read_keys,
        write_condemned,
        write_keys,
    )
    from artifacts.storage.epoch import START, Epoch
    from artifacts.storage.fold import Fold, State, apply_rules
    from artifacts.storage.frame import Frame
    from artifacts.storage.healing import forget, has_copy, healed
    from artifacts.storage.index import Index, Located
    from artifacts.storage.layout import SOLO, Extent, Layout, PageLayout, Place, Span
    from artifacts.storage.local import LocalStore
    from artifacts.storage.log import Change, Clock, Event, Log, Proposal, Tail, now
    from artifacts.storage.machine import MachineHeads
    from artifacts.storage.memory import MemoryStore
    from artifacts.storage.name import BLOBS, CONDEMNED, KINDS, LAYOUTS, MANIFESTS, PAGES, Name
    from artifacts.storage.objects import MAX_OBJECT_BYTES, InlineObjects, Objects, checked
    from artifacts.storage.opening import (
        Address,
        StoreIdentity,
        begin_writing,
        check_address,
        identify,
        open_store,
        opened,
        place_at,
    )
    from artifacts.storage.packs import Packer
    from artifacts.storage.parallel import Parallel, PerProcess, threads_of
    from artifacts.storage.reader import READ_BYTES, read_extent, read_spans
    from artifacts.storage.references.fetch import Recorded, fetch
    from artifacts.storage.references.places import Places
    from artifacts.storage.references.told import Told
    from artifacts.storage.references.uri import Uri
    from artifacts.storage.remote import RemoteStore
    from artifacts.storage.store import CopyingStore, FileStore, ObjectStore, Read, Tell, silent
    from artifacts.storage.transfer import (
        BUFFER_BYTES,
        TO_MAKE,
        TO_READ,
        copy_file,
        hash_behind,
        hash_file,
        on_disk,
        share_behind,
        write_all,
    )
    from artifacts.storage.unreachable import UnreachableStore
    from artifacts.storage.upload import Uploads
else:
    __getattr__ = lazily(
        __name__,
        {
            "age": "DatedStore is_old written",
            "ahead": "Ahead",
            "checkpoint": "Checkpoints Head Put Row Rows",
            "chunks": "CHUNK_SIZES Chunk ChunkLists ChunkRows ChunkSizes Cutter cut",
            "claiming": "alone claim claimed delete_abandoned",
            "codec": "RAW ZSTD compress decode encode expand",
            "condemned": "COLLECTED Condemned CondemnedKeys CondemnedList Heeded key_of "
            "read_condemned read_keys write_condemned write_keys",
            "epoch": "START Epoch",
            "fold": "Fold State apply_rules",
            "frame": "Frame",
            "healing": "forget has_copy healed",
            "index": "Index Located",
            "layout": "SOLO Extent Layout PageLayout Place Span",
            "local": "LocalStore",
            "log": "Change Clock Event Log Proposal Tail now",
            "machine": "MachineHeads",
            "memory": "MemoryStore",
            "name": "BLOBS CONDEMNED KINDS LAYOUTS MANIFESTS PAGES Name",
            "objects": "MAX_OBJECT_BYTES InlineObjects Objects checked",
            "opening": "Address StoreIdentity begin_writing check_address identify open_store "
            "opened place_at",
            "packs": "Packer",
            "parallel": "Parallel PerProcess threads_of",
            "reader": "READ_BYTES read_extent read_spans",
            "references.fetch": "Recorded fetch",
            "references.places": "Places",
            "references.told": "Told",
            "references.uri": "Uri",
            "remote": "RemoteStore",
            "store": "CopyingStore FileStore ObjectStore Read Tell silent",
            "transfer": "BUFFER_BYTES TO_MAKE TO_READ copy_file hash_behind hash_file on_disk "
            "share_behind write_all",
            "unreachable": "UnreachableStore",
            "upload": "Uploads",
        },
    )

__all__ = [
    "BLOBS",
    "BUFFER_BYTES",
    "CHUNK_SIZES",
    "COLLECTED",
    "CONDEMNED",
    "KINDS",
    "LAYOUTS",
    "MANIFESTS",
    "MAX_OBJECT_BYTES",
    "PAGES",
    "RAW",
    "READ_BYTES",
    "SOLO",
    "START",
    "TO_MAKE",
    "TO_READ",
    "ZSTD",
    "Address",
    "Ahead",
    "Change",
    "Checkpoints",
    "Chunk",
    "ChunkLists",
    "ChunkRows",
    "ChunkSizes",
    "Clock",
    "Condemned",
    "CondemnedKeys",
    "CondemnedList",
    "CopyingStore",
    "Cutter",
    "DatedStore",
    "Epoch",
    "Event",
    "Extent",
    "FileStore",
    "Fold",
    "Frame",
    "Head",
    "Heeded",
    "Index",
    "InlineObjects",
    "Layout",
    "LocalStore",
    "Located",
    "Log",
    "MachineHeads",
    "MemoryStore",
    "Name",
    "ObjectStore",
    "Objects",
    "Packer",
    "PageLayout",
    "Parallel",
    "PerProcess",
    "Place",
    "Places",
    "Proposal",
    "Put",
    "Read",
    "Recorded",
    "RemoteStore",
    "Row",
    "Rows",
    "Span",
    "State",
    "StoreIdentity",
    "Tail",
    "Tell",
    "Told",
    "UnreachableStore",
    "Uploads",
    "Uri",
    "alone",
    "apply_rules",
    "begin_writing",
    "check_address",
    "checked",
    "claim",
    "claimed",
    "compress",
    "copy_file",
    "cut",
    "decode",
    "delete_abandoned",
    "encode",
    "expand",
    "fetch",
    "forget",
    "has_copy",
    "hash_behind",
    "hash_file",
    "healed",
    "identify",
    "is_old",
    "key_of",
    "now",
    "on_disk",
    "open_store",
    "opened",
    "place_at",
    "read_condemned",
    "read_extent",
    "read_keys",
    "read_spans",
    "share_behind",
    "silent",
    "threads_of",
    "write_all",
    "write_condemned",
    "write_keys",
    "written",
]
