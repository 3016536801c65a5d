# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The embedding job as a refresh calls it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from beam_jobs import embed_blocks
from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.training.run import refresh

# A mistake of ours in a worker, of which Beam makes a text in another error.
_OWN = re.compile(
    r"^(\w+: )?(Assertion|Attribute|Import|Index|Key|Name|NotImplemented|Type|UnboundLocal|Value)"
    r"Error: ",
    re.MULTILINE,
)


def job(
    blocks: str, vocab: str, config: config_lib.Config, beam_args: Sequence[str]
) -> refresh.MakeVectors:
    """The job that embeds all blocks with an embedder that it is given.

    Args:
      blocks: Path of the "blocks" segment.
      vocab: Path of the "vocab" segment.
      config: Configuration of the run.
      beam_args: Options of Beam.
    """

    def make_vectors(
        embedder: artifacts.Segment,
        root: str,
        other: artifacts.Segment | None = None,
        reuse: Sequence[str] = (),
    ) -> artifacts.Segment:
        path = blocks if other is None else other.path
        params = embed_blocks.Params(path, embedder.path, vocab, root, config)
        try:
            return embed_blocks.embed_blocks(params, reuse=reuse, beam_args=beam_args)
        except Exception as error:
            if _is_of_pipeline(error):
                raise refresh.EmbeddingError(" ".join(str(error).split())[-500:]) from error
            raise

    return make_vectors


def _is_of_pipeline(error: Exception) -> bool:
    """Whether it is what a runner raises of a pipeline that fails by no mistake of ours."""
    is_of_runner = type(error) is RuntimeError or type(error).__module__.startswith("apache_beam.")
    return is_of_runner and not _OWN.search(str(error))
