"""What is asked of every system.  A new baseline adds one row to SYSTEMS_UNDER_TEST."""

import itertools
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from method_tng.contract.batch import Batch, QueryBatch, WindowBatch
from method_tng.contract.items import RankingTable
from method_tng.contract.protocols import Code, Localizer, Matcher
from method_tng.contract.recipe import Progress, Recipe, Stage
from method_tng.contract.settings import TASKS, SearchSettings
from method_tng.dataset.collection import Collection
from method_tng.retrieval.pipeline import Key
from method_tng.retrieval.predictions import write_predictions, write_submission, write_truth
from method_tng.retrieval.preselection import Preselection, same_windows
from method_tng.retrieval.split import answer_split, encoded_corpus
from method_tng.runs.checkpoint import load_weights, save_weights
from method_tng.runs.config import RunSettings, resolve
from method_tng.runs.systems import SYSTEMS, recipe_of
from method_tng.training.optim import make_optimizer
from method_tng.training.validation import IOU, TOPK, score_split
from standalone_eval import evaluate, load_gt, load_submission
from tests.tiny import make_tiny, write_lines

SPANS = {
    "scorer": "spans", "vocabulary": True, "label_end": "inclusive", "lex_min_df": 1, "min_pred_l": 1,
    "no_norm_vfeat": True, "no_norm_tfeat": True, "word_drop": 0.0, "content_drop": 0.0, "lex_drop": 0.0,
    "q2c_alpha": 1.0, "lr": 0.01, "hidden_size": 16, "optimizer": "adamw",
}  # fmt: skip
CLIPS = {
    "hidden_size": 32, "n_heads": 2, "drop": 0.0, "input_drop": 0.0, "lr": 3e-3, "wd": 0.0, "max_ctx_l": 60,
    "optimizer": "adamw", "hard_negative_start_epoch": -1, "lw_st_ed": 1.0, "label_end": "inclusive",
    "min_pred_l": 1,
}  # fmt: skip
PAIRS = {
    "hidden_size": 16, "n_heads": 2, "dim_feedforward": 32, "enc_layers": 1, "dec_layers": 2, "drop": 0.0,
    "input_drop": 0.0, "lr": 3e-3, "wd": 0.0, "optimizer": "adamw", "max_ctx_l": 60, "label_end": "inclusive",
}  # fmt: skip
STAGES = {
    "hidden_size": 16, "num_frames": 20, "short_windows": "mask", "mask_alignment": True, "max_words": 8,
    "anchor_widths": [2, 4, 8], "drop": 0.0, "stretch": False, "shot_seconds": 10.0, "around_seconds": 16.0,
    "retrieve_lr": 3e-3, "num_attn_layers": 1, "joint_size": 16, "lr": 3e-3, "wd": 0.0, "optimizer": "adam",
    "label_end": "inclusive",
}  # fmt: skip
SYSTEMS_UNDER_TEST: dict[str, dict[str, Any]] = {
    "reloclnet": {"system": "reloclnet", **CLIPS},
    "reloclnet video only": {"system": "reloclnet", **CLIPS, "ctx_mode": "video_tef"},
    "reloclnet as published": {"system": "reloclnet", **CLIPS, "pad_compat": True},
    "reloclnet spans": {"system": "reloclnet", **SPANS},
    "cnclip_rnl": {"system": "cnclip_rnl", **STAGES},
    "clip_zeroshot": {"system": "clip_zeroshot", "ctx_mode": "video", "label_end": "inclusive"},
    "rgnet": {"system": "rgnet", **PAIRS},
    "rgnet with adapter": {
        "system": "rgnet",
        **PAIRS,
        "adapter": "linear",
        "lw_adapter": 1.0,
        "sparse_mode": "row",
    },
    "smallest": {"system": "smallest", "ctx_mode": "video", "lr": 3e-3, "wd": 0.0, "optimizer": "adamw"},
}


@pytest.fixture(autouse=True)
def the_smallest_system_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example stands in no table of the product."""
    monkeypatch.setitem(SYSTEMS, "smallest", "tests.smallest_system")


class AnyWindow:
    """Stands for the run that `--matcher` names where a system finds no windows: all are alike to it."""

    def encode_queries(self, queries: QueryBatch) -> Code:
        return {"query": torch.zeros(len(queries), 1)}

    def encode_windows(self, windows: WindowBatch) -> Code:
        return {"window": torch.zeros(len(windows), 1)}

    def match(self, queries: Code, windows: Code) -> Tensor:
        return queries["query"] @ windows["window"].T


@dataclass
class World:
    """A system on the tiny corpus, its closed-form start made."""

    options: dict[str, Any]
    recipe: Recipe
    settings: RunSettings
    training: dict[str, Collection]  # by stage, as are the models
    models: dict[str, nn.Module]

    def batch(self, stage: Stage) -> Batch:
        """Eight narrations as a stage is shown them."""
        return self.training[stage.name].batch(range(8))

    def parts(self) -> tuple[Matcher, Localizer]:
        """What finds windows and what opens them, ready for use."""
        matcher, localizer = self.recipe.assemble({name: one.eval() for name, one in self.models.items()})
        return matcher or AnyWindow(), localizer


@pytest.fixture(params=SYSTEMS_UNDER_TEST)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Each system in turn."""
    return make_world(SYSTEMS_UNDER_TEST[request.param], tmp_path)


def make_world(options: dict[str, Any], folder: Path) -> World:
    """Builds the stages of a system."""
    torch.manual_seed(0)
    data = make_tiny(folder / "tiny")
    sentences = {"sentence_features": str(folder / "tiny" / "tiny_sentence.h5")}
    settings = resolve([("tiny", {**asdict(data), **sentences, **options})])
    recipe = recipe_of(settings.system)
    models, shown = {}, {}
    for stage in recipe.stages:
        shown[stage.name] = training = Collection.open(settings.of_stage(stage, training=True).data, "train")
        models[stage.name] = stage.build(settings.model, settings.of_stage(stage).data, training.sizes())
        if stage.start:
            stage.start(models[stage.name], settings.model, [training.batch(range(len(training.own_window)))])
    return World(options, recipe, settings, shown, models)


def answers(world: World, tasks: tuple[str, ...] = TASKS) -> tuple[dict[Key, RankingTable], Collection]:
    """What a world says of the validation split, and the split; with two stages the first one finds."""
    first, last = (world.settings.of_stage(world.recipe.stages[place]).data for place in (0, -1))
    matcher, localizer = world.parts()
    words = world.training[world.recipe.stages[-1].name].vocabulary
    val, search = Collection.open(last, "val", words), SearchSettings(tasks=tasks)
    chosen, cpu = None, torch.device("cpu")
    if matcher is not localizer:
        known = Collection.open(first, "val")
        chosen = Preselection(
            matcher,
            encoded_corpus(matcher.encode_windows, known, search, cpu, None),
            known.query_batch,
            torch.from_numpy(known.window_movies),
            same_windows(known.windows, val.windows),
            len(known.windows),
        )
    return answer_split(
        world.recipe, world.models, world.settings.model, search, val, cpu, preselection=chosen
    ), val


def progress() -> Progress:
    return Progress(0, 0, 1, -1, torch.Generator().manual_seed(0))


def test_every_loss_term_is_finite_and_every_parameter_gets_a_gradient(world: World) -> None:
    for stage in world.recipe.stages:
        model = world.models[stage.name].train()
        learnt: set[int] = set()
        for objective in stage.objectives(model, world.settings.model):
            terms = objective.loss(world.batch(stage), progress())
            assert all(math.isfinite(term.detach()) for term in terms.values())
            sum(terms.values()).backward()
            learnt |= {
                id(value)
                for group in objective.groups
                for value in group.parameters
                if value.grad is not None
            }
        missed = [name for name, value in model.named_parameters() if id(value) not in learnt]
        assert not missed


def test_eight_narrations_are_learned_by_heart(world: World) -> None:
    for stage in world.recipe.stages:
        model = world.models[stage.name].train()
        objectives = stage.objectives(model, world.settings.model)
        train = world.settings.of_stage(stage).train
        optimizers = [make_optimizer(objective, train) for objective in objectives]
        batch, first, last = world.batch(stage), 0.0, 0.0
        for _ in range(60):
            last = 0.0
            for objective, optimizer in zip(objectives, optimizers, strict=True):
                loss = sum(objective.loss(batch, progress()).values())
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                last += float(loss.detach())
            first = first or last
            if last < 0.75 * first:
                break
        assert last < 0.75 * first or not objectives  # a stage without any learns nothing


@pytest.mark.parametrize("system", [name for name in SYSTEMS_UNDER_TEST if "published" not in name])
def test_padding_changes_nothing(system: str, tmp_path: Path) -> None:  # the published numbers depend on it
    world = make_world(SYSTEMS_UNDER_TEST[system], tmp_path)
    matcher, localizer = world.parts()
    found, opened = (world.batch(world.recipe.stages[place]) for place in (0, -1))
    with torch.no_grad():
        queries, codes = both_paddings(matcher, found)
        assert torch.allclose(*(matcher.match(queries, code) for code in codes), atol=1e-5)
        queries, codes = both_paddings(localizer, opened)
        pairs = torch.stack([torch.arange(8), opened.positive], dim=1)
        best = [scores_of(localizer.localize(queries, code, pairs)) for code in codes]
    assert torch.allclose(best[0], best[1], atol=1e-5)


def both_paddings(model: Any, batch: Batch) -> tuple[Any, list[Any]]:
    """The code of a batch's queries, and those of its windows with less and more padding."""
    windows = (batch.windows, pad_windows(batch.windows, 7))
    return model.encode_queries(batch.queries), [model.encode_windows(one) for one in windows]


def scores_of(spans: Any) -> Tensor:
    """The five best scores of every pair."""
    scores = next(iter(spans.scores.values()))
    return scores.topk(min(5, scores.shape[1]), dim=1).values


def pad_windows(windows: WindowBatch, extra: int) -> WindowBatch:
    """The same windows with more padding."""
    rows = {name: getattr(windows, name) for name in ("frames", "subtitles")}
    wider = {
        name: nn.functional.pad(value, (0, 0, 0, extra)) for name, value in rows.items() if value is not None
    }
    return replace(windows, mask=nn.functional.pad(windows.mask, (0, extra)), **wider)


def test_saved_weights_give_the_same_moments_and_predictions_that_validate(
    world: World, tmp_path: Path
) -> None:
    again = make_world(world.options, tmp_path / "again")
    for stage in world.recipe.stages:
        path = tmp_path / f"{stage.name}.safetensors"
        save_weights(path, world.models[stage.name].state_dict())
        for value in again.models[stage.name].parameters():
            nn.init.normal_(value)
        load_weights(again.models[stage.name], path)
    tables, val = [], None
    for one in (world, again):
        table, val = answers(one)
        tables.append(table)
    for key, table in tables[0].items():
        assert table.score.tolist() == tables[1][key].score.tolist()
        assert table.place.tolist() == tables[1][key].place.tolist()
    folder = tmp_path / "written"
    folder.mkdir()
    write_predictions(tables[0], folder, "val")
    write_truth(val, folder, "val")
    metrics = score_split(tables[0], val)
    for scope, suffix in itertools.product(IOU, ("json", "npz")):  # the evaluator knows the files alone
        stored = load_submission(folder / f"val_{scope}.{suffix}", "tng")
        truth = load_gt(folder / f"val_{scope}_gt.jsonl", "tng")
        found = evaluate(stored, truth, "tng", iou=IOU[scope], topk=TOPK).metrics
        for task, values in metrics[scope].items():
            again_scored = found["SVMR" if task == "TNG" else task]
            assert {name: again_scored[name] for name in values} == values, (scope, suffix, task)


def test_moments_inside_films_are_a_submission_to_mad(world: World, tmp_path: Path) -> None:
    tables, val = answers(world, ("TNG",))
    (path,) = write_submission(tables, val, tmp_path, "val", "mad")
    lines = [{"query_id": int(one.query_id), "timestamps": one.spans[0]} for one in val.split.narrations]
    write_lines(tmp_path / "truth.jsonl", lines)
    found = evaluate(load_submission(path, "mad"), load_gt(tmp_path / "truth.jsonl", "mad"), "mad").metrics
    ours = score_split(tables, val)["films"]["TNG"]
    assert 0 < found["R@100-IoU=0.3"] <= 100 * ours["R@100,IoU=0.3"] + 0.006  # equal is not enough there
