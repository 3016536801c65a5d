# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm refresh`: makes the snapshots of a run's joint training, beside its trainer."""

from __future__ import annotations

import os
from collections.abc import Sequence

from realm_tf.commands import embedding, run_inputs
from realm_tf.training.run import refresh as refresh_lib
from realm_tf.training.run import refresh_job, refresh_service


def refresh(workdir: str, *, watch: bool, beam_args: Sequence[str] = ()) -> None:
    """Refreshes now, if there is something to do, or whenever there is until training has ended.

    Args:
      workdir: Directory of the run.
      watch: Whether to wait for exports.
      beam_args: Options of Beam; those of the run if there are none.

    Raises:
      UserError: If there is no run, or another refresher works there and it is not to wait.
    """
    inputs, _ = run_inputs.load(workdir)
    options = tuple(beam_args) or inputs.beam_args

    def make_vectors(job: refresh_job.RefreshJob) -> refresh_lib.MakeVectors:
        return embedding.job(job.blocks, job.vocab, job.config, options)

    service = refresh_service.RefreshService(os.path.join(workdir, "training"), make_vectors)
    if watch:
        service.watch()
    else:
        service.once()
