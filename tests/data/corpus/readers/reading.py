# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads a corpus whole, as tests want it."""

import gzip

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import records


def read(pattern, fmt="auto", **options) -> list:
    """Everything that the units of a corpus give, in order."""
    config = config_lib.CorpusConfig(**options)
    units = corpus_formats.units(str(pattern), fmt, config)
    return [found for unit in units for found in corpus_formats.read_unit(unit, fmt, config)]


def summary(found) -> list:
    """Ids of documents, reasons of drops, numbers of problems."""
    return [
        f.doc_id
        if isinstance(f, types.Document)
        else f.reason
        if isinstance(f, records.Dropped)
        else f.number
        for f in found
    ]


def cut_gzip(text: str) -> bytes:
    """A gzip file of a text that ends too early."""
    return gzip.compress(text.encode())[:-9]
