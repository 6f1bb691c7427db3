"""Where the vectors of frames and sentences come from.

PictureTowers    both towers of Chinese-CLIP, trained from pictures and texts
FeatureTowers    maps of vectors that were extracted before (ours, for who has no such machine)
"""

import math

import torch
from torch import Tensor, nn

from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.errors import DataError
from method_tng.contract.recipe import Sizes
from method_tng.encoders.chinese_clip import ChineseClipTowers
from method_tng.layers.dropout import Dropout

FIRST_SCALE = math.log(1 / 0.07)


class PictureTowers(nn.Module):
    """Chinese-CLIP from a local folder.  Raises CheckpointError where there is none."""

    def __init__(self, settings: CnclipRnlSettings) -> None:
        super().__init__()
        self.splits = settings.long_texts == "split"
        self.clip = ChineseClipTowers(settings.clip_model, settings.text_length, settings.recompute)

    @property
    def logit_scale(self) -> nn.Parameter:
        """Logarithm of the cosines' scale."""
        return self.clip.logit_scale

    def read_shots(self, windows: WindowBatch) -> tuple[Tensor, Tensor]:
        """(M, F, E) and which of them are real, (M, F) bool.  Raises DataError without pictures."""
        if windows.images is None:
            raise DataError(
                "the windows bring no pictures, which clip_model learns and answers from; name their folder, "
                "or leave clip_model empty to use the features of frames"
            )
        frames = self.clip.read_pictures(windows.images)
        return frames, torch.ones(frames.shape[:2], dtype=torch.bool, device=frames.device)

    def read_sentences(self, queries: QueryBatch) -> tuple[Tensor, Tensor]:
        """(N, P, E) of a sentence's pieces, and which of them are real, (N, P) bool."""
        assert queries.texts is not None
        if self.splits:
            return self.clip.read_whole_texts(queries.texts)
        return one_piece(self.clip.read_texts(queries.texts))


class FeatureTowers(nn.Module):
    """Maps of frame vectors and sentence vectors into one space.

    Where both are equally wide they are taken to lie in one space already: each map adds to its vector, and
    starts by adding nothing.  Otherwise both are mapped to `joint_size`.  A sentence without a vector of its
    own is the mean of its words.

    Args:
        settings: of the system.
        sizes: widths of the vectors.
    """

    def __init__(self, settings: CnclipRnlSettings, sizes: Sizes) -> None:
        super().__init__()
        frames, sentence = sizes.frames + sizes.subtitles, sizes.sentence or sizes.words
        self.count = settings.shot_frames
        self.dropout = Dropout(settings.feature_drop)
        self.adds = frames == sentence
        width = frames if self.adds else settings.joint_size
        self.frame_map = nn.Linear(frames, width)
        self.sentence_map = nn.Linear(sentence, width)
        self.logit_scale = nn.Parameter(torch.tensor(FIRST_SCALE))
        if self.adds:
            for value in (*self.frame_map.parameters(), *self.sentence_map.parameters()):
                nn.init.zeros_(value)

    def read_shots(self, windows: WindowBatch) -> tuple[Tensor, Tensor]:
        """(M, F, E) and which of them are real, (M, F) bool."""
        streams = [rows for rows in (windows.frames, windows.subtitles) if rows is not None]
        rows, mask = torch.cat(streams, dim=-1), windows.mask
        if self.count:
            rows, mask = rows_at_centres(rows, mask, self.count)
        return self._mapped(rows, self.frame_map), mask

    def read_sentences(self, queries: QueryBatch) -> tuple[Tensor, Tensor]:
        """(N, 1, E), and (N, 1) bool, all real."""
        sentence = queries.sentence
        if sentence is None:
            words = queries.words.masked_fill(~queries.mask[..., None], 0)
            sentence = words.sum(1) / queries.mask.sum(1, keepdim=True)
        return one_piece(self._mapped(sentence, self.sentence_map))

    def _mapped(self, rows: Tensor, linear: nn.Linear) -> Tensor:
        mapped = linear(self.dropout(rows))
        return rows + mapped if self.adds else mapped


def one_piece(sentences: Tensor) -> tuple[Tensor, Tensor]:
    """Sentences (N, E) that are one piece each -> (N, 1, E) and (N, 1) bool."""
    pieces = sentences[:, None]
    return pieces, torch.ones(pieces.shape[:2], dtype=torch.bool, device=pieces.device)


def rows_at_centres(rows: Tensor, mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The rows in which the middles of `count` equal parts of each window lie.

    Args:
        rows: (M, n, D).
        mask: (M, n) bool, real rows first.

    Returns:
        (M, count, D) and (M, count) bool, all real.
    """
    parts = torch.arange(count, device=rows.device) + 0.5
    index = (parts * mask.sum(1, keepdim=True) / count).long()  # (M, count)
    picked = rows.gather(1, index[..., None].expand(-1, -1, rows.shape[-1]))
    return picked, torch.ones_like(index, dtype=torch.bool)
