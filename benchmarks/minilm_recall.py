# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Recall of real weights through the normal jobs: all-MiniLM-L6-v2 over SQuAD as a corpus.

    python benchmarks/minilm_recall.py MINILM_DIR SQUAD_OPEN_DIR WORK_DIR [--dtype bfloat16]
        [--blocks whole|packed] [--reference minilm_reference.npz]

MINILM_DIR holds config.json, model.safetensors and vocab.txt; SQUAD_OPEN_DIR holds corpus.jsonl.gz
and qa_dev_public.jsonl.gz. Weights are imported, exported as the lean graph, run over all blocks by
the Beam job, and searched exactly. What takes long is a segment in WORK_DIR and is not made twice.

The peer is known by its figures: sentence-transformers' way, one vector per paragraph, without a
title, cut at 256 wordpieces. `--blocks whole` (the default) does the same: a paragraph is one
block, which the embedding job cuts. `--blocks packed` is the project's way: a longer paragraph is
several blocks, so that nothing is cut off. Documents are counted: a paragraph stands where its best
block stands.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import random
from typing import Any

import numpy as np

from beam_jobs import build_blocks, build_index, embed_blocks
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import make_vocab
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import retrieval_ranks
from realm_tf.models import embedder, variable_names
from realm_tf.models.import_weights import hf_bert, imported
from realm_tf.models.inference import embedder_export
from realm_tf.retrieval import index, retriever, vectors
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

CUTOFFS = (1, 5, 20, 100)
PEER = {"gold": (52.3, 75.2, 86.9, 95.1), "answer": (57.0, 79.9, 89.8, 96.2)}
SAMPLE = 2000
DEPTH = 400  # blocks searched, so that there are 100 documents among them
QUERY_LENGTH = 96
LENGTH = 256
WHOLE = 4096  # wordpieces: more than any paragraph has
# A configuration refuses blocks that are longer than what its encoders read; the job that embeds
# the blocks cuts them.
ANY_LENGTH = config_lib.EncoderConfig(max_positions=2 * WHOLE)


def make_config(source: imported.Imported, dtype: str) -> config_lib.Config:
    """The settings that all-MiniLM-L6-v2 was trained with."""
    return config_lib.Config(
        vocab=config_lib.VocabConfig(file=source.vocab_file, lower_case=source.lower_case),
        blocks=config_lib.BlocksConfig(length=LENGTH, template=packing.BODY),
        model=config_lib.ModelConfig(
            embedder=config_lib.EmbedderConfig(
                encoder=source.config.embedder.encoder,
                pooling="mean",
                projection_size=None,
                normalisation="l2",
            ),
        ),
        retrieval=config_lib.RetrievalConfig(embed_dtype=dtype),
    )


def packing_config(config: config_lib.Config, blocks: str) -> config_lib.Config:
    """The settings that blocks are made with: whole paragraphs, or packed ones."""
    if blocks == "packed":
        return config
    return dataclasses.replace(
        config,
        blocks=dataclasses.replace(config.blocks, length=WHOLE),
        model=config_lib.ModelConfig(
            embedder=config_lib.EmbedderConfig(encoder=ANY_LENGTH),
            reader=config_lib.ReaderConfig(encoder=ANY_LENGTH),
        ),
    )


def export(
    source: imported.Imported, config: config_lib.Config, tokenizer: str, root: str
) -> artifacts.Segment:
    """The imported encoder as an "embedder" segment."""
    settings = {
        "step": 0,
        "dtype": config.retrieval.embed_dtype,
        "embedder": config_lib.to_dict(config.model.embedder),
    }
    weights = artifacts.digest([artifacts.file_sha256(path)[0] for path in source.files])
    made_from = {"tokenizer": tokenizer, "weights": weights}
    path = artifacts.recipe_path(root, "embedder", settings=settings, made_from=made_from)
    model = embedder.Embedder(config.model.embedder, source.vocab_size).build_weights()
    theirs = variable_names.of_encoder(source.encoder)
    for name, variable in variable_names.of_encoder(model.block_tower.encoder).items():
        variable.assign(theirs[name])
    return embedder_export.export_embedder(model, path, settings=settings, made_from=made_from)


def smallest_cosine(embed_fn: retriever.EmbedFn, reference: str) -> float:
    """The smallest cosine to the reference's sentence vectors, given its token ids."""
    known = np.load(reference)
    cosines = []
    for kind in ("paragraph", "question"):
        ids, mask = known[f"{kind}/input_ids"], known[f"{kind}/mask"]
        ours = embed_fn(types.EncoderInputs(ids, mask, np.zeros_like(ids)))
        theirs = known[f"{kind}/sentence_vector"]
        norms = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
        cosines.append((ours * theirs).sum(-1) / norms)
    return float(np.concatenate(cosines).min())


def read_questions(path: str) -> list[open_qa.Question]:
    """The questions that the peer was measured on."""
    whole = open_qa.read(path)
    rows = random.Random(0).sample(range(len(whole)), min(SAMPLE, len(whole)))
    return [whole[row] for row in sorted(rows)]


def recall(
    questions: list[open_qa.Question],
    embed_fn: retriever.EmbedFn,
    tokenizer: tokenizer_lib.Tokenizer,
    searched: index.Index,
    table: block_table.BlockTable,
) -> dict[str, float]:
    """`gold@k` by document and `answer@k` by block, in percent."""
    encoded = tokenizer.encode([question.question for question in questions])
    embedded = []
    for start in range(0, len(encoded), 64):
        ids = types.Ragged.of([text.ids for text in encoded[start : start + 64]])
        embedded.append(embed_fn(packing.pack_queries(ids, QUERY_LENGTH, tokenizer)))
    rows = searched.search(np.concatenate(embedded), DEPTH).rows
    gold = retrieval_ranks.gold_ranks(table, rows, questions)
    answer = retrieval_ranks.answer_ranks(table, rows[:, : max(CUTOFFS)], questions)
    figures = {
        **retrieval_ranks.recall(gold, CUTOFFS, "gold"),
        **retrieval_ranks.recall(answer, CUTOFFS, "answer"),
    }
    return {name: round(100 * value, 2) for name, value in figures.items()}


def show(figures: dict[str, Any]) -> None:
    """Prints the figures beside the peer's."""
    for kind, peer in PEER.items():
        for cutoff, theirs in zip(CUTOFFS, peer, strict=True):
            ours = figures[f"{kind}@{cutoff}"]
            print(f"{kind}@{cutoff:<4} {ours:6.2f}  peer {theirs:5.1f}  {ours - theirs:+.2f}")
    print(json.dumps(figures))


def main() -> None:
    """Imports, embeds, searches, and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minilm")
    parser.add_argument("squad_open", type=pathlib.Path)
    parser.add_argument("workdir")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--blocks", choices=("whole", "packed"), default="whole")
    parser.add_argument("--reference")
    args = parser.parse_args()
    root, pattern = f"{args.workdir}/segments", str(args.squad_open / "corpus.jsonl.gz")
    source = hf_bert.load(args.minilm)
    config = make_config(source, args.dtype)
    vocab = make_vocab.make_vocab(config, pattern, root)
    tokenizer = tokenizer_lib.Tokenizer.open(vocab)
    exported = export(source, config, tokenizer.fingerprint, root)
    embed_fn = retriever.load_embed_fn(exported, "queries")
    figures: dict[str, Any] = {"dtype": args.dtype, "packing": args.blocks}
    if args.reference:
        figures["smallest_cosine"] = smallest_cosine(embed_fn, args.reference)
        print(f"smallest cosine to the reference: {figures['smallest_cosine']:.7f}", flush=True)
    blocks, _ = build_blocks.build_blocks(
        build_blocks.Params(pattern, vocab.path, root, config=packing_config(config, args.blocks))
    )
    made = embed_blocks.embed_blocks(
        embed_blocks.Params(blocks.path, exported.path, vocab.path, root, config)
    )
    values = vectors.VectorTable.open(made)
    built = build_index.build_index(build_index.Params(made.path, root, config=config))
    searched = index.Index.open(built, values)
    table = block_table.BlockTable.open(blocks)
    questions = read_questions(str(args.squad_open / "qa_dev_public.jsonl.gz"))
    figures |= {name: blocks.counts[name] for name in ("documents", "blocks")}
    show({**figures, **recall(questions, embed_fn, tokenizer, searched, table)})


if __name__ == "__main__":
    main()
