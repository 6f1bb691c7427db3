"""The README's commands: their options exist, and the first one does what the README says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from method_tng.runs.door import parse_training
from method_tng.runs.preparing import prepare_parser

ROOT = Path(__file__).parents[1]
FOLDERS = ("data", "docs", "baselines", "method_tng")
PAGES = [ROOT / "README.md", *sorted(page for name in FOLDERS for page in (ROOT / name).rglob("*.md"))]


COMMAND = re.compile(
    r"(?:bash method_tng/scripts/train\.sh|python -m method_tng\.(?:train|prepare))[^\n`|;&#)]*"
)


def commands() -> list[list[str]]:
    """Every train and prepare command of the pages that is whole: without placeholder or ellipsis."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        found += [shlex.split(line) for line in COMMAND.findall(text) if not re.search(r"\.\.\.|…|\[", line)]
    # One's own files are made, and their commands run, in test_own_films.
    return [
        words for words in found if not any(odd in word for word in words for odd in ("DSET", "$", "data/my"))
    ]


def test_the_pages_name_commands() -> None:
    assert len(commands()) >= 5


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_of_the_pages_is_understood(words: list[str]) -> None:
    if "train" in words[1] or words[2:3] == ["method_tng.train"]:
        rest = words[2:] if words[0] == "bash" else words[3:]
        if "--resume" not in rest:
            parse_training(rest)
    elif words[2] == "method_tng.prepare":
        prepare_parser().parse_args(words[3:])


@pytest.mark.slow
def test_the_first_command_trains_the_demo_far_above_chance_and_below_certainty(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "method_tng/scripts/train.sh", "--results_root", str(tmp_path)]
    told = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    table = {line[:34].strip(): float(line[34:].split()[0]) for line in told.splitlines() if "(" in line[34:]}
    assert 55 < table["VR   which window"] < 90
    assert 30 < table["VCMR window and moment, IoU 0.5"] < 80  # a linear map reaches 25
    assert 45 < table["SVMR moment in its window, IoU 0.5"] < 90  # 42
    assert 38 < table["TNG  moment in its film, IoU 0.5"] < 80  # 31
    assert str(next(tmp_path.iterdir())) in told
