"""Who may import whom: the drawing of the house as tables, and the rules that hold it.

A place is a module's name without `method_tng.`; an entry with a dot allows the places that begin so.
"""

import ast
import sys
from collections.abc import Iterator, Sequence

from method_tng.runs.systems import SYSTEMS as TABLE
from tests.house.imports import Import, imports_of
from tests.house.tree import Breach, Module, room_of

SYSTEMS = set(TABLE)
DATA_SETS = {"tvr", "movie101", "movie101v2", "mad", "tng", "tng-mini", "tng-full", "demo", "qvhighlights"}

# Room -> what its modules may import besides `contract` and themselves.
ROOMS: dict[str, set[str]] = {
    "contract": set(),
    "layers": set(),
    "encoders": set(),
    "dataset": set(),
    "runs": set(),
    "corpora": {"dataset", "encoders"},
    "retrieval": {"dataset"},
    "extraction": {"dataset.feature_", "dataset.annotations", "encoders"},
    "training": {"retrieval", "dataset", "runs", "standalone_eval"},
    "search": {"retrieval", "dataset", "extraction", "encoders", "runs"},  # an index is made with a run
    "web": {"search", "extraction.clips"},
}
SYSTEM_MAY = {"layers", "encoders"}

# Door -> what it opens; every door may also import `runs`.
DOORS: dict[str, set[str]] = {
    "train": {"training"},
    "inference": {"retrieval"},
    "evaluate": {"standalone_eval"},
    "extract": {"extraction"},
    "index_corpus": {"search"},
    "serve": {"web"},
    "prepare": {"corpora", "dataset", "extraction"},
    "demo": {"extraction"},
}

# Single modules that may more than their room or door, each for a reason.
MODULES: dict[str, set[str]] = {
    "retrieval.predictions": {"standalone_eval"},  # its writers
    "inference": {"training"},  # validation and inference answer and score a split by the same lines
    "baselines.cnclip_rnl.scripts.convert_cn_clip": {"encoders"},  # it reads weights, not a run
    "demo": {"extract", "prepare", "train", "index_corpus", "serve"},  # every step is another command
    "train": {"corpora.demo", "inference"},  # bare: makes the demo first, reports on its test split last
}
BASELINE_DOOR = {"training", "retrieval", "dataset", "extraction", "standalone_eval"}

CORE = {"torch", "transformers", "numpy", "h5py", "easydict", "scipy", "tqdm", "tensorboard", "yaml"}
CORE |= {"safetensors", "PIL", "msgspec"}
NEEDS_ONLY = {
    "layers": {"torch", "scipy"},
    "standalone_eval": {"numpy", "orjson"},  # orjson reads faster where it happens to be installed
}

# Package of an extra -> the only places that live from it.
EXTRAS: dict[str, tuple[str, ...]] = {
    "av": ("extraction.",),
    "pysubs2": ("extraction.subtitles", "dataset.annotations_narrations"),
    "charset_normalizer": ("extraction.subtitles",),
    "faiss": ("search.faiss_",),
    "fastapi": ("web.",),
    "starlette": ("web.",),
    "pydantic": ("web.",),
    "uvicorn": ("web.", "serve"),
    "matplotlib": ("training.figures",),
    "lmdb": ("dataset.lmdb_",),
    "ray": ("extraction.ray_",),
    "qdrant_client": ("search.qdrant_",),
}
EXTRA_ROOMS = {"web"}  # live from an extra as a whole, and are opened late by their door


def breaches_of_arrows(modules: Sequence[Module]) -> list[Breach]:
    """Every import that the drawing does not have, in the order of the files."""
    names = [module.name for module in modules]
    arrows = {module: imports_of(module, names) for module in modules}
    living = {
        module.name
        for module in modules
        if room_of(module.place) in EXTRA_ROOMS
        or any(_extra_of(arrow) for arrow in arrows[module] if arrow.at_top)
    }
    found = []
    for module in modules:
        for arrow in arrows[module]:
            found += [module.breach(arrow.line, rule) for rule in _faults(module, arrow, living)]
        found += _compared_names(module)
    return list(dict.fromkeys([*found, *_cycles(arrows)]))


def is_system(room: str) -> bool:
    """Whether a room is a system's folder."""
    return room in SYSTEMS or room.startswith("baselines.")


def _faults(module: Module, arrow: Import, living: set[str]) -> Iterator[str]:
    if arrow.target.split(".")[0] in ("method_tng", "baselines", "standalone_eval"):
        yield from _own_faults(module, arrow.target.removeprefix("method_tng."))
        if arrow.at_top and arrow.target in living and module.name not in living:
            yield f"imports {arrow.target}, which lives from an extra, at its top; import it where it is used"
    else:
        yield from _foreign_faults(module, arrow)


def _own_faults(module: Module, target: str) -> Iterator[str]:
    room, allowed = room_of(module.place), _allowed(module)
    if allowed is None:
        yield f"{room} is no room of the house"
    elif (room_of(target) != room or module.is_door) and not _holds(allowed, target):
        yield f"{module.place if module.is_door else room} may not import {target}"


def _allowed(module: Module) -> set[str] | None:
    """Rooms, and beginnings of places, that a module may import besides its own room."""
    room = room_of(module.place)
    if module.name == "method_tng" or room == "standalone_eval":
        return set()
    if module.is_door:
        baseline = BASELINE_DOOR if room.startswith("baselines.") else set()
        allowed = {"runs"} | DOORS.get(module.place, baseline)
    elif is_system(room):
        allowed = SYSTEM_MAY
    elif room in ROOMS:
        allowed = ROOMS[room]
    else:
        return None
    return {"contract"} | allowed | MODULES.get(module.place, set())


def _holds(allowed: set[str], target: str) -> bool:
    return room_of(target) in allowed or any("." in entry and target.startswith(entry) for entry in allowed)


def _foreign_faults(module: Module, arrow: Import) -> Iterator[str]:
    package, room = arrow.target.split(".")[0], room_of(module.place)
    if package in sys.stdlib_module_names:
        return
    if room in NEEDS_ONLY:
        if package not in NEEDS_ONLY[room]:
            yield f"{room} may need {' and '.join(sorted(NEEDS_ONLY[room]))} only, not {package}"
    elif package in EXTRAS:
        if not module.place.startswith(EXTRAS[package]):
            yield f"the extra {package} belongs to {', '.join(EXTRAS[package])} alone"
    elif package not in CORE:
        yield f"{package} is no declared dependency"


def _extra_of(arrow: Import) -> bool:
    return arrow.target.split(".")[0] in EXTRAS


def _compared_names(module: Module) -> Iterator[Breach]:
    """A system's or data set's name in a comparison; `runs/systems.py` is the one table of systems."""
    room = room_of(module.place)
    if is_system(room) or room == "standalone_eval" or module.place == "runs.systems":
        return
    names = SYSTEMS if module.is_door or room in ("corpora", "dataset") else SYSTEMS | DATA_SETS
    for node in module.nodes:
        for name in names.intersection(_compared(node)):
            yield module.breach(node, f"compares the name {name!r}; ask the recipe or a setting instead")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _names_a_system(node.value):
            yield module.breach(node, f"names the system {node.value}; runs/systems.py is the one table")


def _compared(node: ast.AST) -> Iterator[str]:
    """The texts that something is compared with: by an operator, a case, or as a beginning or end."""
    operands: list[ast.expr] = []
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
    elif isinstance(node, ast.MatchValue):
        operands = [node.value]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        operands = node.args if node.func.attr in ("startswith", "endswith") else []
    for operand in operands:
        for part in operand.elts if isinstance(operand, ast.Tuple | ast.List | ast.Set) else [operand]:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def _names_a_system(text: str) -> bool:
    parts = text.split(".")
    return (
        text.isascii()
        and " " not in text
        and len(parts) > 1
        and ((parts[0] == "method_tng" and parts[1] in SYSTEMS) or parts[0] == "baselines")
    )


def _cycles(arrows: dict[Module, list[Import]]) -> Iterator[Breach]:
    """One breach per ring of modules, at the import that closes it."""
    by_name = {module.name: module for module in arrows}
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> Iterator[Breach]:
        done.add(name)
        for arrow in arrows[by_name[name]]:
            if arrow.for_types:
                continue
            if arrow.target in way:
                ring = " -> ".join([*way[way.index(arrow.target) :], arrow.target])
                yield by_name[name].breach(arrow.line, f"closes a ring: {ring}")
            elif arrow.target in by_name and arrow.target not in done:
                yield from visit(arrow.target, [*way, arrow.target])

    for name in by_name:
        if name not in done:
            yield from visit(name, [name])
