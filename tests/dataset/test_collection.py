"""A split ready for use: windows, batches, labels."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from method_tng.contract.batch import WindowBatch, take_queries
from method_tng.contract.errors import DataError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.collection import Collection
from method_tng.dataset.rows import endpoint_feature, normalize_rows, pool_rows
from method_tng.dataset.text import Vocabulary
from tests.tiny import write_lines


@pytest.fixture
def train(tiny: DataSettings) -> Collection:
    return Collection.open(tiny, "train")


def rows_of(path: str, item: str) -> np.ndarray:
    with h5py.File(path) as file:
        return normalize_rows(file[item][()])


def test_windows_hold_their_slice_of_the_film(tiny: DataSettings, train: Collection) -> None:
    batch = train.window_batch(range(len(train.windows)))
    assert batch.mask.sum(1).tolist() == train.window_lengths.tolist()
    for row, window in enumerate(train.windows):
        first = int(window.start // 2)
        clips = slice(first, first + int(train.window_lengths[row]))
        for stream, path in ((batch.frames, tiny.video_features), (batch.subtitles, tiny.sub_features)):
            expected = rows_of(path, window.movie_id)[clips]
            assert np.array_equal(stream[row, : len(expected)].numpy(), expected)
            assert not stream[row, len(expected) :].any()
        assert batch.seconds[row].tolist() == [window.start, window.end]
        assert train.split.movies[int(batch.movies[row])].movie_id == window.movie_id
    assert batch.movies.tolist() == train.window_movies.tolist()
    assert (batch.clip_seconds == 2.0).all()


def test_a_sentence_has_one_vector_of_unit_length_where_a_file_is_named(
    tiny: DataSettings, train: Collection
) -> None:
    assert train.query_batch([3, 1]).sentence is None
    assert train.sizes().sentence == 0
    path = tiny.query_features.replace("query", "sentence")
    named = Collection.open(replace(tiny, sentence_features=path), "train")
    batch = named.query_batch([3, 1])
    assert named.sizes().sentence == 12
    for row, query_id in enumerate(batch.ids):
        assert np.array_equal(batch.sentence[row].numpy(), rows_of(path, query_id)[0])
    assert torch.equal(take_queries(batch, torch.tensor([1]), 3).sentence, batch.sentence[1:])


def test_a_batch_has_each_own_window_once_in_order_of_first_appearance(train: Collection) -> None:
    rows = [9, 0, 10, 1, 9, 30]
    batch = train.batch(rows)
    own = [train.windows[row].window_id for row in train.own_window[rows]]
    assert list(batch.windows.ids) == list(dict.fromkeys(own))
    assert [batch.windows.ids[row] for row in batch.positive.tolist()] == own
    assert list(batch.queries.ids) == [train.split.narrations[row].query_id for row in rows]


def test_a_narration_can_be_labelled_in_any_window_that_it_touches(tiny: DataSettings) -> None:
    overlapping = Collection.open(replace(tiny, window_stride=20.0, window_edges="cut"), "train")
    touched = overlapping.cuts.touched(overlapping.split.narrations)[:, 0]
    for row in range(0, len(touched), 7):
        for place in range(touched[row, 0], touched[row, 1] + 1):
            batch = overlapping.batch([row], positive=[place], negative=[place - 5])
            window, (start, end) = overlapping.windows[place], overlapping.split.narrations[row].spans[0]
            length = window.end - window.start
            inside = max(start, window.start) - window.start, min(end, window.end) - window.start
            assert 0 <= inside[0] < inside[1] <= length
            assert batch.targets.spans[0][0].tolist() == pytest.approx([second / length for second in inside])
            assert batch.targets.inside[0].any()
            assert batch.windows.ids[int(batch.positive[0])] == window.window_id
            assert batch.windows.ids[int(batch.negative[0])] == overlapping.windows[place - 5].window_id
    own = overlapping.own_window
    assert ((touched[:, 0] <= own) & (own <= touched[:, 1])).all()


def test_a_batch_takes_the_windows_that_it_is_told(train: Collection) -> None:
    own = int(train.own_window[5])
    windows = [own + 1, own, own + 2]
    batch = train.batch([5], windows)
    assert list(batch.windows.ids) == [train.windows[row].window_id for row in windows]
    assert batch.positive.tolist() == [1]


def same_windows(one: WindowBatch, other: WindowBatch, order: list[int]) -> None:
    for row, place in enumerate(order):
        length = int(one.mask[row].sum())
        assert one.ids[row] == other.ids[place]
        assert torch.equal(one.frames[row, :length], other.frames[place, :length])
        assert torch.equal(one.subtitles[row, :length], other.subtitles[place, :length])
        assert torch.equal(one.seconds[row], other.seconds[place])


def test_the_order_and_the_company_of_windows_change_nothing_but_their_padding(train: Collection) -> None:
    order = np.random.default_rng(0).permutation(len(train.windows)).tolist()
    everything = train.window_batch(range(len(train.windows)))
    same_windows(train.window_batch(order), everything, order)
    for row in order:
        alone = train.window_batch([row])
        assert alone.mask.all()
        same_windows(alone, everything, [row])


def test_the_order_and_the_company_of_queries_change_nothing_but_their_padding(train: Collection) -> None:
    everything = train.query_batch(range(10))
    for row in range(10):
        alone = train.query_batch([row])
        length = alone.words.shape[1]
        assert alone.mask.all()
        assert torch.equal(alone.words[0], everything.words[row, :length])
        assert not everything.words[row, length:].any() and not everything.mask[row, length:].any()


def test_queries_have_their_first_words_only(tiny: DataSettings) -> None:
    collection = Collection.open(replace(tiny, max_desc_l=3), "val")
    batch = collection.query_batch([0, 1, 2])
    assert batch.words.shape == (3, int(batch.mask.sum(1).max()), 10)
    assert batch.words.shape[1] <= 3
    expected = rows_of(tiny.query_features, batch.ids[0])[:3]
    assert np.array_equal(batch.words[0, : len(expected)].numpy(), expected)


@pytest.mark.parametrize("label_end", ["upstream", "inclusive"])
def test_targets_are_the_moment_in_its_own_window(tiny: DataSettings, label_end: str) -> None:
    collection = Collection.open(replace(tiny, label_end=label_end), "train")
    rows = range(len(collection.split.narrations))
    targets = collection.batch(rows).targets
    for row, narration in enumerate(collection.split.narrations):
        window = collection.windows[collection.own_window[row]]
        start, end = collection.own_span[row]
        assert start == max(narration.spans[0][0] - window.start, 0)
        assert end == min(narration.spans[0][1], window.end) - window.start
        length = window.end - window.start
        assert targets.spans[row].tolist() == [pytest.approx([start / length, end / length])]
        num_clips = int(collection.window_lengths[collection.own_window[row]])
        extra = 1 if label_end == "upstream" else 0
        first, last = int(start // 2), min(int(-(-end // 2)) - 1 + extra, num_clips - 1)
        assert targets.clips[row].tolist() == [first, last]
        assert torch.nonzero(targets.inside[row])[:, 0].tolist() == list(range(first, last + 1))


def test_the_place_of_clips_is_appended_to_every_used_stream(tiny: DataSettings) -> None:
    collection = Collection.open(replace(tiny, ctx_mode="video_sub_tef"), "train")
    batch = collection.window_batch([3, 2])  # the film's short last window and a whole one of another length
    for row, length in enumerate(batch.mask.sum(1).tolist()):
        for stream in (batch.frames, batch.subtitles):
            assert np.array_equal(stream[row, :length, -2:].numpy(), endpoint_feature(length))
            assert not stream[row, length:].any()
    assert (collection.sizes().frames, collection.sizes().subtitles) == (14, 10)


@pytest.mark.parametrize(
    ("ctx_mode", "widths"),
    [
        ("video", (12, 0)),
        ("sub", (0, 8)),
        ("video_tef", (14, 0)),
        ("sub_tef", (0, 10)),
        ("video_sub", (12, 8)),
        ("tef", (2, 0)),
    ],
)
def test_streams_that_are_not_used_are_absent(
    tiny: DataSettings, ctx_mode: str, widths: tuple[int, int]
) -> None:
    unused = {"video": "sub_features", "sub": "video_features"}.get(ctx_mode.split("_tef")[0], "dset_name")
    collection = Collection.open(replace(tiny, ctx_mode=ctx_mode, **{unused: "missing.h5"}), "val")
    sizes, batch = collection.sizes(), collection.window_batch([0, 1])
    assert (sizes.frames, sizes.subtitles) == widths
    for stream, width in ((batch.frames, sizes.frames), (batch.subtitles, sizes.subtitles)):
        assert stream is None if width == 0 else stream.shape[2] == width


def test_places_alone_need_no_feature_file(tiny: DataSettings) -> None:
    both, alone = (
        Collection.open(replace(tiny, ctx_mode=mode, max_ctx_l=12), "val") for mode in ("video_tef", "tef")
    )
    Path(tiny.video_features).unlink()
    rows = range(len(both.windows))
    assert alone.window_lengths.tolist() == both.window_lengths.tolist()
    places = alone.window_batch(rows).frames
    for length, found in zip(alone.window_lengths.tolist(), places.numpy(), strict=True):
        assert np.array_equal(found[:length], endpoint_feature(length))
        assert not found[length:].any()


def test_pooled_windows_keep_time(tiny: DataSettings) -> None:
    whole = Collection.open(tiny, "train")
    pooled = Collection.open(replace(tiny, max_ctx_l=8, label_end="inclusive"), "train")
    assert pooled.window_lengths.max() == 8
    rows = range(len(pooled.split.narrations))
    batch = pooled.batch(rows, range(len(pooled.windows)))
    assert torch.equal(batch.windows.mask.sum(1), torch.from_numpy(pooled.window_lengths))
    covered = batch.windows.clip_seconds * batch.windows.mask.sum(1)
    assert covered.tolist() == pytest.approx((2.0 * whole.window_lengths).tolist())
    with h5py.File(tiny.video_features) as file:
        expected = normalize_rows(pool_rows(file["train-0"][:20], 8))  # pooled first, then of unit length
    assert torch.equal(batch.windows.frames[0], torch.from_numpy(expected))
    assert pooled.window_batch([0]).frames.equal(batch.windows.frames[:1])
    for row, (start, end) in enumerate(pooled.own_span):
        seconds = float(batch.windows.clip_seconds[batch.positive[row]])
        first, last = batch.targets.clips[row].tolist()
        assert first * seconds <= start + 1e-6 and end <= (last + 1) * seconds + 1e-6


def test_streams_that_differ_by_one_row_are_cut_to_the_shorter(tiny: DataSettings) -> None:
    with h5py.File(tiny.sub_features, "r+") as file:
        rows = file["val-0"][()]
        del file["val-0"]
        file["val-0"] = rows[:-1]
    collection = Collection.open(replace(tiny, window_seconds=0.0, max_ctx_l=500), "val")
    assert collection.window_lengths[0] == len(rows) - 1
    batch = collection.window_batch([0])
    assert batch.frames.shape[1] == batch.subtitles.shape[1] == len(rows) - 1


def test_features_that_are_a_little_short_are_told(
    tiny: DataSettings, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (tiny.sub_features, tiny.video_features):
        with h5py.File(path, "r+") as file:
            rows = file["val-1"][()]
            del file["val-1"]
            file["val-1"] = rows[:-3]
    Collection.open(tiny, "val")
    assert "val: the features of 1 films end before the film does, of 'val-1' first" in caplog.text


def test_several_moments_of_one_narration(tiny: DataSettings, tmp_path: Path) -> None:
    line = {"text": "x", "query_id": 200, "movie_id": "val-0", "spans": [[50, 53], [60, 62], [90, 95]]}
    write_lines(tmp_path / "val.jsonl", [line])
    data = replace(tiny, format="narrations", annotations=str(tmp_path / "{split}.jsonl"), durations="")
    collection = Collection.open(replace(data, label_end="inclusive"), "val")
    batch = collection.batch([0])
    assert batch.windows.ids == ["val-0_00040"]  # the first moment decides
    assert batch.targets.spans[0].flatten().tolist() == pytest.approx([10 / 40, 13 / 40, 20 / 40, 22 / 40])
    assert batch.targets.clips.tolist() == [[5, 6]]
    assert torch.nonzero(batch.targets.inside[0])[:, 0].tolist() == [5, 6, 10]


def test_word_ids_come_from_the_vocabulary(tiny: DataSettings) -> None:
    train = Collection.open(replace(tiny, vocabulary=True), "train")
    val = Collection.open(replace(tiny, vocabulary=True), "val", train.vocabulary)
    batch = val.query_batch([0, 1, 2, 3])
    for row, text in enumerate(batch.texts):
        ids = train.vocabulary.ids(text, tiny.max_desc_l)
        assert batch.token_ids[row, : len(ids)].tolist() == ids
        assert not batch.token_ids[row, len(ids) :].any()
    assert batch.token_ids.dtype == torch.int64
    assert val.sizes() == train.sizes()
    assert train.sizes().num_queries == len(train.split.narrations)
    assert train.query_batch([0]).token_ids is not None
    assert Collection.open(tiny, "val").query_batch([0]).token_ids is None


def test_a_vocabulary_survives_a_query_without_words(tiny: DataSettings) -> None:
    lines = Path(tiny.annotations.replace("{split}", "val"))
    record = {**json.loads(lines.read_text().splitlines()[0]), "desc": "…"}
    write_lines(lines, [record])
    val = Collection.open(replace(tiny, vocabulary=True), "val", Vocabulary.build(["man"]))
    assert val.query_batch([0]).token_ids.shape == (1, 0)


def test_a_share_of_the_queries_is_drawn_by_its_seed(tiny: DataSettings, train: Collection) -> None:
    ids = [one.query_id for one in train.split.narrations]
    drawn = [
        [one.query_id for one in Collection.open(tiny, "train", share=0.5, seed=seed).split.narrations]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == [query for query in ids if query in set(drawn[0])]
    assert len(drawn[0]) == round(len(ids) / 2)
    assert len(Collection.open(tiny, "train", share=0.5).windows) == len(train.windows)


def test_a_split_without_ground_truth_can_be_searched_but_not_learned_from(tiny: DataSettings) -> None:
    lines = Path(tiny.annotations.replace("{split}", "val"))
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    write_lines(lines, [{"desc_id": one["desc_id"], "desc": one["desc"]} for one in records])
    collection = Collection.open(tiny, "val")
    assert (collection.own_window == -1).all()
    assert collection.own_span == [None] * len(records)
    assert len(collection.query_batch([0, 1])) == 2 and len(collection.window_batch([0, 1])) == 2
    with pytest.raises(DataError, match="query '200' of split 'val' has no moment"):
        collection.batch([0])


def test_a_collection_travels_to_another_process(tiny: DataSettings) -> None:
    collection = Collection.open(replace(tiny, vocabulary=True), "train")
    collection.batch([0, 1])
    ours, theirs = collection.batch([3, 4]), pickle.loads(pickle.dumps(collection)).batch([3, 4])
    assert torch.equal(ours.windows.frames, theirs.windows.frames)
    assert torch.equal(ours.queries.words, theirs.queries.words)
    assert torch.equal(ours.targets.inside, theirs.targets.inside)
