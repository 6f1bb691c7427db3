"""The feature streams that the settings name, opened and held to what the options say of them."""

from collections.abc import Sequence
from functools import cached_property

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.feature_store import FeatureStore, common_rows
from method_tng.dataset.samples import Stream

GIGABYTE = 10**9


class Features:
    """Video, subtitle and query features of a split; a stream that ctx_mode does not name is None.

    The memory budget is shared out by the widths of the rows.
    """

    def __init__(self, data: DataSettings, split: str) -> None:
        used = data.ctx_mode.split("_")
        self.with_endpoints = "tef" in used
        wanted = [
            ("video", "video_features", data.video_features, data.vid_feat_size),
            ("sub", "sub_features", data.sub_features, data.sub_feat_size),
            ("query", "query_features", data.query_features, data.q_feat_size),
        ]
        paths = {
            kind: _path(option, path, split, data.ctx_mode)
            for kind, option, path, _ in wanted
            if kind in (*used, "query")
        }
        widths = {kind: FeatureStore(path).width for kind, path in paths.items()}
        for kind, option, _, size in wanted:
            if size and widths.get(kind, size) != size:
                raise DataError(
                    f"{paths[kind]} holds rows of {widths[kind]} values, the options say {size}; "
                    f"give the right file with --{option}, or the size 0 to take it from the file"
                )
        budget = {
            k: int(data.cache_gb * GIGABYTE * width / sum(widths.values())) for k, width in widths.items()
        }
        self._widths = widths
        self.video = self._stream("video", paths, not data.no_norm_vfeat, data.max_ctx_l, budget)
        self.subtitles = self._stream("sub", paths, not data.no_norm_tfeat, data.max_ctx_l, budget)
        self.queries = FeatureStore(paths["query"], not data.no_norm_tfeat, budget["query"], data.max_desc_l)
        self._max_ctx_l = data.max_ctx_l

    @staticmethod
    def _stream(
        kind: str, paths: dict[str, str], normalize: bool, limit: int, budget: dict[str, int]
    ) -> Stream | None:
        return Stream(paths[kind], normalize, limit, budget[kind]) if kind in paths else None

    @cached_property
    def streams(self) -> Sequence[Stream]:
        """The streams of a window that are used."""
        return [stream for stream in (self.video, self.subtitles) if stream]

    def width(self, kind: str) -> int:
        """Width of a window stream ("video" or "sub") as a model sees it; 0 when it is not used."""
        return self._widths[kind] + 2 * self.with_endpoints if kind in self._widths else 0

    def num_rows(self, movie_id: str) -> int:
        """Rows that all used streams of a film have.

        Raises:
            DataError: a stream lacks the film, or they differ by more than one row.
        """
        counts = [stream.store.num_rows(movie_id) for stream in self.streams]
        return common_rows(counts, movie_id, [stream.store.path for stream in self.streams])


def _path(option: str, path: str, split: str, ctx_mode: str) -> str:
    if not path:
        raise ConfigError(
            f"{option} is not given but is needed (ctx_mode {ctx_mode}); give it with --{option} FILE"
        )
    return path.replace("{split}", split)
