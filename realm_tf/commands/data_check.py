# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm data check`: what is wrong with a corpus, its questions, and the settings for them."""

from __future__ import annotations

import itertools
import json
import logging
import os
from collections.abc import Iterator, Sequence

import tqdm

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.commands import run_inputs
from realm_tf.data import sampling
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import records
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import corpus_scan, data_check, text_lengths
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary

FILE = "data_check.json"
MAX_DOCUMENTS = 100_000

_LOGGER = logging.getLogger(__name__)
_SAMPLE = 1000  # questions
_MOST_CHARACTERS = 20_000_000  # of documents that are tokenized


def check(
    inputs: run_inputs.Inputs,
    config: config_lib.Config,
    *,
    vocab: artifacts.Segment | str | None = None,
    max_documents: int = MAX_DOCUMENTS,
) -> data_check.DataCheck:
    """Looks at a corpus and its questions; nothing is written.

    Args:
      inputs: What the user brings.
      config: Resolved.
      vocab: Segment "vocab"; None: the file that is configured, or else a vocabulary that is
        learned from a sample of the documents.
      max_documents: Documents beyond these are not looked at.

    Raises:
      UserError: If a file is missing, or cannot be read as what it is, or there are no training
        questions and something learns from them.
    """
    run_inputs.require_questions(inputs, config)
    files = {data_check.TRAIN: inputs.questions_train, data_check.DEV: inputs.questions_dev}
    asked = {name: open_qa.read(path, config.questions) for name, path in files.items() if path}
    scanner = corpus_scan.Scanner(asked)
    with tqdm.tqdm(_read(inputs, config), "data check", unit=" records", disable=None) as found:
        scanner.read(found, max_documents)
    lengths = _lengths(scanner, sampling.evenly(next(iter(asked.values())), _SAMPLE), vocab, config)
    return data_check.judge(scanner, lengths, config)


def check_once(
    workdir: str, inputs: run_inputs.Inputs, config: config_lib.Config, vocab: artifacts.Segment
) -> None:
    """Checks the data of a run before its first stage, shows what was found, and keeps it.

    What was checked before is not checked again: the same data, with the same settings.

    Raises:
      UserError: If nothing could be learnt from the data.
    """
    path = os.path.join(workdir, FILE)
    checked = _fingerprint(inputs, config, vocab)
    if gfile.exists(path) and artifacts.read_json(path).get("checked") == checked:
        return
    found = check(inputs, config, vocab=vocab)
    _LOGGER.info("What a look at the data tells:\n%s", found.text())
    require_usable(found)
    text = json.dumps({**found.to_json(), "checked": checked}, indent=1, ensure_ascii=False)
    artifacts.write_text(path, f"{text}\n")


def require_usable(found: data_check.DataCheck) -> None:
    """Refuses a corpus and questions in which the check found an error: nothing could be learnt.

    Raises:
      UserError: If there is an error among what was found.
    """
    if errors := found.errors:
        raise types.UserError(" ".join(error.text().partition(": ")[2] for error in errors))


def _fingerprint(
    inputs: run_inputs.Inputs, config: config_lib.Config, vocab: artifacts.Segment
) -> str:
    files = filter(None, (inputs.questions_train, inputs.questions_dev))
    parts = [open_qa.fingerprint(file, config.questions) for file in files]
    corpus = corpus_formats.fingerprint(inputs.corpus, inputs.format, config.corpus)
    return artifacts.digest([*parts, corpus, vocab.fingerprint, config_lib.decisive(config)])


def _read(
    inputs: run_inputs.Inputs, config: config_lib.Config
) -> Iterator[types.Document | records.Dropped | records.Problem]:
    for unit in corpus_formats.units(inputs.corpus, inputs.format, config.corpus):
        yield from corpus_formats.read_unit(unit, inputs.format, config.corpus)


def _lengths(
    scanner: corpus_scan.Scanner,
    asked: Sequence[open_qa.Question],
    vocab: artifacts.Segment | str | None,
    config: config_lib.Config,
) -> text_lengths.Lengths | None:
    documents = scanner.corpus.sample
    if not documents:
        return None
    documents = documents[: _fitting(documents)]
    first = next(iter(scanner.questions.values()))  # training questions, if there are any
    evidence = [(first.questions[number], held) for number, held in first.evidence.items()]
    evidence = evidence[: _fitting([held for _, held in evidence])]
    tokenizer = _tokenizer(documents, vocab, config.vocab)
    return text_lengths.measure(documents, asked, evidence, tokenizer, config)


def _fitting(documents: Sequence[types.Document]) -> int:
    """How many of the documents are tokenized: of books fewer than of paragraphs, at least one."""
    sizes = itertools.accumulate(len(document.text) for document in documents)
    return max(1, sum(size <= _MOST_CHARACTERS for size in sizes))


def _tokenizer(
    documents: Sequence[types.Document],
    vocab: artifacts.Segment | str | None,
    config: config_lib.VocabConfig,
) -> tokenizer_lib.Tokenizer:
    if vocab is not None:
        return tokenizer_lib.Tokenizer.open(vocab)
    if config.file is not None:
        wordpieces = vocabulary.read(config.file)
    else:
        texts = (f"{document.title} {document.text}" for document in documents)
        wordpieces = vocabulary.learn(texts, size=config.size, lower_case=config.lower_case)
    return tokenizer_lib.Tokenizer(wordpieces, lower_case=config.lower_case)
