"""Speed and memory of the evaluator on generated data of the sizes of TVR, MAD, QVHighlights and Ego4D.

    python tests/benchmarks/evaluation.py FOLDER     makes the data (once), measures, prints tables

Every measurement is a fresh process on one thread; processor seconds (user and system) and peak memory
are the kernel's.  A bare ``json.load`` (or a parse of every line) of the same file runs beside each, so that
figures from machines of different speed can be compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
MIB = 1024.0  # KiB


def make_tvr(folder: Path) -> None:
    """10,895 queries, 100 rows in each of three tasks, 2,179 videos."""
    random = np.random.default_rng(0)
    names = [f"show_s{number // 100:02d}_clip_{number:04d}" for number in range(2179)]
    own = random.integers(0, len(names), 10_895)
    start = random.uniform(0, 70, len(own)).round(2)
    truth = np.stack([start, (start + random.gamma(2, 4, len(own))).round(2)], axis=1)
    with (folder / "tvr_gt.jsonl").open("w") as file:
        for query, (video, window) in enumerate(zip(own.tolist(), truth.tolist(), strict=True)):
            kind = ("v", "t", "vt")[query % 3]
            line = {"desc_id": query, "desc": "a sentence of some words", "vid_name": names[video],
                    "ts": window, "duration": 90.0, "type": kind}  # fmt: skip
            file.write(json.dumps(line) + "\n")
    with (folder / "tvr.json").open("w") as file:
        file.write(json.dumps({"video2idx": {name: at for at, name in enumerate(names)}})[:-1])
        for task in ("VCMR", "SVMR", "VR"):
            file.write(f', "{task}": [')
            for query in range(len(own)):
                rows = _rows(random, truth[query], own[query], len(names), task)
                entry = {"desc_id": query, "desc": "a sentence of some words", "predictions": rows}
                file.write((", " if query else "") + json.dumps(entry))
            file.write("]")
        file.write("}")


def _rows(
    random: np.random.Generator, truth: np.ndarray, own: int, videos: int, task: str
) -> list[list[float]]:
    right = random.random(100) < (1.0 if task == "SVMR" else 0.1)
    video = np.where(right, own, random.integers(0, videos, 100))
    window = (
        np.sort(np.where(right[:, None], truth, 40) + random.normal(0, 6, (100, 2)), axis=1)
        .clip(0, 90)
        .round(2)
    )
    score = np.sort(random.uniform(0, 10, 100))[::-1].round(4)
    if task == "VR":
        window[:] = 0
    return [
        [v, s, e, c] for v, (s, e), c in zip(video.tolist(), window.tolist(), score.tolist(), strict=True)
    ]


def make_mad(folder: Path) -> None:
    """72,044 queries with 100 windows each."""
    random = np.random.default_rng(1)
    with (folder / "mad.jsonl").open("w") as file, (folder / "mad_gt.jsonl").open("w") as gt:
        for query in range(72_044):
            start = float(random.uniform(0, 6000))
            truth = [round(start, 2), round(start + float(random.gamma(2, 2)), 2)]
            near = random.random(100) < 0.05
            starts = np.where(near, start, random.uniform(0, 6000, 100)) + random.normal(0, 1, 100)
            rows = np.stack([starts, starts + random.gamma(2, 2, 100)], axis=1).clip(0).round(2).tolist()
            gt.write(
                json.dumps({"query_id": str(query), "video_id": "m", "timestamps": truth, "duration": 6000})
                + "\n"
            )
            file.write(json.dumps({"query_id": str(query), "predicted_times": rows}) + "\n")


def make_qvh(folder: Path) -> None:
    """1,550 queries with 10 windows and 75 clip scores each."""
    random = np.random.default_rng(2)
    with (folder / "qvh.jsonl").open("w") as file, (folder / "qvh_gt.jsonl").open("w") as gt:
        for query in range(1550):
            count = int(random.integers(1, 4))
            starts = np.sort(random.choice(70, count, replace=False))
            truth = [[2 * int(s), 2 * int(min(75, s + random.integers(1, 30)))] for s in starts]
            clips = sorted({clip for s, e in truth for clip in range(s // 2, e // 2)})
            scores = random.integers(0, 5, (len(clips), 3)).tolist()
            line = {"qid": query, "query": "", "vid": f"v{query}", "duration": 150, "relevant_windows": truth,
                    "relevant_clip_ids": clips, "saliency_scores": scores}  # fmt: skip
            gt.write(json.dumps(line) + "\n")
            noisy = np.sort(
                np.array(truth)[random.integers(0, count, 10)] + random.normal(0, 8, (10, 2)), axis=1
            )
            best = np.sort(random.random(10))[::-1]
            rows = np.column_stack([noisy.clip(0, 150), best]).round(4).tolist()
            values = random.normal(size=75).round(6).tolist()
            line = {"qid": query, "query": "", "vid": f"v{query}", "pred_relevant_windows": rows,
                    "pred_saliency_scores": values}  # fmt: skip
            file.write(json.dumps(line) + "\n")


def make_ego4d(folder: Path) -> None:
    """4,552 queries with 100 windows each."""
    random = np.random.default_rng(3)
    clips, results = [], []
    for clip in range(569):
        asked = []
        for index in range(8):
            start = float(random.uniform(0, 460))
            asked.append(
                {"clip_start_sec": start, "clip_end_sec": start + float(random.gamma(2, 4)), "query": ""}
            )
            starts = random.uniform(0, 470, 100)
            rows = np.stack([starts, starts + random.gamma(2, 5, 100)], axis=1).round(2).tolist()
            results.append({"clip_uid": f"c{clip}", "annotation_uid": f"a{clip}", "query_idx": index,
                            "predicted_times": rows})  # fmt: skip
        annotation = {"annotation_uid": f"a{clip}", "language_queries": asked}
        clips.append({"clip_uid": f"c{clip}", "annotations": [annotation]})
    whole = {"version": "1.0", "challenge": "ego4d_nlq_challenge", "results": results}
    (folder / "ego4d.json").write_text(json.dumps(whole))
    (folder / "ego4d_gt.json").write_text(json.dumps({"videos": [{"video_uid": "v", "clips": clips}]}))


SETS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "tvr": (make_tvr, "tvr.json", "tvr_gt.jsonl"),
    "mad": (make_mad, "mad.jsonl", "mad_gt.jsonl"),
    "qvhighlights": (make_qvh, "qvh.jsonl", "qvh_gt.jsonl"),
    "ego4d": (make_ego4d, "ego4d.json", "ego4d_gt.json"),
}
BARE = """
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    kept = [json.loads(line) for line in file] if sys.argv[1].endswith("l") else json.load(file)
"""
INSIDE = """
import sys, time
from standalone_eval import evaluate, load_gt, load_submission
profile, submission, gt = sys.argv[1:]
s, g = load_submission(submission, profile), load_gt(gt, profile)
evaluate(s, g, profile).metrics
best = 1e9
for _ in range(5):
    start = time.process_time()
    evaluate(s, g, profile).metrics
    best = min(best, time.process_time() - start)
print(best)
"""
BOOTSTRAP = """
import sys, time
from standalone_eval import evaluate, load_gt, load_submission
from standalone_eval.stats import intervals
result = evaluate(load_submission(sys.argv[1], "tvr"), load_gt(sys.argv[2], "tvr"), "tvr")
start = time.process_time()
intervals(result, 2000, 0, None)
print(time.process_time() - start)
"""


def process(arguments: list[str]) -> tuple[float, float, str]:
    """(processor seconds, peak MiB, output) of a fresh process."""
    child = subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
    )
    assert child.stdout is not None
    output = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} ended with status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MIB, output


def python(program: str, *arguments: str) -> tuple[float, float, str]:
    """A fresh Python process that runs a program text."""
    return process([sys.executable, "-c", program, *arguments])


def evaluator(profile: str, submission: Path, gt: Path) -> tuple[float, float, str]:
    """The command line on a pair of files."""
    return process(
        [sys.executable, "standalone_eval/eval.py", "--submission_path", str(submission), "--gt_path",
         str(gt), "--profile", profile, "--not_verbose"]
    )  # fmt: skip


def suppression() -> tuple[float, float]:
    """Processor seconds of TVR's suppression and of Movie101's recall, 200 queries of 1,000 rows."""
    from standalone_eval import GroundTruth, Rows, Submission, evaluate, nms

    random = np.random.default_rng(4)
    starts = random.uniform(0, 140, (200, 1000))
    window = np.stack([starts, starts + random.gamma(2, 5, starts.shape)], axis=2).round(2)
    score = random.random((200, 1000))
    begin = time.process_time()
    for query in range(200):
        nms.tvr(np.column_stack([window[query], score[query]]), 0.5, 100)
    tvr = time.process_time() - begin
    rows = Rows.from_padded(np.arange(200), np.round(window), score=score)
    gt = GroundTruth.from_windows(np.arange(200), np.round(window[:, 0]))
    begin = time.process_time()
    found = evaluate(Submission({"pred": rows}, format="movie101-rnl"), gt, "movie101-rnl").metrics
    assert found["recall"]
    return tvr, time.process_time() - begin


def main(folder: Path) -> None:
    """Makes what is missing, measures, prints Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    print("| data | input | bare parse s | whole process s | of the bare parse | peak MiB | evaluate s |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for profile, (make, submission, gt) in SETS.items():
        if not (folder / submission).exists():
            make(folder)
        packed = folder / f"{profile}.npz"
        convert = ["convert", str(folder / submission), str(packed), "--profile", profile]
        process([sys.executable, "standalone_eval/eval.py", *convert])
        bare, bare_peak, _ = python(BARE, str(folder / submission))
        inside = float(python(INSIDE, profile, str(packed), str(folder / gt))[2])
        for path, name in ((folder / submission, "JSON"), (packed, "npz")):
            seconds, peak, _ = evaluator(profile, path, folder / gt)
            cells = [f"{bare:.2f} ({bare_peak:.0f} MiB)", f"{seconds:.2f}", f"{seconds / bare:.2f}"]
            print("|", " | ".join([profile, name, *cells, f"{peak:.0f}", f"{inside:.3f}"]), "|", flush=True)
    drawn = float(python(BOOTSTRAP, str(folder / "tvr.npz"), str(folder / "tvr_gt.jsonl"))[2])
    helped = min(process([sys.executable, "standalone_eval/eval.py", "--help"])[0] for _ in range(3))
    tvr, rnl = suppression()
    print(f"\n- 2,000 bootstrap resamples of all tvr metrics: {drawn:.2f} s")
    print(f"- start-up (`--help`): {helped:.2f} s")
    print(f"- suppression, 200 queries of 1,000 rows: tvr {tvr:.2f} s, movie101-rnl recall {rnl:.2f} s")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/benchmarks/evaluation"))
