"""How a file reads: sizes, names, docstrings, and what a line may not do."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.house.imports import absolute_name
from tests.house.tree import Breach, Module, functions_of

FILE_LINES, DOOR_LINES, FUNCTION_LINES, PARAMETERS, NESTING = 400, 90, 80, 8, 3
VAGUE = {"util", "utils", "misc", "common"}
POSTPONED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
PRINTING = {  # the evaluator's own command line
    "standalone_eval/eval.py",
    "standalone_eval/commands.py",
    "standalone_eval/more_commands.py",
}
PROMISED = {("standalone_eval/evaluator.py", "evaluate")}  # a public signature given from outside

Function = ast.FunctionDef | ast.AsyncFunctionDef
DEEPER = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def breaches_of_reading(modules: Sequence[Module]) -> list[Breach]:
    """Every breach of the rules for the product's files."""
    found = breaches_of_size(modules)
    for module in modules:
        found += _docstrings(module)
        if not module.is_door and module.file not in PRINTING:
            found += [module.breach(node, "print outside a door; use logging") for node in _prints(module)]
    return found + list(_inheritance(modules))


def breaches_of_size(modules: Sequence[Module]) -> list[Breach]:
    """Every breach of the rules that hold for tests too: sizes, nesting, names, excepts, postponed work."""
    return [breach for module in modules for breach in [*_file(module), *_functions(module), *_lines(module)]]


def _file(module: Module) -> Iterator[Breach]:
    length, limit = len(module.text.splitlines()), DOOR_LINES if module.is_door else FILE_LINES
    if length > limit:
        yield module.breach(
            limit + 1, f"{length} lines; a {'door' if module.is_door else 'file'} has at most {limit}"
        )
    for part in Path(module.file).with_suffix("").parts:
        if part in VAGUE:
            yield module.breach(1, f"{part!r} names no idea")


def _functions(module: Module) -> Iterator[Breach]:
    for function in functions_of(module):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > FUNCTION_LINES:
            yield module.breach(function, f"{function.name} has {length} lines, at most {FUNCTION_LINES}")
        count = _parameters(function)
        if count > PARAMETERS and (module.file, function.name) not in PROMISED:
            yield module.breach(function, f"{function.name} takes {count} parameters, at most {PARAMETERS}")
        depth = max((_depth(statement) for statement in function.body), default=0)
        if depth > NESTING:
            yield module.breach(function, f"{function.name} nests {depth} deep, at most {NESTING}")


def _parameters(function: Function) -> int:
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    own = 1 if names and names[0] in ("self", "cls") else 0
    return len(names) - own + (arguments.vararg is not None) + (arguments.kwarg is not None)


def _depth(node: ast.AST, inside: int = 0) -> int:
    """How many blocks (if, for, while, with, try, match) lie in one another; `elif` and `else` add none."""
    if isinstance(node, (*(Function.__args__), ast.ClassDef, ast.Lambda)):
        return 0  # a function inside is measured by itself
    here = inside + isinstance(node, DEEPER)
    deepest = here
    for child in ast.iter_child_nodes(node):
        is_elif = isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)
        deepest = max(deepest, _depth(child, here - 1 if is_elif else here))
    return deepest


def _lines(module: Module) -> Iterator[Breach]:
    for number, line in enumerate(module.text.splitlines(), start=1):
        if POSTPONED.search(line):
            yield module.breach(number, "postponed work belongs in the tracker, not in the code")
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield module.breach(node, "bare except; name the errors")


def _prints(module: Module) -> Iterator[ast.Call]:
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield node


def _docstrings(module: Module) -> Iterator[Breach]:
    if module.syntax.body and ast.get_docstring(module.syntax) is None:
        yield module.breach(1, "the module has no docstring")
    yield from _members(module, module.syntax.body, owner="")


def _members(module: Module, body: Sequence[ast.stmt], owner: str) -> Iterator[Breach]:
    for node in body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and (isinstance(node, ast.ClassDef) or not _needs_none(node)):
            yield module.breach(node, f"{owner}{node.name} has no docstring")
        if isinstance(node, ast.ClassDef):
            yield from _members(module, node.body, owner=f"{owner}{node.name}.")


def _needs_none(function: Function) -> bool:
    """A signature without a body, in a protocol or an overload, speaks for itself; so does a setter."""
    bare = [ast.unparse(statement) for statement in function.body] == ["..."]
    return bare or any(ast.unparse(decorator).endswith(".setter") for decorator in function.decorator_list)


def _inheritance(modules: Sequence[Module]) -> Iterator[Breach]:
    """A class of ours is no base, but for errors; a protocol may extend a protocol."""
    bases = {}
    for module in modules:
        imported = _imported_names(module)
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                names = [_full_name(base, module, imported) for base in node.bases]
                bases[f"{module.name}.{node.name}"] = (module, node, names)
    for module, node, names in bases.values():
        is_protocol = any(name.split(".")[-1] == "Protocol" for name in names)
        for name in names:
            if name in bases and not is_protocol and not _is_error(name, bases):
                yield module.breach(
                    node, f"{node.name} inherits from our {name.split('.')[-1]}; hand it over instead"
                )


def _is_error(name: str, bases: dict) -> bool:
    if name not in bases:
        return name.split(".")[-1].endswith(("Error", "Exception", "Warning"))
    return any(_is_error(base, bases) for base in bases[name][2])


def _full_name(base: ast.expr, module: Module, imported: dict[str, str]) -> str:
    """The name of a base class with its module, as far as the file's imports tell."""
    written = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
    first, dot, rest = written.partition(".")
    return imported.get(first, f"{module.name}.{first}") + dot + rest


def _imported_names(module: Module) -> dict[str, str]:
    """Name in the file -> full name of what was imported under it."""
    names: dict[str, str] = {}
    for node in module.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            source = ""
            if isinstance(node, ast.ImportFrom):
                source = absolute_name(node.module or "", node.level, module) + "."
            names |= {alias.asname or alias.name: f"{source}{alias.name}" for alias in node.names}
    return names
