# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures the blocks job: speed, resident memory, workers, and kills in the middle.

    python benchmarks/blocks_job.py 'corpus/*.jsonl.gz' vocab.txt WORK_DIR

Every run is a process of its own, `realm blocks`, whose process tree is looked at every 50 ms
(Linux). A corpus of n copies has every document n times, under ids of their own. One JSON object a
run goes to standard output. The figures: seconds of wall clock, import of TensorFlow included;
`core_seconds` of processor time of all processes; megabytes (10^6) of uncompressed JSON, and
blocks, per second of processor time; the largest resident megabytes (2^20) of the launcher, of one
worker, and of all together; and a hash of all shards, which must not differ between runs of the
same corpus.
"""

from __future__ import annotations

import argparse
import glob
import gzip
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

_PAGES_A_MB = (1 << 20) // os.sysconf("SC_PAGE_SIZE")


def write_copies(pattern: str, root: pathlib.Path, copies: int) -> tuple[str, int]:
    """Writes every document `copies` times; returns the pattern, and the bytes of JSON."""
    root.mkdir(parents=True, exist_ok=True)
    num_bytes = 0
    for number, path in enumerate(sorted(glob.glob(pattern))):
        for copy in range(copies):
            target = root / f"{number:04d}-{copy:03d}.jsonl.gz"
            with (
                gzip.open(path, "rt", encoding="utf-8") as lines,
                gzip.open(target, "wt", 1, encoding="utf-8") as out,
            ):
                for line in lines:
                    record = json.loads(line)
                    text = json.dumps({**record, "id": f"{record['id']}-{copy}"}) + "\n"
                    num_bytes += len(text)
                    out.write(text)
    return str(root / "*.jsonl.gz"), num_bytes


def children(pid: int) -> list[int]:
    """All processes below one."""
    found = []
    for task in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            for child in map(int, pathlib.Path(task).read_text().split()):
                found += [child, *children(child)]
        except OSError:
            continue
    return found


def resident_mb(pid: int) -> int:
    """Resident memory of a process; 0 if it is gone."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) // _PAGES_A_MB
    except (OSError, IndexError):
        return 0


def run(command: Sequence[str], kill: str = "", after: pathlib.Path | None = None) -> dict:
    """Runs a command to its end, and looks at its processes meanwhile.

    Args:
      command: What to run.
      kill: "launcher" or "worker": which is killed with SIGKILL,
      after: when this pattern matches a file.
    """
    started = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    launcher = worker = together = 0
    while process.poll() is None:
        sizes = [resident_mb(pid) for pid in children(process.pid)]
        own = resident_mb(process.pid)
        launcher, worker = max(launcher, own), max([worker, *sizes])
        together = max(together, own + sum(sizes))
        if kill and after and glob.glob(str(after)):
            victims = children(process.pid) if kill == "worker" else [process.pid]
            os.kill(victims[-1], signal.SIGKILL)
            kill = ""
        time.sleep(0.05)
    out, err = process.communicate()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cores = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return {
        "code": process.returncode,
        "seconds": round(time.monotonic() - started, 1),
        "core_seconds": round(cores, 1),
        "launcher_mb": launcher,
        "worker_mb": worker,
        "together_mb": together,
        "out": out.strip(),
        "err": err.strip().splitlines()[-1:],
    }


def shards_hash(segment: str) -> str:
    """Hash of the hashes of all files of a segment."""
    shards = json.loads((pathlib.Path(segment) / "segment.json").read_text())["shards"]
    return hashlib.sha256(json.dumps(shards).encode()).hexdigest()[:12]


def command_of(corpus: str, vocab: str, output: pathlib.Path, workers: int) -> list[str]:
    """`realm blocks`; without workers it works in its own process."""
    command = [sys.executable, "-m", "realm_tf", "blocks", "--corpus", corpus, "--vocab", vocab]
    command += ["--output", str(output)]
    if workers:
        command += ["--", "--direct_running_mode=multi_processing"]
        command += [f"--direct_num_workers={workers}"]
    return command


def measure(corpus: str, num_bytes: int, vocab: str, work: pathlib.Path, workers: int) -> dict:
    """One run."""
    output = work / "segments"
    shutil.rmtree(output, ignore_errors=True)
    found = run(command_of(corpus, vocab, output, workers))
    segment = found.pop("out")
    counts = json.loads((pathlib.Path(segment) / "segment.json").read_text())["counts"]
    return {
        **{name: value for name, value in found.items() if name != "err"},
        "mb": round(num_bytes / 1e6, 1),
        "mb_per_core_second": round(num_bytes / 1e6 / found["core_seconds"], 2),
        "blocks": counts["blocks"],
        "blocks_per_core_second": round(counts["blocks"] / found["core_seconds"]),
        "shards": shards_hash(segment),
    }


def killed(corpus: str, vocab: str, work: pathlib.Path, who: str, after: str) -> dict:
    """A run that is killed in the middle, and one more that goes on."""
    output = work / "segments"
    shutil.rmtree(output, ignore_errors=True)
    command = command_of(corpus, vocab, output, 2)
    first = run(command, who, output / after)
    published = bool(glob.glob(str(output / "blocks-*" / "segment.json")))
    second = run(command)
    return {
        "killed": who,
        "after": after,
        "code": first["code"],
        "seconds": first["seconds"],
        "message": first["err"],
        "published": published,
        "seconds_of_the_rest": second["seconds"],
        "shards": shards_hash(second["out"]),
        "left": sorted(p.name for p in output.rglob("*.tmp-*")),
    }


def main() -> None:
    """Measures all that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", help="pattern of .jsonl.gz files")
    parser.add_argument("vocab", help="vocabulary file")
    parser.add_argument("work_dir", type=pathlib.Path)
    parser.add_argument("--copies", type=int, nargs="*", default=[1, 10])
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--kill", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    work = args.work_dir
    learn = [sys.executable, "-m", "realm_tf", "vocab", "--corpus", args.corpus]
    learn += ["--output", str(work / "vocab"), "--set", f"vocab.file={args.vocab}"]
    vocab = run(learn)["out"]
    for copies in args.copies:
        corpus, num_bytes = write_copies(args.corpus, work / f"copies-{copies}", copies)
        for workers in args.workers:
            figures = measure(corpus, num_bytes, vocab, work, workers)
            print(json.dumps({"copies": copies, "workers": workers, **figures}), flush=True)
    if args.kill:
        corpus, _ = write_copies(args.corpus, work / "copies-1", 1)
        steps = ("jobs/blocks-*/SortDocuments/*.json", "blocks-*/*.arrow")
        for who in ("worker", "launcher"):
            for after in steps:
                print(json.dumps(killed(corpus, vocab, work, who, after)), flush=True)


if __name__ == "__main__":
    main()
