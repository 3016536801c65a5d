# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The BUILD files say what the files import, and let nobody see what he may not import."""

import pathlib
import re

import pytest

from tests import bazel_workspace
from tools import build_files, data_files, source_tree


def _tree(root: pathlib.Path, files: dict[str, str]) -> build_files.Tree:
    requirements = {"requirements.in": "tensorflow==2.20.0\npyyaml\n", "requirements-dev.in": ""}
    root_files = dict.fromkeys(build_files.ROOT_FILES, "")
    for name, content in {**requirements, **root_files, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return build_files.Tree(root)


def _workspace(root: pathlib.Path, files: dict[str, str]) -> bazel_workspace.Workspace:
    return bazel_workspace.Workspace(root, _tree(root, files).texts())


def _target(tree: build_files.Tree, label: str) -> str:
    folder, _, name = label.removeprefix("//").partition(":")
    (found,) = [text for text in tree.targets(folder) if f'    name = "{name}",' in text]
    return found


def _deps(target: str) -> list[str]:
    body = re.search(r"deps = \[(.*?)\],", target, re.DOTALL)
    return re.findall(r'"[^"(]*:[^"]+"|requirement\("[^"]+"\)', body.group(1)) if body else []


@pytest.fixture(scope="module")
def ours() -> bazel_workspace.Workspace:
    """The BUILD files on disk."""
    paths = source_tree.build_files(build_files.ROOT)
    texts = {path: (build_files.ROOT / path).read_text(encoding="utf-8") for path in paths}
    return bazel_workspace.Workspace(build_files.ROOT, texts)


def test_build_files_are_up_to_date():
    root = build_files.ROOT
    texts = build_files.Tree(root).texts()
    assert sorted(texts) == source_tree.build_files(root), "Run `make build-files`."
    stale = [p for p, text in texts.items() if (root / p).read_text(encoding="utf-8") != text]
    assert not stale, f"Run `make build-files`. Not up to date: {stale}."


def test_every_folder_of_code_has_one():
    folders = data_files.code_folders(build_files.ROOT)
    expected = {"BUILD", *(f"{folder}/BUILD" for folder in folders)}
    assert expected == set(source_tree.build_files(build_files.ROOT))


def test_labels_are_there_and_visible(ours):
    faults = list(ours.faults())
    assert not faults, "\n".join(faults)


def test_every_file_has_a_target(ours):
    sources = {label for target in ours.targets.values() for label in target.labels.get("srcs", [])}
    files = source_tree.read(build_files.ROOT).values()
    expected = {"//{}:{}".format(*file.path.rsplit("/", 1)) for file in files}
    assert expected == {label for label in sources if label.endswith(".py")}


def test_other_workspaces_see_the_command_and_the_library(ours):
    rules = {
        name: target for name, target in ours.targets.items() if target.kind != "exports_files"
    }
    public = {n for n, target in rules.items() if "//visibility:public" in target.visibility}
    assert public == {"//:library", "//:realm"}
    assert "//realm_tf/models:realm" in ours.targets["//:library"].labels["deps"]


@pytest.mark.parametrize(
    ("importer", "statement", "imported"),
    [
        ("realm_tf/text/a.py", "from realm_tf.data import b", "//realm_tf/data:b"),
        ("realm_tf/models/a.py", "from realm_tf.retrieval import b", "//realm_tf/retrieval:b"),
        ("realm_tf/data/blocks/a.py", "from realm_tf.models import b", "//realm_tf/models:b"),
        ("realm_tf/training/run/a.py", "from beam_jobs.engine import b", "//beam_jobs/engine:b"),
        ("beam_jobs/a.py", "from serving import b", "//serving:b"),
        ("realm_tf/commands/a.py", "from realm_tf.cli import b", "//realm_tf/cli:b"),
        ("realm_tf/cli/a.py", "from realm_tf.training import b", "//realm_tf/training:b"),
        ("realm_tf/cli/a.py", "from serving import b", "//serving:b"),
        ("realm_tf/config/a.py", "from tools import b", "//tools:b"),
        ("serving/a.py", "from tests import b", "//tests:b"),
        ("tools/a.py", "from realm_tf.text import b", "//realm_tf/text:b"),
    ],
)
def test_forbidden_import_is_refused(tmp_path, importer, statement, imported):
    path = imported.removeprefix("//").replace(":", "/") + ".py"
    workspace = _workspace(tmp_path, {importer: statement + "\n", path: ""})
    label = "//{}:{}".format(*importer.removesuffix(".py").rsplit("/", 1))
    assert list(workspace.faults()) == [f"{label} names {imported}, which it may not see."]


@pytest.mark.parametrize(
    ("importer", "statement", "imported"),
    [
        ("realm_tf/data/a.py", "from realm_tf.text import b", "realm_tf/text/b.py"),
        (
            "realm_tf/data/blocks/a.py",
            "from realm_tf.data.corpus import b",
            "realm_tf/data/corpus/b.py",
        ),
        ("realm_tf/evaluation/a.py", "from realm_tf.retrieval import b", "realm_tf/retrieval/b.py"),
        ("realm_tf/commands/a.py", "from beam_jobs.engine import b", "beam_jobs/engine/b.py"),
        ("realm_tf/cli/a.py", "from serving import client", "serving/client.py"),
        ("beam_jobs/engine/a.py", "from realm_tf import types", "realm_tf/types.py"),
        ("tests/data/a_test.py", "from realm_tf.cli import b", "realm_tf/cli/b.py"),
        ("tests/a_test.py", "from tools import b", "tools/b.py"),
    ],
)
def test_permitted_import_is_seen(tmp_path, importer, statement, imported):
    files = {importer: statement + "\n", imported: "", "tests/pytest_main.py": ""}
    assert not list(_workspace(tmp_path, files).faults())


def test_deps_are_the_imports(tmp_path):
    source = "import os\nimport yaml\nfrom realm_tf.data import a, missing_name\n"
    source += "import tensorflow as tf\ndef f():\n    from realm_tf.text import b\n"
    files = {"realm_tf/data/c.py": source, "realm_tf/data/a.py": "", "realm_tf/text/b.py": ""}
    tree = _tree(tmp_path, {**files, "realm_tf/__init__.py": ""})
    assert _deps(_target(tree, "//realm_tf/data:c")) == [
        '":a"',
        '"//realm_tf:__init__"',
        '"//realm_tf/text:b"',
        'requirement("pyyaml")',
        'requirement("tensorflow")',
    ]
    assert _deps(_target(tree, "//realm_tf/data:a")) == ['"//realm_tf:__init__"']


def test_module_named_in_a_string_is_a_dep(tmp_path):
    files = {"realm_tf/commands/a.py": "LAZY = {'vocab': 'realm_tf.text.vocab:run'}\n"}
    tree = _tree(tmp_path, {**files, "realm_tf/text/vocab.py": ""})
    assert _deps(_target(tree, "//realm_tf/commands:a")) == ['"//realm_tf/text:vocab"']


def test_init_that_re_exports_makes_no_circle(tmp_path):
    files = {
        "realm_tf/__init__.py": "",
        "realm_tf/text/__init__.py": "from realm_tf.text.dates import parse\n",
        "realm_tf/text/dates.py": "",
        "realm_tf/text/other.py": "",
    }
    tree = _tree(tmp_path, files)
    assert _deps(_target(tree, "//realm_tf/text:dates")) == ['"//realm_tf:__init__"']
    assert _deps(_target(tree, "//realm_tf/text:other")) == ['":__init__"']
    assert '":dates"' in _deps(_target(tree, "//realm_tf/text:__init__"))


def test_circle_is_refused(tmp_path):
    files = {
        "realm_tf/data/blocks/a.py": "from realm_tf.data.corpus import b\n",
        "realm_tf/data/corpus/b.py": "def f():\n    from realm_tf.data.blocks import a\n",
    }
    match = r"circle: \['realm_tf.data.blocks.a', 'realm_tf.data.corpus.b'\]"
    with pytest.raises(ValueError, match=match):
        _tree(tmp_path, files)


def test_file_in_no_room_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"realm_tf\.helpers is in no room.*tools/rooms\.py"):
        _tree(tmp_path, {"realm_tf/helpers.py": ""}).texts()


def test_undeclared_distribution_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"realm_tf/data/a.py:2 imports torch.*make lock"):
        _tree(tmp_path, {"realm_tf/data/a.py": "\nimport torch.nn\n"}).texts()


def test_data_goes_to_the_file_that_names_it(tmp_path):
    files = {
        "realm_tf/data/sample/facts/city.tsv": "name\n",
        "realm_tf/data/sample/facts.py": "FOLDER = 'facts'\n",
        "realm_tf/data/sample/other.py": "",
        "realm_tf/data/elsewhere.py": "FACTS = 'facts'\n",
    }
    tree = _tree(tmp_path, files)
    holders = [
        target
        for folder in ("realm_tf/data", "realm_tf/data/sample")
        for target in tree.targets(folder)
        if "    data = " in target
    ]
    assert holders == [_target(tree, "//realm_tf/data/sample:facts")]
    assert 'data = [":facts_files"]' in holders[0]
    assert 'glob(["facts/**"])' in _target(tree, "//realm_tf/data/sample:facts_files")


def test_test_gets_data_of_other_folders(tmp_path):
    files = {
        "realm_tf/data/sample/__init__.py": "",
        "realm_tf/data/sample/corpus.jsonl": "{}\n",
        "benchmarks/labels/dates.jsonl": "{}\n",
        "tests/a_test.py": "A = 'realm_tf/data/sample/corpus.jsonl'\nB = 'benchmarks/labels'\n",
        "tests/pytest_main.py": "",
    }
    tree = _tree(tmp_path, files)
    target = _target(tree, "//tests:a_test")
    assert '"//realm_tf/data/sample:corpus.jsonl"' in target
    assert '"//:benchmarks_files"' in target
    assert not list(bazel_workspace.Workspace(tmp_path, tree.texts()).faults())


def test_test_runs_under_pytest_with_its_conftests(tmp_path):
    files = {
        "tests/conftest.py": "",
        "tests/pytest_main.py": "",
        "tests/text/dates_test.py": "import pytest\n@pytest.mark.slow\ndef test_it(): pass\n",
        "requirements-dev.in": "pytest\n",
    }
    target = _target(_tree(tmp_path, files), "//tests/text:dates_test")
    assert target.startswith("py_test(")
    assert 'size = "enormous"' in target
    assert 'main = "//tests:pytest_main.py"' in target
    assert 'args = ["$(rootpath dates_test.py)"]' in target
    assert '"//tests:conftest"' in _deps(target)
    assert '"//tests:pytest_main"' in _deps(target)


def test_command_has_a_binary(tmp_path):
    files = {"realm_tf/__main__.py": "from realm_tf.cli import main\n", "realm_tf/cli/main.py": ""}
    tree = _tree(tmp_path, files)
    target = _target(tree, "//realm_tf:realm")
    assert target.startswith("py_binary(")
    assert _deps(target) == ['"//realm_tf/cli:main"']
    assert 'actual = "//realm_tf:realm"' in tree.texts()["BUILD"]


def test_writing_says_what_changed_and_leaves_nothing_behind(tmp_path):
    _tree(tmp_path, {"realm_tf/data/a.py": "", "realm_tf/data/blocks/b.py": ""})
    assert build_files.write(tmp_path) == [
        "BUILD",
        "realm_tf/BUILD",
        "realm_tf/data/BUILD",
        "realm_tf/data/blocks/BUILD",
    ]
    assert build_files.write(tmp_path) == []
    (tmp_path / "realm_tf/data/blocks/b.py").unlink()
    assert build_files.write(tmp_path) == ["BUILD", "realm_tf/data/blocks/BUILD"]
    assert not (tmp_path / "realm_tf/data/blocks/BUILD").exists()
