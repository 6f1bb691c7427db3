"""Small valid files of every format, for tests of reading: (name, content) of submission and ground truth."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from standalone_eval import write_npz
from standalone_eval.formats import load_gt, load_submission
from tests.standalone_eval.generated import tvr_files

GOLDEN = Path(__file__).parents[1] / "golden" / "evaluation"


@dataclass(frozen=True)
class Pair:
    """The two files of a profile, or one (``gt`` None) for profiles with a single file."""

    profile: str
    submission: tuple[str, bytes]
    gt: tuple[str, bytes] | None = None

    def write(self, folder: Path) -> tuple[Path, Path | None]:
        """Writes the files and returns their paths."""
        paths = []
        for item in (self.submission, self.gt):
            if item is None:
                paths.append(None)
                continue
            paths.append(folder / item[0])
            paths[-1].write_bytes(item[1])
        return paths[0], paths[1]


def lines(*values: object) -> bytes:
    """A jsonl file."""
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


RANKING_GT = [
    {
        "pair_id": 0,
        "query_id": 7,
        "query": "门",
        "video_name": "a",
        "timestamp": [0, 10],
        "duration": 60,
        "relevance": 4,
    },
    {
        "pair_id": 1,
        "query_id": 7,
        "query": "门",
        "video_name": "b",
        "timestamp": [5, 9],
        "duration": 60,
        "relevance": 2,
    },
    {
        "pair_id": 2,
        "query_id": 8,
        "query": "x",
        "video_name": "b",
        "timestamp": [1, 4],
        "duration": 60,
        "relevance": 0,
    },
]


@cache
def pairs() -> dict[str, Pair]:
    """A small valid pair per profile, and ``npz`` for the columnar form."""
    submission, gt = tvr_files(queries=5, videos=4, rows=4)
    tvr = (json.dumps(submission, ensure_ascii=False).encode(), lines(*gt))
    windows = [[0.0, 8.0, 0.9], [20, 36.5, 0.8], [20, 36.5, 0.8]]
    qvh = [
        {
            "qid": n,
            "query": "",
            "pred_relevant_windows": windows[n:],
            "pred_saliency_scores": [0.1, -2, 0.5, 1e-3],
        }
        for n in (0, 1)
    ]
    relevant = {"relevant_clip_ids": [0, 1], "saliency_scores": [[3, 4, 2], [4, 0, 1]]}
    qvh_gt = [
        {"qid": n, "duration": 12, "vid": "a", "relevant_windows": [[0, 4], [6, 12]], **relevant}
        for n in (0, 1)
    ]
    mad = [{"query_id": str(n), "predicted_times": [[3.0, 4.25], [9, 12.0, 0.5, "x"]]} for n in (7, 8)]
    mad_gt = [
        {"query_id": str(n), "video_id": "m", "timestamps": [3.0, 4.0], "duration": 900.0} for n in (7, 8)
    ]
    entry = {"clip_uid": "c", "annotation_uid": "a", "predicted_times": [[1.0, 4.0], [2, 3]]}
    ego = {"version": "1.0", "challenge": "ego4d_nlq_challenge",
           "results": [{**entry, "query_idx": 0}, {**entry, "query_idx": 1}]}  # fmt: skip
    asked = [{"clip_start_sec": 1.0, "clip_end_sec": 4.0}, {"clip_start_sec": 8.0, "clip_end_sec": 9.0}]
    holder = {"clip_uid": "c", "annotations": [{"annotation_uid": "a", "language_queries": asked}]}
    rnl = [
        {"predicted_times": [[0, 9], [3, 12]], "scores": [0.5, 0.7]},
        {"predicted_times": [[1, 2]], "scores": [1]},
    ]
    ranking = {"7": [["a", 0, 10.5, 2.0], ["b", 5.0, 9, 1.0]], "8": [["c", 1, 2, 0.5]]}
    cnm = {
        "center_width": [[[0.5, 0.2], [0.3, 0.3]]] * 2,
        "duration": [60, 30.5],
        "gt_seconds": [[3, 9.5], [1, 2]],
    }
    vlg = {"candidates": [[0, 5], [3.5, 9]], "scores": [[0.1, 0.9], [0.4, 0.2]], "gt": [[0, 4], [3, 9]]}
    truths = [{"query_id": "0", "timestamps": [1.5, 3]}, {"query_id": "1", "timestamps": [40, 50]}]
    coarse = {"windows": {"0": [3, 1], "1": [0]}, "gt": truths}
    found = {
        "tvr": Pair("tvr", ("s.json", tvr[0]), ("g.jsonl", tvr[1])),
        "tng": Pair("tng", ("s.json", tvr[0]), ("g.jsonl", tvr[1])),
        "qvhighlights": Pair("qvhighlights", ("s.jsonl", lines(*qvh)), ("g.jsonl", lines(*qvh_gt))),
        "mad": Pair("mad", ("s.jsonl", lines(*mad)), ("g.jsonl", lines(*mad_gt))),
        "ego4d": Pair("ego4d", ("s.json", json.dumps(ego).encode()),
                      ("g.json", json.dumps({"videos": [{"video_uid": "v", "clips": [holder]}]}).encode())),
        "movie101-rnl": Pair("movie101-rnl", ("s.json", json.dumps(rnl).encode()),
                             ("g.json", json.dumps([{"gt_times": [0, 8]}, {"gt_times": [1, 2]}]).encode())),
        "tvr-ranking": Pair("tvr-ranking", ("s.json", json.dumps(ranking).encode()),
                            ("g.json", json.dumps(RANKING_GT, ensure_ascii=False).encode())),
        "cnm": Pair("cnm", ("s.json", json.dumps(cnm).encode())),
        "mad-vlgnet": Pair("mad-vlgnet", ("s.json", json.dumps(vlg).encode())),
        "window": Pair("window", ("s.json", json.dumps(coarse).encode())),
        "retrieval": Pair("retrieval", ("s.npz", _archive(sims=np.array([[[1.0, 0.2]], [[0.3, 0.9]]])))),
    }  # fmt: skip
    found["npz"] = Pair("tng", ("s.npz", _columnar(found["tng"])), found["tng"].gt)
    return found


def _archive(**members: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    return buffer.getvalue()


def _columnar(pair: Pair) -> bytes:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as name:
        submission, _ = pair.write(Path(name))
        write_npz(Path(name) / "out.npz", load_submission(submission, "tng"))
        return (Path(name) / "out.npz").read_bytes()


def loaded(pair: Pair, folder: Path) -> tuple[object, object]:
    """The columns of a pair, written to a folder and read back."""
    submission, gt = pair.write(folder)
    return load_submission(submission, pair.profile), None if gt is None else load_gt(gt, pair.profile)
