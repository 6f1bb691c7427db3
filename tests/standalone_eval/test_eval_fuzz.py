"""P34 and more: files with random byte edits are read to the same kind of objects or refused cleanly.

``FUZZ_COUNT`` sets the number of edits per format of the slow run (2,000 by default).
"""

import gzip
import os
import random
from pathlib import Path

import pytest

from standalone_eval import EvalInputError, evaluate
from standalone_eval.formats import load_gt, load_submission
from tests.standalone_eval.files import Pair, pairs

FORMATS = sorted(pairs())
TOKENS = (
    b"NaN", b"-Infinity", b"1e999", b"null", b"true", b'""', b"[]", b"{}", b"-0.0", b"1" * 400, b"\\ud800",
    b"\xff", b"[" * 300, b"0.1", b",", b":", b'"qid"', b"\x00", b"99999999999999999999", b"-1", b"\n",
    b"\\u0000",
)  # fmt: skip


def edited(data: bytes, source: random.Random) -> bytes:
    """A few single- or multi-byte edits: deleted, changed, doubled or moved parts, and odd tokens put in."""
    for _ in range(source.choice((1, 1, 1, 2, 4))):
        at = source.randrange(len(data) + 1)
        length = source.choice((1, 1, 1, 2, 5, 30))
        kind = source.randrange(6)
        if kind == 0:
            data = data[:at] + data[at + length :]
        elif kind == 1:
            data = data[:at] + bytes(source.randrange(256) for _ in range(length)) + data[at + length :]
        elif kind == 2:
            data = data[:at] + data[at : at + length] + data[at:]
        elif kind == 3:
            data = data[:at] + source.choice(TOKENS) + data[at + source.choice((0, 1, length)) :]
        elif kind == 4:
            data = data[:at] + bytes([source.choice(b'0123456789.-e,:[]{}"')]) + data[at + 1 :]
        else:
            data = data[:at]
    return data


def outcome(pair: Pair, folder: Path) -> str:
    """``read`` or ``refused``; any other exception fails the test."""
    paths = pair.write(folder)
    try:
        submission = load_submission(paths[0], pair.profile)
        gt = None if paths[1] is None else load_gt(paths[1], pair.profile)
        result = evaluate(submission, gt, pair.profile)
        assert result.metrics is not None and result.warnings is not None
    except EvalInputError as error:
        assert error.issues and str(error)
        return "refused"
    return "read"


def fuzz(name: str, folder: Path, count: int, seed: int) -> dict[str, int]:
    source = random.Random(f"{name} {seed}")
    pair = pairs()[name]
    counts = {"read": 0, "refused": 0}
    for number in range(count):
        which = "gt" if pair.gt is not None and source.random() < 0.4 else "submission"
        file, data = getattr(pair, which)
        changed = edited(data, source)
        if source.random() < 0.05:
            changed = gzip.compress(changed)[: -source.choice((1, 9)) or None]
        parts = {"submission": pair.submission, "gt": pair.gt, which: (file, changed)}
        try:
            counts[outcome(Pair(pair.profile, **parts), folder)] += 1
        except Exception as error:
            (folder / "failing").write_bytes(changed)
            raise AssertionError(f"{name} {which} edit {number} of seed {seed}: {changed!r}") from error
    return counts


@pytest.mark.parametrize("name", FORMATS)
def test_random_edits_are_read_or_refused(name: str, tmp_path: Path) -> None:
    counts = fuzz(name, tmp_path, 40, seed=1)
    assert counts["refused"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_many_random_edits_are_read_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(
        name, tmp_path, int(os.environ.get("FUZZ_COUNT", "2000")), seed=int(os.environ.get("FUZZ_SEED", "2"))
    )


@pytest.mark.parametrize("name", ["mad", "ego4d", "tvr-ranking"])
def test_any_single_byte_may_be_missing(name: str, tmp_path: Path) -> None:
    pair = pairs()[name]
    file, data = pair.submission
    for at in range(0, len(data), 3):
        outcome(Pair(pair.profile, (file, data[:at] + data[at + 1 :]), pair.gt), tmp_path)
