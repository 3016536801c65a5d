# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""An export behind both protocols, asked by every client: the answers are the same."""

import json
import pathlib
import re
import shlex
import shutil
import subprocess
import time

import click.testing
import pytest

from realm_tf import types
from realm_tf.cli import main
from serving import client, replies
from serving.remote import connect, endpoint, smoke
from tests.serving import tiny_system
from tests.serving.server import live

DOCUMENT = pathlib.Path(__file__).parents[3] / "docs" / "serving.md"
SCORES = ("score", "probability", "retrieval_score", "reader_score")
QUESTIONS = ["Where is Lake Ohrid?", "", "Où est l'été à Zürich, 東京?", "a day in rome"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Directory of an export."""
    return tiny_system.export_of(str(tmp_path_factory.mktemp("export")))


@pytest.fixture(scope="module")
def server(exported):
    with live.serve(exported) as running:
        yield running


@pytest.fixture(scope="module")
def urls(server):
    return [server.addresses.rest, f"grpc://{server.addresses.grpc}"]


def _run(*args, stdin=None):
    return click.testing.CliRunner().invoke(main.main, [str(a) for a in args], input=stdin)


def test_every_client_has_the_same_answers(exported, urls):
    local = client.ask(exported, QUESTIONS)
    for url in urls:
        with connect.connect(url) as target:
            replies = target.ask(QUESTIONS, batch_size=3)
        assert [reply.question for reply in replies] == QUESTIONS
        for reply, expected in zip(replies, local, strict=True):
            assert len(reply.answers) == len(expected)
            assert expected or not reply.question  # nothing is asked by an empty one
            for one, other in zip(reply.answers, expected, strict=True):
                for name in SCORES:
                    score = getattr(other, name)
                    assert getattr(one, name) == pytest.approx(score, abs=1e-5), name
                rest = dict.fromkeys(SCORES)
                assert vars(one) | rest == vars(other) | rest


def test_versions_and_signatures(urls):
    for url in urls:
        with connect.connect(url) as target:
            assert target.versions() == {1: "AVAILABLE"}
            found = target.signatures()
            assert found["serving_default"] == ["question"]
            assert "retrieve" in found


def test_refusals_are_the_users_errors(urls):
    for url in urls:
        other = connect.connect(url, endpoint.Options(model="other"))
        with other as target, pytest.raises(types.UserError, match="'other' is not served here"):
            target.ask(["where?"])
        with connect.connect(url) as target:
            with pytest.raises(types.UserError, match=r"must hold strings|must be string"):
                target.predict({"question": [3]})
            with pytest.raises(types.UserError, match="Received: shape"):
                target.predict({"question": "a scalar"})
            with pytest.raises(types.UserError, match="Question 1 is not UTF-8"):
                target.ask(["\ud800"])
            assert target.ask(["where?"])


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "grpc://127.0.0.1:9"])
def test_unreachable_server(url):
    nowhere = connect.connect(url, endpoint.Options(retries=0))
    with nowhere as target, pytest.raises(types.UserError, match=r"be reached|does not answer"):
        target.versions()


def test_wrong_address():
    with pytest.raises(types.UserError, match="begins with http://"):
        connect.connect("ftp://somewhere").__enter__()


class _Busy(endpoint.Endpoint):
    """Is overloaded a few times."""

    def __init__(self, times, **options):
        super().__init__(endpoint.Options(**options))
        self.left = times

    def predict(self, inputs, signature=""):
        self.left -= 1
        if self.left >= 0:
            raise endpoint.OverloadedError("busy", 0.25)
        return {name: [[""]] for name in replies.NEEDED}

    versions = signatures = close = None


def test_overloaded_server_is_asked_again(monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    (reply,) = _Busy(2).ask(["where?"])
    assert (reply.answers, waited) == ((), [0.25, 0.25])
    with pytest.raises(endpoint.OverloadedError):
        _Busy(2, retries=1).ask(["where?"])


def test_smoke_test_succeeds(urls):
    for url in urls:
        with connect.connect(url) as target:
            checks = list(smoke.check(target))
        assert [check for check in checks if check.fault] == []
        assert "a filter by a field that is not there is refused" in {c.name for c in checks}
        told = _run("serve", "--check", url)
        assert told.exit_code == 0
        assert {line[:2] for line in told.stdout.splitlines()} == {"ok"}


def test_smoke_test_finds_faults(urls):
    told = _run("serve", "--check", urls[0], "--name", "other", "--json")
    (line,) = told.stdout.splitlines()
    assert "not served here" in json.loads(line)["fault"]
    assert told.exit_code == 1


@pytest.mark.skipif(shutil.which("tensorflow_model_server") is None, reason="no TF Serving here")
def test_smoke_test_of_tf_serving(exported):
    ports = ("--port=8590", "--rest_api_port=8591")
    model = ("--model_name=realm", f"--model_base_path={exported}")
    with subprocess.Popen(["tensorflow_model_server", *ports, *model]) as process:
        try:
            for url in ("grpc://127.0.0.1:8590", "http://127.0.0.1:8591"):
                with connect.connect(url) as target:
                    _wait(target)
                    assert [check for check in smoke.check(target) if check.fault] == []
        finally:
            process.terminate()


def _wait(target):
    for _ in range(120):
        try:
            if "AVAILABLE" in target.versions().values():
                return
        except types.UserError:
            time.sleep(0.5)


def test_questions_come_from_a_pipe(exported, urls):
    expected = [answers[0] for answers in client.ask(exported, ["who?", "Été?"])]
    for model in (exported, f"{exported}/1", *urls):
        told = _run("ask", "--model", model, "--json", stdin="who?\n\n  Été?  ")
        assert told.exit_code == 0, told.stderr
        found = [json.loads(line) for line in told.stdout.splitlines()]
        assert [one["question"] for one in found] == ["who?", "Été?"]
        for one, answer in zip(found, expected, strict=True):
            assert len(one["answers"]) == 1
            assert one["answers"][0]["block_id"] == str(answer.block_id)
            assert one["answers"][0]["text"] == answer.text


def test_answers_are_marked_in_their_evidence(exported, urls):
    (best, *_) = client.ask(exported, ["Where is Lake Ohrid?"])[0]
    told = _run("ask", "--model", urls[0], "--answers", 2, "Where is Lake Ohrid?")
    lines = told.stdout.splitlines()
    assert lines[0] == "Where is Lake Ohrid?"
    assert f">>>{best.text}<<<" in told.stdout
    assert told.stdout.count(">>>") == 2


def test_line_that_is_no_utf8(urls):
    told = _run("ask", "--model", urls[0], stdin=b"wh\xff?\n")
    assert told.exit_code == 2
    assert "A line of the input is not UTF-8" in told.stderr


def _curls():
    text = DOCUMENT.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(r"^(curl .*)$", text, re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl_examples_of_the_document(server):
    commands = _curls()
    assert len(commands) >= 4
    for command in commands:
        words = shlex.split(command.replace("http://localhost:8501", server.addresses.rest))
        done = subprocess.run(
            [words[0], "--silent", "--show-error", "--fail-with-body", *words[1:]],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if ":predict" in command:
            (outputs,) = json.loads(done.stdout).values()
            assert outputs
