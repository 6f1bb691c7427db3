"""The source tree as the house rules see it: modules, their names and their rooms, and breaches of a rule."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

PRODUCT = ("method_tng", "baselines", "standalone_eval")


class Breach(NamedTuple):
    """One place where a rule of the house is not kept."""

    file: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}"


@dataclass(frozen=True)
class Module:
    """A Python file: `file` relative to the root, `name` with dots, as it is imported."""

    file: str
    name: str
    text: str

    @cached_property
    def syntax(self) -> ast.Module:
        """The file's syntax tree."""
        return ast.parse(self.text, self.file)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the syntax tree."""
        return tuple(ast.walk(self.syntax))

    @property
    def is_package(self) -> bool:
        """Whether the file is the `__init__` of its folder."""
        return self.file.endswith("__init__.py")

    @property
    def place(self) -> str:
        """The name without the main package: 'dataset.text', 'train', 'baselines.cnm.model'."""
        return self.name.removeprefix("method_tng.")

    @property
    def is_door(self) -> bool:
        """Whether the file is a command: directly in `method_tng/`, or among a baseline's scripts."""
        parts = Path(self.file).parts
        if parts[0] == "baselines":
            return len(parts) > 3 and parts[2] == "scripts"
        return parts[0] == "method_tng" and len(parts) == 2 and not self.is_package

    def breach(self, where: ast.AST | int, rule: str) -> Breach:
        """A breach in this file, at a node or a line."""
        return Breach(self.file, where if isinstance(where, int) else getattr(where, "lineno", 1), rule)


def room_of(place: str) -> str:
    """The room of a place: 'dataset' of 'dataset.text'; a system is a room of its own: 'baselines.cnm'."""
    parts = place.split(".")
    return ".".join(parts[:2]) if parts[0] == "baselines" else parts[0]


def read_tree(root: Path, folders: Sequence[str] = PRODUCT) -> list[Module]:
    """All Python files under the folders, in order of their names."""
    modules = []
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.py")):
        relative = path.relative_to(root)
        parts = relative.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules.append(Module(str(relative), name, path.read_text(encoding="utf-8")))
    return modules


def functions_of(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too."""
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
