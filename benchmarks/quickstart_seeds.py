# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The quickstart over several seeds, on the sample's test questions.

    python benchmarks/quickstart_seeds.py WORK_DIR [SEED ...]

No setting was chosen on these questions, nor on the articles that they ask about. A seed's figures
go to benchmarks/results/quickstart_seed_<seed>.json. A seed that is there is not run again, and a
run that was killed continues in WORK_DIR. Prints mean and range over all seeds that are there.
"""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import statistics
import subprocess
import sys
from typing import Any

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_SAMPLE = _ROOT / "realm_tf" / "data" / "sample"
_RESULTS = _ROOT / "benchmarks" / "results"
_PACKAGES = ("tensorflow", "tf-models-official", "tensorflow-recommenders", "apache-beam")
_SHOWN = (
    "recall@1",
    "recall@5",
    "recall@20",
    "masked_accuracy",
    "masked_null_accuracy",
    "exact_match",
    "f1",
)


def command(seed: int, workdir: pathlib.Path) -> list[str]:
    """The `realm run` of one seed; paths are relative to the repository."""
    sample = _SAMPLE.relative_to(_ROOT)
    return [
        *("realm", "run", "--config", "configs/quickstart.yaml", "--set", f"seed={seed}"),
        *("--corpus", f"{sample}/corpus.jsonl.gz"),
        *("--questions-train", f"{sample}/questions_train.jsonl.gz"),
        *("--questions-dev", f"{sample}/questions_test.jsonl.gz"),
        *("--workdir", str(workdir), "--json"),
    ]


def measure(seed: int, workdir: pathlib.Path) -> dict[str, Any]:
    """Runs one seed, or goes on with it."""
    called = command(seed, workdir)
    told = subprocess.run(
        [sys.executable, "-m", "realm_tf", *called[1:]],
        cwd=_ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return {
        "command": " ".join([*called[:-2], "WORK_DIR", "--json"]),
        "seed": seed,
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "report": json.loads(told.stdout.splitlines()[-1]),
    }


def table(results: list[dict[str, Any]]) -> str:
    """Mean (lowest to highest) over seeds, a line per figure."""
    systems = ("random", "ict", "realm")
    lines = [f"{len(results)} seeds: {', '.join(str(r['seed']) for r in results)}"]
    for figure in _SHOWN:
        cells = []
        for system in systems:
            values = [result["report"]["systems"][system][figure] for result in results]
            cells.append(f"{statistics.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        lines.append(f"| {figure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(work: str, seeds: list[int]) -> None:
    """Measures what is missing, and prints the table."""
    _RESULTS.mkdir(exist_ok=True)
    for seed in seeds:
        target = _RESULTS / f"quickstart_seed_{seed}.json"
        if not target.exists():
            found = measure(seed, pathlib.Path(work).resolve() / f"seed_{seed}")
            target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    paths = sorted(_RESULTS.glob("quickstart_seed_*.json"))
    print(table([json.loads(path.read_text(encoding="utf-8")) for path in paths]))


if __name__ == "__main__":
    main(sys.argv[1], [int(seed) for seed in sys.argv[2:]])
