"""From films and narrations of the golden case to the locator's batch; stretching by given draws."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.objective import training_windows
from baselines.cnclip_rnl.resampling import draw_ratios, resample, resampled_label, sampled_rows, stretched
from method_tng.contract.batch import Batch, Targets
from method_tng.contract.items import Window
from method_tng.contract.recipe import Progress
from method_tng.dataset.collate import collate_queries, collate_windows
from method_tng.dataset.portraits import portraits_of
from method_tng.dataset.samples import QuerySample, WindowSample
from method_tng.dataset.windows import clip_range, label_clips
from tests.conformance.ledger import Ledger

ARRAYS, CASE = "arrays.npz", "case.json"
WINDOW, CLIP = 200.0, 1.0  # seconds
PROGRESS = Progress(0, 0, 1, 1, torch.Generator())


def film_batch(ledger: Ledger, case: dict[str, Any]) -> Batch:
    """The narrations with their windows, read and collated as from files."""
    items, most = case["data"], ledger.entries[f"{ARRAYS}/batch_face_feats"].shape[1]
    portraits = {name.rpartition("_")[2]: ledger.take(name) for name in ledger.names(f"{ARRAYS}/data_face_*")}
    queries, windows, labels = [], [], []
    for number, item in enumerate(items):
        film = ledger.take(f"{ARRAYS}/data_movie_{item['movie_id']}")
        words = ledger.take(f"{ARRAYS}/data_text_{item['text_feat_id']}")
        roles = [role for _, role in item["role_token"]]
        faces = portraits_of(roles, portraits, most)
        queries.append(QuerySample(str(number), "", words, None, portraits=faces))
        head = float(item["clip_head"])
        window = Window(f"{item['movie_id']}_{number}", item["movie_id"], head, head + WINDOW)
        first, behind = clip_range(window, CLIP, len(film))
        rows = np.ascontiguousarray(film[first:behind])
        windows.append(WindowSample(window, number, CLIP, len(rows), rows, None))
        span = (item["start"] - head, item["end"] - head)
        labels.append(label_clips(span, len(rows), CLIP, "upstream"))
    told = collate_queries(queries)
    shown = collate_windows(windows)
    targets = Targets([torch.zeros(1, 2)] * len(items), torch.tensor(labels), shown.mask)
    return Batch(told, shown, torch.arange(len(items)), targets)


def check_films(ledger: Ledger, case: dict[str, Any], model: RNL) -> None:
    """What the batch holds, padded as the locator pads it."""
    for name in ledger.names(f"{CASE}/data/*"):
        ledger.take(name)
    batch = film_batch(ledger, case)
    rows, _, labels = training_windows(model, batch, PROGRESS)
    ledger.compare(f"{ARRAYS}/batch_video_checksum", rows.double().sum((1, 2)))
    ledger.compare(f"{ARRAYS}/batch_label", labels, tolerance=0)
    words, mask, portraits = model.padded_sentence(batch.queries)
    ledger.compare(f"{ARRAYS}/batch_words", words, tolerance=0)
    ledger.compare(f"{ARRAYS}/batch_word_mask", mask)
    ledger.compare(f"{ARRAYS}/batch_face_feats", portraits, tolerance=0)
    ledger.compare(f"{ARRAYS}/batch_face_mask", portraits.any(-1))


def check_stretching(ledger: Ledger, case: dict[str, Any]) -> None:
    """Windows stretched by recorded draws, and brought back to their number of rows."""
    for number in range(len(case["augmentation"])):
        told, name = f"{CASE}/augmentation/{number}", f"{ARRAYS}/aug{number}"
        before = ledger.take(f"{name}_in")
        draws = iter(ledger.take(f"{told}/draws").tolist())
        label = tuple(ledger.take(f"{told}/label_in").tolist())
        ratios = draw_ratios(lambda _low, _high, draws=draws: next(draws))
        ledger.check(f"{told}/draws", next(draws, None) is None)
        picks, moved = stretched(len(before), label, ratios)
        ledger.compare(f"{told}/length_out", len(picks), tolerance=0)
        ledger.compare(f"{told}/label_out", moved, tolerance=0)
        ledger.compare(f"{name}_out", before[picks], tolerance=0)
        size = len(ledger.entries[f"{name}_resampled"])
        again = resample(torch.from_numpy(before[picks])[None], every_row(len(picks)), size)[0][0]
        ledger.compare(f"{name}_resampled", again)
        ledger.compare(
            f"{told}/label_resampled", resampled_label(moved, sampled_rows(len(picks), size)), tolerance=0
        )


def every_row(count: int) -> Tensor:
    """The mask of one window without padding, (1, count)."""
    return torch.ones(1, count, dtype=torch.bool)
