# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which snapshot's documents a command changes or shows, and with which settings.

Blocks that are added are cut, and their vectors are made, with the settings of the blocks and the
vectors that are there. How documents are read is a matter of the configuration.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence

from beam_jobs.engine import tokenizers
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.commands import run_inputs
from realm_tf.commands.documents import of_run, run_record
from realm_tf.data.blocks import keys, schema
from realm_tf.retrieval import reading, snapshots
from realm_tf.training.run import carried_documents


@dataclasses.dataclass(frozen=True)
class Target:
    """A directory of snapshots.

    Attributes:
      directory: The directory.
      step: The trainer's step whose snapshot is meant; None: the newest.
      config: How documents are read, and when layers are merged.
      vocab: Path of the "vocab" segment; None: it is looked for beside the blocks.
      run: The run; None: the snapshots are no run's.
    """

    directory: str
    step: int | None
    config: config_lib.Config
    vocab: str | None = None
    run: run_record.Run | None = None

    @property
    def workdir(self) -> str | None:
        """Directory of the run."""
        return None if self.run is None else self.run.workdir

    @property
    def root(self) -> str:
        """Directory of the segments that changes make."""
        return os.path.join(self.directory, carried_documents.SEGMENTS)

    def newest(self) -> snapshots.Snapshot:
        """The newest snapshot.

        Raises:
          UserError: If there is none.
        """
        found = snapshots.newest(self.directory, self.step)
        if found is None:
            raise types.UserError(
                f"{self.directory} holds no whole snapshot (step-....json). Give the directory that"
                " realm refresh or realm run publishes in, or --workdir with the run."
            )
        return found

    @contextlib.contextmanager
    def reading(self) -> Iterator[snapshots.Snapshot]:
        """The newest snapshot, which is not deleted meanwhile; errors as of `newest`."""
        snapshot = self.newest()
        with reading.hold(snapshot):
            yield snapshot

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes from changing it; they, and not this one, get an error.

        Raises:
          UserError: If another process changes it.
        """
        with contextlib.ExitStack() as stack:
            for directory in filter(None, (self.workdir, self.directory)):
                stack.enter_context(artifacts.hold(directory))
            stack.enter_context(artifacts.storage_errors())
            yield

    def vocab_of(self, snapshot: snapshots.Snapshot) -> str:
        """Path of the "vocab" segment that a snapshot's blocks were made with.

        Raises:
          UserError: If it is not found.
        """
        if self.vocab is not None:
            return self.vocab
        wanted = snapshot.segment("embedder").made_from["tokenizer"]
        roots = {os.path.dirname(part.path.rstrip("/")) for _, part in snapshot.parts()}
        for root in sorted(roots):
            for path in filter(artifacts.is_complete, artifacts.paths_in(root, prefix="vocab-")):
                if tokenizers.open_once(path).fingerprint == wanted:
                    return path
        raise types.UserError(
            f"The vocabulary of {snapshot.blocks.path} is not beside it. Give --vocab with the"
            ' segment "vocab" that the blocks were made with.'
        )

    def config_of(self, snapshot: snapshots.Snapshot) -> config_lib.Config:
        """The configuration, with the settings that a snapshot's blocks and vectors were made with.

        Raises:
          UserError: If its blocks were cut by other code.
        """
        blocks = snapshot.segment("blocks")
        version = blocks.settings.get("packing_version", keys.PACKING_VERSION)
        if version != keys.PACKING_VERSION:
            raise types.UserError(
                f"{blocks.path} was cut by version {version} of the packing; this release cuts by"
                f" version {keys.PACKING_VERSION}. Make the snapshot again with this release."
            )
        config, fields = self.config, dataclasses.fields(config_lib.BlocksConfig)
        of_blocks = {f.name: blocks.settings[f.name] for f in fields if f.name in blocks.settings}
        vectors = snapshot.segment("vectors").settings
        of_vectors = {
            "index": snapshot.segment("index").settings["index"],
            "dtype": vectors.get("dtype", config.retrieval.dtype),
            "embed_batch_size": vectors.get("batch_size", config.retrieval.embed_batch_size),
        }
        return dataclasses.replace(
            config,
            corpus=dataclasses.replace(
                config.corpus, metadata_fields=blocks.settings.get(schema.METADATA_FIELDS, {})
            ),
            blocks=dataclasses.replace(config.blocks, **{**of_blocks, "num_shards": 0}),
            retrieval=dataclasses.replace(config.retrieval, **of_vectors),
        )


def opened(
    workdir: str | None,
    directory: str | None,
    *,
    vocab: str | None = None,
    config_file: str | None = None,
    overrides: Sequence[str] = (),
) -> Target:
    """The target of a command: the snapshots that the user names, by their run or their directory.

    Args:
      workdir: Directory of a run, that is finished or in joint training; or
      directory: directory of snapshots.
      vocab: Path of the "vocab" segment of a directory of snapshots.
      config_file: YAML file with the configuration, for a directory of snapshots.
      overrides: Single settings, "section.key=value".

    Raises:
      UserError: If not one of the two is given, or there is no such thing.
    """
    if workdir is not None and directory is None:
        if config_file is not None or vocab is not None:
            raise types.UserError(
                "--config and --vocab go with --snapshots; a run has its own. Leave them out."
            )
        if training := of_run.in_training(workdir):
            config = config_lib.override(run_inputs.load(workdir)[1], overrides)
            first = snapshots.load(training, snapshots.list_steps(training)[0])
            made = Target(training, None, config)  # merged blocks are not beside the vocabulary
            return dataclasses.replace(made, vocab=made.vocab_of(first))
        run = of_run.find(workdir)
        config = config_lib.override(run.config, overrides)
        return Target(run.snapshots, run.step, config, run.vocab, run)
    if workdir is not None or directory is None:
        raise types.UserError("Give either --workdir with a run, or --snapshots with a directory.")
    config = config_lib.load(config_file, overrides)
    if not gfile.isdir(directory):
        raise types.UserError(f"No such directory of snapshots: {directory}.")
    return Target(directory.rstrip("/"), None, config, vocab)
