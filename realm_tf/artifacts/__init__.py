# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What lies on disk: files that appear whole, segments of them, and leases of directories."""

from realm_tf.artifacts.arrays import map_array, write_array, write_pieces
from realm_tf.artifacts.canonical import canonical_json, digest
from realm_tf.artifacts.disk_errors import make_directory, storage_errors
from realm_tf.artifacts.files import (
    atomic_path,
    create_text,
    file_sha256,
    paths_in,
    plain_path,
    read_json,
    remove_asides,
    write_text,
)
from realm_tf.artifacts.gfile import is_remote
from realm_tf.artifacts.leases import Lease, hold
from realm_tf.artifacts.local_copies import localise
from realm_tf.artifacts.segments import (
    MANIFEST,
    PART_OF,
    SAVED_MODEL,
    NotMadeError,
    Segment,
    SegmentWriter,
    Shard,
    is_complete,
    measure,
    nothing_is_made,
    open_segment,
    recipe_path,
    require_kind,
    require_made_from,
    require_same,
    schema_version,
)

__all__ = [
    "MANIFEST",
    "PART_OF",
    "SAVED_MODEL",
    "Lease",
    "NotMadeError",
    "Segment",
    "SegmentWriter",
    "Shard",
    "atomic_path",
    "canonical_json",
    "create_text",
    "digest",
    "file_sha256",
    "hold",
    "is_complete",
    "is_remote",
    "localise",
    "make_directory",
    "map_array",
    "measure",
    "nothing_is_made",
    "open_segment",
    "paths_in",
    "plain_path",
    "read_json",
    "recipe_path",
    "remove_asides",
    "require_kind",
    "require_made_from",
    "require_same",
    "schema_version",
    "storage_errors",
    "write_array",
    "write_pieces",
    "write_text",
]
