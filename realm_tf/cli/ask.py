# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command that asks a model questions, here or on a server: `realm ask`."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import click

from realm_tf import types
from realm_tf.cli import options
from realm_tf.commands import paths
from serving.remote import connect, endpoint

_BATCH_SIZE = 32
_NO_EVIDENCE = 0.5  # from this probability on, an answer is shown as a guess


@click.command()
@click.option(
    "--model",
    required=True,
    metavar="DIR|URL",
    help="Directory of an exported model, or of one version of it; or the address of a server:"
    " http://, https://, grpc:// or grpcs://HOST:PORT.",
)
@click.option("--name", default="realm", show_default=True, help="Name of the model at a server.")
@click.option("--token-file", metavar="FILE", help="File with the token that a server asks for.")
@click.option("--ca-file", metavar="FILE", help="Certificates to trust (PEM), for TLS.")
@click.option(
    "--answers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of answers to print for each question.",
)
@click.option(
    "--filter",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="What the metadata of the evidence's document must meet: FIELD=VALUE,VALUE,... or"
    " FIELD>=VALUE (also >, <= and <). Of several, all must hold.",
)
@click.option(
    "--metadata", is_flag=True, help="Show the metadata of the documents that the evidence is of."
)
@options.JSON
@click.argument("questions", nargs=-1)
def ask(
    model: str,
    name: str,
    token_file: str | None,
    ca_file: str | None,
    answers: int,
    conditions: tuple[str, ...],
    metadata: bool,
    as_json: bool,
    questions: tuple[str, ...],
) -> None:
    """Answer questions with an exported model, and show the evidence.

    Without QUESTIONS, every line of the standard input is one. A question that begins with a dash
    goes after --.
    """
    from serving import replies

    called = endpoint.Options(name, options.read_token(token_file), ca_file)
    show = _print_json if as_json else _print
    wanted = replies.Wanted(
        filter="; ".join(conditions),
        num_answers=answers if answers > replies.NUM_ANSWERS else None,
        with_metadata=metadata,
    )
    with _asker(model, called) as answer:
        for batch in _batches(questions):
            for reply in answer(batch, wanted):
                show(reply, answers)


@contextlib.contextmanager
def _asker(model: str, called: endpoint.Options) -> Iterator[Callable[..., list[Any]]]:
    """Yields what replies to questions: a server, or a model loaded into this process."""
    if connect.is_address(model):
        with connect.connect(model, called) as target:
            yield target.ask
        return
    paths.check_model(model)

    from serving import client

    loaded = client.load(model)
    yield lambda questions, wanted: client.reply(loaded, questions, wanted)


def _batches(questions: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yields questions as they come: all that are there, but no more at a time than a batch."""
    for waiting in [list(questions)] if questions else _lines():
        for start in range(0, len(waiting), _BATCH_SIZE):
            yield waiting[start : start + _BATCH_SIZE]


def _lines() -> Iterator[list[str]]:
    """Yields the whole lines of the standard input, as soon as there are some."""
    stream = cast(io.BufferedReader, sys.stdin.buffer)
    rest = b""
    while chunk := stream.read1(1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        yield [_text(line) for line in whole if line.strip()]
    if rest.strip():
        yield [_text(rest)]


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise types.UserError(f"A line of the input is not UTF-8: {line[:100]!r}.") from error


def _print_json(reply: Any, num_answers: int) -> None:
    click.echo(json.dumps(reply.as_dict(num_answers), ensure_ascii=False))


def _print(reply: Any, num_answers: int) -> None:
    from serving import replies

    click.echo(reply.question)
    if reply.no_evidence is not None and reply.no_evidence >= _NO_EVIDENCE:
        click.echo(f"No evidence found (probability {reply.no_evidence:.0%}). The best guess:")
    for answer in reply.answers[:num_answers]:
        click.echo(replies.format_answer(answer))
