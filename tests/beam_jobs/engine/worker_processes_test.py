# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What `worker_processes` takes from Beam that Beam does not promise is still there."""

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import worker_handlers

from beam_jobs.engine import worker_processes


def test_open_requests_of_a_worker_are_found_and_answered():
    connection = worker_handlers.ControlConnection()
    future = connection.push(beam_fn_api_pb2.InstructionRequest(instruction_id="one"))
    assert list(connection._futures_by_id.values()) == [future]
    assert not future.is_done()
    future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=future.instruction_id))
    assert future.is_done()


def test_worker_of_a_dead_process_answers_with_one_line():
    worker = object.__new__(worker_processes._WatchedWorker)
    worker._stopped = worker_processes.threading.Event()
    worker.worker_thread = worker_processes.threading.Thread(target=lambda: None)
    worker.worker_thread.start()
    worker.control_conn = worker_handlers.ControlConnection()
    future = worker.control_conn.push(beam_fn_api_pb2.InstructionRequest(instruction_id="two"))
    watching = worker_processes.threading.Thread(target=worker._watch, daemon=True)
    watching.start()
    assert "A worker process has died" in future.get(timeout=30).error
    worker._stopped.set()
    watching.join(timeout=30)
    assert not watching.is_alive()
