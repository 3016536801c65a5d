# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BUILD says what the files import, and its maker is right about what they import."""

import pathlib
import re

import pytest

from tests import build_file


def _tree(root: pathlib.Path, files: dict[str, str]) -> build_file.Tree:
    requirements = {"requirements.in": "tensorflow==2.20.0\npyyaml\n", "requirements-dev.in": ""}
    for name, content in {**requirements, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return build_file.Tree(root)


def _deps(target: str) -> list[str]:
    body = re.search(r"deps = \[(.*?)\],", target, re.DOTALL)
    return re.findall(r'":[^"]+"|requirement\("[^"]+"\)', body.group(1)) if body else []


def test_build_is_up_to_date():
    written = (build_file.ROOT / "BUILD").read_text(encoding="utf-8")
    targets = build_file.Tree(build_file.ROOT).targets()
    missing = [text for text in targets.values() if f"\n{text}\n" not in written]
    assert not missing, "Run `make build-file`. BUILD should hold:\n\n" + "\n\n".join(missing)
    assert written == build_file.text(build_file.ROOT), "Run `make build-file`: BUILD holds more."


def test_deps_are_the_imports(tmp_path):
    source = (
        "import os\nimport yaml\nfrom realm_tf import a, missing_name\nimport tensorflow as tf\n"
    )
    source += "def f():\n    from realm_tf.sub import b\n"
    files = {"realm_tf/c.py": source, "realm_tf/a.py": "", "realm_tf/sub/b.py": ""}
    targets = _tree(tmp_path, {**files, "realm_tf/__init__.py": ""}).targets()
    assert _deps(targets["realm_tf/c"]) == [
        '":realm_tf/__init__"',
        '":realm_tf/a"',
        '":realm_tf/sub/b"',
        'requirement("pyyaml")',
        'requirement("tensorflow")',
    ]
    assert _deps(targets["realm_tf/a"]) == ['":realm_tf/__init__"']


def test_module_named_in_a_string_is_a_dep(tmp_path):
    files = {"realm_tf/cli.py": "LAZY = {'vocab': 'realm_tf.text.vocab:run'}\n"}
    targets = _tree(tmp_path, {**files, "realm_tf/text/vocab.py": ""}).targets()
    assert _deps(targets["realm_tf/cli"]) == ['":realm_tf/text/vocab"']


def test_init_that_re_exports_makes_no_circle(tmp_path):
    files = {
        "realm_tf/__init__.py": "",
        "realm_tf/text/__init__.py": "from realm_tf.text.dates import parse\n",
        "realm_tf/text/dates.py": "",
        "realm_tf/text/other.py": "",
    }
    targets = _tree(tmp_path, files).targets()
    assert _deps(targets["realm_tf/text/dates"]) == ['":realm_tf/__init__"']
    assert _deps(targets["realm_tf/text/other"]) == ['":realm_tf/text/__init__"']
    assert '":realm_tf/text/dates"' in _deps(targets["realm_tf/text/__init__"])


def test_circle_is_refused(tmp_path):
    files = {
        "realm_tf/a.py": "from realm_tf import b\n",
        "realm_tf/b.py": "def f():\n    from realm_tf import a\n",
    }
    with pytest.raises(ValueError, match=r"circle: \['realm_tf.a', 'realm_tf.b'\]"):
        _tree(tmp_path, files)


def test_undeclared_distribution_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"realm_tf/a.py:2 imports torch.*make lock"):
        _tree(tmp_path, {"realm_tf/a.py": "\nimport torch.nn\n"}).targets()


def test_data_goes_to_the_file_that_names_it(tmp_path):
    files = {
        "realm_tf/data/sample/facts/city.tsv": "name\n",
        "realm_tf/data/sample/facts.py": "FOLDER = 'facts'\n",
        "realm_tf/data/sample/other.py": "",
        "realm_tf/elsewhere.py": "FACTS = 'facts'\n",
    }
    targets = _tree(tmp_path, files).targets()
    label = 'data = [":realm_tf/data/sample/facts_files"]'
    holders = [name for name, text in targets.items() if label in text]
    assert holders == ["realm_tf/data/sample/facts"]
    assert 'glob(["realm_tf/data/sample/facts/**"])' in targets["realm_tf/data/sample/facts_files"]


def test_test_runs_under_pytest_with_its_conftests(tmp_path):
    files = {
        "tests/conftest.py": "",
        "tests/pytest_main.py": "",
        "tests/text/dates_test.py": "import pytest\n@pytest.mark.slow\ndef test_it(): pass\n",
        "requirements-dev.in": "pytest\n",
    }
    target = _tree(tmp_path, files).targets()["tests/text/dates_test"]
    assert target.startswith("py_test(")
    assert 'size = "enormous"' in target
    assert '":tests/conftest"' in _deps(target)
    assert '":tests/pytest_main"' in _deps(target)


def test_command_has_a_binary(tmp_path):
    files = {"realm_tf/__main__.py": "from realm_tf import cli\n", "realm_tf/cli.py": ""}
    target = _tree(tmp_path, files).targets()["realm"]
    assert target.startswith("py_binary(")
    assert _deps(target) == ['":realm_tf/cli"']
