"""Everything that is wrong with a data set, found without training.

Reads all annotations and all features that the settings name, once.
"""

from collections.abc import Sequence

from method_tng.contract.items import Movie
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import Split, read_gathering
from method_tng.dataset.collection import NOTHING_TO_LEARN, Collection
from method_tng.dataset.faults import Faults
from method_tng.dataset.feature_store import FeatureStore, common_rows
from method_tng.dataset.features import OF_WINDOWS, kinds_of, open_store
from method_tng.dataset.samples import sentence_vector
from method_tng.dataset.windows import cut

CREDITS = 0.3  # share of a film: features that go on for longer after its last narration are of another rate
READ_QUERY = {"query": FeatureStore.read, "sentence": sentence_vector}


def check(data: DataSettings, splits: Sequence[str]) -> list[str]:
    """All faults of some splits, one sentence each; empty when the data can be trained on."""
    faults = Faults(gather=True)
    told: dict[str, set[str]] = {}
    for name in splits:
        stores: dict[str, FeatureStore] = {}
        for kind in kinds_of(data):
            with faults.caught():
                stores[kind] = open_store(data, name, kind)
        with faults.caught():
            split = read_gathering(data, name, faults)
            told[name] = {narration.movie_id for narration in split.narrations if narration.spans}
            _check_features(data, split, stores, faults)
        if not faults.sentences:  # how the settings and the files go together
            with faults.caught():
                Collection.open(data, name).log_size()
    _check_training_split(data, told, faults)
    return list(dict.fromkeys(faults.sentences))


def _check_training_split(data: DataSettings, told: dict[str, set[str]], faults: Faults) -> None:
    """Something can be learned, and what is learned from is not asked again; split -> films with moments."""
    seen = told.pop("train", None)
    if seen is None:
        return
    if not seen and not faults.sentences:
        faults.add(NOTHING_TO_LEARN.format(annotations=data.annotations))
    for name, films in told.items():
        if both := sorted(seen & films):
            faults.add(
                f"{len(both)} film{'s' * (len(both) > 1)} of train, {both[0]!r} first, "
                f"{'are' if len(both) > 1 else 'is'} narrated in {name} too; expected every film in one "
                "split, or its recalls are of films that were learned"
            )


def _check_features(
    data: DataSettings, split: Split, stores: dict[str, FeatureStore], faults: Faults
) -> None:
    streams = [store for kind, store in stores.items() if kind in OF_WINDOWS]
    for movie in split.movies:
        with faults.caught():
            cut(movie, data)
        _check_film(data, movie, streams, faults)
    of_queries = [(read, stores[kind]) for kind, read in READ_QUERY.items() if kind in stores]
    for narration in split.narrations:
        for read, store in of_queries:
            with faults.caught():
                read(store, narration.query_id)


def _check_film(data: DataSettings, movie: Movie, streams: Sequence[FeatureStore], faults: Faults) -> None:
    counts: dict[str, int] = {}
    for store in streams:
        with faults.caught():
            counts[store.path] = len(store.read(movie.movie_id))
    if counts:
        with faults.caught():
            common_rows(list(counts.values()), movie.movie_id, list(counts))
    for path, count in counts.items():
        seconds = count * data.clip_length
        behind = seconds - movie.duration
        if not -1.5 * data.clip_length <= behind <= CREDITS * movie.duration + 10 * data.clip_length:
            faults.add(
                f"{path}, {movie.movie_id!r}: {count} rows of {data.clip_length:g} s end at {seconds:g} s, "
                f"the film lasts {movie.duration:g} s; extract all of it, or correct clip_length or duration"
            )
