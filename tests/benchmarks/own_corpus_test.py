# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A corpus of what is installed, on a package and a library of one module each."""

import importlib.metadata
import pathlib
import runpy
import sys
import sysconfig

from realm_tf.data.questions import questions

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"
LONG = " ".join(f"word{number}" for number in range(60))


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_texts_of_packages_and_of_the_library_become_files(tmp_path, monkeypatch):
    site, library = tmp_path / "site", tmp_path / "lib"
    about = (
        "Metadata-Version: 2.1\nName: small\nVersion: 1\nDescription-Content-Type: text/markdown\n"
    )
    _write(site / "small-1.dist-info" / "METADATA", f"{about}\nsmall is described. {LONG}")
    files = ("small/_inside/guide.rst", "small/LICENSE.md", "small/short.md", "small/code.py")
    _write(site / "small-1.dist-info" / "RECORD", "".join(f"{file},,\n" for file in files))
    for file in files:
        _write(site / file, "short" if "short" in file else f"{file} {LONG}")
    _write(library / "tools.py", f'"""Tools. {LONG}"""\ndef use():\n    """Uses them."""\n')
    _write(library / "_private.py", f'"""{LONG}"""\n')
    _write(library / "test" / "tools.py", f'"""{LONG}"""\n')
    package = importlib.metadata.Distribution.at(site / "small-1.dist-info")
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: [package])
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(library))
    monkeypatch.setattr(sys, "argv", ["own_corpus.py", str(tmp_path / "corpus")])
    runpy.run_path(str(BENCHMARKS / "own_corpus.py"), run_name="__main__")
    made = {
        path.relative_to(tmp_path / "corpus").as_posix(): path.read_text()
        for path in (tmp_path / "corpus").rglob("*.*")
    }
    assert made.keys() == {
        *("descriptions/small.md", "files/small._inside.guide.rst", "library/tools.txt")
    }
    assert made["descriptions/small.md"].startswith("small is described.")
    assert made["library/tools.txt"].endswith("\n\nuse\nUses them.")


def test_held_out_questions_are_about_other_texts():
    parts = [
        questions.read(str(BENCHMARKS / "questions" / f"documentation_{part}.jsonl"))
        for part in ("train", "held_out")
    ]
    trained, held_out = ({one.doc_ids for one in part} for part in parts)
    assert [len(part) for part in parts] == [20, 20]
    assert not trained & held_out
