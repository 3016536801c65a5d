# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Joint training with its refresh beside the trainer, in the trainer, and without refresh.

    python -m benchmarks.refresh_modes SQUAD_OPEN_DIR WORK_DIR

All 20,958 paragraphs of SQuAD, cut into blocks, and a small encoder (configs/squad_small.yaml with
half of its hidden size; the gate of copy accuracy is open, because what is measured is time and
not what is learnt). One after
the other, each in a process of its own: `async`; `off`; and `sync` with as many steps between two
snapshots as `async` had. What a run has finished is not done again. The result, with the staleness
of every step, goes to WORK_DIR/refresh_modes.json, and the plot to WORK_DIR/staleness.svg.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_COLOURS = {"async": "#0b6e4f", "sync": "#c05621", "off": "#555555"}  # by mode
_FEWEST_REFRESHES = 2  # of `sync`, whatever the number of steps
_CHANGED = {  # of configs/squad_small.yaml: joint training starts at once, and two cores will do
    **{
        f"model.{part}.encoder.{name}": size
        for part in ("embedder", "reader")
        for name, size in (("hidden_size", 64), ("intermediate_size", 256))
    },
    "ict.steps": 200,
    "pretrain.warmup.copy_accuracy": 0,
    "pretrain.warmup.max_steps": 100,
    "pretrain.keep": "last",
    "pretrain.checkpoint_every_steps": 100_000,
}


def settings(mode: str, steps: int, every: int) -> list[str]:
    """The settings of one run, as `realm run --set` takes them."""
    values = {
        **_CHANGED,
        "pretrain.steps": steps,
        "pretrain.refresh.mode": mode,
        "pretrain.refresh.every_steps": every,
    }
    return [f"{name}={value}" for name, value in values.items()]


def train(mode: str, steps: int, every: int, args: argparse.Namespace) -> None:
    """Trains in one mode, and writes its figures to WORK_DIR/MODE.json."""
    from realm_tf import config as config_lib
    from realm_tf.commands import run_inputs, run_pipeline
    from realm_tf.training.run import refresh_modes

    clock = np.zeros([2, steps])  # when each step begins, and when it has looked for a snapshot
    made: list[Any] = []
    make = refresh_modes.make

    def timed(*args: Any, **kwargs: Any) -> Any:
        refreshing = make(*args, **kwargs)
        before_batch = refreshing.before_batch

        def before(index: int, count: int = 1) -> None:
            clock[0, index] = time.perf_counter()
            before_batch(index, count)
            clock[1, index] = time.perf_counter()

        refreshing.before_batch = before
        made.append(refreshing)
        return refreshing

    refresh_modes.make = timed
    config = config_lib.load(str(args.config), settings(mode, steps, every))
    inputs = run_inputs.Inputs(
        corpus=str(args.data / "corpus.jsonl.gz"),
        questions_train=str(args.data / "qa_train.jsonl.gz"),
        questions_dev=str(args.data / "qa_dev_public.jsonl.gz"),
    ).absolute()
    with run_pipeline.Pipeline.create(str(args.work / "run"), inputs, config) as pipeline:
        list(pipeline.training.experiment("realm/pretrain"))
    directory = made[0]._files.directory
    swaps = json.loads(pathlib.Path(directory, "swaps.json").read_text(encoding="utf-8"))
    with np.load(os.path.join(directory, "staleness.npz")) as f:
        ages = f["ages"]
    result = {
        "mode": mode,
        "steps": steps,
        "every_steps": every,
        "blocks": pipeline.data.blocks.counts["blocks"],
        **figures(clock, swaps, ages),
    }
    (args.work / f"{mode}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def figures(clock: np.ndarray, swaps: list[dict[str, int]], ages: np.ndarray) -> dict[str, Any]:
    """Speed, the cost of a swap, and the staleness of every step.

    Args:
      clock: <float64>[2, steps] seconds at which each step begins, and at which it has looked for
        a snapshot.
      swaps: The swap log.
      ages: <float32>[2, steps] staleness in steps and in minutes.
    """
    begins, looked = clock
    took = np.diff(begins)
    ordinary = float(np.median(took))
    decided = [swap["decided_at"] for swap in swaps[1:]]
    return {
        "steps_per_second": round((len(begins) - 1) / float(begins[-1] - begins[0]), 3),
        "median_step_secs": round(ordinary, 4),
        "snapshots_taken_up": len(decided),
        # Of the steps from the decision to the first batch of the snapshot: what they took more.
        "swap_costs_secs": [
            round(float(took[d : s["batch_index"] + 1].sum()), 4)
            - round(ordinary * len(took[d : s["batch_index"] + 1]), 4)
            for d, s in zip(decided, swaps[1:], strict=True)
        ],
        "longest_look_secs": round(float((looked - begins).max()), 4),
        "staleness_steps": ages[0].astype(int).tolist(),
        "staleness_minutes": [round(float(m), 3) for m in ages[1]],
        "swaps": swaps,
    }


def plot(results: list[dict[str, Any]]) -> str:
    """Staleness over steps, as an SVG picture."""
    width, height, left, right, top, bottom = 720, 300, 60, 30, 34, 40
    steps = max(result["steps"] for result in results)
    most = max(max(result["staleness_steps"]) for result in results)

    def at(step: float, age: float) -> str:
        x = left + step / steps * (width - left - right)
        return f"{x:.1f},{height - bottom - age / most * (height - bottom - top):.1f}"

    def lines() -> Iterator[str]:
        for number, result in enumerate(results):
            points = " ".join(at(i, age) for i, age in enumerate(result["staleness_steps"]))
            colour = _COLOURS[result["mode"]]
            yield f'<polyline fill="none" stroke="{colour}" points="{points}"/>'
            yield (
                f'<text x="{left + 12}" y="{top + 10 + 16 * number}" fill="{colour}">'
                f"{result['mode']}</text>"
            )
        for step in range(0, steps + 1, max(1, steps // 5)):
            x = at(step, 0).partition(",")[0]
            yield f'<text x="{x}" y="{height - 22}" text-anchor="middle">{step}</text>'
        for age in (0, most // 2, most):
            y = at(0, age).partition(",")[2]
            yield f'<text x="{left - 6}" y="{y}" text-anchor="end">{age}</text>'

    body = "\n".join(lines())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="12">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        f'{body}\n<text x="{width // 2}" y="{height - 6}" text-anchor="middle">step</text>\n'
        f'<text x="6" y="12">staleness of the index, in steps</text>\n</svg>\n'
    )


def run(mode: str, steps: int, every: int, args: argparse.Namespace) -> dict[str, Any]:
    """The figures of one mode, measured in a process of its own unless they are there."""
    path = args.work / f"{mode}.json"
    if not path.exists():
        command = [sys.executable, "-m", "benchmarks.refresh_modes", str(args.data), str(args.work)]
        command += ["--config", str(args.config), "--steps", str(steps), "--every", str(every)]
        subprocess.run([*command, "--mode", mode], cwd=_ROOT, check=True)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def compare(args: argparse.Namespace) -> None:
    """Trains in all modes, prints a line for each, and writes the results and the plot."""
    beside = run("async", args.steps, args.every, args)
    # A multiple of `every`, so that training returns to the host as often as in `async`.
    exports = args.steps / args.every / max(1, beside["snapshots_taken_up"])
    interval = args.every * max(1, round(exports))
    short = max(args.steps // 4, _FEWEST_REFRESHES * interval)
    results = [
        beside,
        run("sync", short, interval, args),
        run("off", short, args.steps, args),
    ]
    for result in results:
        print(shown(result))
    text = json.dumps(results) + "\n"
    (args.work / "refresh_modes.json").write_text(text, encoding="utf-8")
    (args.work / "staleness.svg").write_text(plot(results), encoding="utf-8")


def shown(result: dict[str, Any]) -> str:
    """One line of a result."""
    ages, costs = result["staleness_steps"], result["swap_costs_secs"]
    line = (
        f"{result['mode']:6} {result['steps_per_second']:.2f} steps/s, median step"
        f" {result['median_step_secs']:.3f} s, {result['snapshots_taken_up']} snapshots of"
        f" {result['blocks']:.0f} blocks; staleness mean {statistics.mean(ages):.0f}, largest"
        f" {max(ages)} steps"
    )
    if costs:
        line += f"; a swap costs {statistics.mean(costs):.3f} s, at most {max(costs):.3f} s"
    return line


def main() -> None:
    """Measures what is missing, and prints a line for each mode."""
    parser = argparse.ArgumentParser(description="Compares the modes of refresh.")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument(
        "--config", type=pathlib.Path, default=_ROOT / "configs" / "squad_small.yaml"
    )
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--every", type=int, default=25)
    parser.add_argument("--mode", choices=tuple(_COLOURS), help="train in this mode alone")
    args = parser.parse_args()
    args.data, args.work = args.data.resolve(), args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    if args.mode:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        train(args.mode, args.steps, args.every, args)
    else:
        compare(args)


if __name__ == "__main__":
    main()
