"""Stage 1: pooling, the two kinds of towers, negatives, and that tiny ones learn."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from baselines.cnclip_rnl.objective import retriever_terms, tells_a_source
from baselines.cnclip_rnl.retriever import ShotRetriever, decayed_apart, make_retriever, pool_frames
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from baselines.cnclip_rnl.towers import rows_at_centres
from method_tng.contract.batch import Batch, QueryBatch, WindowBatch
from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from tests.baselines.cnclip_rnl.rnl_world import VIDEO, WORDS, make_batch
from tests.encoders.tiny_clip import save_tiny_clip


def retriever(sentence: int = 0, **options: object) -> ShotRetriever:
    torch.manual_seed(0)
    sizes = Sizes(frames=VIDEO, words=WORDS, sentence=sentence)
    return make_retriever(CnclipRnlSettings(joint_size=6, **options), DataSettings(), sizes)


def test_frames_count_by_their_length_unless_each_is_normalised() -> None:
    frames, mask = torch.tensor([[[3.0, 0.0], [0.0, 1.0], [9.0, 9.0]]]), torch.tensor([[True, True, False]])
    assert pool_frames(frames, mask, "mean").tolist() == [pytest.approx([3 / 10**0.5, 1 / 10**0.5])]
    assert pool_frames(frames, mask, "mean_of_normalized").tolist() == [pytest.approx([0.5**0.5] * 2)]


def test_frames_stand_in_the_middles_of_equal_parts() -> None:
    rows = torch.arange(20.0)[None, :, None]
    picked, real = rows_at_centres(rows, torch.ones(1, 20, dtype=torch.bool), 10)
    assert picked.flatten().tolist() == list(range(1, 20, 2)) and bool(real.all())
    short, _ = rows_at_centres(rows, torch.arange(20)[None] < 4, 10)
    assert short.flatten().tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]


def test_vectors_of_one_space_start_as_they_are() -> None:
    model, batch = retriever(sentence=VIDEO, shot_frames=0), make_batch()
    batch = replace(batch, queries=replace(batch.queries, sentence=torch.randn(4, VIDEO)))
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    torch.testing.assert_close(queries["pieces"][:, 0], F.normalize(batch.queries.sentence, dim=-1))
    mean = batch.windows.frames.sum(1) / batch.windows.mask.sum(1, keepdim=True)
    torch.testing.assert_close(windows["shot"], F.normalize(mean, dim=-1))
    cosines = model.match(queries, windows) * 0.07
    torch.testing.assert_close(cosines, queries["pieces"][:, 0] @ windows["shot"].T)


@pytest.mark.parametrize(
    "options", [{}, {"pool": "mean_of_normalized", "shot_frames": 0}, {"sentence": VIDEO}]
)
def test_padding_changes_nothing(options: dict) -> None:
    model, batch = retriever(**options), make_batch()
    sentence = torch.randn(4, VIDEO) if "sentence" in options else None
    queries, windows = replace(batch.queries, sentence=sentence), batch.windows
    frames, mask = F.pad(windows.frames, (0, 0, 0, 3), value=7.0), F.pad(windows.mask, (0, 3))
    expected = model.match(model.encode_queries(queries), model.encode_windows(windows))
    longer = replace(windows, frames=frames, mask=mask)
    words = replace(
        queries, words=F.pad(queries.words, (0, 0, 0, 2), value=3.0), mask=F.pad(queries.mask, (0, 2))
    )
    torch.testing.assert_close(
        model.match(model.encode_queries(words), model.encode_windows(longer)), expected
    )


def test_the_vectors_of_an_index_give_the_match() -> None:
    model, batch = retriever(), make_batch()
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    vectors, norms = model.window_vectors(windows)["shot"]
    assert vectors.shape == (4, 1, 6) and torch.allclose(vectors.norm(dim=-1), norms)
    found = model.query_vectors(queries)["shot"] @ vectors[:, 0].T
    assert found.argsort(dim=1).tolist() == model.match(queries, windows).argsort(dim=1).tolist()


def test_a_shot_that_tells_a_source_of_a_caption_is_no_negative() -> None:
    sources = torch.tensor([[1, 2], [2, 3], [5, -1], [4, -1]])
    found = tells_a_source(sources, torch.tensor([0, 1, 2, 2]), 4)
    assert found.tolist() == [
        [True, True, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, True, False],
    ]


def test_the_mask_changes_the_loss_only_where_captions_share() -> None:
    model, batch = retriever(), make_batch()
    apart = replace(batch, queries=replace(batch.queries, sources=torch.arange(4)[:, None]))
    shared = replace(batch, queries=replace(batch.queries, sources=torch.tensor([[0], [0], [1], [2]])))
    plain = retriever_terms(model, batch, True)["loss_contrast"]
    assert retriever_terms(model, apart, True)["loss_contrast"] == plain
    assert retriever_terms(model, shared, True)["loss_contrast"] < plain
    assert retriever_terms(model, shared, False)["loss_contrast"] == plain


def test_decay_spares_biases_and_the_scale() -> None:
    model = retriever()
    decayed, spared = decayed_apart(model)
    assert [value.ndim for value in decayed.parameters] == [2, 2] and not spared.decay
    assert any(value is model.towers.logit_scale for value in spared.parameters)


def test_the_scale_stays_below_a_hundred() -> None:
    model = retriever()
    torch.nn.init.constant_(model.towers.logit_scale, 9.0)
    assert model.scale().item() == pytest.approx(100)


COLOURS = {"红": (220, 40, 40), "绿": (40, 220, 40), "蓝": (40, 40, 220), "黄": (220, 220, 40)}
SHAPES = ("圆", "方")


def film_of_shapes(seed: int) -> Batch:
    """Eight shots of three noisy frames each: a colour and a shape, and the two characters that say so."""
    draw = torch.Generator().manual_seed(seed)
    places = torch.arange(16) - 7.5
    told, shots = [], []
    for colour, values in COLOURS.items():
        for shape in SHAPES:
            radius = 4 + 2 * torch.rand(3, 1, 1, generator=draw)
            across, down = places[None, :, None], places[None, None]
            inside = (
                (across**2 + down**2 < radius**2) if shape == "圆" else (down.abs() + 0 * across < radius / 2)
            )
            ink = torch.where(
                inside[:, None], torch.tensor(values).view(1, 3, 1, 1), 20
            ).float()  # (3, 3, 16, 16)
            shots.append((ink + 15 * torch.randn(ink.shape, generator=draw)).clamp(0, 255).to(torch.uint8))
            told.append(colour + shape)
    count = len(told)
    ids = [str(row) for row in range(count)]
    windows = WindowBatch(
        ids, torch.ones(count, 1, dtype=torch.bool), torch.zeros(count, dtype=torch.int64),
        torch.zeros(count, 2, dtype=torch.float64), torch.ones(count, dtype=torch.float64),
        images=torch.stack(shots),
    )  # fmt: skip
    queries = QueryBatch(ids, torch.zeros(count, 1, 1), torch.ones(count, 1, dtype=torch.bool), texts=told)
    return Batch(queries, windows, torch.arange(count))


def test_a_tiny_chinese_clip_learns_to_find_frames_it_has_not_seen(tmp_path: Path) -> None:
    folder = save_tiny_clip(tmp_path / "clip")
    torch.manual_seed(0)
    model = make_retriever(CnclipRnlSettings(clip_model=str(folder)), DataSettings(), Sizes())
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(50):
        loss = retriever_terms(model.train(), film_of_shapes(step), True)["loss_contrast"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(value.grad is not None for value in model.parameters())
    held_out, model = film_of_shapes(10_000), model.eval()
    with torch.no_grad():
        codes = model.encode_queries(held_out.queries), model.encode_windows(held_out.windows)
        found = model.match(*codes).argmax(1)
    assert int((found == torch.arange(8)).sum()) >= 7


def test_pictures_that_are_missing_are_told(tmp_path: Path) -> None:
    settings = CnclipRnlSettings(clip_model=str(save_tiny_clip(tmp_path / "clip")))
    model = make_retriever(settings, DataSettings(), Sizes())
    with pytest.raises(DataError, match="bring no pictures"):
        model.encode_windows(make_batch().windows)


def test_pictures_that_nobody_reads_are_refused() -> None:
    with pytest.raises(ConfigError, match="no effect without clip_model"):
        make_retriever(CnclipRnlSettings(), DataSettings(pictures="frames"), Sizes(frames=4, words=4))


def test_a_long_text_in_pieces_is_as_near_as_its_nearest_piece(tmp_path: Path) -> None:
    folder, batch = save_tiny_clip(tmp_path / "clip"), film_of_shapes(0)
    options = {"clip_model": str(folder), "text_length": 4}
    whole, cut = (
        make_retriever(CnclipRnlSettings(**options, long_texts=how), DataSettings(), Sizes()).eval()
        for how in ("split", "cut")
    )
    long = replace(batch.queries, ids=["0", "1"], texts=["红圆绿方蓝", "黄方"])
    pieces = replace(batch.queries, ids=list("0123"), texts=["红圆", "绿方", "蓝", "黄方"])
    with torch.no_grad():
        shots = whole.encode_windows(batch.windows)
        found = whole.match(whole.encode_queries(long), shots)
        parts = cut.match(cut.encode_queries(pieces), shots)
        expected = torch.stack((parts[:3].amax(0), parts[3]))
        torch.testing.assert_close(found, expected)
        vectors = whole.query_vectors(whole.encode_queries(long))["shot"]
    assert vectors.shape == (2, 12) and not torch.allclose(found[0], parts[0])
