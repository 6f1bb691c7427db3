"""Features are read once, kept within a budget, joined and normalised, and never written."""

import multiprocessing
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from method_tng.contract.errors import DataError
from method_tng.dataset.feature_file import FeatureFile
from method_tng.dataset.feature_store import FeatureStore, RowCache, write_features
from method_tng.dataset.rows import normalize_rows

ITEMS = {
    name: np.random.default_rng(number).standard_normal((number + 4, 3)).astype(np.float16)
    for number, name in enumerate(("a", "b", "c"))
}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    write_features(tmp_path / "packed.h5", ITEMS.items(), {"encoder": "none"})
    return tmp_path / "packed.h5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in ITEMS.items():
        write_features(tmp_path / f"folder/{name}.h5", [(name if name != "b" else "features", rows)])
    return tmp_path / "folder"


@pytest.mark.parametrize("form", ["packed", "folder"])
def test_one_file_and_a_folder_of_files_read_alike(form: str, request: pytest.FixtureRequest) -> None:
    store = FeatureStore(request.getfixturevalue(form))
    assert store.ids() == ["a", "b", "c"]
    assert store.width == 3
    assert "b" in store and "d" not in store
    for name, rows in ITEMS.items():
        assert store.num_rows(name) == len(rows)
        assert store.read(name).dtype == np.float32
        assert np.array_equal(store.read(name), rows.astype(np.float32))


@pytest.mark.parametrize("form", ["packed", "folder"])
def test_what_is_missing_is_named_with_its_neighbour(form: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(form)
    for ask in (
        FeatureStore(path).read,
        FeatureStore(path).num_rows,
        lambda name: FeatureStore(path).require([name]),
    ):
        with pytest.raises(DataError, match=r"holds no features of 'bb' \(3 items, nearest name: 'b'\)"):
            ask("bb")


def test_a_file_says_how_it_was_made(packed: Path) -> None:
    assert FeatureStore(packed).attributes() == {"encoder": "none"}


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("form", ["packed", "folder"])
def test_a_part_is_the_same_whether_the_item_is_kept_or_too_large_for_that(
    form: str, normalize: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = request.getfixturevalue(form)
    keeping, reading = FeatureStore(path, normalize, RowCache(10**6)), FeatureStore(path, normalize)
    asked: list[tuple[int, int | None]] = []
    whole = FeatureFile.read
    monkeypatch.setattr(
        FeatureFile, "read", lambda file, item, first=0, behind=None: (
            asked.append((first, behind)) or whole(file, item, first, behind)
        )
    )  # fmt: skip
    for part in ((0, 6), (2, 5), (4, 99)):
        assert np.array_equal(keeping.read("c", part), keeping.read("c")[slice(*part)])
        assert np.array_equal(reading.read("c", part), keeping.read("c")[slice(*part)])
    assert asked == [(0, None), (0, 6), (2, 5), (4, 99)]


def test_normalising_and_a_limit_of_rows(packed: Path) -> None:
    store = FeatureStore(packed, normalize=True, limit=2)
    assert np.array_equal(store.read("a"), normalize_rows(ITEMS["a"].astype(np.float32))[:2])
    assert store.num_rows("a") == 2


def test_joined_files_are_normalised_each_and_put_side_by_side(packed: Path, folder: Path) -> None:
    store = FeatureStore(f"{packed}+{folder}", normalize=True)
    unit = normalize_rows(ITEMS["a"].astype(np.float32))
    assert store.width == 6
    assert np.array_equal(store.read("a"), np.concatenate([unit, unit], axis=1))
    assert store.ids() == ["a", "b", "c"]


def test_joined_files_may_differ_by_one_row(packed: Path, tmp_path: Path) -> None:
    write_features(
        tmp_path / "other.h5", [("a", np.ones((3, 2), np.float32)), ("b", np.ones((2, 2), np.float32))]
    )
    store = FeatureStore(f"{packed}+{tmp_path / 'other.h5'}")
    assert store.ids() == ["a", "b"]
    assert store.num_rows("a") == 3
    assert store.read("a").shape == (3, 5)
    with pytest.raises(DataError, match=r"different numbers of rows .*packed\.h5: 5, .*other\.h5: 2"):
        store.read("b")


def test_rows_are_read_once_and_cannot_be_written(packed: Path) -> None:
    store = FeatureStore(packed, cache=RowCache(10_000))
    rows = store.read("a")
    assert store.read("a") is rows
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 0
    assert FeatureStore(packed).read("a") is not FeatureStore(packed).read("a")


def test_the_cache_drops_what_was_not_used_for_longest() -> None:
    cache = RowCache(20)
    for key in "ab":
        cache.put(key, np.zeros(10, np.uint8))
    cache.get("a")
    cache.put("c", np.zeros(10, np.uint8))
    assert cache.get("a") is not None and cache.get("b") is None and cache.get("c") is not None


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 30)), max_size=60))
def test_the_cache_never_keeps_more_than_its_budget(uses: list[tuple[str, int]]) -> None:
    cache, sizes = RowCache(20), {}
    for key, size in uses:
        size = sizes.setdefault(key, size)
        if cache.get(key) is None:
            cache.put(key, np.zeros(size, np.uint8))
        assert (cache.get(key) is not None) == (size <= 20)
    assert sum(size for key, size in sizes.items() if cache.get(key) is not None) <= 20


def test_stores_share_one_memory_and_never_mix_their_rows(packed: Path, folder: Path) -> None:
    cache = RowCache(10_000)
    ways = ((packed, False, cache), (packed, True, cache), (folder, False, cache), (packed, False, cache, 1))
    stores = [FeatureStore(*way) for way in ways]
    rows = [store.read("a") for store in stores]
    assert all(store.read("a") is kept for store, kept in zip(stores, rows, strict=True))
    assert len({id(kept) for kept in rows}) == 4
    cache.shrink(0)
    assert stores[0].read("a") is not rows[0] and np.array_equal(stores[0].read("a"), rows[0])


def test_a_store_travels_to_another_process(packed: Path) -> None:
    store = FeatureStore(packed, normalize=True, cache=RowCache(10_000))
    rows = store.read("a")
    again = pickle.loads(pickle.dumps(store))
    assert again.read("a") is not rows and np.array_equal(again.read("a"), rows)


def _read_into(store: FeatureStore, answers: multiprocessing.Queue) -> None:
    answers.put(store.read("b"))


def test_a_forked_process_opens_the_file_anew(packed: Path) -> None:
    store = FeatureStore(packed)
    store.read("a")
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    process = fork.Process(target=_read_into, args=(store, answers))
    process.start()
    rows = answers.get(timeout=30)
    process.join()
    assert np.array_equal(rows, store.read("b"))


def test_a_write_that_fails_leaves_the_old_file(packed: Path) -> None:
    def items():
        yield "x", ITEMS["a"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_features(packed, items())
    assert FeatureStore(packed).ids() == ["a", "b", "c"]
    assert [path.name for path in packed.parent.iterdir()] == ["packed.h5"]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    write_features(tmp_path / "empty.h5", [])
    with pytest.raises(DataError, match=r"empty\.h5 holds no features"):
        len(FeatureStore(tmp_path / "empty.h5").widths)


def test_a_truncated_file_is_refused(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"packed\.h5 cannot be read as HDF5"):
        FeatureStore(packed).read("a")


def test_a_group_is_no_film(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "grouped.h5", "w") as file:
        file["film/rows"] = np.ones((2, 3), np.float32)
    with pytest.raises(DataError, match="'film': found a group; expected a dataset"):
        len(FeatureStore(tmp_path / "grouped.h5").widths)
