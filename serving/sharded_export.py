# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports a QA system whose corpus is divided: a retriever for each shard, and one reader.

    path/shard-00000-of-00002/1/, path/shard-00001-of-00002/1/
    path/reader/1/

All shards of one export have the same number of version, and the record of each names all. One
shard at a time is in memory.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.evaluation import calibration as calibration_lib
from realm_tf.models import open_qa_model
from realm_tf.retrieval import view as view_lib
from realm_tf.text import tokenizer as tokenizer_lib
from serving import export as export_lib
from serving import retriever, sharded, signatures, signatures_apart, versions


@dataclasses.dataclass(frozen=True)
class Part:
    """What a shard has of the corpus.

    Attributes:
      table: Its blocks.
      vectors: Their vectors, row by row.
      search: Search over the vectors; None: the exact one.
    """

    table: block_table.BlockTable
    vectors: view_lib.Vectors
    search: retriever.Search | None = None


def export(
    parts: Iterable[Part],
    fingerprints: Sequence[str],
    *,
    model: open_qa_model.OpenQaModel,
    tokenizer: tokenizer_lib.Tokenizer,
    config: config_lib.Config,
    path: str,
    made_from: Mapping[str, str],
    calibration: calibration_lib.Calibration | None = None,
    **others: Any,
) -> str:
    """Exports the QA system as the next version of each shard, and the reader if it is another.

    Args:
      parts: The shards in their order, each made when it is asked for.
      fingerprints: Of the vectors of all shards.
      model: As for `export.export`; so are the arguments that are not named here.
      tokenizer: Tokenizer that model and blocks were made with.
      config: Configuration of the run.
      path: Directory of the export.
      made_from: As for `export.export`, and "vectors", which tells the whole corpus.
      calibration: What makes probabilities of logits; a reader that is current keeps its own.
      **others: `snapshot_step`, `snapshot_created`, and `block_tower`.

    Returns:
      The directory of the export.

    Raises:
      UserError: If the parts do not belong together, BM25 is to search them (`require_no_fusion`),
        the directory holds an export of another form, another process exports there, or it cannot
        be written.
    """
    require_no_fusion(config)
    calibration = calibration or calibration_lib.Calibration()
    block_tower = others.pop("block_tower", None)
    facts = {
        "snapshot_created": None,
        **others,
        "made_from": dict(made_from),
        "calibration": calibration.to_json(),
        "config": config_lib.to_dict(config),
    }
    count = len(fingerprints)
    targets = [os.path.join(path, versions.shard_name(n, count)) for n in range(count)]
    with artifacts.hold(path), artifacts.storage_errors():
        _require_form(path, targets)
        version = 1 + max((n for target in targets for n in versions.numbers(target)), default=0)
        for number, (target, part) in enumerate(zip(targets, parts, strict=True)):
            export_lib.check_made_from(made_from, tokenizer, part.vectors)
            name, given = f"shard {number} of {path}", part.vectors
            wanted = (name, fingerprints[number])
            artifacts.require_same("vectors", wanted, (given.path, given.fingerprint))
            module = signatures.QaModule(
                model=model,
                tokenizer=tokenizer,
                config=config,
                calibration=calibration,
                block_tower=block_tower,
                **vars(part),
            )
            record = export_lib.record_of(module, model, **facts)
            if not number:
                export_lib.write_reader(module, record, path, config)
            shard = {sharded.KEY: {"number": number, "fingerprints": list(fingerprints)}}
            record = {**export_lib.of_retriever_alone(record), **shard}
            about = artifacts.canonical_json(record)
            exported = signatures_apart.RetrieverModule(module.retriever, about)
            export_lib.write(exported, record, target, version)
    return path


def require_no_fusion(config: config_lib.Config) -> None:
    """Refuses a fusion with BM25, which counts in how many blocks of the whole corpus a word is.

    Raises:
      UserError: If the configuration asks for one.
    """
    if config.retrieval.fusion.serve:
        raise types.UserError(
            "retrieval.fusion.serve must be false in an export in shards, because BM25 needs the"
            " whole corpus. Received: true. Export without --shards, or give realm evaluate --set"
            " retrieval.fusion.serve=false, which measures the run anew."
        )


def _require_form(path: str, targets: Sequence[str]) -> None:
    others = [shard for shard in versions.shards(path) if shard not in targets]
    retriever_apart = os.path.join(path, versions.RETRIEVER)
    others += [retriever_apart] if versions.numbers(retriever_apart) else []
    others += [os.path.join(path, str(number)) for number in versions.numbers(path)]
    if others:
        raise types.UserError(
            f"{path} holds an export of another form ({os.path.basename(others[0])}). Give another"
            " directory."
        )


def is_current(
    path: str, count: int, made_from: Mapping[str, str], config: config_lib.Config, index: str
) -> bool:
    """Whether the newest version of all shards was exported so; see `export.is_current`.

    Args:
      path: Directory of the export.
      count: Number of shards.
      made_from: Fingerprints by role, and "vectors" of the whole corpus.
      config: Configuration of the run.
      index: Kind of the index.
    """
    targets = [os.path.join(path, versions.shard_name(n, count)) for n in range(count)]
    newest = {tuple(versions.numbers(target)[-1:]) for target in targets}
    are_current = (export_lib.is_current(t, made_from, config, index) for t in targets)
    return len(newest) == 1 and all(are_current)
