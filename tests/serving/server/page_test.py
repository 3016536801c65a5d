# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page shows what the model says, as text, to people with a keyboard or a phone."""

import html.parser
import json
import pathlib
import re

import pytest
import tensorflow as tf

from serving.server import page
from tests.serving.server import chromium, live

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
needs_chromium = pytest.mark.skipif(chromium.PATH is None, reason="no Chromium here")
_QUESTION = [tf.TensorSpec([None], tf.string, name="question")]


class _Model(tf.Module):
    """Answers "évil" with HTML, "nothing" with a doubt, and any other question with a lake."""

    @tf.function(input_signature=_QUESTION)
    def answer(self, question):
        """The outputs of an export, two places each."""
        evil, rows = tf.equal(question, "évil"), tf.shape(question)[0]
        texts = {
            "answer": ("Ohrid", EVIL),
            "block_text": ("Der See von Ohrid – „schön“ – is old.", f"Été: {EVIL} <b>bold</b>"),
            "title": ("Lakes", EVIL),
            "doc_id": ("d<1>", "d<1>"),
            "block_id": ("18446744073709551615",) * 2,
        }
        found = {
            name: tf.stack([tf.where(evil, two[1], two[0]), tf.fill([rows], last)], axis=1)
            for name, two in texts.items()
            for last in ["" if name == "block_id" else two[0]]
        }
        start = tf.where(evil, 7, 12)
        limit = start + tf.strings.length(found["answer"][:, 0])
        numbers = {"answer_byte_start": start, "answer_byte_limit": limit}
        found |= {name: tf.stack([value, value], axis=1) for name, value in numbers.items()}
        found["score"] = tf.fill([rows, 2], 112.25)
        found["probability"] = tf.fill([rows, 2], 0.734)
        found["no_evidence"] = tf.where(tf.equal(question, "nothing"), 0.91, 0.05)
        return found

    @tf.function(input_signature=[*_QUESTION, tf.TensorSpec([None], tf.string, name="filter")])
    def filtered(self, question, filter):  # noqa: A002  as requests call it
        """As `answer`, with the filter in its text."""
        check = tf.debugging.assert_none_equal(filter, "yaer>1", message="There is no such field.")
        with tf.control_dependencies([check]):
            found = self.answer(question)
        return {**found, "answer": tf.stack([filter, filter], axis=1)}

    @tf.function(input_signature=[*_QUESTION, tf.TensorSpec([None], tf.int32, name="k")])
    def retrieve(self, question, k):
        """Blocks, k of them."""
        shape = [tf.shape(question)[0], tf.reduce_max(k)]
        texts = {"title": EVIL, "block_text": EVIL, "block_id": "7", "doc_id": "d"}
        return {**{n: tf.fill(shape, t) for n, t in texts.items()}, "score": tf.fill(shape, 1.5)}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("model")
    model = _Model()
    signatures = {"serving_default": model.answer, "retrieve": model.retrieve}
    signatures["answer"] = model.filtered
    tf.saved_model.save(model, str(root / "3"), signatures=signatures)
    (root / "3" / "realm_export.json").write_text(
        json.dumps({"snapshot_step": 500, "metadata_fields": {"year": "number", "<b>": "string"}})
    )
    with live.serve(root, page=True) as running:
        yield running


@pytest.fixture(scope="module")
def browser(server):
    with chromium.page() as opened:
        yield opened


class _Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.attributes = []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]


def test_page_is_one_file_under_a_strict_policy(server):
    found = live.call(server, "/")
    assert found.status == 200
    policy = found.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    tags = _Tags()
    tags.feed(found.body)
    outside = [a for a in tags.attributes if a[1] in ("src", "href", "style") or a[1][:2] == "on"]
    assert outside == [("link", "href", "data:,")]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", found.body)


def test_name_of_the_model_is_escaped():
    text = pathlib.Path(page._FILE).read_text(encoding="utf-8")
    assert text.count("MODEL_NAME") == 2


@needs_chromium
def test_answer_is_shown_with_its_evidence(server, browser):
    browser.open(f"{server.addresses.rest}/#q=Where%3F")
    browser.wait("document.querySelector('#blocks li')")
    assert browser.get("document.querySelectorAll('#answers li').length") == 1
    assert browser.get("document.querySelector('#answers .answer').textContent") == "Ohrid"
    assert browser.get("document.querySelector('#answers mark').textContent") == "Ohrid"
    evidence = browser.get("document.querySelector('#answers .evidence').textContent")
    assert evidence == "Der See von Ohrid – „schön“ – is old."
    shown = browser.get("document.body.innerText")
    for text in (
        "probability 73%",
        "score 112.25",
        "Lakes · document d<1> · block 1844674407370955",
    ):
        assert text in shown
    assert re.search(r"1 answer in \d+ ms", shown)
    assert "Model realm, version 3, snapshot of step 500." in shown
    assert browser.get("document.querySelector('#notice').hidden")
    assert browser.get("document.querySelectorAll('#blocks li').length") == 10


@needs_chromium
def test_a_filter_may_be_typed_and_a_wrong_one_is_explained(server, browser):
    browser.open(f"{server.addresses.rest}/?filter#q=Where%3F&filter=year%3E%3D2020")
    browser.wait("document.querySelector('#blocks li')")
    assert browser.get("document.querySelector('#answers .answer').textContent") == "year>=2020"
    fields = browser.get("document.querySelector('#fields').textContent")
    assert fields == "<b> (string), year (number)"
    assert not browser.get("document.querySelector('#narrow').hidden")
    browser.get(
        "document.querySelector('#filter').value = ''; document.querySelector('#filter').focus()"
    )
    browser.type("yaer>1")
    browser.press("Enter")
    browser.wait("!document.querySelector('#notice').hidden")
    assert "There is no such field." in browser.get("document.querySelector('#notice').innerText")
    assert browser.get("location.hash") == "#q=Where%3F&filter=yaer%3E1"


@needs_chromium
def test_html_in_texts_stays_text(server, browser):
    browser.open(f"{server.addresses.rest}/#q=%C3%A9vil")
    browser.wait("document.querySelector('#blocks li')")
    assert browser.get("document.querySelector('#answers mark').textContent") == EVIL
    assert browser.get("document.querySelectorAll('li img, li script, li b').length") == 0
    assert browser.get("document.title") == "Ask realm"
    assert browser.messages == []


@needs_chromium
def test_missing_evidence_is_said_clearly(server, browser):
    browser.open(f"{server.addresses.rest}/#q=nothing")
    browser.wait("document.querySelector('#answers li')")
    notice = browser.get("document.querySelector('#notice').innerText")
    assert notice.startswith("No evidence found. With a probability of 91%")


@needs_chromium
def test_keyboard_alone_is_enough(server, browser):
    browser.open(f"{server.addresses.rest}/?")
    browser.wait("document.querySelector('#version').textContent")
    browser.wait("document.activeElement.id === 'question'")
    browser.type("Where is it?")
    browser.press("Enter")
    browser.wait("document.querySelector('#blocks li')")
    assert browser.get("location.hash") == "#q=Where+is+it%3F"
    browser.press("ArrowDown")
    assert browser.get("document.activeElement.closest('#answers') !== null")
    browser.press("b")
    assert browser.get("document.querySelector('#retrieved').open")
    browser.press("ArrowDown")
    assert browser.get("document.activeElement.closest('#blocks') !== null")
    browser.press("ArrowUp")
    browser.press("ArrowUp")
    assert browser.get("document.activeElement.id") == "question"


@needs_chromium
def test_phone_needs_no_sideways_scrolling(server, browser):
    browser.open(f"{server.addresses.rest}/?phone#q=%C3%A9vil", width=375, height=720)
    browser.wait("document.querySelector('#blocks li')")
    width = browser.get("document.documentElement.scrollWidth")
    assert width == browser.get("window.innerWidth") == 375
    assert browser.get("document.querySelector('#ask').getBoundingClientRect().height") >= 44
    # The filter has a line of its own, or it would be cut off.
    browser.wait("!document.querySelector('#narrow').hidden")
    assert browser.get("document.querySelector('#filter').offsetWidth") >= 0.9 * 375 - 2


@needs_chromium
def test_token_is_asked_for(tmp_path, server, browser):
    path = server.server.service.path
    with live.serve(path, page=True, token="secret") as locked:
        browser.open(f"{locked.addresses.rest}/")
        browser.wait("!document.querySelector('#unlock').hidden")
        browser.wait("document.activeElement.id === 'token'")
        browser.type("secret")
        browser.press("Enter")
        browser.wait("document.querySelector('#version').textContent.includes('version 3')")
        assert browser.get("document.querySelector('#unlock').hidden")
