# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm documents`, from the first change to the proof that nothing is left."""

import json
import pathlib

import click.testing
import pytest

from realm_tf.cli import main
from tests.beam_jobs import changing_documents, documents

record = changing_documents.record


def _invoke(*args: object) -> click.testing.Result:
    result = click.testing.CliRunner().invoke(main.main, [str(arg) for arg in args])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _json(*args: object) -> dict:
    result = _invoke("documents", *args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def _refusal(*args: object) -> str:
    result = _invoke("documents", *args)
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    return changing_documents.publish(root, [record(n) for n in range(6)])


def test_every_change_and_the_proof_of_a_deletion(published, tmp_path):
    rule = ("--set", "retrieval.max_delta_fraction=1000")
    there = ("--snapshots", published.directory, *rule)
    new = documents.write(tmp_path / "new.jsonl", [record(50), record(51)])
    planned = _json("add", new, *there, "--dry-run")
    assert planned["documents_added"] == 2
    assert [h["revision"] for h in _history(there)] == [0]
    made = _json("add", new, *there)
    assert made["snapshot"] == "step 5, revision 1"
    assert "'doc-50' and 1 more: the snapshot has a document" in _refusal("add", new, *there)
    changed = documents.write(tmp_path / "changed.jsonl", [record(50, "It was a river.")])
    assert _json("update", changed, *there)["documents_replaced"] == 1
    assert "doc-99" in _refusal("delete", "doc-99", *there)
    told = _invoke("documents", "delete", "doc-51", "doc-99", "--missing-ok", *there).stdout
    assert "documents deleted    1" in told
    listed = [json.loads(line) for line in _lines("list", *there, "--json")]
    assert {found["doc_id"] for found in listed} == {f"doc-{n}" for n in (*range(6), 50)}
    assert "doc-50\t" in "\n".join(_lines("list", *there))
    assert [h.get("operation") for h in _history(there)] == [None, "add", "update", "delete"]
    _inspects(published.directory)
    found = _invoke("documents", "verify-deleted", "doc-51", *there)
    assert found.exit_code == 1
    assert ".arrow: text" in found.stdout
    removed = _json("compact", "--purge", *there)["removed"]
    assert any("blocks-" in path for path in removed)
    (published.root / "segments" / "corpus.jsonl").unlink()
    clean = _invoke("documents", "verify-deleted", "doc-51", *there)
    assert clean.exit_code == 0, clean.stdout
    assert clean.stdout.endswith("nothing is left.\n")
    (tmp_path / "copy.txt").write_text(record(51)["text"])
    below = ("--below", tmp_path / "copy.txt")
    assert _invoke("documents", "verify-deleted", "doc-51", *there, *below).exit_code == 1


def _lines(*args: object) -> list[str]:
    return _invoke("documents", *args).stdout.splitlines()


def _history(there) -> list[dict]:
    assert _lines("history", *there)
    return [json.loads(line) for line in _lines("history", *there, "--json")]


def _inspects(directory: str) -> None:
    newest = pathlib.Path(directory) / "step-000000005-r0003.json"
    told = _invoke("inspect", newest).stdout
    assert told.startswith("snapshot of step 5, revision 3, made ")
    facts = json.loads(_invoke("inspect", newest, "--json").stdout)
    counts = facts["counts"]
    assert counts["blocks"] == counts["base"] + counts["added"] - counts["deleted"]
    assert counts["deleted"] > 0
    assert len(facts["deltas"]) == 2
    assert facts["bytes"].keys() >= {"blocks", "vectors", "tombstones", "deletions"}


def test_what_is_asked_of_nothing_is_refused(tmp_path):
    assert "Give either --workdir" in _refusal("list")
    assert "holds no run" in _refusal("list", "--workdir", tmp_path)
    assert "holds no whole snapshot" in _refusal("history", "--snapshots", tmp_path)
    assert "No such directory" in _refusal("list", "--snapshots", tmp_path / "nowhere")
    assert "No file matches" in _refusal("add", tmp_path / "a.jsonl", "--snapshots", tmp_path)
