"""RGNet on whole films: windows, their ranking, the moments of the best ones, suppression, recalls."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.rgnet.model import RGNet
from baselines.rgnet.recipe import fuse
from baselines.rgnet.settings import RGNetSettings
from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.items import Movie, Window
from method_tng.contract.protocols import Code
from method_tng.contract.settings import DataSettings, SearchSettings
from method_tng.dataset.windows import (
    clip_range,
    clip_span,
    cut,
    label_clips,
    to_window_units,
    touched_windows,
)
from method_tng.layers.intervals import centres_of
from method_tng.retrieval.moments import top
from method_tng.training.window_draw import densities
from standalone_eval import evaluate
from standalone_eval.format_arrays import RankedWindows
from tests.conformance.ledger import Ledger
from tests.conformance.rgnet_lists import (
    RANKINGS,
    ROUNDED,
    columns_of,
    compare_recalls,
    fused,
    matching,
    proposal,
    ranked,
    times,
)

WINDOWS, INPUTS, FILMS = "windows.json", "longvideo_inputs.npz", "longvideo_expected.json"
FUSED = 1e-3  # absolute: rows were rounded to four decimals before they were joined


def data_of(length: int, clip_length: float) -> DataSettings:
    """Windows of that many features, each second in two of them."""
    seconds = length * clip_length
    stride = length // 2 * clip_length
    return DataSettings(
        clip_length=clip_length,
        window_seconds=seconds,
        window_stride=stride,
        window_edges="cut",
        max_ctx_l=length,
    )


def check_windows(ledger: Ledger, folder: Path) -> None:
    """Where films are cut, and how moments lie in the windows that hold a part of them."""
    cases = json.loads((folder / WINDOWS).read_text()) if (folder / WINDOWS).is_file() else []
    for index, case in enumerate(cases):
        prefix = f"{WINDOWS}/{index}/"
        count, length, clip = (
            float(ledger.take(prefix + name)) for name in ("num_features", "max_v_l", "clip_length")
        )
        data = data_of(int(length), clip)
        windows = cut(Movie("film", count * clip), data)
        ranges = np.array([clip_range(window, clip, int(count)) for window in windows])
        ledger.compare(f"{prefix}num_windows", len(windows))
        ledger.compare(f"{prefix}windows_start_end", ranges)
        if length % 2:
            reason = "three windows of odd length may share a second; published, a moment touches two of them"
            ledger.exclude(f"{prefix}queries/*/positive_w*", reason)
        for number, query in enumerate(case["queries"]):
            _check_moment(ledger, f"{prefix}queries/{number}/", query, windows, ranges, clip)


def _check_moment(
    ledger: Ledger,
    prefix: str,
    query: dict[str, Any],
    windows: Sequence[Window],
    ranges: np.ndarray,
    clip: float,
) -> None:
    moment = tuple(ledger.take(f"{prefix}timestamps").tolist())
    if f"{prefix}positive_window_ids" not in ledger.fate:
        first, last = touched_windows(moment, windows)
        ledger.compare(f"{prefix}positive_window_ids", np.arange(first, last + 1))
        ledger.compare(f"{prefix}positive_weights", densities(last - first + 1))
    for place in range(len(query["positive_samples"])):
        name = f"{prefix}positive_samples/{place}/"
        first, count = (int(ledger.take(name + key)) for key in ("video_start", "video_length"))
        row = ranges.tolist().index([first, first + count])
        span = clip_span(moment, windows[row])
        ledger.check(f"{name}video_start", span is not None)
        ours = centres_of(torch.tensor(to_window_units(span, windows[row])))
        ledger.compare(f"{name}span_cxw", ours, absolute=1e-6)
        labels = label_clips(span, count, clip, "inclusive")
        ledger.compare(f"{name}proposal", (labels[0], labels[1] + 1))


@dataclass(frozen=True)
class Film:
    """A film of the long-video case, cut and encoded."""

    windows: Sequence[Window]
    code: Code


def check_films(ledger: Ledger, folder: Path, model: RGNet) -> None:
    """The whole way over films of several windows, in both published manners."""
    if not (folder / FILMS).is_file():
        return
    expected = json.loads((folder / FILMS).read_text())
    for name in ledger.names(f"{FILMS}/settings/*") + ledger.names(f"{FILMS}/annotations/*"):
        ledger.take(name)
    told = expected["settings"]
    data = data_of(told["max_v_l"], told["clip_length"])
    films = {
        name.rpartition("video_")[2]: _film(ledger, model, name, data)
        for name in ledger.names(f"{INPUTS}/video_*")
    }
    search = SearchSettings(
        tasks=("TNG",),
        max_vcmr_video=told["topk_window"],
        max_before_nms=told["max_before_nms"],
        max_after_nms=told["max_after_nms"],
        film_nms_thd=told["nms_thd"],
    )
    for manner, by_window in (("mad", False), ("ego4d", True)):
        settings = replace(model.settings, matching_by_window=by_window)
        case = FilmCase(ledger, model, settings, data, search, f"{FILMS}/{manner}/")
        with torch.inference_mode():
            case.check(films, expected["annotations"])


def _film(ledger: Ledger, model: RGNet, name: str, data: DataSettings) -> Film:
    """All windows of a film, each encoded with its own length."""
    rows = ledger.take(name)
    windows = cut(Movie(name, len(rows) * data.clip_length), data)
    codes = []
    for window in windows:
        first, behind = clip_range(window, data.clip_length, len(rows))
        frames = torch.zeros(1, data.max_ctx_l, rows.shape[1])
        frames[0, : behind - first] = torch.from_numpy(rows[first:behind])
        mask = (torch.arange(data.max_ctx_l) < behind - first)[None]
        seconds = torch.tensor([(window.start, window.end)], dtype=torch.float64)
        clip = torch.tensor([data.clip_length], dtype=torch.float64)
        codes.append(
            model.encode_windows(WindowBatch([window.window_id], mask, torch.zeros(1), seconds, clip, frames))
        )
    return Film(windows, {key: torch.cat([code[key] for code in codes]) for key in codes[0]})


@dataclass(frozen=True)
class FilmCase:
    """One manner of scoring."""

    ledger: Ledger
    model: RGNet
    settings: RGNetSettings
    data: DataSettings
    search: SearchSettings
    prefix: str

    def check(self, films: Mapping[str, Film], queries: Sequence[dict[str, Any]]) -> None:
        """Ranking of windows, proposals, the three lists, recalls."""
        lists: dict[str, list[np.ndarray]] = {kind: [] for kind in RANKINGS}
        ranked = []
        for number, query in enumerate(queries):
            film, code = films[query["clip_id"]], self._query(query["query_id"])
            match = self.model.match(code, film.code)  # (1, W)
            ranked.append(top(match, match.shape[1])[1][0])
            self.ledger.compare(f"{self.prefix}window_ranking/{query['query_id']}", ranked[-1])
            rows = self._proposals(number, code, film, match)
            for kind in RANKINGS:
                lists[kind].append(self._check_list(f"{self.prefix}{kind}/{number}/", kind, rows))
        self._recalls(queries, ranked, lists)

    def _check_list(self, prefix: str, kind: str, rows: np.ndarray) -> np.ndarray:
        """Times and all three scores of the moments of one list -> its times."""
        if f"{prefix}query_idx" in self.ledger.entries:
            self.ledger.take(f"{prefix}query_idx")
        before, after = self.search.max_before_nms, self.search.max_after_nms
        moments = ranked(rows, kind, before, after)[:, :2]
        self.ledger.compare(f"{prefix}predicted_times", moments, part=times, absolute=ROUNDED)
        every = ranked(rows, "fusion", before, before, threshold=-1)
        table = np.column_stack((columns_of(rows, moments, (2, 3)), columns_of(every, moments, (2,))))
        for part, column in ((proposal, 0), (matching, 1), (fused, 2)):
            self.ledger.compare(f"{prefix}predicted_times", table[:, column], part=part, absolute=FUSED)
        return moments

    def _proposals(self, number: int, code: Code, film: Film, match: Tensor) -> np.ndarray:
        """Rows (start, end, proposal and matching score) of the best windows, rounded as published."""
        opened = top(match, self.search.max_vcmr_video)[1][0]
        found = []
        for place, row in enumerate(opened.tolist()):
            spans = self.model.localize(code, film.code, torch.tensor([[0, row]]))
            scores = {name: value[None] for name, value in spans.scores.items()}
            columns = [
                fuse(match[:, [row]], dict(scores), replace(self.settings, rank_by=kind))[0, 0]
                for kind in ("proposal", "matching")
            ]
            order = columns[0].argsort(descending=True, stable=True)
            seconds = spans.times[0] + film.windows[row].start
            ours = torch.cat((seconds, torch.stack(columns, 1)), 1)[order].numpy()
            name = f"{self.prefix}per_window_predictions/{number * len(opened) + place}/pred_relevant_windows"
            self.ledger.compare(name, ours, absolute=ROUNDED)
            found.append(ours)
        return np.concatenate(found).astype(np.float64).round(4)

    def _query(self, query_id: str) -> Code:
        words = torch.from_numpy(self.ledger.take(f"{INPUTS}/qtok_{query_id}"))[None]
        sentence = torch.from_numpy(self.ledger.take(f"{INPUTS}/qcls_{query_id}"))[None]
        batch = QueryBatch(
            [query_id], words, torch.ones(words.shape[:2], dtype=torch.bool), sentence=sentence
        )
        return self.model.encode_queries(batch)

    def _recalls(
        self,
        queries: Sequence[dict[str, Any]],
        ranked: Sequence[Tensor],
        lists: Mapping[str, Sequence[np.ndarray]],
    ) -> None:
        names = np.array([query["query_id"] for query in queries])
        truth = np.array([query["timestamps"] for query in queries])
        offset = np.cumsum([0, *map(len, ranked)])
        windows = RankedWindows(names, offset, torch.cat(list(ranked)).numpy(), truth)
        options = {"clip_length": self.data.clip_length, "window_length": self.data.max_ctx_l}
        found = evaluate(windows, None, "window", topk=[1, 2, 5, 10], **options).fractions
        self.ledger.compare(f"{self.prefix}window_recall_at_1_2_5_10", list(found.values()))
        for kind in RANKINGS:
            name = f"{self.prefix}metrics/{kind}"
            compare_recalls(self.ledger, name, names, lists[kind], truth, (1, 5, 10, 50, 100))
