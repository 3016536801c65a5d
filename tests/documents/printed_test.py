# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every command that the project prints has the options that it is printed with, and a test."""

import ast
import importlib
import itertools
import pathlib

import click
import pytest

from beam_jobs.engine import launch
from realm_tf.cli import main
from tests.documents import printed

ROOT = pathlib.Path(__file__).parents[2]
COMMANDS = printed.commands(ROOT)
# Programs that are not this project's, and that no test can run here.
FOREIGN = ("curl", "docker run", "tensorboard", "pytest.py")

# What is called: the test that runs it. A test of a script is named after it.
_SCRIPTS = "tests/benchmarks/scripts_test.py"
_FINISHED = "tests/benchmarks/finished_run_test.py"
_RUN = "tests/commands/run_pipeline_test.py"
_KINDS = "tests/commands/run_kinds_test.py"
_MAIN = "tests/cli/main_test.py"
_DOCUMENTS = "tests/cli/documents_test.py"
_ALONE = "tests/beam_jobs/alone_test.py::test_every_job_runs_alone"
TESTED = {
    "realm": f"{_MAIN}::test_version_and_help",
    "realm ask": f"{_RUN}::test_every_experiment_and_the_export_are_there",
    "realm blocks": f"{_MAIN}::test_segment_is_printed_for_people_and_machines",
    "realm convert": "tests/commands/convert_test.py::test_command_imports_and_exports",
    "realm data check": "tests/cli/data_check_test.py::test_warnings_are_no_failure",
    "realm data split": "tests/commands/split_questions_test.py"
    "::test_parts_hold_all_questions_as_they_were",
    "realm documents": f"{_DOCUMENTS}::test_every_change_and_the_proof_of_a_deletion",
    **{
        f"realm documents {name}": f"{_DOCUMENTS}::test_every_change_and_the_proof_of_a_deletion"
        for name in ("add", "compact", "delete", "history", "list", "update", "verify-deleted")
    },
    "realm embed": f"{_MAIN}::test_embed_and_index",
    "realm evaluate": f"{_KINDS}::test_closed_gate_skips_joint_training",
    "realm examples": f"{_MAIN}::test_examples",
    "realm export": f"{_RUN}::test_every_experiment_and_the_export_are_there",
    "realm index": f"{_MAIN}::test_index_is_gated_and_tuned_with_real_queries",
    "realm inspect": f"{_MAIN}::test_examples",
    "realm quickstart": f"{_KINDS}::test_quickstart",
    "realm refresh": f"{_KINDS}::test_refresher_beside_the_trainer",
    "realm run": f"{_RUN}::test_report_holds_every_stage",
    "realm search": "tests/cli/search_test.py::test_search_under_a_filter",
    "realm serve": "tests/cli/serve_test.py::test_server_starts_answers_and_stops",
    "realm tag": "tests/cli/tag_test.py::test_tagger_by_option_and_by_setting",
    "realm train": f"{_RUN}::test_every_experiment_and_the_export_are_there",
    "realm train realm/pretrain": "tests/commands/workers_test.py"
    "::test_two_workers_have_the_losses_of_one_device",
    "realm train realm/span_tagger": "tests/cli/train_test.py::test_tagger_from_files",
    "realm vocab": f"{_MAIN}::test_corpus_of_the_original_code",
    "beam_jobs/build_blocks.py": _ALONE,
    "beam_jobs/build_index.py": _ALONE,
    "beam_jobs/find_answers.py": _ALONE,
    "beam_jobs/rank_words.py": _ALONE,
    "benchmarks/answer_lookup.py": f"{_SCRIPTS}::test_answer_lookup",
    "benchmarks/open_qa_speed.py": f"{_SCRIPTS}::test_open_qa_speed",
    "benchmarks/bm25_recall.py": f"{_SCRIPTS}::test_bm25_recall",
    "benchmarks/document_updates.py": f"{_SCRIPTS}::test_document_updates",
    "benchmarks/block_table.py": "tests/benchmarks/block_table_test.py::test_figures",
    "benchmarks/blocks_job.py": f"{_SCRIPTS}::test_blocks_job",
    "benchmarks/date_rules.py": f"{_SCRIPTS}::test_date_rules",
    "benchmarks/embed_speed.py": f"{_SCRIPTS}::test_embed_speed",
    "benchmarks/export_million.py": f"{_SCRIPTS}::test_export_million",
    "benchmarks/index_search.py": f"{_SCRIPTS}::test_index_search",
    "benchmarks/markup_left.py": f"{_SCRIPTS}::test_markup_left",
    "benchmarks/minilm_recall.py": f"{_SCRIPTS}::test_minilm_recall",
    "benchmarks/refresh_modes.py": f"{_SCRIPTS}::test_refresh_modes",
    "benchmarks/own_corpus.py": "tests/benchmarks/own_corpus_test.py"
    "::test_texts_of_packages_and_of_the_library_become_files",
    "benchmarks/quickstart_seeds.py": f"{_SCRIPTS}::test_quickstart_seeds",
    "benchmarks/served_agreement.py": f"{_FINISHED}::test_served_agreement",
    "benchmarks/serving_load.py": "tests/benchmarks/serving_load_test.py::test_figures",
    "benchmarks/serving_port.py": f"{_FINISHED}::test_serving_port",
    "benchmarks/serving_soak.py": "tests/benchmarks/serving_soak_test.py::test_nothing_is_lost",
    "benchmarks/squad_small_data.py": f"{_SCRIPTS}::test_squad_small_data",
    "benchmarks/stored_vectors.py": f"{_SCRIPTS}::test_stored_vectors",
    "benchmarks/swap_memory.py": f"{_SCRIPTS}::test_swap_memory",
    "benchmarks/tag_speed.py": f"{_SCRIPTS}::test_tag_speed",
    "benchmarks/tokenizer_agreement.py": f"{_SCRIPTS}::test_tokenizer_agreement",
    "benchmarks/train_step.py": f"{_SCRIPTS}::test_train_step",
    "tests/parity/mutations.py": "tests/parity/report_test.py::test_mutations",
    "tests/parity/report.py": "tests/parity/report_test.py::test_report",
}


def _ours(program: str) -> list[printed.Command]:
    return [c for c in COMMANDS if c.what.split()[0] == program or c.what.endswith(program)]


def test_every_printed_command_has_a_test():
    called = {c.what for c in COMMANDS if not c.what.startswith(("make ", *FOREIGN))}
    assert called - TESTED.keys() == set(), "Add a test that runs them, and name it in TESTED."
    assert TESTED.keys() - called == set(), "They are not printed any more."


@pytest.mark.parametrize("test", sorted(set(TESTED.values())))
def test_the_tests_are_there(test):
    path, _, name = test.partition("::")
    syntax = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in syntax.body if isinstance(node, ast.FunctionDef)}


def test_commands_have_the_printed_options():
    wrong = []
    for command in _ours("realm"):
        called: click.Command = main.main
        for name in command.what.split()[1:]:
            called = called.commands[name] if isinstance(called, click.Group) else called
        known = set(
            itertools.chain.from_iterable((*p.opts, *p.secondary_opts) for p in called.params)
        )
        wrong += [(command, option) for option in command.options if option not in known]
    assert wrong == []


def _help(script: str) -> str:
    """What tells the options of a script: its help if it is a job, otherwise its text."""
    if not script.startswith("beam_jobs/"):
        return (ROOT / script).read_text(encoding="utf-8")
    name = script.removesuffix(".py").replace("/", ".")
    module = importlib.import_module(name)
    job = getattr(module, name.rpartition(".")[2])
    return " ".join(f'"{o}"' for o in launch.parser(job, module.Params)._option_string_actions)


def test_scripts_have_the_printed_options():
    wrong = []
    for command in (c for c in _ours(".py") if c.what not in FOREIGN):
        text = _help(command.what)
        wrong += [(command, option) for option in command.options if f'"{option}"' not in text]
    assert wrong == []


def test_printed_targets_are_there():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [c.words[1] for c in _ours("make")]
    assert targets
    assert [target for target in targets if f"\n{target}: " not in text] == []


def test_commands_are_found(tmp_path):
    (tmp_path / "README.md").write_text(
        "```\nfor x in *; do realm inspect $x --row 0 > /dev/null || echo; done\n"
        "realm run \\\n    --config a.yaml -- --runner=X  # a comment\n```\n"
        "Not code: realm ask. But `realm blocks --format csv`, and `realm.py`.\n"
    )
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "a.yaml").write_text(
        "# Text\n#\n#   python -m a.b --c\nd: 1  # realm e\n"
    )
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "f.py").write_text(
        '"""F.\n\n    python benchmarks/f.py [--g 1]\n"""\n'
    )
    found = [(c.source, c.what, c.options) for c in printed.commands(tmp_path)]
    assert found == [
        ("README.md", "realm inspect", ("--row",)),
        ("README.md", "realm run", ("--config",)),
        ("README.md", "realm blocks", ("--format",)),
        ("configs/a.yaml", "a/b.py", ("--c",)),
        ("benchmarks/f.py", "benchmarks/f.py", ("--g",)),
    ]
