"""RNL: where in a window a sentence happens, by scoring and moving fixed proposals.

Frames and text are encoded apart, so that a window is encoded once for all its sentences; then they align.
Times inside are rows of the window after it was brought to `num_frames` of them.
Parameter names are the published ones.
Source: Yue et al. 2023 (Movie101, ACL), section 5.2, after Liu et al. 2021 (IA-Net, EMNLP).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.cnclip_rnl.alignment import AdditiveAttention, AlignmentBlock
from baselines.cnclip_rnl.proposals import legal_proposals, proposal_table, truncated
from baselines.cnclip_rnl.recurrent import BidirectionalGRU
from baselines.cnclip_rnl.resampling import resample, rows_per_place
from baselines.cnclip_rnl.sentence_encoder import SentenceEncoder
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from baselines.cnclip_rnl.starting import scaled_rows, start_kept
from baselines.cnclip_rnl.video_encoder import VideoEncoder
from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.errors import ConfigError
from method_tng.contract.protocols import Code, Spans
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.layers.dropout import Dropout

PAIRS_AT_ONCE = 64


@dataclass(frozen=True)
class Grounding:
    """N proposals for each of P pairs of a window and a sentence."""

    logits: Tensor  # (P, N)
    boxes: Tensor  # (P, N, 2) first and last row
    legal: Tensor  # (P, N) bool, which proposals lie inside their window


class RNL(nn.Module):
    """The locator.

    Args:
        settings: of the system.
        data: says which row a label ends with: the moment's own last one ("inclusive"), or the one behind it.
        sizes: widths of words and of a window's rows.

    Raises:
        ConfigError: the widths do not fit the options.
    """

    table: Tensor
    moved: Tensor

    def __init__(self, settings: CnclipRnlSettings, data: DataSettings, sizes: Sizes) -> None:
        super().__init__()
        width, num_widths = settings.hidden_size, len(settings.anchor_widths)
        frame_dim = sizes.frames + sizes.subtitles - settings.face_dim
        check_widths(settings, data, sizes)
        self.settings = settings
        self.behind = int(data.label_end == "inclusive")  # rows from the last one to where it ends
        self.input_dropout = Dropout(settings.drop)
        self.video_encoder = VideoEncoder(settings, frame_dim)
        self.sentence_encoder = SentenceEncoder(settings, sizes.words)
        self.co1, self.co2, self.co3 = (AlignmentBlock(width, crosswise=True) for _ in range(3))
        self.se1, self.se2, self.se3 = (AlignmentBlock(width, crosswise=False) for _ in range(3))
        self.v2s = AdditiveAttention(width)
        self.rnn = BidirectionalGRU(2 * width, width)
        self.dropout = Dropout(settings.drop)
        self.fc_score = nn.Conv1d(width, num_widths, 1)
        self.fc_reg = nn.Conv1d(width, 2 * num_widths, 1)
        table = proposal_table(settings.num_frames, settings.anchor_widths)  # (N, 2)
        self.register_buffer("table", table, persistent=False)
        moved = table if settings.exact_anchors else truncated(table)
        self.register_buffer("moved", moved, persistent=False)
        if settings.start == "kept":
            start_kept(self, self.fc_score)

    def forward(self, frames: Tensor, real_frames: Tensor, text: Tensor, real_text: Tensor) -> Grounding:
        """Encoded windows and encoded sentences, row by row, to proposals.

        Args:
            frames: (P, T, D), what `read_frames` made of P windows.
            real_frames: (P, T) bool.
            text: (P, L, D), what `read_sentence` made of P sentences.
            real_text: (P, L) bool.
        """
        masks = (real_frames, real_text) if self.settings.mask_alignment else None
        for block in (self.co1, self.se1, self.co2, self.se2, self.co3, self.se3):
            frames, text = block(frames, text, masks)
        told = self.v2s(frames, text, real_text)  # (P, T, D)
        rows = self.dropout(self.rnn(torch.cat((frames, told), dim=-1), real_frames))  # (P, T, D)
        logits = self.fc_score(rows.mT).mT.flatten(1)  # (P, N)
        moves = self.fc_reg(rows.mT).mT.unflatten(-1, (-1, 2)).flatten(1, 2)  # (P, N, 2)
        legal = legal_proposals(self.table, real_frames.sum(1))  # (P, N)
        return Grounding(logits, self.moved + moves, legal)

    def read_frames(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Rows (M, T, V), the faces in them last, and mask (M, T) bool -> (M, T, D)."""
        faces = None
        if self.settings.face_dim:
            rows, faces = rows.split(
                (rows.shape[-1] - self.settings.face_dim, self.settings.face_dim), dim=-1
            )
            faces = self.input_dropout(self.scaled(faces))
        return self.video_encoder(self.input_dropout(self.scaled(rows)), mask, faces)

    def read_sentence(self, queries: QueryBatch) -> tuple[Tensor, Tensor]:
        """Sentences with their portraits -> (N, L, D) and (N, L) bool which rows are real."""
        words, mask, portraits = self.padded_sentence(queries)
        words = self.input_dropout(self.scaled(words))
        return self.sentence_encoder(words, mask, portraits, portraits.any(-1))

    def scaled(self, rows: Tensor) -> Tensor:
        """Rows as they are, or scaled where that is wanted."""
        return scaled_rows(rows) if self.settings.scale_rows else rows

    def padded_sentence(self, queries: QueryBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Words, their mask and portraits, cut or padded to `max_words` and `max_faces`.

        Padding is read too, so both numbers matter; with `mask_alignment` it is not, and words are only cut.
        Absent portraits are 0.
        """
        room, width = self.settings.max_words - queries.words.shape[1], self.settings.hidden_size
        room = min(room, 0) if self.settings.mask_alignment else room
        words, mask = F.pad(queries.words, (0, 0, 0, room)), F.pad(queries.mask, (0, room))
        portraits = queries.portraits
        portraits = words.new_zeros(len(words), 0, width) if portraits is None else portraits
        if portraits.shape[-1] != width:
            raise ConfigError(
                f"a portrait has {portraits.shape[-1]} numbers, hidden_size is {width}; expected the same, "
                f"take --hidden_size {portraits.shape[-1]} or --max_faces 0 without portraits"
            )
        return words, mask, F.pad(portraits, (0, 0, 0, self.settings.max_faces - portraits.shape[1]))

    def encode_queries(self, queries: QueryBatch) -> Code:
        """The sentence and the portraits it brings along."""
        text, mask = self.read_sentence(queries)
        return {"text": text, "mask": mask}

    def encode_windows(self, windows: WindowBatch) -> Code:
        """The frames, and how many seconds lie between two of the rows they were brought to."""
        rows, mask = self.bring(rows_of(windows, self.settings.face_dim), windows.mask)
        stretches = self.settings.short_windows == "stretch"
        spread = rows_per_place(windows.mask.sum(1), self.settings.num_frames, stretches)
        seconds = spread * windows.clip_seconds
        return {"frames": self.read_frames(rows, mask), "mask": mask, "row_seconds": seconds}

    def bring(self, rows: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (M, n, V) with mask (M, n) brought to the locator's number of rows."""
        return resample(rows, mask, self.settings.num_frames, self.settings.short_windows == "stretch")

    def localize(self, queries: Code, windows: Code, pairs: Tensor) -> Spans:
        """All proposals of P pairs; "proposal" is the log of their scores."""
        times, scores = [], []
        for block in pairs.split(PAIRS_AT_ONCE):
            query, window = block.unbind(1)
            sides = windows["frames"][window], windows["mask"][window]
            found = self(*sides, queries["text"][query], queries["mask"][query])
            borders = self.borders(found.boxes, windows["mask"][window].sum(1))
            times.append(borders * windows["row_seconds"][window, None, None].to(borders))
            scores.append(F.logsigmoid(found.logits).masked_fill(~found.legal, -torch.inf))
        return Spans(torch.cat(times), {"proposal": torch.cat(scores)})

    def borders(self, boxes: Tensor, lengths: Tensor) -> Tensor:
        """Start and end of boxes (P, N, 2) inside windows of `lengths` (P,) rows; an empty one gets a row."""
        boxes = boxes.round() if self.settings.round_boxes else boxes
        start, end = torch.minimum(boxes, lengths[:, None, None] - 1).clamp(min=0).unbind(-1)
        end = end + self.behind
        return torch.stack((start, torch.where(end > start, end, start + 1)), dim=-1)


def rows_of(windows: WindowBatch, face_dim: int) -> Tensor:
    """All that is known of each row of windows: (M, n, V), the faces last."""
    parts = [rows for rows in (windows.frames, windows.subtitles) if rows is not None]
    if face_dim and windows.subtitles is not None:
        assert windows.frames is not None
        video, faces = windows.frames.split((windows.frames.shape[-1] - face_dim, face_dim), dim=-1)
        parts = [video, windows.subtitles, faces]
    return torch.cat(parts, dim=-1)


def check_widths(settings: CnclipRnlSettings, data: DataSettings, sizes: Sizes) -> None:
    """Raises ConfigError where the files' widths do not fit the options."""
    width = sizes.frames + sizes.subtitles - settings.face_dim
    if settings.face_dim and (sizes.frames <= settings.face_dim or data.with_endpoints):
        raise ConfigError(
            f"face_dim {settings.face_dim} are the last numbers of the video rows, which have {sizes.frames} "
            f"(ctx_mode {data.ctx_mode}); expected more, and no places behind them: name the features of the "
            "frames first and of the faces second in --video_features, and a ctx_mode without tef"
        )
    if data.portrait_features and not settings.max_faces:
        raise ConfigError(
            f"portrait_features {data.portrait_features!r} have no effect with max_faces 0; give --max_faces "
            "3, or leave --portrait_features out"
        )
    if settings.num_attn_layers and width % settings.num_heads:
        fits = max(count for count in range(1, settings.num_heads + 1) if width % count == 0)
        raise ConfigError(
            f"num_heads {settings.num_heads} does not divide the {width} numbers of a row without its faces; "
            f"take --num_heads {fits}"
        )
    if settings.hidden_size % 4:
        raise ConfigError(f"hidden_size is {settings.hidden_size}; expected a number that 4 divides")
