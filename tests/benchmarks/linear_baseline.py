"""The floor of a data set: what one linear map from the query to the content reaches.

    python -m tests.benchmarks.linear_baseline demo [--split val] [--query bow|rows]

The name is that of a layout (`method_tng/runs/layouts`).  Query: a bag of words, or the mean of its feature
rows.  Content: the mean clip of the moment.  One ridge regression per stream, fitted on the training queries.
A clip scores the sum over streams of its cosine with the mapped query, averaged over three clips; a window is
as good as its best clip; moments are spans with a large sum of (score - a share of the window's best score).
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from itertools import product

import numpy as np

from method_tng.contract.settings import DataSettings
from method_tng.dataset.collection import Collection
from method_tng.dataset.text import words_of
from method_tng.runs.option_files import LAYOUTS, read_yaml

CUTOFFS, THRESHOLDS = (1, 5, 10, 100), (0.3, 0.5, 0.7)
MOST_WORDS, LEAST_QUERIES = 4000, 4  # of the bag of words
LONGEST, PER_LENGTH, PER_WINDOW, MOST_WINDOWS = 11, 4, 5, 20  # of the moment search


def main(argv: Sequence[str] | None = None) -> int:
    """Prints recalls in percent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dset", help="name of a layout")
    parser.add_argument("--split", default="val")
    parser.add_argument("--query", default="bow", choices=("bow", "rows"))
    parser.add_argument("--streams", nargs="+", default=["video", "subtitles"])
    parser.add_argument("--ridge", type=float, default=1.0)
    parser.add_argument("--share", type=float, default=0.5, help="of the best score that counts as nothing")
    options = parser.parse_args(argv)
    data = settings_of(options.dset)
    train, held_out = (Collection.open(data, split) for split in ("train", options.split))
    scores = clip_scores(train, held_out, options.query, options.streams, options.ridge)
    print(f"{options.dset} {options.split}, {options.query}, {'+'.join(options.streams)}: ", end="")
    print(f"{len(scores)} queries, {len(held_out.windows)} windows")
    for line in report(scores, held_out, data.clip_length, options.share):
        print(line)
    return 0


def settings_of(name: str) -> DataSettings:
    """The data settings of a layout, features as they are and labels that end with the moment."""
    content = read_yaml(LAYOUTS / f"{name}.yaml")["data"]
    return DataSettings(**{**content, "no_norm_vfeat": True, "no_norm_tfeat": True, "label_end": "inclusive"})


def clip_scores(
    train: Collection, held_out: Collection, query: str, streams: Sequence[str], ridge: float
) -> np.ndarray:
    """(N, M, T) score of every clip for every held-out query."""
    asked, held_out_asked = (bags if query == "bow" else means)(train, held_out)
    gram = asked.T @ asked + ridge * np.eye(asked.shape[1], dtype=np.float32)
    total: np.ndarray | int = 0
    for stream in streams:
        raw, searched = stream_rows(train, stream), stream_rows(held_out, stream)
        mean = raw[np.abs(raw).sum(2) > 0].mean(0)
        mapped = held_out_asked @ np.linalg.solve(gram, asked.T @ (moments(train, raw) - mean))
        total = total + np.einsum("nd,mtd->nmt", unit(mapped), centred(searched, mean), optimize=True)
    smooth = np.asarray(total, np.float32).copy()
    smooth[:, :, 1:] += total[:, :, :-1]
    smooth[:, :, :-1] += total[:, :, 1:]
    return smooth / 3


def stream_rows(collection: Collection, stream: str) -> np.ndarray:
    """(M, T, D) raw clips of all windows, zero behind a window's end."""
    batch = collection.window_batch(range(len(collection.windows)))
    rows = batch.frames if stream == "video" else batch.subtitles
    if rows is None:
        raise SystemExit(f"this data set has no stream {stream!r}")
    return rows.numpy()


def centred(rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Clips minus the mean clip, of unit length; empty clips stay empty."""
    filled = np.abs(rows).sum(2, keepdims=True) > 0
    return unit(np.where(filled, rows - mean, 0).astype(np.float32))


def moments(collection: Collection, rows: np.ndarray) -> np.ndarray:
    """(N, D) mean clip of each query's moment."""
    targets = collection.batch(range(len(collection.split.narrations))).targets
    pairs = zip(collection.own_window.tolist(), targets.clips.tolist(), strict=True)
    return np.stack([rows[window, first : last + 1].mean(0) for window, (first, last) in pairs])


def bags(train: Collection, held_out: Collection) -> list[np.ndarray]:
    """(N, V) weighted bags of words of both splits; the vocabulary is the training split's."""
    told = [[words_of(one.text) for one in split.split.narrations] for split in (train, held_out)]
    counts = Counter(word for words in told[0] for word in set(words))
    known = sorted((w for w in counts if counts[w] >= LEAST_QUERIES), key=lambda w: (-counts[w], w))
    row = {word: index for index, word in enumerate(known[:MOST_WORDS])}
    idf = np.array([np.log(len(told[0]) / counts[word]) for word in row], np.float32)
    both = []
    for texts in told:
        bag = np.zeros((len(texts), len(row)), np.float32)
        for index, words in enumerate(texts):
            np.add.at(bag[index], [row[word] for word in words if word in row], 1)
        both.append(unit(np.log1p(bag) * idf))
    return both


def means(train: Collection, held_out: Collection) -> list[np.ndarray]:
    """(N, D + 1) mean feature row of each query of both splits, of unit length, and a constant."""
    both = []
    for collection in (train, held_out):
        batch = collection.query_batch(range(len(collection.split.narrations)))
        mean = batch.words.sum(1) / batch.mask.sum(1, keepdim=True)
        both.append(np.pad(unit(mean.numpy()), ((0, 0), (0, 1)), constant_values=1.0))
    return both


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; empty rows stay empty."""
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-6)


def spans(scores: np.ndarray, share: float) -> list[tuple[float, int, int]]:
    """(score, first clip, clip behind the last) of the best spans of a window, best first; scores (T,)."""
    best = float(scores.max())
    sums = np.concatenate([[0], np.cumsum(scores - share * max(best, 1e-6))])
    found = []
    for length in range(1, min(LONGEST, len(scores)) + 1):
        gain = sums[length:] - sums[:-length]
        found += [(float(gain[a]), int(a), int(a) + length) for a in np.argsort(-gain)[:PER_LENGTH]]
    kept: list[tuple[float, int, int]] = []
    for gain, first, behind in sorted(found, reverse=True):
        if all(overlap((first, behind), other[1:]) <= 0.5 for other in kept):
            kept.append((gain, first, behind))
    return [(best + 0.01 * gain, first, behind) for gain, first, behind in kept[:PER_WINDOW]]


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two stretches, at most that of their hull."""
    inside = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return inside / (max(one[1], other[1]) - min(one[0], other[0]))


def report(scores: np.ndarray, held_out: Collection, clip_length: float, share: float) -> list[str]:
    """The recalls as lines: windows (VR), moments in all films, in the own window, in the own film."""
    ranks = []
    hits: dict[tuple[str, float, int], list[bool]] = {}
    for index, own in enumerate(held_out.own_window.tolist()):
        best = scores[index].max(1)  # (M,)
        ranks.append(int((best > best[own]).sum()))
        order = np.argsort(-best)
        film = held_out.window_movies[own]
        same = [window for window in order if held_out.window_movies[window] == film][:MOST_WINDOWS]
        for task, windows in (("VCMR", order[:MOST_WINDOWS]), ("SVMR", [own]), ("TNG", same)):
            found = sorted(
                ((*span, w) for w in windows for span in spans(scores[index, w], share)), reverse=True
            )
            ious = [
                overlap((a * clip_length, b * clip_length), held_out.own_span[index]) if w == own else 0.0
                for _, a, b, w in found
            ]
            for threshold, cutoff in product(THRESHOLDS, CUTOFFS):
                hit = max(ious[:cutoff], default=0.0) >= threshold
                hits.setdefault((task, threshold, cutoff), []).append(hit)
    lines = ["VR            " + "  ".join(f"r{k} {100 * np.mean(np.array(ranks) < k):5.2f}" for k in CUTOFFS)]
    for task in ("VCMR", "SVMR", "TNG"):
        for threshold in THRESHOLDS:
            recalls = (f"r{k} {100 * np.mean(hits[task, threshold, k]):5.2f}" for k in CUTOFFS)
            lines.append(f"{task:4s} IoU {threshold}  " + "  ".join(recalls))
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
