"""Recorded scores through our ranking, span search, suppression and evaluator.

The recorded network answers with the stored tables where the real one would compute; everything behind it is
the doors' own path.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from method_tng.contract.items import RankingTable
from method_tng.contract.protocols import Code
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings, SearchSettings
from method_tng.layers.spans import span_grid
from method_tng.reloclnet.model import ReLoCLNet
from method_tng.reloclnet.recipe import RECIPE
from method_tng.reloclnet.settings import ReLoCLNetSettings
from method_tng.retrieval.codes import Group, joined
from method_tng.retrieval.moments import MomentBlock, without_overlaps
from method_tng.retrieval.pipeline import Answerer, Corpus, Key, Places, answer
from method_tng.retrieval.predictions import ground_truth, submission_of
from standalone_eval import evaluate
from tests.conformance.ledger import Ledger

TASKS = ("VCMR", "SVMR", "VR")
IN, OUT = "inference_in.json", "inference_out.json"


class Recorded(ReLoCLNet):
    """The network with its last two computations replaced by tables: codes are rows of them."""

    def __init__(self, settings: ReLoCLNetSettings, data: DataSettings, tables: Mapping[str, Tensor]) -> None:
        super().__init__(settings, data, Sizes(frames=1, words=1))
        self.tables = tables

    def retrieval_scores(self, queries: Code, windows: Code) -> Tensor:
        """The stored cosines."""
        return self.tables["q2ctx_scores"][queries["row"]][:, windows["row"]]

    def span_logits(self, queries: Code, windows: Code, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """The stored logits, -inf at padding."""
        query, window = queries["row"][pairs[:, 0]], windows["row"][pairs[:, 1]]
        hidden = ~windows["mask"][pairs[:, 1]]
        start, end = (self.tables[name][query, window] for name in ("st_logits", "ed_logits"))
        return start.masked_fill(hidden, -torch.inf), end.masked_fill(hidden, -torch.inf)


class Recording:
    """The folder's inference case: tables, films, truth and settings."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        stored = json.loads((folder / IN).read_text())
        self.params, self.films = stored["params"], stored["video_metas"]
        self.truth: list[dict[str, Any]] = stored["ground_truth"]
        self.number: dict[str, int] = stored["video2idx"]
        for pattern in ("params", "video_metas", "video2idx", "ground_truth"):
            for name in ledger.names(f"{IN}/{pattern}/*"):
                ledger.take(name)
        names = ("q2ctx_scores", "st_logits", "ed_logits", "video_mask")
        self.tables = {name: torch.from_numpy(ledger.take(f"inference.npz/{name}")) for name in names}
        params = self.params
        self.settings = ReLoCLNetSettings(
            hidden_size=1,
            n_heads=1,
            **{name: params[name] for name in ("min_pred_l", "max_pred_l", "q2c_alpha")},
        )
        self.data = DataSettings(clip_length=params["clip_length"], max_ctx_l=params["max_ctx_l"])

    def answers(self, nms_thd: float, keep: int) -> dict[Key, RankingTable]:
        """What the doors' path makes of the tables."""
        params = self.params
        search = SearchSettings(
            tasks=TASKS,
            max_vcmr_video=params["max_vcmr_video"],
            max_before_nms=params["max_before_nms"],
            max_after_nms=keep,
            nms_thd=nms_thd,
        )
        model = Recorded(self.settings, self.data, self.tables).eval()
        answerer = Answerer(model, model, RECIPE.fusion, RECIPE.reported, self.settings, search)
        rows = torch.arange(len(self.truth)).split(params["eval_query_bsz"])
        names = [film["vid_name"] for film in self.films]
        own = torch.tensor([names.index(item["vid_name"]) for item in self.truth])
        ids = [str(item["desc_id"]) for item in self.truth]
        blocks = [(block, {"row": block}) for block in rows]
        return answer(answerer, self._corpus(names), blocks, ids, Places(own, own))

    def metrics(self, tables: Mapping[Key, RankingTable]) -> dict[str, Any]:
        """The evaluator's numbers for an answer."""
        ids, places, kinds, spans = (
            [item[key] for item in self.truth] for key in ("desc_id", "vid_name", "type", "ts")
        )
        truth = ground_truth([str(query) for query in ids], [[span] for span in spans], places, kinds)
        return evaluate(submission_of(tables, "windows"), truth, "reloclnet").metrics

    def _corpus(self, names: Sequence[str]) -> Corpus:
        count = len(names)
        seconds = torch.tensor([film["duration"] for film in self.films], dtype=torch.float64)
        code = {
            "row": torch.arange(count),
            "mask": self.tables["video_mask"].bool(),
            "clip_seconds": torch.full((count,), self.params["clip_length"], dtype=torch.float64),
            "duration": seconds,
        }
        codes = joined([Group(torch.arange(count), code)], count, "cpu")
        starts = torch.zeros(count, dtype=torch.float64)
        return Corpus(codes, names, names, torch.arange(count), starts, seconds)


def check_inference(ledger: Ledger, folder: Path) -> None:
    """Lists before and after suppression, and the evaluator's numbers for both."""
    case = Recording(ledger, folder)
    params = case.params
    expected = json.loads((folder / OUT).read_text())
    ledger.exclude(
        f"{OUT}/after_nms_upstream_as_is/*", "known to be wrong: columns mixed up, list cut too early"
    )
    for name in ledger.names(f"{OUT}/before_nms/video2idx/*") + ledger.names(f"{OUT}/before_nms_top/n"):
        ledger.take(name)
    _check_lengths(ledger, case)
    _check_lists(ledger, case, "before_nms", case.answers(-1, params["max_before_nms"]), expected)
    _check_lists(
        ledger, case, "after_nms", case.answers(params["nms_thd"], params["max_after_nms"]), expected
    )
    top = case.answers(-1, expected["before_nms_top"]["n"])
    _check_metrics(ledger, "metrics_top", case.metrics(top))
    after = case.answers(params["nms_thd"], params["max_after_nms"])
    _check_metrics(ledger, "metrics_after_nms", case.metrics(after))


def check_suppression(ledger: Ledger, folder: Path) -> None:
    """Single lists, with threshold and limit."""
    for index, case in enumerate(json.loads((folder / "nms_cases.json").read_text())):
        prefix = f"nms_cases.json/{index}/"
        for name in ("thd", "max_after"):
            ledger.take(prefix + name)
        rows = torch.from_numpy(ledger.take(f"{prefix}preds")).double().reshape(-1, 3)
        rows = rows[rows[:, 2].argsort(descending=True, stable=True)][None]  # (1, R, 3)
        place, valid = torch.zeros(rows.shape[:2], dtype=torch.int64), torch.ones(rows.shape[:2], dtype=bool)
        block = MomentBlock(place, rows[..., :2], rows[..., 2], valid)
        kept = without_overlaps(block, case["thd"], case["max_after"])
        found = torch.cat((kept.times, kept.score[..., None]), dim=2)[kept.valid]
        ledger.compare(f"{prefix}out", found.numpy().reshape(ledger.entries[f"{prefix}out"].shape))


def _check_lengths(ledger: Ledger, case: Recording) -> None:
    """The spans that are searched, as a table of start and end labels."""
    name = "inference.npz/length_mask"
    size = ledger.entries[name].shape[-1]
    first, last = span_grid(size, Recorded(case.settings, case.data, case.tables).lengths).unbind(1)
    mask = np.zeros((size, size))
    inside = last < size
    mask[first[inside], last[inside]] = 1
    ledger.compare(name, mask[None])


def _check_lists(
    ledger: Ledger, case: Recording, part: str, tables: Mapping[Key, RankingTable], expected: dict[str, Any]
) -> None:
    for task in TASKS:
        for index, item in enumerate(expected[part].get(task, [])):
            name = f"{OUT}/{part}/{task}/{index}/"
            ledger.take(f"{name}desc_id")
            query = [truth["desc_id"] for truth in case.truth].index(item["desc_id"])
            ours = _rows(case, tables["windows", task], query)
            ledger.compare(f"{name}predictions", ours[:, :3], part=places_and_times)
            ledger.compare(f"{name}predictions", ours[:, 3], part=scores)


def places_and_times(rows: np.ndarray) -> np.ndarray:
    """Film, start and end of the predictions; those of score 0 are filler in arbitrary order."""
    return rows[rows[:, 3] != 0, :3]


def scores(rows: np.ndarray) -> np.ndarray:
    """Their scores."""
    return rows[rows[:, 3] != 0, 3]


def _rows(case: Recording, table: RankingTable, query: int) -> np.ndarray:
    """(R, 4) number of the film, start, end and score."""
    rows = slice(int(table.offset[query]), int(table.offset[query + 1]))
    films = [case.number[table.names[place]] for place in table.place[rows]]
    return np.column_stack((films, table.times[rows], table.score[rows]))


def _check_metrics(ledger: Ledger, part: str, metrics: dict[str, Any]) -> None:
    for name in ledger.names(f"{OUT}/{part}/*"):
        group, _, key = name.removeprefix(f"{OUT}/{part}/").partition("/")
        if key in metrics.get(group, {}):
            ledger.compare(name, metrics[group][key])
