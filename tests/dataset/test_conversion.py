"""Features of other families become ours, or one sentence says why not."""

import io
import sys
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest

from method_tng.contract.errors import DataError, MissingExtra
from method_tng.dataset.conversion import convert_features
from method_tng.dataset.feature_store import FeatureStore

ROWS = {"clip-a": np.arange(12, dtype=np.float32).reshape(4, 3), "clip-b": np.ones((1, 3), np.float32)}


def write_lmdb(folder: Path, values: Mapping[str, bytes]) -> Path:
    lmdb = pytest.importorskip("lmdb", reason="LMDB is the extra `convert`")
    with lmdb.open(str(folder), map_size=1 << 20) as environment, environment.begin(write=True) as writing:
        for key, value in values.items():
            writing.put(key.encode(), value)
    return folder


def archive(**arrays: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


def single(rows: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.save(written, rows)
    return written.getvalue()


def write_h5(path: Path, values: Mapping[str, np.ndarray]) -> Path:
    with h5py.File(path, "w") as file:
        for name, value in values.items():
            file[name] = value
    return path


def stored(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: dataset[()] for name, dataset in file.items()}


def test_an_lmdb_of_archives(tmp_path: Path) -> None:
    source = write_lmdb(tmp_path / "lmdb", {key: archive(features=rows) for key, rows in ROWS.items()})
    assert convert_features(source, tmp_path / "out" / "video.h5") == 2
    found = stored(tmp_path / "out" / "video.h5")
    assert found.keys() == ROWS.keys()
    assert all(np.array_equal(found[key], rows) for key, rows in ROWS.items())
    assert convert_features(source / "data.mdb", tmp_path / "again.h5") == 2


@pytest.mark.parametrize("name", ["cls_features", "eot_features"])
def test_words_and_sentences_of_a_text_lmdb(tmp_path: Path, name: str) -> None:
    both = archive(token_features=ROWS["clip-a"].astype(np.float16), **{name: np.array([1.0, 2.0])})
    source = write_lmdb(tmp_path / "text", {"note_0": both})
    convert_features(source, tmp_path / "words.h5", "token_features")
    convert_features(source, tmp_path / "sentences.h5", "sentence")
    words, sentences = stored(tmp_path / "words.h5")["note_0"], stored(tmp_path / "sentences.h5")["note_0"]
    assert (words.shape, words.dtype) == ((4, 3), np.float16)
    assert (sentences.shape, sentences.dtype) == ((1, 2), np.float32)
    assert FeatureStore(tmp_path / "sentences.h5").read("note_0").tolist() == [[1.0, 2.0]]


def test_hdf5_with_one_vector_per_sentence(tmp_path: Path) -> None:
    source = write_h5(tmp_path / "in.h5", {"7": np.array([1.0, 2.0]), "8": np.array([[[3.0, 4.0]]])})
    assert convert_features(source, tmp_path / "out.h5") == 2
    assert {key: rows.tolist() for key, rows in stored(tmp_path / "out.h5").items()} == {
        "7": [[1.0, 2.0]],
        "8": [[3.0, 4.0]],
    }


HDF5_FAULTS = {
    "a group": ({"a/b": np.ones((2, 3))}, r"in\.h5, 'a': found a group; expected a dataset of rows"),
    "whole numbers": ({"a": np.ones((2, 3), int)}, r"'a': found int64 \(2, 3\); expected floats"),
    "one number": ({"a": np.float32(3)}, r"'a': found .*; expected floats"),
    "no rows": ({"a": np.ones((0, 3), np.float32)}, r"'a': found float32 \(0, 3\)"),
    "three axes": ({"a": np.ones((2, 2, 3), np.float32)}, r"'a': found an array of 3 axes \(2, 2, 3\)"),
    "another width": ({"a": np.ones((2, 3)), "b": np.ones((2, 4))}, r"'b': rows have 4 values, .* have 3"),
    "NaN": ({"a": np.array([[1.0, np.nan]])}, r"'a': found NaN or Inf; expected finite"),
    "nothing": ({}, r"in\.h5 holds nothing; expected features"),
}


@pytest.mark.parametrize("case", HDF5_FAULTS)
def test_bad_hdf5_is_refused_and_an_old_file_stays(case: str, tmp_path: Path) -> None:
    values, told = HDF5_FAULTS[case]
    (tmp_path / "out.h5").write_bytes(b"old")
    with pytest.raises(DataError, match=told):
        convert_features(write_h5(tmp_path / "in.h5", values), tmp_path / "out.h5")
    assert (tmp_path / "out.h5").read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"in.h5", "out.h5"}


OBJECTS = np.array([{"a": 1}], dtype=object)
LMDB_FAULTS = {
    "no archive": (b"plain bytes", "features", r"'a': no \.npz archive of plain numbers"),
    "an empty value": (b"", "features", r"'a': no \.npz archive"),
    "Python objects": (archive(features=OBJECTS), "features", r"'a': no \.npz archive of plain numbers"),
    "a single array": (single(ROWS["clip-a"]), "features", r"'a': no \.npz archive"),
    "another field": (
        archive(features=ROWS["clip-a"]),
        "token_features",
        r"the archive holds features; expected token_features, choose another --field",
    ),
    "no sentence": (archive(), "sentence", r"holds nothing; expected cls_features or eot_features"),
}


@pytest.mark.parametrize("case", LMDB_FAULTS)
def test_bad_archives_are_refused(case: str, tmp_path: Path) -> None:
    value, field, told = LMDB_FAULTS[case]
    source = write_lmdb(tmp_path / "lmdb", {"a": value})
    with pytest.raises(DataError, match=told):
        convert_features(source, tmp_path / "out.h5", field)
    assert not (tmp_path / "out.h5").exists()


def test_an_id_that_hdf5_would_take_apart(tmp_path: Path) -> None:
    source = write_lmdb(tmp_path / "lmdb", {"a/b": archive(features=ROWS["clip-a"])})
    with pytest.raises(DataError, match=r"'a/b': this id cannot name a dataset"):
        convert_features(source, tmp_path / "out.h5")


def test_places_that_hold_no_features(tmp_path: Path) -> None:
    pytest.importorskip("lmdb", reason="LMDB is the extra `convert`")
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "folder").mkdir()
    for name, told in (("nowhere", "does not exist"), ("text.h5", "neither"), ("folder", "neither")):
        with pytest.raises(DataError, match=rf"{name} .*{told}"):
            convert_features(tmp_path / name, tmp_path / "out.h5")
    assert list((tmp_path / "folder").iterdir()) == []
    with pytest.raises(DataError, match="holds nothing"):
        convert_features(write_lmdb(tmp_path / "empty", {}), tmp_path / "out.h5")
    source = write_h5(tmp_path / "in.h5", ROWS)
    with pytest.raises(DataError, match=r"in\.h5 is the file that is read; give another name"):
        convert_features(source, source)


def test_without_lmdb_the_line_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lmdb", None)
    monkeypatch.delitem(sys.modules, "method_tng.dataset.lmdb_features", raising=False)
    (tmp_path / "lmdb").mkdir()
    with pytest.raises(MissingExtra, match=r"pip install -e '\.\[convert\]'"):
        convert_features(tmp_path / "lmdb", tmp_path / "out.h5")


def test_a_folder_of_arrays_becomes_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "arrays"
    folder.mkdir()
    rows = np.arange(6, dtype=np.float16).reshape(3, 2)
    np.save(folder / "one.npy", rows)
    np.savez(folder / "two.npz", features=rows.astype(np.float32) + 1, other=np.ones(3))
    np.savez(folder / "three.npz", anything=rows)
    assert convert_features(folder, tmp_path / "out.h5") == 3
    store = FeatureStore(tmp_path / "out.h5")
    assert sorted(store.ids()) == ["one", "three", "two"]
    assert np.array_equal(store.read("two"), rows.astype(np.float32) + 1)
    np.savez(folder / "two.npz", a=rows, b=rows)
    with pytest.raises(DataError, match=r"two\.npz holds a, b; expected features"):
        convert_features(folder, tmp_path / "out.h5")
    np.save(folder / "two.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"two\.npy cannot be read as an array"):
        convert_features(folder, tmp_path / "out.h5")
