"""The feature streams that the settings name, opened and held to what the options say of them."""

from pathlib import Path

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.items import Movie
from method_tng.contract.settings import DataSettings
from method_tng.dataset.durations import clip_end
from method_tng.dataset.feature_store import FeatureStore, RowCache, common_rows
from method_tng.dataset.pictures import PictureFolder
from method_tng.dataset.samples import Places, Stream

GIGABYTE = 10**9
OPTIONS = {
    "video": ("video_features", "vid_feat_size", "no_norm_vfeat"),
    "sub": ("sub_features", "sub_feat_size", "no_norm_tfeat"),
    "query": ("query_features", "q_feat_size", "no_norm_tfeat"),
    "sentence": ("sentence_features", "", "no_norm_tfeat"),
    "portrait": ("portrait_features", "", "no_norm_tfeat"),
}
OF_WINDOWS = ("video", "sub")


def kinds_of(data: DataSettings) -> list[str]:
    """The streams that ctx_mode uses ("video", "sub"), "query", and "sentence" and "portrait" if named."""
    used = {*data.ctx_mode.split("_"), "query"} | ({"sentence"} if data.sentence_features else set())
    used |= {"portrait"} if data.portrait_features else set()
    return [kind for kind in OPTIONS if kind in used]


def open_store(
    data: DataSettings, split: str, kind: str, cache: RowCache | None = None, limit: int | None = None
) -> FeatureStore:
    """The features of one kind ("video", "sub", "query", "sentence" or "portrait").

    Raises:
        ConfigError: no path is given.
        DataError: the file cannot be read, or its rows have another width than the options say.
    """
    option, size_option, raw_option = OPTIONS[kind]
    template, size = getattr(data, option), getattr(data, size_option, 0)
    if not template:
        raise ConfigError(
            f"{option} is needed (ctx_mode {data.ctx_mode}) but not given; give --{option} FILE"
        )
    path = template.replace("{split}", split)
    store = FeatureStore(path, not getattr(data, raw_option), cache, limit)
    if size and store.width != size:
        raise DataError(
            f"{path} holds rows of {store.width} values, {size_option} says {size}; give the right file with "
            f"--{option}, or --{size_option} 0 to take the size from the file"
        )
    return store


class Features:
    """Video, subtitle and query features of a split; a stream that ctx_mode does not name is None.

    Where it names places alone ("tef"), they stand in the video stream, whose rows hold nothing else.

    One memory, `cache`, keeps the rows of all of them that were used last.
    """

    def __init__(self, data: DataSettings, split: str) -> None:
        self._with_endpoints, self._clip_length = data.with_endpoints, data.clip_length
        self._widths = {kind: open_store(data, split, kind).width for kind in kinds_of(data)}
        self.cache = RowCache(int(data.cache_gb * GIGABYTE))
        streams = {
            kind: Stream(open_store(data, split, kind, self.cache), data.max_ctx_l, self.cache)
            for kind in self._widths
            if kind in OF_WINDOWS
        }
        self.video: Stream | Places | None = streams.get("video")
        if data.ctx_mode == "tef":
            self.video, self._widths["video"] = Places(data.max_ctx_l), 0
        self.subtitles = streams.get("sub")
        self.queries = open_store(data, split, "query", self.cache, data.max_desc_l)
        self.sentences = (
            open_store(data, split, "sentence", self.cache, 2) if "sentence" in self._widths else None
        )
        self.portraits = (
            open_store(data, split, "portrait", self.cache) if "portrait" in self._widths else None
        )
        size = (data.num_pictures, data.picture_size)
        self.pictures = PictureFolder(Path(data.pictures), *size) if data.pictures else None
        self._stores = [stream.store for stream in streams.values()]

    def width(self, kind: str) -> int:
        """Width of the rows of one kind as a model sees them; 0 when it is not used."""
        place = 2 if self._with_endpoints and kind in OF_WINDOWS else 0
        return self._widths[kind] + place if kind in self._widths else 0

    @property
    def of_queries(self) -> list[FeatureStore]:
        """The files that must hold every query."""
        return [store for store in (self.queries, self.sentences) if store]

    def num_rows(self, movie: Movie) -> int:
        """Rows that all used streams of a film have; without any, as many as it has clips.

        Raises:
            DataError: a stream lacks the film, or they differ by more than one row.
        """
        if not self._stores:
            return round(clip_end(movie.duration, self._clip_length) / self._clip_length)
        counts = [store.num_rows(movie.movie_id) for store in self._stores]
        return common_rows(counts, movie.movie_id, [store.path for store in self._stores])
