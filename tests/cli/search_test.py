# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm search` over snapshots, with and without filters."""

import json

import click.testing
import pytest

from realm_tf.cli import main
from tests.beam_jobs import changing_documents

record = changing_documents.record
QUESTION = "the city of Chicago in 1014"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    records = [record(n, year=2000 + n, lang=("en", "de")[n % 2]) for n in range(8)]
    root = tmp_path_factory.mktemp("published")
    system = changing_documents.publish(root, [*records, record(8)], index="ivf", recall_floor=0.5)
    system.change("add", [record(9, year=2009, lang="fr", updated="2024-05-31", note="Ohrid")])
    system.change("delete", ["doc-1"])
    return system


def _invoke(*args: object) -> click.testing.Result:
    result = click.testing.CliRunner().invoke(main.main, ["search", *map(str, args)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _found(*args: object) -> list[dict]:
    result = _invoke(*args, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def _refusal(*args: object) -> str:
    result = _invoke(*args)
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[-1]


def test_search_under_a_filter(system):
    (plain,) = _found(system.directory, QUESTION, "--k", "1000")
    assert plain["question"] == QUESTION
    assert plain["snapshot"] == "step 5, revision 2"
    documents = {block["doc_id"] for block in plain["blocks"]}
    assert documents == {f"doc-{n}" for n in range(10) if n != 1}
    scores = [block["retrieval_score"] for block in plain["blocks"]]
    assert scores == sorted(scores, reverse=True)
    (found,) = _found(
        system.directory, QUESTION, "--k", "3", "--filter", "year>=2005", "--filter", "lang=de,fr"
    )
    allowed = [block for block in plain["blocks"] if block["doc_id"] in ("doc-5", "doc-7", "doc-9")]
    assert [block["block_id"] for block in found["blocks"]] == [
        block["block_id"] for block in allowed[:3]
    ]
    (block, *_) = _found(system.directory, "war", "--filter", "updated=2024-05-31")[0]["blocks"]
    assert block["metadata"] == {
        "lang": "fr", "note": "Ohrid", "updated": "2024-05-31", "year": 2009,
    }  # fmt: skip
    assert block["block_text"] in record(9)["text"]


def test_a_snapshot_of_before(system):
    path = f"{system.directory}/step-000000005.json"
    first, second = _found(path, "war", "Chicago", "--k", "100", "--vocab", system.vocab)
    assert first["snapshot"] == second["snapshot"] == "step 5"
    for found in (first, second):
        assert {b["doc_id"] for b in found["blocks"]} == {f"doc-{n}" for n in range(9)}


def test_for_people(system):
    told = _invoke(system.directory, QUESTION, "--k", "1", "--filter", "year=2009").stdout
    lines = told.splitlines()
    assert lines[0] == QUESTION
    assert lines[1].startswith("   1. City 9 [doc-9]  score ")
    assert lines[1].endswith("(lang: fr, note: Ohrid, updated: 2024-05-31, year: 2009)")
    assert lines[2].strip() in record(9)["text"]
    nobody = _invoke(system.directory, QUESTION, "--filter", "year<1000").stdout
    assert nobody.splitlines() == [QUESTION, "   No document meets the filter."]


def test_refusals(system, tmp_path):
    there = (system.directory, QUESTION, "--filter")
    assert "There are: lang (string), updated (date), year (number)" in _refusal(*there, "yaer=1")
    assert "it must be a number. Received: 'soon'" in _refusal(*there, "year=soon")
    assert "A filter must be a field" in _refusal(*there, "year")
    assert "No such directory" in _refusal("/nowhere", QUESTION)
    assert "holds no whole snapshot" in _refusal(tmp_path, QUESTION)
    assert "No such snapshot" in _refusal(f"{system.directory}/step-000000007.json", QUESTION)


def test_inspect_tells_the_fields(system):
    path = f"{system.directory}/step-000000005-r0002.json"
    told = click.testing.CliRunner().invoke(main.main, ["inspect", path]).stdout
    assert "  filters      lang (string), updated (date), year (number)\n" in told
