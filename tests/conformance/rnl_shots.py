"""Which shots tell which narrations of real films."""

import json
from pathlib import Path

import numpy as np

from method_tng.dataset.shots import pair_shots, shots_of
from tests.conformance.ledger import Ledger

PAIRS = "movie101_r_temp.json"


def check_shots(ledger: Ledger, folder: Path) -> None:
    """Shots of every film with their narrations."""
    if not (folder / PAIRS).is_file():
        return
    for number, film in enumerate(json.loads((folder / PAIRS).read_text())):
        name = f"{PAIRS}/{number}"
        spans = ledger.take(f"{name}/intervals").astype(float)
        end = float(ledger.take(f"{name}/last_full_shot_start") + ledger.take(f"{name}/shot_length_s"))
        offset, length = (float(ledger.take(f"{name}/{key}")) for key in ("grid_offset_s", "shot_length_s"))
        shots = shots_of(end, offset, length)
        paired = pair_shots(shots, spans)  # (S, N)
        told = {
            int(shot[0]): np.flatnonzero(row) for shot, row in zip(shots, paired, strict=True) if row.any()
        }
        expected = film["shots_to_narrations"]
        ledger.check(
            f"{name}/shots_to_narrations: {len(told)} shots", list(expected) == [str(key) for key in told]
        )
        for start, narrations in told.items():
            entry = f"{name}/shots_to_narrations/{start}"
            if entry in ledger.entries:
                ledger.compare(entry, narrations, tolerance=0)
        ledger.exclude(f"{name}/caption_lengths*", "of texts that the folder does not hold")
