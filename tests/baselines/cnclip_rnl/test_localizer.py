"""RNL: its keys, its options, and that a pair's answer depends on the pair alone."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.contract.batch import Batch
from method_tng.contract.errors import ConfigError
from method_tng.contract.protocols import Spans
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.dataset.windows import label_clips
from tests.baselines.cnclip_rnl.rnl_world import FACES, VIDEO, WITH_FACES, WORDS, make_batch, make_model

ALL = torch.arange(4)[:, None].expand(-1, 2)


@torch.no_grad()
def localize(model: RNL, batch: Batch, pairs: torch.Tensor = ALL) -> Spans:
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    return model.localize(queries, windows, pairs)


def test_the_published_size_has_the_published_entries() -> None:
    settings = CnclipRnlSettings(face_dim=1536, max_faces=3)
    with torch.device("meta"):
        model = RNL(settings, DataSettings(ctx_mode="video"), Sizes(frames=2560, words=768))
    entries = model.state_dict()
    assert len(entries) == 104 and sum(value.numel() for value in entries.values()) == 31_233_036


@pytest.mark.parametrize(
    "options",
    [
        {},
        WITH_FACES,
        {**WITH_FACES, "project_faces": True, "mask_alignment": True},
        {"short_windows": "mask", "exact_anchors": True, "round_boxes": False},
    ],
)
def test_padding_and_other_pairs_change_nothing(options: dict) -> None:
    batch, model = make_batch(faces="face_dim" in options), make_model(**options)
    windows, queries = batch.windows, batch.queries
    more = replace(
        windows,
        mask=nn.functional.pad(windows.mask, (0, 5)),
        frames=nn.functional.pad(windows.frames, (0, 0, 0, 5)),
    )
    words = nn.functional.pad(queries.words, (0, 0, 0, 9)), nn.functional.pad(queries.mask, (0, 9))
    longer = replace(batch, windows=more, queries=replace(queries, words=words[0], mask=words[1]))
    expected, found = localize(model, batch), localize(model, longer)
    torch.testing.assert_close(found.times, expected.times)
    torch.testing.assert_close(found.scores["proposal"], expected.scores["proposal"])
    one = localize(model, batch, torch.tensor([[2, 1], [0, 3]]))
    both = localize(model, batch, torch.tensor([[0, 3]]))
    torch.testing.assert_close(one.times[1:], both.times)


def test_times_lie_inside_their_window_and_no_moment_is_empty() -> None:
    for options in ({}, {"round_boxes": False}, {"short_windows": "mask"}):
        model, batch = make_model(**options), make_batch()
        nn.init.normal_(model.fc_reg.weight, std=30.0)
        times = localize(model, batch).times
        length = (batch.windows.seconds[:, 1] - batch.windows.seconds[:, 0]).float()
        assert bool((times >= 0).all()) and bool((times[..., 1] > times[..., 0]).all())
        assert bool((times[..., 0] < length[:, None]).all())


def test_a_shorter_window_that_is_masked_keeps_its_time_scale() -> None:
    options = {"short_windows": "mask", "exact_anchors": True, "round_boxes": False}
    model, batch = make_model(**options), make_batch()  # of 24, 20, 16 and 12 rows of 2 seconds; 20 inside
    nn.init.zeros_(model.fc_reg.weight)
    nn.init.zeros_(model.fc_reg.bias)
    found = localize(model, batch)
    legal = found.scores["proposal"] > -torch.inf
    longest = [
        float((times[:, 1] - times[:, 0])[real].max()) for times, real in zip(found.times, legal, strict=True)
    ]
    assert longest == pytest.approx([7 * 2 * 23 / 19, 14, 14, 14])
    assert legal.sum(1).tolist() == [49, 49, 37, 25]  # rows less the width plus one, for widths 2, 4 and 8


@pytest.mark.parametrize(("label_end", "last"), [("upstream", 8), ("inclusive", 7)])
def test_a_box_that_equals_the_label_gives_the_moments_seconds(label_end: str, last: int) -> None:
    span, rows = (6.0, 16.0), 20  # seconds, in rows of two
    assert label_clips(span, rows, 2.0, label_end) == (3, last)
    torch.manual_seed(0)
    settings = CnclipRnlSettings(hidden_size=8, num_frames=rows)
    model = RNL(settings, DataSettings(label_end=label_end), Sizes(frames=VIDEO, words=WORDS))
    borders = model.borders(torch.tensor([[[3.0, float(last)]]]), torch.tensor([rows]))
    assert (2 * borders).flatten().tolist() == list(span)


def test_portraits_are_read_and_absent_ones_are_not() -> None:
    model, batch = make_model(**WITH_FACES, mask_alignment=True), make_batch(faces=True)
    expected = localize(model, batch).scores["proposal"]
    portraits = batch.queries.portraits.clone()
    portraits[0, 0] += 1
    changed = replace(batch, queries=replace(batch.queries, portraits=portraits))
    found = localize(model, changed).scores["proposal"]
    assert not torch.allclose(found[0], expected[0]) and torch.equal(found[1:], expected[1:])
    torch.testing.assert_close(
        localize(model, replace(batch, queries=replace(batch.queries, portraits=portraits[:, :1]))).scores[
            "proposal"
        ][0],
        found[0],
    )


def test_the_map_of_portraits_is_held_and_only_used_when_asked_for() -> None:
    batch = make_batch(faces=True)
    for projects in (False, True):
        model = make_model(**WITH_FACES, project_faces=projects)
        before = localize(model, batch).scores["proposal"]
        nn.init.zeros_(model.sentence_encoder.tran_face.weight)
        assert torch.equal(localize(model, batch).scores["proposal"], before) != projects


def test_no_faces_no_entries_for_them() -> None:
    names = make_model().state_dict()
    assert not [name for name in names if "tran" in name]


@pytest.mark.parametrize(
    ("options", "data", "sizes", "told"),
    [
        ({"face_dim": 8}, {"ctx_mode": "video"}, Sizes(frames=8, words=WORDS), "face_dim 8"),
        ({"face_dim": 4}, {"ctx_mode": "video_tef"}, Sizes(frames=14, words=WORDS), "without tef"),
        ({}, {"ctx_mode": "video"}, Sizes(frames=9, words=WORDS), "take --num_heads 3"),
        ({"hidden_size": 6}, {"ctx_mode": "video"}, Sizes(frames=VIDEO, words=WORDS), "hidden_size is 6"),
        (
            {},
            {"ctx_mode": "video", "portrait_features": "faces.h5"},
            Sizes(frames=VIDEO, words=WORDS),
            "no effect with max_faces 0",
        ),
    ],
)
def test_widths_that_do_not_fit_are_told(options: dict, data: dict, sizes: Sizes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        RNL(CnclipRnlSettings(**options), DataSettings(**data), sizes)


def test_portraits_of_another_width_are_told() -> None:
    batch, model = make_batch(faces=True), make_model(**WITH_FACES)
    with pytest.raises(ConfigError, match="a portrait has 4 numbers"):
        model.encode_queries(replace(batch.queries, portraits=torch.ones(4, 2, 4)))


def test_subtitle_rows_stand_before_the_faces() -> None:
    batch = make_batch(faces=True)
    torch.manual_seed(0)
    settings = CnclipRnlSettings(hidden_size=8, num_frames=20, face_dim=FACES, max_faces=2, drop=0.0)
    model = RNL(settings, DataSettings(), Sizes(frames=VIDEO + FACES, subtitles=4, words=WORDS)).eval()
    told = replace(batch, windows=replace(batch.windows, subtitles=torch.ones(4, 24, 4)))
    other = replace(batch, windows=replace(batch.windows, subtitles=torch.zeros(4, 24, 4)))
    assert not torch.allclose(
        localize(model, told).scores["proposal"], localize(model, other).scores["proposal"]
    )
