# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether all ways to ask a fine-tuned system give the same answers.

    python -m benchmarks.served_agreement RUN_DIR QUESTIONS WORK_DIR [--questions 500] [--bfloat16]

RUN_DIR is that of a finished run. It is exported to WORK_DIR once with each kind of index. The
system in Python, which `realm evaluate` measures, is asked first. Then, by the same questions: its
SavedModel, a server by gRPC and by REST, all in batches of 32, the SavedModel question by question,
and the SavedModels with an index that is not exact. With `--bfloat16` the system in Python is asked
again, with a reader that computes in bfloat16 and the same calibration. Printed is a table, and a
line of JSON. Differences are of numbers of the same answer (block and place) in both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

from benchmarks import serve_process
from realm_tf import types
from realm_tf.commands import qa_module, run_pipeline
from realm_tf.commands.documents import run_record
from realm_tf.data import sampling
from realm_tf.evaluation import calibration
from serving import client, replies, versions
from serving.remote import connect

PYTHON = "Python"
_NUMBERS = ("score", "retrieval_score", "reader_score", "probability")
Replies = list[replies.Reply]


def main() -> None:
    """Exports, asks, and prints how far the answers agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="directory of a finished run")
    parser.add_argument("questions", help="file of questions")
    parser.add_argument("work_dir", help="directory for the exports")
    parser.add_argument("--questions", dest="count", type=int, default=500)
    parser.add_argument("--indexes", default="exact,ivf,scann", help="the first one is served")
    parser.add_argument("--bfloat16", action="store_true", help="ask such a reader as well")
    args = parser.parse_args()
    asked = sampling.evenly(serve_process.questions(args.questions), args.count)
    exports = {kind: _export(args.run, args.work_dir, kind) for kind in args.indexes.split(",")}
    found = dict(_all_ways(args.run, exports, asked))
    if args.bfloat16:
        path = next(iter(exports.values()))
        found[f"{PYTHON}, bfloat16"] = by_python(args.run, path, asked, "bfloat16")
    expected = found.pop(PYTHON)
    figures = {way: compare(expected, replied) for way, replied in found.items()}
    for way, of_way in figures.items():
        print(f"{way:24}", "  ".join(f"{name} {value}" for name, value in of_way.items()))
    print(json.dumps({"questions": len(asked), "compared with Python": figures}))


def _export(run: str, work_dir: str, kind: str) -> str:
    path = os.path.join(work_dir, kind)
    command = [sys.executable, "-m", "realm_tf", "export", "--workdir", run, "--output", path]
    subprocess.run([*command, "--index", kind], stdout=subprocess.DEVNULL, check=True)
    return path


def _all_ways(
    run: str, exports: dict[str, str], asked: Sequence[str]
) -> Iterator[tuple[str, Replies]]:
    (kind, path), *others = exports.items()
    yield PYTHON, by_python(run, path, asked)
    model = client.load(path)
    yield f"SavedModel, {kind}", client.reply(model, asked)
    yield "one by one", client.reply(model, asked, batch_size=1)
    with serve_process.running(serve_process.realm_serve(path)) as (_, addresses):
        for protocol, url in (("gRPC", f"grpc://{addresses['grpc']}"), ("REST", addresses["rest"])):
            with connect.connect(url) as endpoint:
                yield protocol, endpoint.ask(asked)
    for kind, path in others:
        yield f"SavedModel, {kind}", client.reply(client.load(path), asked)


def by_python(run: str, path: str, asked: Sequence[str], dtype: str | None = None) -> Replies:
    """Asks the graph of the run's best system, with the calibration of its export.

    Args:
      run: Directory of the run.
      path: Directory of the export.
      asked: The questions.
      dtype: Number type of the reader; by default that of the run.
    """
    changes = {} if dtype is None else {"evaluation.reader_dtype": dtype}
    newest = os.path.join(path, str(versions.numbers(path)[-1]))
    fitted = calibration.Calibration.from_json(versions.record(newest)["calibration"])
    with run_pipeline.Pipeline.open(run, changes=changes) as pipeline:
        parts = run_record.to_export(run, pipeline.training)
        module = qa_module.make(*parts, fitted)  # which its functions do not keep
        return client.reply(module.answer, asked)


def compare(expected: Replies, found: Replies) -> dict[str, float]:
    """Shares of questions with the same answers, and the largest differences of numbers."""
    pairs = list(zip(expected, found, strict=True))
    differences = dict.fromkeys((*_NUMBERS, "no_evidence"), 0.0)
    for one, other in pairs:
        places = {_place(answer): answer for answer in one.answers}
        both = [(places[_place(a)], a) for a in other.answers if _place(a) in places]
        for name in _NUMBERS:
            of_name = [abs(getattr(a, name) - getattr(b, name)) for a, b in both]
            differences[name] = max(differences[name], *of_name, 0.0)
        of_question = abs((one.no_evidence or 0.0) - (other.no_evidence or 0.0))
        differences["no_evidence"] = max(differences["no_evidence"], of_question)
    return {
        "first": _share([_places(a)[:1] == _places(b)[:1] for a, b in pairs]),
        "all": _share([_places(a) == _places(b) for a, b in pairs]),
        **{name: float(f"{value:.2g}") for name, value in differences.items()},
    }


def _place(answer: types.Answer) -> tuple[int, int, int]:
    return answer.block_id, answer.byte_start, answer.byte_limit


def _places(reply: replies.Reply) -> list[tuple[int, int, int]]:
    return [_place(answer) for answer in reply.answers]


def _share(same: Sequence[bool]) -> float:
    return round(sum(same) / len(same), 4)


if __name__ == "__main__":
    main()
