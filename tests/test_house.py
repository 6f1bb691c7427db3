"""The house: who imports whom, how large things are, how they read.

First the tree is held to the rules, then the rules to their word: a rule that nothing can break holds
nothing, so each is shown to fail on a small bad file, and all together to let a good one pass.
"""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from tests.house.arrows import DOORS, MODULES, ROOMS, breaches_of_arrows, is_system
from tests.house.reading import breaches_of_reading, breaches_of_size
from tests.house.tree import Breach, Module, read_tree, room_of

ROOT = Path(__file__).resolve().parent.parent


def told(breaches: list[Breach]) -> str:
    """The breaches as a list to read."""
    return "\n".join(map(str, breaches))


@pytest.fixture(scope="module")
def product() -> list[Module]:
    """All modules of the product."""
    return read_tree(ROOT)


def test_every_import_is_an_arrow_of_the_drawing(product: list[Module]) -> None:
    assert not (found := breaches_of_arrows(product)), told(found)


def test_every_file_reads_as_the_house_asks(product: list[Module]) -> None:
    assert not (found := breaches_of_reading(product)), told(found)


def test_tests_keep_the_sizes_too() -> None:
    assert not (found := breaches_of_size(read_tree(ROOT, ["tests"]))), told(found)


def test_every_folder_of_the_product_is_a_room_or_a_system(product: list[Module]) -> None:
    rooms = {room_of(module.place) for module in product if not module.is_door} - {"method_tng", "baselines"}
    assert all(room in ROOMS or room == "standalone_eval" or is_system(room) for room in rooms), rooms


@pytest.mark.parametrize("place", MODULES)
def test_every_exception_is_still_needed(
    product: list[Module], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = [module for module in product if module.place == place]
    before = len(breaches_of_arrows(module))
    for entry in MODULES[place]:
        with monkeypatch.context() as patch:
            patch.setitem(MODULES, place, MODULES[place] - {entry})
            assert len(breaches_of_arrows(module)) > before, f"{place} no longer imports {entry}"


def rules_broken(folder: Path, files: Mapping[str, str]) -> list[Breach]:
    """The breaches of a small tree."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text).lstrip())
    modules = read_tree(folder)
    return breaches_of_arrows(modules) + breaches_of_reading(modules)


LONG = "\n".join(f"    x{line} = {line}" for line in range(80))
ROWS = "\n".join(f"x{line} = {line}" for line in range(400))

BAD_IMPORTS = [
    ("method_tng/dataset/text.py", "import method_tng.training.loop", "dataset may not import training.loop"),
    (
        "method_tng/dataset/text.py",
        "def f():\n    from ..retrieval import nms",
        "may not import retrieval.nms",
    ),
    ("method_tng/runs/folder.py", "from method_tng.dataset import text", "runs may not import dataset.text"),
    ("method_tng/training/loop.py", "from method_tng.layers import masks", "may not import layers.masks"),
    ("method_tng/training/loop.py", "from method_tng import reloclnet", "may not import reloclnet"),
    ("method_tng/retrieval/nms.py", "from standalone_eval import iou", "may not import standalone_eval.iou"),
    ("method_tng/web/api.py", "from method_tng.extraction import video", "may not import extraction.video"),
    ("method_tng/reloclnet/model.py", "from method_tng.dataset import text", "may not import dataset.text"),
    ("baselines/cnm/model.py", "from baselines.rgnet import model", "may not import baselines.rgnet.model"),
    ("baselines/cnm/scripts/go.py", "from baselines.cnm import model", "may not import baselines.cnm.model"),
    ("method_tng/layers/masks.py", "from method_tng.encoders import clip", "may not import encoders.clip"),
    ("method_tng/layers/masks.py", "import numpy", "layers may need scipy and torch only, not numpy"),
    ("method_tng/contract/items.py", "from method_tng.layers import masks", "contract may not import layers"),
    ("method_tng/serve.py", "from method_tng.search import index", "serve may not import search.index"),
    ("method_tng/serve.py", "import method_tng.reloclnet.model", "serve may not import reloclnet.model"),
    ("method_tng/__init__.py", "from method_tng.runs import config", "method_tng may not import runs.config"),
    ("method_tng/tools/x.py", "from method_tng.runs import config", "tools is no room of the house"),
    ("standalone_eval/iou.py", "import torch", "standalone_eval may need numpy and orjson only, not torch"),
    ("standalone_eval/iou.py", "import method_tng.contract.items", "may not import contract.items"),
    ("method_tng/retrieval/nms.py", "def f():\n    import faiss", "the extra faiss belongs to search.faiss_"),
    ("method_tng/dataset/text.py", "import torchvision", "torchvision is no declared dependency"),
    (
        "method_tng/training/loop.py",
        "from importlib import import_module\nimport_module('method_tng.search.index')",
        "training may not import search.index",
    ),
    (
        "method_tng/training/loop.py",
        "PLACE = 'baselines.cnm.recipe'",
        "names the system baselines.cnm.recipe; runs/systems.py is the one table",
    ),
    ("method_tng/runs/config.py", "def f(s):\n    return s in ('rgnet', 'x')", "compares the name 'rgnet'"),
    ("method_tng/training/loop.py", "def f(s):\n    return s == 'tvr'", "compares the name 'tvr'"),
    ("method_tng/train.py", "def f(s):\n    return s.startswith('rgnet')", "compares the name 'rgnet'"),
    (
        "method_tng/search/searcher.py",
        "def f(s):\n    match s:\n        case 'reloclnet':\n            pass",
        "compares the name 'reloclnet'",
    ),
]

DEEP = """
    def f(a):
        for b in a:
            if b:
                with b:
                    while a:
                        pass
"""

BAD_READING = [
    ("method_tng/runs/config.py", ROWS, "401 lines; a file has at most 400"),
    ("method_tng/train.py", "\n".join(ROWS.splitlines()[:90]), "91 lines; a door has at most 90"),
    ("method_tng/runs/config.py", f"def _f():\n{LONG}", "_f has 81 lines"),
    ("method_tng/runs/config.py", "def _f(a, b, /, c, d, *e, f, g, h, **i): ...", "_f takes 9 parameters"),
    ("method_tng/runs/config.py", DEEP, "f nests 4 deep"),
    ("method_tng/runs/config.py", "print(1)", "print outside a door"),
    ("method_tng/runs/utils.py", "", "'utils' names no idea"),
    ("method_tng/common/x.py", "", "'common' names no idea"),
    ("method_tng/runs/config.py", "try:\n    x = 1\nexcept:\n    raise", "bare except"),
    ("method_tng/runs/config.py", "x = 1  # TO" + "DO later", "postponed work"),
    ("method_tng/runs/config.py", "def f():\n    return 1", "f has no docstring"),
    (
        "method_tng/runs/config.py",
        "class A:\n    'It.'\n    def f(self):\n        return 1",
        "A.f has no docstring",
    ),
    ("method_tng/runs/config.py", "class A: 'It.'\nclass B(A): 'It.'", "B inherits from our A"),
]


@pytest.mark.parametrize(("file", "source", "rule"), BAD_IMPORTS + BAD_READING)
def test_a_bad_file_is_told_with_its_rule(tmp_path: Path, file: str, source: str, rule: str) -> None:
    found = rules_broken(tmp_path, {file: f'"""A module."""\n{dedent(source)}'})
    assert [breach.file for breach in found if rule in breach.rule] == [file], told(found)


def test_a_breach_names_its_line(tmp_path: Path) -> None:
    source = '"""A module."""\n\nx = 1\nimport method_tng.web.api\n'
    assert told(rules_broken(tmp_path, {"method_tng/dataset/text.py": source})) == (
        "method_tng/dataset/text.py:4: dataset may not import web.api"
    )


def test_a_missing_module_docstring_is_told(tmp_path: Path) -> None:
    found = rules_broken(
        tmp_path, {"method_tng/runs/config.py": "x = 1\n", "method_tng/runs/__init__.py": ""}
    )
    assert told(found) == "method_tng/runs/config.py:1: the module has no docstring"


def test_a_class_of_another_file_is_no_base_either(tmp_path: Path) -> None:
    files = {
        "method_tng/dataset/a.py": '"""A."""\nclass A:\n    """It."""\n',
        "method_tng/dataset/b.py": '"""B."""\nfrom .a import A as C\nclass B(C):\n    """It."""\n',
    }
    assert "B inherits from our A" in told(rules_broken(tmp_path, files))


def test_a_ring_hidden_in_a_function_is_told(tmp_path: Path) -> None:
    files = {
        "method_tng/dataset/a.py": '"""A."""\nfrom method_tng.dataset import b\n',
        "method_tng/dataset/b.py": '"""B."""\ndef _f():\n    from .c import x\n',
        "method_tng/dataset/c.py": '"""C."""\nimport method_tng.dataset.a\n',
    }
    ring = "method_tng.dataset.a -> method_tng.dataset.b -> method_tng.dataset.c -> method_tng.dataset.a"
    assert told(rules_broken(tmp_path, files)) == f"method_tng/dataset/c.py:2: closes a ring: {ring}"


def test_what_lives_from_an_extra_is_imported_late(tmp_path: Path) -> None:
    files = {
        "method_tng/search/faiss_index.py": '"""It."""\nimport faiss\n',
        "method_tng/search/index.py": '"""It."""\ndef _f():\n    from method_tng.search import faiss_index\n',
    }
    assert not rules_broken(tmp_path, files)
    files["method_tng/search/corpus.py"] = '"""It."""\nfrom method_tng.search import faiss_index\n'
    assert "lives from an extra" in told(rules_broken(tmp_path, files))


def test_a_good_file_breaks_no_rule(tmp_path: Path) -> None:
    good = '''
        """A module."""

        from typing import TYPE_CHECKING, Protocol

        from torch import nn

        from method_tng.contract.errors import DataError
        from method_tng.layers.masks import hidden

        if TYPE_CHECKING:
            from method_tng.encoders.clip import Tower

        class Reads(Protocol):
            """Something that reads."""

            def read(self) -> str: ...

        class ReadsTwice(Reads, Protocol):
            """Something that reads again."""

        class Model(nn.Module):
            """A model."""

            def __init__(self, a, b, c, d, e, f, g, h) -> None:
                if a:
                    pass
                elif b:
                    for item in c:
                        if item:
                            pass
                else:
                    pass

            def _hidden(self) -> None:
                def inside() -> None:
                    return None
    '''
    errors = (
        '"""Errors."""\nclass OurError(Exception):\n    """A."""\nclass DataError(OurError):\n    """B."""\n'
    )
    files = {
        "method_tng/reloclnet/model.py": good,
        "method_tng/contract/errors.py": errors,
        "method_tng/train.py": '"""A door."""\nfrom method_tng.training.loop import train\nprint(train)\n',
    }
    assert not (found := rules_broken(tmp_path, files)), told(found)


def test_the_doors_of_the_table_are_those_of_the_house(product: list[Module]) -> None:
    doors = {
        module.place for module in product if module.is_door and not module.place.startswith("baselines")
    }
    assert doors <= set(DOORS), "a door that the drawing does not have"
