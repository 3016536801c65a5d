# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the BUILD files: one a folder, one target a file, with the dependencies that it imports.

`make build-files` writes them; `tests/build_files_test.py` fails where one says anything else.
"""

import pathlib

from tools import build_text, data_files, distributions, import_graph, rooms, source_tree

ROOT = pathlib.Path(__file__).parents[1]
MAIN = "realm_tf/__main__.py"
TEST_MAIN = "tests/pytest_main.py"
ROOT_FILES = ["LICENSE", "pyproject.toml"]


class Tree:
    """The project's files, and the targets that they make.

    Args:
        root: The folder that holds the packages, the tests and the requirements.

    Raises:
        ValueError: If modules import each other in a circle.
    """

    def __init__(self, root: pathlib.Path):
        self._files = source_tree.read(root)
        self._graph = import_graph.ImportGraph(self._files)
        self._items = data_files.find(root)
        self._declared = distributions.declared(root)
        self._folders = data_files.code_folders(root)

    def texts(self) -> dict[str, str]:
        """Returns what every BUILD file should say, by its path.

        Raises:
            ValueError: If a file is in no room, or an import is of a distribution that the
                requirements do not name.
        """
        folders = {
            f"{folder}/{source_tree.BUILD}": self._folder(folder) for folder in self._folders
        }
        return {source_tree.BUILD: self._root(), **folders}

    def targets(self, folder: str) -> list[str]:
        """Returns the text of every target of a folder, in the order of its BUILD file.

        Raises:
            ValueError: As for `texts`.
        """
        made = []
        for file in sorted(self._files.values(), key=lambda file: file.path):
            if _folder_of(file.path) == folder:
                made.append(self._test(file) if _is_test(file) else self._library(file))
                if file.path == MAIN:
                    made.append(self._command(file))
        inside = [item for item in self._items if item.is_folder and item.parent == folder]
        return made + [_files(item.target, [f"{item.name}/**"]) for item in inside]

    def _folder(self, folder: str) -> str:
        module = folder.replace("/", ".")
        usual = build_text.visibility(module)
        targets = self.targets(folder)
        files = [item.name for item in self._items if not item.is_folder and item.parent == folder]
        if folder == _folder_of(TEST_MAIN):
            files.append(pathlib.PurePath(TEST_MAIN).name)
        exported = [build_text.exports(sorted(files))] if files else []
        # Exported files are visible to all: who may read a file is no matter of imports.
        package = [build_text.package(usual), *exported]
        whole = _files("source_files", ["**"], [build_text.ROOT])
        parts = [*build_text.loads(targets), *package, *targets, whole]
        return _joined(build_text.HEADER, parts)

    def _root(self) -> str:
        libraries = [
            build_text.label(*_target_of(file), package="")
            for file in sorted(self._files.values(), key=lambda file: file.path)
            if rooms.room_of(file.module) not in build_text.NOT_IN_LIBRARY
        ]
        public = build_text.quoted([build_text.PUBLIC])
        library = build_text.rule(
            "py_library",
            "library",
            visibility=public,
            deps=build_text.quoted(sorted(libraries, key=_label_order)),
        )
        command = build_text.rule("alias", "realm", actual='"//realm_tf:realm"', visibility=public)
        private = build_text.package([build_text.PRIVATE])
        exports = build_text.exports(ROOT_FILES)
        parts = [*build_text.loads([library]), private, exports, *build_text.groups()]
        parts += [command] if any(file.path == MAIN for file in self._files.values()) else []
        return _joined(build_text.ROOT_HEADER, [*parts, library, *self._root_data()])

    def _root_data(self) -> list[str]:
        """Returns the filegroups of the root: folders that are no packages, and the whole tree."""
        tests = ["//:tests"]
        folders = [item for item in self._items if not item.parent]
        made = [_files(item.target, [f"{item.name}/**"], tests) for item in folders]
        parts = [f":{item.target}" for item in folders]
        parts += [f"//{folder}:source_files" for folder in self._folders]
        srcs = f'glob(["*"]) + {build_text.items(build_text.quoted(parts), "    ")}'
        visible = build_text.quoted(tests)
        return [*made, build_text.rule("filegroup", "source_tree", srcs=srcs, visibility=visible)]

    def _library(self, file: source_tree.SourceFile) -> str:
        folder, name = _target_of(file)
        own = build_text.visibility(file.module)
        usual = build_text.visibility(folder.replace("/", "."))
        return build_text.rule(
            "py_library",
            name,
            srcs=[f'"{name}.py"'],
            data=self._data(file),
            visibility=[] if own == usual else build_text.quoted(own),
            deps=self._deps(file),
        )

    def _command(self, file: source_tree.SourceFile) -> str:
        source = '"__main__.py"'
        visible = build_text.quoted([build_text.ROOT])
        code = {"srcs": [source], "main": source, "visibility": visible}
        return build_text.rule("py_binary", "realm", **code, deps=self._deps(file))

    def _test(self, file: source_tree.SourceFile) -> str:
        folder, name = _target_of(file)
        main_folder, _, main_name = TEST_MAIN.rpartition("/")
        main = f'"{main_name}"' if folder == main_folder else f'"//{main_folder}:{main_name}"'
        data = ['"//:pyproject.toml"', *self._data(file)]
        if "tools.source_tree" in self._graph.reachable(file.module):
            data.append('"//:source_tree"')
        return build_text.rule(
            "py_test",
            name,
            size='"enormous"' if "pytest.mark.slow" in file.text else '"medium"',
            srcs=[f'"{name}.py"', main],
            args=[f'"$(rootpath {name}.py)"'],
            data=data,
            main=main,
            deps=self._deps(file),
        )

    def _data(self, file: source_tree.SourceFile) -> list[str]:
        folder = _folder_of(file.path)
        labels = [
            item.name
            if item.parent == folder and not item.is_folder
            else build_text.label(item.parent, item.target, package=folder)
            for item in data_files.named_by(file, self._items)
        ]
        return build_text.quoted(labels)

    def _deps(self, file: source_tree.SourceFile) -> list[str]:
        needs = set(self._graph.needs(file.module))
        if _is_test(file):
            needs |= {m for m, f in self._files.items() if _serves_test(f, file)}
        outside = {
            distributions.of_import(name, self._declared, f"{file.path}:{line}")
            for line, name in file.imports()
            if source_tree.resolve(name, self._files) is None
        }
        folder = _folder_of(file.path)
        labels = {
            build_text.label(*_target_of(self._files[need]), package=folder) for need in needs
        }
        named = sorted(name for name in outside if name is not None)
        return build_text.quoted(sorted(labels, key=_label_order)) + build_text.requirements(named)


def _label_order(label: str) -> tuple[bool, list[str]]:
    """Returns a label's place in buildifier's order: the same package, then folder by folder."""
    return not label.startswith(":"), label.split(":")


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _target_of(file: source_tree.SourceFile) -> tuple[str, str]:
    """Returns a file's folder and the name of its target."""
    folder, _, name = file.path.removesuffix(".py").rpartition("/")
    return folder, name


def _is_test(file: source_tree.SourceFile) -> bool:
    return file.path.endswith("_test.py")


def _serves_test(file: source_tree.SourceFile, test: source_tree.SourceFile) -> bool:
    """Whether pytest loads the file for the test, which does not import it."""
    folder, _, name = file.path.rpartition("/")
    above = name == "conftest.py" and test.path.startswith(f"{folder}/")
    return above or file.path == TEST_MAIN


def _files(name: str, patterns: list[str], visibility: list[str] | None = None) -> str:
    globs = f"glob([{', '.join(build_text.quoted(patterns))}])"
    visible = build_text.quoted(visibility or [])
    return build_text.rule("filegroup", name, srcs=globs, visibility=visible)


def _joined(header: str, parts: list[str]) -> str:
    return "\n".join([header, *(f"{part}\n" for part in parts)]).rstrip("\n") + "\n"


def write(root: pathlib.Path) -> list[str]:
    """Writes every BUILD file, removes those that no folder needs, and returns what changed.

    Raises:
        ValueError: If a file is in no room, modules import each other in a circle, or an import is
            of a distribution that the requirements do not name.
    """
    texts = Tree(root).texts()
    there = source_tree.build_files(root)
    before = {path: (root / path).read_text(encoding="utf-8") for path in there}
    for path in before.keys() - texts.keys():
        (root / path).unlink()
    for path, text in texts.items():
        (root / path).write_text(text, encoding="utf-8")
    return sorted(p for p in before.keys() | texts.keys() if before.get(p) != texts.get(p))


if __name__ == "__main__":
    for changed in write(ROOT):
        print(changed)
