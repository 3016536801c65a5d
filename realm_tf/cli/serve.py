# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands that export a model and serve it: `realm export` and `realm serve`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from realm_tf.cli import options
from realm_tf.commands import paths

_LIMITS = (
    click.option("--max-batch-size", type=int, default=32, help="Questions that run together."),
    click.option(
        "--max-batch-delay-ms",
        type=float,
        default=2.0,
        help="Milliseconds that a question waits for others to run with.",
    ),
    click.option("--batch-threads", type=int, default=2, help="Batches that run at a time."),
    click.option(
        "--max-queue-rows",
        type=int,
        default=1024,
        help="Questions that may wait; a request beyond them is refused.",
    ),
    click.option("--max-rows", type=int, default=256, help="Questions of one request."),
    click.option("--max-text-bytes", type=int, default=16384, help="Bytes of one question."),
    click.option("--max-k", type=int, default=1000, help="Blocks or answers for one question."),
    click.option("--max-request-bytes", type=int, default=4 << 20, help="Bytes of one request."),
    click.option(
        "--timeout-secs", type=float, default=30.0, help="Seconds until a request expires."
    ),
    click.option(
        "--max-connections", type=int, default=1000, help="Connections at a time, by protocol."
    ),
)
_ACCESS = (
    click.option("--host", default="127.0.0.1", help="Address to listen at."),
    click.option("--grpc-port", type=click.IntRange(0, 65535), default=8500, help="0: any."),
    click.option("--rest-port", type=click.IntRange(0, 65535), default=8501, help="0: any."),
    click.option(
        "--token-file",
        metavar="FILE",
        help="File with a token; every request must carry it as `Authorization: Bearer TOKEN`.",
    ),
    click.option(
        "--requests-per-sec",
        type=float,
        metavar="N",
        help="Requests that one client may send in a second.",
    ),
    click.option("--tls-cert", metavar="FILE", help="Certificate chain (PEM), for TLS."),
    click.option("--tls-key", metavar="FILE", help="Private key of the certificate (PEM)."),
)


@click.command()
@options.WORKDIR
@click.option(
    "--output",
    metavar="DIR",
    help="Directory of the exported model. Default: export/ in --workdir.",
)
@click.option(
    "--apart",
    is_flag=True,
    help="Write retriever and reader as two models, so that new documents do not rewrite the"
    " reader. Needs --output.",
)
@click.option(
    "--shards",
    type=click.IntRange(min=1),
    metavar="N",
    help="Divide the corpus among N retrievers beside one reader, for hosts that hold a part each."
    " Needs --output.",
)
@click.option(
    "--index",
    type=click.Choice(["exact", "ivf", "scann"]),
    default="exact",
    show_default=True,
    help="Kind of the index that the model searches. Only scann needs a server with ops of its own."
    " Those that are not exact need --output.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="Export again after every change of documents, until this is ended; a server takes up each"
    " version.",
)
@options.JSON
def export(
    workdir: str,
    output: str | None,
    apart: bool,
    shards: int | None,
    index: str,
    watch: bool,
    as_json: bool,
) -> None:
    """Export the fine-tuned model of a run as a SavedModel for TF Serving."""
    if apart and shards:
        raise click.UsageError("Give --apart or --shards, which has its reader apart, too.")
    if (apart or shards) and output is None:
        option = "--apart" if apart else "--shards"
        raise click.UsageError(f"{option} needs --output DIR: export/ of a run is one model.")
    if index != "exact" and output is None:
        raise click.UsageError(f"--index {index} needs --output DIR: export/ of a run is exact.")
    paths.check_run(workdir)

    from realm_tf.commands import export as export_command
    from realm_tf.commands import export_watch, run_pipeline

    form = export_command.Form(index, apart, shards or 0)
    if watch:
        for path in export_watch.watch(workdir, output, form):
            _print_export(path, as_json, is_one=not form.has_reader_apart)
    with run_pipeline.Pipeline.open(workdir) as run:
        path = run.export(output, form)
    _print_export(path, as_json, is_one=not form.has_reader_apart)


def _print_export(path: str, as_json: bool, *, is_one: bool) -> None:
    from serving import versions

    names = [os.path.basename(shard) for shard in versions.shards(path)] or [versions.RETRIEVER]
    names = [""] if is_one else [*names, versions.READER]
    newest = {name: versions.numbers(os.path.join(path, name))[-1] for name in names}
    body = {"path": path, "version": newest[""] if is_one else newest}
    click.echo(json.dumps(body) if as_json else path)


@click.command(context_settings={"show_default": True})
@click.argument("directory", required=False)
@click.option("--name", default="realm", help="Name by which requests call the model.")
@click.option(
    "--versions",
    type=click.IntRange(min=1),
    default=1,
    help="Number of the newest versions that are served.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VERSION",
    help="Serve a version, under a label, beside the newest. May be given several times.",
)
@click.option(
    "--poll-secs", type=float, default=1.0, help="Seconds between two looks for new versions."
)
@click.option(
    "--drain-secs",
    type=float,
    default=0.0,
    help="Seconds after SIGTERM in which the server says that it is not ready, but still answers.",
)
@click.option(
    "--shard",
    "shards",
    multiple=True,
    metavar="URL",
    help="Address of a server that holds a shard, grpc:// or grpcs://HOST:PORT, under the same"
    " name. Given for each shard; DIRECTORY then needs the reader alone.",
)
@click.option(
    "--shard-token-file", metavar="FILE", help="File with the token that these servers ask for."
)
@click.option("--page", is_flag=True, help="Show a page to ask questions on, at the REST address.")
@options.several(_ACCESS)
@options.several(_LIMITS)
@click.option(
    "--check",
    metavar="URL",
    help="Serve nothing: test the server at http://, https://, grpc:// or grpcs://HOST:PORT, which"
    " may be TF Serving.",
)
@click.option(
    "--ca-file", metavar="FILE", help="Certificates that --check and --shard trust (PEM)."
)
@options.JSON
def serve(directory: str | None, check: str | None, **given: Any) -> None:
    """Serve an exported model by TF Serving's gRPC and REST interfaces.

    DIRECTORY is that of `realm export`, with --apart or --shards as well. A new version in it takes
    over by itself. The server listens on this machine alone, unless --host says otherwise, and
    stops at Ctrl-C or SIGTERM.
    """
    if (directory is None) == (check is None):
        raise click.UsageError("Give either the DIRECTORY of an exported model, or --check URL.")
    as_json, token = given.pop("as_json"), options.read_token(given.pop("token_file"))
    ca_file, shard_token_file = given.pop("ca_file"), given.pop("shard_token_file")
    if check is not None:
        settings = {"model": given["name"], "token": token, "ca_file": ca_file}
        sys.exit(0 if _check(check, settings, as_json) else 1)
    paths.check_export(str(directory), reader_alone=bool(given["shards"]))
    given["shard_token"], given["shard_ca_file"] = options.read_token(shard_token_file), ca_file

    from realm_tf.commands import serve as serve_command

    def tell(addresses: dict[str, str]) -> None:
        lines = [f"{name} {address}" for name, address in addresses.items()]
        click.echo(json.dumps(addresses) if as_json else "\n".join(lines))

    serve_command.serve(str(directory), token=token, on_start=tell, **given)


def _check(url: str, settings: dict[str, Any], as_json: bool) -> bool:
    """Prints the checks of an endpoint, and returns whether all succeed."""
    from serving.remote import connect, endpoint, smoke

    all_good = True
    with connect.connect(url, endpoint.Options(**settings)) as target:
        for check in smoke.check(target):
            all_good = all_good and not check.fault
            mark = "FAILED" if check.fault else "ok"
            line = f"{mark:6}  {check.name}" + (f": {check.fault}" if check.fault else "")
            click.echo(json.dumps(vars(check)) if as_json else line)
    return all_good
