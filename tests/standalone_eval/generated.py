"""Made-up submissions and ground truths in the TVR format, as realistic as a few lines can make them."""

from __future__ import annotations

from typing import Any

import numpy as np

SENTENCES = (
    "A man opens the door and looks around the dark kitchen",
    "She puts the letter on the table",
    "他推开门，走进昏暗的房间",
    "夜里，两个人在雨中奔跑，身后传来枪声",
    "The train leaves the station while <b>Anna</b> waves & smiles",
    "Two children run across the yard",
)


def tvr_files(
    queries: int = 60, videos: int = 12, rows: int = 30, seed: int = 0, skill: float = 0.6, movies: int = 4
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(submission, gt lines) with tasks VCMR, SVMR and VR; ``skill`` is the method's, 0 to 1."""
    random = np.random.Generator(np.random.PCG64(seed))
    method = np.random.Generator(np.random.PCG64([seed, int(1000 * skill)]))
    names = [f"film{number % movies}_clip_{number:03d}" for number in range(videos)]
    duration = np.round(random.uniform(60, 180, videos), 2)
    gt, tasks = [], {"VCMR": [], "SVMR": [], "VR": []}
    for query in range(queries):
        own = int(random.integers(videos))
        length = float(np.clip(random.lognormal(2.2, 0.7), 1, 50))
        start = float(random.uniform(0, duration[own] - length))
        window = [round(start, 2), round(start + length, 2)]
        gt.append(
            {"desc_id": 1000 + query, "vid_name": names[own], "ts": window, "duration": float(duration[own]),
             "type": ("v", "t", "vt")[query % 3], "desc": SENTENCES[query % len(SENTENCES)],
             "movie": names[own].split("_")[0]}
        )  # fmt: skip
        for task, entries in tasks.items():
            found = _ranked(task, own, window, duration, rows, skill, method)
            entries.append({"desc_id": 1000 + query, "predictions": found})
    return {"video2idx": {name: 7 * number + 3 for number, name in enumerate(names)}, **tasks}, gt


def _ranked(
    task: str, own: int, window: list[float], duration: np.ndarray, rows: int, skill: float,
    random: np.random.Generator,
) -> list[list[float]]:  # fmt: skip
    found = []
    for rank in range(rows):
        right = random.random() < skill * 3 / (rank + 3)
        video = own if right or task == "SVMR" else int(random.integers(len(duration)))
        if right:
            noise = random.normal(0, 1 + 4 * random.random(), 2)
            start, end = sorted((window[0] + noise[0], window[1] + noise[1]))
        else:
            start = random.uniform(0, duration[video] - 5)
            end = start + random.uniform(2, 25)
        start, end = max(0.0, start), min(float(duration[video]), max(start, end) + 0.5)
        row = [7 * video + 3, round(start, 2), round(max(start, end), 2), round(10 - 0.1 * rank, 3)]
        found.append(row if task != "VR" else [row[0], 0, 0, row[3]])
    return found
