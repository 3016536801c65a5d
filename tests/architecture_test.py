# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Who may import whom, and the shape of every file.

tools/rooms.py says which room may import which. Rooms run from left to right, and siblings in
braces never import each other, but `evaluation` may import `retrieval`:
`{types, version} -> storage -> artifacts -> config -> text -> data -> {models, retrieval,
evaluation} -> {training, beam_jobs, serving} -> commands -> cli`. The command line imports only
`commands`, `config`, `types` and `version`, and the client of `serving`.
"""

import ast
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tools import rooms, source_tree

ROOT = pathlib.Path(__file__).parents[1]
MAX_LINES = 320
HEADER = "# Copyright 2026 The realm-tf Authors.\n# SPDX-License-Identifier: Apache-2.0\n"

# What may lie in realm_tf/ besides folders: everything else belongs into a room.
ROOT_FILES = {"__init__.py", "__main__.py", "types.py", "version.py", "BUILD", "py.typed"}
# What the packages may not import at all.
OUTSIDE = ("benchmarks", "configs", "docs", "tests", "tools")


def _packages(root: pathlib.Path) -> dict[str, source_tree.SourceFile]:
    files = source_tree.read(root)
    return {m: file for m, file in files.items() if m.partition(".")[0] in source_tree.PACKAGES}


def _import_faults(root: pathlib.Path) -> Iterator[str]:
    """Yields what is wrong with the imports of the packages below `root`."""
    files = _packages(root)
    for module, file in files.items():
        if rooms.room_of(module) is None:
            yield f"{file.path} is in no room: put it into one, or add one to tools/rooms.py."
            continue
        for line, name in file.imports():
            where = f"{file.path}:{line}"
            imported = source_tree.resolve(name, files)
            if name.startswith("."):
                yield f"{where} imports {name}, a relative name: write it in full."
            elif name.partition(".")[0] in OUTSIDE:
                yield f"{where} imports {name}, which is no part of the packages."
            elif imported and rooms.room_of(imported) and not rooms.allows(module, imported):
                yield f"{where} imports {imported}, which {rooms.room_of(module)} may not."


def _shape_faults(root: pathlib.Path) -> Iterator[str]:
    """Yields what is wrong with the shape of the files below `root`."""
    for file in source_tree.read(root).values():
        if not file.text.startswith(HEADER):
            yield f"{file.path} does not begin with the licence header."
        if not ast.get_docstring(file.syntax()):
            yield f"{file.path} has no module docstring."
    files = _packages(root)
    for module, file in files.items():
        if (length := file.text.count("\n")) > MAX_LINES:
            yield f"{file.path} has {length} lines, more than {MAX_LINES}: divide it."
        if file.is_init and not all(_re_exports(node, module) for node in file.syntax().body):
            yield f"{file.path} does more than to re-export."
        parent = module if file.is_init else module.rpartition(".")[0]
        if parent not in files:
            yield f"{file.path} is in a folder without __init__.py, which setup.py leaves out."


def _re_exports(node: ast.stmt, module: str) -> bool:
    """Whether a statement may stand in a package's __init__.py."""
    if module == "realm_tf":  # It sets the Keras switch before anything imports TensorFlow.
        return not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    if isinstance(node, ast.Assign):
        return all(isinstance(t, ast.Name) and t.id.startswith("__") for t in node.targets)
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_docstring or isinstance(node, ast.Import | ast.ImportFrom)


def _import_without_tensorflow(root: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Imports all modules of the command line in a fresh process, which fails on TensorFlow."""
    modules = sorted(
        module for module in _packages(root) if rooms.room_of(module) == "realm_tf.cli"
    )
    code = "\n".join(
        [f"import {module}" for module in modules]
        + [
            "import sys",
            "sys.exit('tensorflow was imported' if 'tensorflow' in sys.modules else 0)",
        ]
    )
    env = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=False
    )


def test_imports_follow_the_rooms():
    faults = list(_import_faults(ROOT))
    assert not faults, "\n".join(faults)


def test_every_room_is_there():
    modules = source_tree.read(ROOT)
    missing = [room for room in rooms.ROOMS if room not in modules]
    assert not missing, f"tools/rooms.py names rooms that are not there: {missing}"


def test_root_of_the_package_stays_small():
    names = {path.name for path in (ROOT / "realm_tf").iterdir() if path.is_file()}
    assert names == ROOT_FILES


def test_files_have_their_shape():
    faults = list(_shape_faults(ROOT))
    assert not faults, "\n".join(faults)


def test_command_line_imports_no_tensorflow():
    done = _import_without_tensorflow(ROOT)
    assert done.returncode == 0, done.stderr


def _write(root: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    """Writes files, and a good __init__.py wherever one is missing."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        for folder in list(path.relative_to(root).parents)[:-1]:
            init = root / folder / "__init__.py"
            if not init.exists():
                init.write_text(f'{HEADER}"""A package."""\n', encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("importer", "statement", "imported"),
    [
        ("realm_tf/version.py", "from realm_tf import types", "realm_tf/types.py"),
        ("realm_tf/types.py", "from realm_tf.text import dates", "realm_tf/text/dates.py"),
        ("realm_tf/artifacts/a.py", "from realm_tf.config import b", "realm_tf/config/b.py"),
        ("realm_tf/config/a.py", "from realm_tf.text import b", "realm_tf/text/b.py"),
        ("realm_tf/text/dates.py", "import realm_tf.data.blocks.b", "realm_tf/data/blocks/b.py"),
        ("realm_tf/data/a.py", "from realm_tf import models", "realm_tf/models/ict.py"),
        (
            "realm_tf/data/blocks/a.py",
            "from realm_tf.evaluation import b",
            "realm_tf/evaluation/b.py",
        ),
        ("realm_tf/models/a.py", "from realm_tf.retrieval import b", "realm_tf/retrieval/b.py"),
        ("realm_tf/models/a.py", "from realm_tf.evaluation import b", "realm_tf/evaluation/b.py"),
        ("realm_tf/retrieval/a.py", "from realm_tf.models import b", "realm_tf/models/b.py"),
        (
            "realm_tf/retrieval/a.py",
            "from realm_tf.evaluation import b",
            "realm_tf/evaluation/b.py",
        ),
        (
            "realm_tf/evaluation/a.py",
            "from realm_tf.training.run import b",
            "realm_tf/training/run/b.py",
        ),
        ("realm_tf/evaluation/a.py", "from realm_tf.models import b", "realm_tf/models/b.py"),
        ("realm_tf/training/a.py", "from realm_tf.commands import b", "realm_tf/commands/b.py"),
        ("realm_tf/training/a.py", "from beam_jobs import b", "beam_jobs/b.py"),
        ("realm_tf/training/a.py", "def f():\n    import serving.b", "serving/b.py"),
        ("realm_tf/training/a.py", "f = load('beam_jobs.b')", "beam_jobs/b.py"),
        ("beam_jobs/a.py", "from realm_tf.training import b", "realm_tf/training/b.py"),
        ("beam_jobs/a.py", "from realm_tf.commands import b", "realm_tf/commands/b.py"),
        ("beam_jobs/engine/a.py", "from serving import b", "serving/b.py"),
        ("serving/a.py", "from beam_jobs.engine import b", "beam_jobs/engine/b.py"),
        ("serving/a.py", "from realm_tf.cli import b", "realm_tf/cli/b.py"),
        ("realm_tf/commands/a.py", "from realm_tf.cli import b", "realm_tf/cli/b.py"),
        ("realm_tf/cli/a.py", "def f():\n    import realm_tf.data.b", "realm_tf/data/b.py"),
        ("realm_tf/cli/a.py", "from realm_tf.training import b", "realm_tf/training/b.py"),
        ("realm_tf/cli/a.py", "from serving import export", "serving/export.py"),
        ("realm_tf/__main__.py", "from realm_tf.commands import b", "realm_tf/commands/b.py"),
        ("realm_tf/data/a.py", "from . import b", "realm_tf/data/b.py"),
        ("realm_tf/data/a.py", "from tests import b", "tests/b.py"),
        ("realm_tf/data/a.py", "from tools import b", "tools/b.py"),
        ("beam_jobs/a.py", "import benchmarks.b", "beam_jobs/b.py"),
        ("realm_tf/helpers.py", "import os", "realm_tf/types.py"),
    ],
)
def test_wrong_import_is_found(tmp_path, importer, statement, imported):
    _write(tmp_path, {imported: "", importer: statement + "\n"})
    faults = list(_import_faults(tmp_path))
    assert len(faults) == 1
    assert faults[0].startswith(importer)


@pytest.mark.parametrize(
    ("importer", "statement", "imported"),
    [
        ("realm_tf/artifacts/a.py", "from realm_tf import __version__, types", "realm_tf/types.py"),
        ("realm_tf/__init__.py", "from realm_tf.version import b", "realm_tf/version.py"),
        ("realm_tf/text/a.py", "from realm_tf.config import b", "realm_tf/config/b.py"),
        (
            "realm_tf/data/blocks/a.py",
            "from realm_tf.data.corpus import b",
            "realm_tf/data/corpus/b.py",
        ),
        ("realm_tf/models/a.py", "from realm_tf.data.blocks import b", "realm_tf/data/blocks/b.py"),
        ("realm_tf/evaluation/a.py", "from realm_tf.retrieval import b", "realm_tf/retrieval/b.py"),
        ("realm_tf/training/run/a.py", "from realm_tf.models import b", "realm_tf/models/b.py"),
        ("realm_tf/training/a.py", "from realm_tf.evaluation import b", "realm_tf/evaluation/b.py"),
        ("beam_jobs/engine/a.py", "from realm_tf.models import b", "realm_tf/models/b.py"),
        ("serving/a.py", "from realm_tf.retrieval import b", "realm_tf/retrieval/b.py"),
        (
            "realm_tf/commands/a.py",
            "from realm_tf.training.run import b",
            "realm_tf/training/run/b.py",
        ),
        ("realm_tf/commands/a.py", "from beam_jobs import b", "beam_jobs/b.py"),
        ("realm_tf/cli/a.py", "from realm_tf.commands import b", "realm_tf/commands/b.py"),
        ("realm_tf/cli/a.py", "def f():\n    from serving import client", "serving/client.py"),
        ("realm_tf/__main__.py", "from realm_tf.cli import main", "realm_tf/cli/main.py"),
    ],
)
def test_right_import_is_accepted(tmp_path, importer, statement, imported):
    _write(tmp_path, {imported: "", importer: statement + "\n"})
    assert not list(_import_faults(tmp_path))


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("realm_tf/data/a.py", '"""No header."""\n', "licence header"),
        ("tests/a_test.py", HEADER + "x = 1\n", "module docstring"),
        ("realm_tf/data/a.py", HEADER + '"""Long."""\n' + "\n" * MAX_LINES, "lines, more than"),
        ("serving/__init__.py", HEADER + '"""Doc."""\nif True:\n    x = 1\n', "re-export"),
        ("realm_tf/__init__.py", HEADER + '"""Doc."""\ndef f(): pass\n', "re-export"),
    ],
)
def test_wrong_shape_is_found(tmp_path, name, text, fault):
    faults = list(_shape_faults(_write(tmp_path, {name: text})))
    assert len(faults) == 1
    assert fault in faults[0]


def test_folder_without_init_is_found(tmp_path):
    _write(tmp_path, {"realm_tf/data/a.py": HEADER + '"""Doc."""\n'})
    (tmp_path / "realm_tf/data/__init__.py").unlink()
    assert "without __init__.py" in "".join(_shape_faults(tmp_path))


def test_tensorflow_behind_the_command_line_is_found(tmp_path):
    files = {"realm_tf/cli/a.py": "from realm_tf.commands import b\n"}
    files |= {"realm_tf/commands/b.py": "import tensorflow\n"}
    _write(tmp_path, {**files, "tensorflow/__init__.py": ""})  # An empty one shows it as well.
    assert "tensorflow was imported" in _import_without_tensorflow(tmp_path).stderr
