"""Mean and standard deviation of the recalls of several runs, as a Markdown table.

python -m tests.benchmarks.summary SPLIT RUN [RUN ...]
"""

import json
import statistics
import sys
from pathlib import Path

COLUMNS = [
    ("VR window", "windows", "VR", "R@{k}", (1, 5, 10, 100)),
    ("SVMR, 0.3", "windows", "SVMR", "R@{k},IoU=0.3", (1,)),
    ("SVMR, 0.5", "windows", "SVMR", "R@{k},IoU=0.5", (1,)),
    ("SVMR, 0.7", "windows", "SVMR", "R@{k},IoU=0.7", (1,)),
    ("VCMR window, 0.5", "windows", "VCMR", "R@{k},IoU=0.5", (1, 10, 100)),
    ("VCMR window, 0.7", "windows", "VCMR", "R@{k},IoU=0.7", (1, 10, 100)),
    ("VR film", "films", "VR", "R@{k}", (1,)),
    ("TNG, 0.5", "films", "TNG", "R@{k},IoU=0.5", (1, 10, 100)),
    ("TNG, 0.7", "films", "TNG", "R@{k},IoU=0.7", (1,)),
    ("VCMR film, 0.5", "films", "VCMR", "R@{k},IoU=0.5", (1, 10, 100)),
    ("VCMR film, 0.7", "films", "VCMR", "R@{k},IoU=0.7", (1,)),
]


def main() -> None:
    """Prints a line per metric."""
    split, *runs = sys.argv[1:]
    stored = [json.loads((Path(run) / f"{split}_metrics.json").read_text(encoding="utf-8")) for run in runs]
    print(f"| {split}, IoU | K | mean of {len(runs)} | standard deviation | chance |\n|---|---|---|---|---|")
    for title, scope, task, pattern, topk in COLUMNS:
        keys = [pattern.format(k=k) for k in topk]
        values = [[100 * run["metrics"][scope][task][key] for run in stored] for key in keys]
        means = " / ".join(f"{statistics.mean(column):.1f}" for column in values)
        spread = " / ".join(
            f"{statistics.stdev(column):.1f}" if len(column) > 1 else "–" for column in values
        )
        chance = " / ".join(f"{100 * stored[0]['chance'][scope][task][key]:.2g}" for key in keys)
        print(f"| {title} | {' / '.join(map(str, topk))} | {means} | {spread} | {chance} |")


if __name__ == "__main__":
    main()
