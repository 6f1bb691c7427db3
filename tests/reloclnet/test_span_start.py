"""The closed-form start against the same regressions solved at once."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from method_tng.contract.batch import Batch
from method_tng.reloclnet.span_model import SpanReLoCLNet
from method_tng.reloclnet.span_start import span_start
from tests.reloclnet.span_world import DATA, NUM_WORDS, SETTINGS, make_batch, make_model, sizes

BATCHES = [make_batch(seed, queries=10 + seed) for seed in range(5)]


def unit_clips(batches: list[Batch], stream: str) -> list[Tensor]:
    """Rows of a stream, mean of the sounding ones off, unit length, in double precision."""
    rows = [getattr(batch.windows, stream).double() for batch in batches]
    sounding = [values.abs().sum(dim=2) > 0 for values in rows]
    mean = torch.cat([values[real] for values, real in zip(rows, sounding, strict=True)]).mean(dim=0)
    centred = [(values - mean) * real[:, :, None] for values, real in zip(rows, sounding, strict=True)]
    return [values / (values.norm(dim=2, keepdim=True) + 1e-5) for values in centred]


def moment_means(batches: list[Batch]) -> Tensor:
    """Mean unit clip of every moment, both streams side by side."""
    found = []
    for stream in ("frames", "subtitles"):
        means = []
        for batch, unit in zip(batches, unit_clips(batches, stream), strict=True):
            for row, (first, last) in zip(batch.positive, batch.targets.clips.tolist(), strict=True):
                means.append(unit[row, first : last + 1].mean(dim=0))
        found.append(torch.stack(means))
    return torch.cat(found, dim=1)


def bags(batches: list[Batch], frequency: Tensor) -> Tensor:
    """log(1 + count) times inverse document frequency, rows of unit length."""
    counts = []
    for batch in batches:
        for ids in batch.queries.token_ids:
            counts.append(torch.bincount(ids[ids > 0] - 2, minlength=NUM_WORDS))
    values = torch.stack(counts).double().log1p() * (20 / frequency).log()
    return values / values.norm(dim=1, keepdim=True)


def summaries(batches: list[Batch], frequency: Tensor) -> Tensor:
    """Sum of word vectors, common words less, unit length, and a constant."""
    found = []
    for batch in batches:
        for vectors, ids in zip(batch.queries.words.double(), batch.queries.token_ids, strict=True):
            known = ids > 0
            weights = 1 / (1 + frequency[ids[known] - 2] / 200)
            mean = (weights[:, None] * vectors[known]).sum(dim=0)
            found.append(torch.cat([mean / mean.norm(), torch.ones(1).double()]))
    return torch.stack(found)


def test_tables_are_the_ridge_solutions() -> None:
    size = sizes(subtitles=8)
    batches = [make_batch(seed, queries=10 + seed, subtitles=8) for seed in range(5)]
    model = make_model(size)
    for tower in model.content.values():
        torch.nn.init.eye_(tower.linear.weight)
    model.query.lexicon.weight.data.copy_((20 / torch.tensor(size.document_frequency[2:])).log())
    span_start(model, SETTINGS, batches)
    frequency = torch.tensor(size.document_frequency[2:]).double()
    outputs = moment_means(batches)
    for inputs, table in (
        (bags(batches, frequency), model.query.lexicon.table),
        (summaries(batches, frequency), model.query.words.table),
    ):
        gram = inputs.T @ inputs + 3.0 * torch.eye(inputs.shape[1]).double()
        direct = torch.linalg.solve(gram, inputs.T @ outputs)
        torch.testing.assert_close(table.detach(), direct.float(), atol=1e-5, rtol=1e-4)


def test_the_start_does_not_depend_on_how_queries_are_batched() -> None:
    batch = make_batch(queries=12)
    whole, halves = make_model(sizes()), make_model(sizes())
    span_start(whole, SETTINGS, [batch])
    parts = []
    for rows in (range(7), range(7, 12)):
        rows = list(rows)
        queries = replace(
            batch.queries,
            ids=[batch.queries.ids[row] for row in rows],
            words=batch.queries.words[rows],
            mask=batch.queries.mask[rows],
            token_ids=batch.queries.token_ids[rows],
        )
        targets = replace(batch.targets, clips=batch.targets.clips[rows])
        parts.append(replace(batch, queries=queries, positive=batch.positive[rows], targets=targets))
    span_start(halves, SETTINGS, parts)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(halves.state_dict()[name], value, msg=name)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"frames": 20, "subtitles": 20},
        {"frames": 3},
        {"subtitles": 0},
        {"frames": 0},
        {"vocabulary": False},
    ],
    ids=str,
)
def test_the_start_finds_most_windows_untrained(changes: dict) -> None:
    """Also with streams wider or narrower than the model, one stream, no vocabulary."""
    widths = {name: changes.get(name, default) for name, default in (("frames", 8), ("subtitles", 6))}
    shown = {name: width or 4 for name, width in widths.items()}
    batches = [make_batch(seed, queries=12, **shown) for seed in range(24)]
    if not changes.get("vocabulary", True):
        batches = [replace(batch, queries=replace(batch.queries, token_ids=None)) for batch in batches]
    torch.manual_seed(0)
    model = SpanReLoCLNet(SETTINGS, DATA, sizes(**changes)).eval()
    span_start(model, SETTINGS, batches[6:])
    hits = []
    with torch.no_grad():
        for batch in batches[:6]:
            scores = model.match(model.encode_queries(batch.queries), model.encode_windows(batch.windows))
            hits.append((scores.argmax(dim=1) == batch.positive).float().mean())
    assert torch.stack(hits).mean() > 0.4  # chance is a quarter


def test_a_wide_stream_keeps_its_directions_of_most_energy() -> None:
    batches = [make_batch(seed, frames=20) for seed in range(5)]
    model = make_model(sizes(frames=20))
    span_start(model, SETTINGS, batches)
    weight = model.content["video"].linear.weight.detach().double()
    torch.testing.assert_close(weight @ weight.T, torch.eye(8).double(), atol=1e-5, rtol=0)
    clips = torch.cat([unit.flatten(0, 1) for unit in unit_clips(batches, "frames")])
    energy = torch.linalg.eigvalsh(clips.T @ clips)[-8:].sum()
    torch.testing.assert_close((clips @ weight.T).square().sum(), energy, rtol=1e-5, atol=0)


def test_a_loaded_model_is_the_model_that_was_saved() -> None:
    batch, model = make_batch(), make_model(sizes())
    span_start(model, SETTINGS, BATCHES)
    other = make_model(sizes(), seed=5)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    with torch.no_grad():
        scores = [
            one.match(one.encode_queries(batch.queries), one.encode_windows(batch.windows))
            for one in (model, other)
        ]
    assert torch.equal(*scores)
