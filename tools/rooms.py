# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The rooms of the source tree, and which room may import which: the only place that says so.

`tests/architecture_test.py` holds every import to it, and `tools/build_files.py` turns it into the
visibility of Bazel's targets. A room is a module or a package, with everything below it.
"""

# A room may import the rooms of the lines above its own. Rooms of one line never import each other.
ORDER = (
    ("realm_tf",),  # Its __init__.py alone: what is below it is in rooms of its own.
    ("realm_tf.types", "realm_tf.version"),
    ("realm_tf.artifacts",),
    ("realm_tf.config",),
    ("realm_tf.text",),
    ("realm_tf.data",),
    ("realm_tf.models", "realm_tf.retrieval", "realm_tf.evaluation"),
    ("realm_tf.training", "beam_jobs", "serving"),
    ("realm_tf.commands",),
    ("realm_tf.cli",),
    ("realm_tf.__main__",),
    ("tools",),
    ("tests",),
)
# Rooms that may be imported against the order.
ALSO = {
    "realm_tf": {"realm_tf.version"},
    "realm_tf.evaluation": {"realm_tf.retrieval"},
}
# Rooms that may import fewer rooms than the order allows: these alone.
ONLY = {
    "realm_tf.cli": {
        "realm_tf",
        "realm_tf.commands",
        "realm_tf.config",
        "realm_tf.types",
        "realm_tf.version",
        "beam_jobs",  # a command of one job calls it
    },
    "realm_tf.__main__": {"realm_tf", "realm_tf.cli"},
    "tools": {"realm_tf", "realm_tf.config"},
}
# Single modules of a room that another room may import, though it may not import the room.
_CLIENTS = ("client", "replies", "remote.connect", "remote.endpoint", "remote.smoke")
DOORS = {f"serving.{name}": {"realm_tf.cli"} for name in (*_CLIENTS, "versions")}
# Rooms that are one module beside the others, not a folder.
MODULES = {"realm_tf.types", "realm_tf.version", "realm_tf.__main__"}

ROOMS = tuple(room for line in ORDER for room in line)


def room_of(module: str) -> str | None:
    """Returns the room that a module is in, or None if the table has none for it."""
    name = module
    while name and name not in ROOMS:
        name = name.rpartition(".")[0]
    return None if not name or (name == "realm_tf" and module != name) else name


def may_import(room: str) -> set[str]:
    """Returns the rooms that a room may import besides itself."""
    if room in ONLY:
        return set(ONLY[room])
    line = next(place for place, names in enumerate(ORDER) if room in names)
    return {left for names in ORDER[:line] for left in names} | ALSO.get(room, set())


def importers(module: str) -> set[str]:
    """Returns the rooms, other than its own, that may import a module.

    Raises:
        ValueError: If the module is in no room.
    """
    own = room_of(module)
    if own is None:
        raise ValueError(f"{module} is in no room: move it into one, or add one to tools/rooms.py.")
    return {room for room in ROOMS if own in may_import(room)} | DOORS.get(module, set())


def allows(importer: str, imported: str) -> bool:
    """Whether the module `importer` may import the module `imported`."""
    own = room_of(importer)
    return own is not None and (own == room_of(imported) or own in importers(imported))
