"""What is asked of every system.  A new baseline adds one row to SYSTEMS_UNDER_TEST."""

import itertools
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from method_tng.contract.batch import Batch, WindowBatch
from method_tng.contract.recipe import Progress, Recipe
from method_tng.contract.settings import SearchSettings
from method_tng.dataset.collection import Collection
from method_tng.retrieval.predictions import write_predictions, write_submission, write_truth
from method_tng.retrieval.split import answer_split
from method_tng.runs.checkpoint import load_weights, save_weights
from method_tng.runs.config import RunSettings, resolve
from method_tng.runs.systems import recipe_of
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
SYSTEMS_UNDER_TEST: dict[str, dict[str, Any]] = {
    "reloclnet": {"system": "reloclnet", **CLIPS},
    "reloclnet video only": {"system": "reloclnet", **CLIPS, "ctx_mode": "video_tef"},
    "reloclnet as published": {"system": "reloclnet", **CLIPS, "pad_compat": True},
    "reloclnet spans": {"system": "reloclnet", **SPANS},
    "rgnet": {"system": "rgnet", **PAIRS},
    "rgnet with adapter": {
        "system": "rgnet",
        **PAIRS,
        "adapter": "linear",
        "lw_adapter": 1.0,
        "sparse_mode": "row",
    },
}


@dataclass
class World:
    """A system on the tiny corpus, its closed-form start made."""

    recipe: Recipe
    settings: RunSettings
    training: Collection
    models: dict[str, nn.Module]

    @property
    def batch(self) -> Batch:
        """Eight narrations."""
        return self.training.batch(range(8))


@pytest.fixture(params=SYSTEMS_UNDER_TEST)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Each system in turn."""
    return make_world(SYSTEMS_UNDER_TEST[request.param], tmp_path)


def make_world(options: dict[str, Any], folder: Path) -> World:
    """Builds the stages of a system."""
    torch.manual_seed(0)
    data = make_tiny(folder / "tiny")
    known = {name: getattr(data, name) for name in data.__dataclass_fields__}
    known["sentence_features"] = str(folder / "tiny" / "tiny_sentence.h5")
    settings = resolve([("tiny", {**known, **options})])
    recipe = recipe_of(settings.system)
    models, training = {}, Collection.open(settings.data, "train")
    for stage in recipe.stages:
        models[stage.name] = stage.build(settings.model, settings.of_stage(stage).data, training.sizes())
        if stage.start:
            stage.start(models[stage.name], settings.model, [training.batch(range(len(training.own_window)))])
    return World(recipe, settings, training, models)


def progress() -> Progress:
    return Progress(0, 0, 1, -1, torch.Generator().manual_seed(0))


def test_every_loss_term_is_finite_and_every_parameter_gets_a_gradient(world: World) -> None:
    for stage in world.recipe.stages:
        model = world.models[stage.name].train()
        learnt: set[int] = set()
        for objective in stage.objectives(model, world.settings.model):
            terms = objective.loss(world.batch, progress())
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
        optimizers = [make_optimizer(objective, world.settings.train) for objective in objectives]
        first = last = 0.0
        for _ in range(60):
            last = 0.0
            for objective, optimizer in zip(objectives, optimizers, strict=True):
                loss = sum(objective.loss(world.batch, progress()).values())
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                last += float(loss.detach())
            first = first or last
        assert last < 0.75 * first


@pytest.mark.parametrize("system", [name for name in SYSTEMS_UNDER_TEST if "published" not in name])
def test_padding_changes_nothing(system: str, tmp_path: Path) -> None:  # the published numbers depend on it
    world = make_world(SYSTEMS_UNDER_TEST[system], tmp_path)
    matcher, localizer = world.recipe.assemble(world.models)
    for model in world.models.values():
        model.eval()
    batch = world.batch
    with torch.no_grad():
        queries = matcher.encode_queries(batch.queries)
        short, long = (matcher.encode_windows(one) for one in (batch.windows, pad_windows(batch.windows, 7)))
        assert torch.allclose(matcher.match(queries, short), matcher.match(queries, long), atol=1e-5)
        pairs = torch.stack([torch.arange(8), batch.positive], dim=1)
        best = [scores_of(localizer.localize(queries, code, pairs)) for code in (short, long)]
    assert torch.allclose(best[0], best[1], atol=1e-5)


def scores_of(spans: Any) -> Tensor:
    """The five best scores of every pair."""
    return next(iter(spans.scores.values())).topk(5, dim=1).values


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
    again = make_world(_options_of(world), tmp_path / "again")
    for stage in world.recipe.stages:
        path = tmp_path / f"{stage.name}.safetensors"
        save_weights(path, world.models[stage.name].state_dict())
        for value in again.models[stage.name].parameters():
            nn.init.normal_(value)
        load_weights(again.models[stage.name], path)
    val = Collection.open(world.settings.data, "val", world.training.vocabulary)
    tables = []
    for one in (world, again):
        for model in one.models.values():
            model.eval()
        search = (world.settings.model, SearchSettings())
        tables.append(answer_split(world.recipe, one.models, search, val, torch.device("cpu")))
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
    val = Collection.open(world.settings.data, "val", world.training.vocabulary)
    search = (world.settings.model, SearchSettings(tasks=("TNG",)))
    models = {name: model.eval() for name, model in world.models.items()}
    tables = answer_split(world.recipe, models, search, val, torch.device("cpu"))
    (path,) = write_submission(tables, val, tmp_path, "val", "mad")
    lines = [{"query_id": int(one.query_id), "timestamps": one.spans[0]} for one in val.split.narrations]
    write_lines(tmp_path / "truth.jsonl", lines)
    found = evaluate(load_submission(path, "mad"), load_gt(tmp_path / "truth.jsonl", "mad"), "mad").metrics
    ours = score_split(tables, val)["films"]["TNG"]
    assert 0 < found["R@100-IoU=0.3"] <= 100 * ours["R@100,IoU=0.3"] + 0.006  # equal is not enough there


def _options_of(world: World) -> dict[str, Any]:
    names = [name for name, options in SYSTEMS_UNDER_TEST.items() if _fits(options, world.settings.flat())]
    return SYSTEMS_UNDER_TEST[names[-1]]


def _fits(options: dict[str, Any], values: dict[str, Any]) -> bool:
    return all(values[name] == value for name, value in options.items())
