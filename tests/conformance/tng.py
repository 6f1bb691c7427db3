"""Packs: what we make of the shared narrations against the shared builder's own output.

``python -m tests.conformance tng ../shared/data/tng``.  The folder holds narrations.jsonl.gz, movies.json,
tables.npz and build_tng_pack.py.  Three comparisons:

    pack     annotations byte by byte, features number by number: must be equal
    masks    a checkout is rebuilt from the raw texts, then cleaned and masked anew: lines that differ are
             counted; Chinese must be equal, English may differ in 0.2 % (the list of words that are no names
             is our own)
    tables   fitted anew; terms and idf must be equal, projections up to rounding
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from method_tng.corpora.tng_pack import PACKS, TABLE_PACK, build_pack
from method_tng.corpora.tng_source import Film, read_checkout, read_prepared
from method_tng.corpora.tng_tables import Tables, fit_tables

PACK = "tng-tiny"
MOST_ENGLISH = 0.002  # share of the English lines that may be masked otherwise
ROUNDING = 0.005  # worst difference of projections, as a share of their largest entry


def run(folder: Path) -> int:
    """Prints a line per comparison; 0 when all hold."""
    films = read_prepared(folder / "narrations.jsonl.gz")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        passed = [*_pack(folder, work), *_masks(folder, films, work), *_tables(folder, films)]
    print("all hold" if all(passed) else f"{passed.count(False)} fail")
    return 0 if all(passed) else 1


def _say(quantity: str, found: str, passed: bool) -> bool:
    print(f"{quantity} · {found} · {'pass' if passed else 'FAIL'}")
    return passed


def _pack(folder: Path, work: Path) -> Iterable[bool]:
    theirs, ours = work / "theirs", work / "ours"
    command = [sys.executable, str(folder / "build_tng_pack.py"), "--pack", PACK, "--out", str(theirs)]
    subprocess.run(command, check=True, capture_output=True)
    build_pack(None, PACK, ours, narrations=folder / "narrations.jsonl.gz", tables=folder / "tables.npz")
    for path in sorted(theirs.iterdir()):
        if path.suffix != ".h5":
            same = path.read_bytes() == (ours / path.name).read_bytes()
            yield _say(path.name, "equal bytes" if same else "different bytes", same)
            continue
        with h5py.File(path) as one, h5py.File(ours / path.name) as other:
            differ = [key for key in one if not np.array_equal(one[key], other[key])]
            same = set(one) == set(other) and not differ
            yield _say(path.name, f"{len(one)} arrays, {len(differ)} differ", same)


def _masks(folder: Path, films: dict[str, Film], work: Path) -> Iterable[bool]:
    checkout = work / "checkout"
    _write_checkout(checkout, films, json.loads((folder / "movies.json").read_text(encoding="utf-8")))
    again = read_checkout(checkout, films)
    same = [len(again[film]) == len(films[film]) for film in films]
    yield _say("narrations per film", f"{same.count(False)} of {len(same)} films differ", all(same))
    pairs = [pair for film in films for pair in zip(films[film], again[film], strict=False)]
    for field, most in (("desc_id", 0.0), ("zh_masked", 0.0), ("en_masked", MOST_ENGLISH)):
        differ = sum(getattr(one, field) != getattr(other, field) for one, other in pairs)
        yield _say(field, f"{differ} of {len(pairs)} lines differ", differ <= most * len(pairs))


def _write_checkout(checkout: Path, films: dict[str, Film], about: dict) -> None:
    """The raw texts in the folders of a checkout."""
    meta = checkout / "data/metadata/meta"
    meta.mkdir(parents=True)
    for code in ("zh", "en"):
        folder = checkout / f"data/narration/short-71k-{code}"
        folder.mkdir(parents=True)
        for film, lines in films.items():
            text = "".join(f"{_clock(one.start)}|{_clock(one.end)}|{getattr(one, code)}\n" for one in lines)
            (folder / f"{film}.txt").write_text(text, encoding="utf-8")
    for film in films:
        roles = {str(i): {"role": zh, "role_en": en} for i, (zh, en) in enumerate(about[film]["roles"])}
        (meta / f"{film}.json").write_text(json.dumps({"role": roles}), encoding="utf-8")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}"


def _tables(folder: Path, films: dict[str, Film]) -> Iterable[bool]:
    train = json.loads(PACKS.read_text(encoding="utf-8"))[TABLE_PACK]["splits"]["train"]
    lines = [line for film in sorted(train) for line in films[film]]
    ours = fit_tables([one.zh_masked for one in lines], "zh", [one.en_masked for one in lines], "en").arrays
    for name, theirs in Tables.load(folder / "tables.npz").arrays.items():
        if theirs.dtype.kind == "U":
            same = np.array_equal(theirs, ours[name])
            yield _say(name, f"{len(theirs)} terms", same)
        else:
            worst = np.abs(theirs.astype(float) - ours[name]).max() / np.abs(theirs.astype(float)).max()
            yield _say(name, f"worst difference {worst:.1e}", bool(worst <= ROUNDING))
