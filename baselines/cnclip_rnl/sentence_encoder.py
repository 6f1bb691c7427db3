"""What a sentence becomes: its words in order, then the portraits of the roles it names.

Parameter names are the published ones.
Source: Yue et al. 2023 (Movie101, ACL), section 5.2.
"""

import torch
from torch import Tensor, nn

from baselines.cnclip_rnl.recurrent import BidirectionalGRU
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.layers.dropout import Dropout


class SentenceEncoder(nn.Module):
    """Words and portraits -> one row each.

    Args:
        settings: of the system.  Without `project_faces` portraits are as wide as the result, and the map
            that the released code holds and never uses is held and never used.
        word_dim: width of the words.
    """

    def __init__(self, settings: CnclipRnlSettings, word_dim: int) -> None:
        super().__init__()
        self.projects = settings.project_faces
        self.rnn = BidirectionalGRU(word_dim, settings.hidden_size)
        if settings.max_faces:
            self.tran_face = nn.Linear(settings.hidden_size, settings.hidden_size)
        self.dropout = Dropout(settings.drop)

    def forward(self, words: Tensor, mask: Tensor, portraits: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """words (N, L, W), mask (N, L) bool, portraits (N, P, D), real (N, P) bool; P may be 0.

        Returns:
            (N, L + P, D) and (N, L + P) bool which of them are real.
        """
        rows = self.dropout(self.rnn(words, mask))  # (N, L, D)
        if self.projects:
            portraits = self.tran_face(portraits).masked_fill(~real[..., None], 0)  # (N, P, D)
        return torch.cat((rows, portraits), dim=1), torch.cat((mask, real), dim=1)
