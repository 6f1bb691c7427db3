"""What a module imports: at its top, inside functions, or by name through `importlib`."""

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.house.tree import Module


class Import(NamedTuple):
    """One arrow: the full name of what is imported, the line, and when it happens."""

    target: str
    line: int
    at_top: bool  # when the module itself is imported, not later inside a function
    for_types: bool  # never: only type checkers read it


def imports_of(module: Module, known: Iterable[str]) -> list[Import]:
    """All imports of a module; what is taken out of a package counts as a module where `known` has it."""
    known = set(known)
    return [
        Import(_longest(target, known), node.lineno, at_top, for_types)
        for node, at_top, for_types in _statements(module.syntax)
        for target in _targets(node, module)
    ]


def _statements(root: ast.AST) -> Iterator[tuple[ast.stmt | ast.expr, bool, bool]]:
    """Everything that may import, with whether it runs at the top and whether only type checkers read it."""
    waiting = [(root, True, False)]
    while waiting:
        node, at_top, for_types = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
            yield node, at_top and not for_types, for_types
        at_top &= not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types |= isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        waiting += [(child, at_top, for_types) for child in ast.iter_child_nodes(node)]


def _targets(node: ast.AST, module: Module) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = absolute_name(node.module or "", node.level, module)
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and _called(node.func) in ("import_module", "__import__"):
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            level = len(name.value) - len(name.value.lstrip("."))
            yield absolute_name(name.value.lstrip("."), level, module)


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def absolute_name(name: str, level: int, module: Module) -> str:
    """The full name of a relative import: one dot is the module's own package."""
    if not level:
        return name
    package = module.name.split(".")
    package = package[: len(package) - level + (1 if module.is_package else 0)]
    return ".".join([*package, *([name] if name else [])])


def _longest(target: str, known: set[str]) -> str:
    """`a.b.c` as it is when it is a module or stranger; the module `a.b` when c is a name inside it."""
    parent = target.rpartition(".")[0]
    return parent if target not in known and parent in known else target
