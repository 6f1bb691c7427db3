"""How a typed sentence becomes what a model reads."""

from dataclasses import dataclass

from method_tng.contract.batch import QueryBatch
from method_tng.contract.errors import ConfigError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.collate import collate_queries
from method_tng.dataset.rows import normalize_rows
from method_tng.dataset.samples import QuerySample
from method_tng.dataset.text import Vocabulary, words_of
from method_tng.encoders.text import TextEncoder


@dataclass(frozen=True)
class Asker:
    """The encoder of sentences that a run was trained with.

    Attributes:
        words: the encoder of the run's query features; None when they were imported from elsewhere.
        vocabulary: the run's, where the model reads word ids.
        data: the run's data settings.
    """

    words: TextEncoder | None
    vocabulary: Vocabulary | None
    data: DataSettings

    def batch(self, text: str) -> QueryBatch:
        """A QueryBatch of one sentence.

        Raises:
            ConfigError: no word was typed, or this run cannot take typed text.
        """
        if not words_of(text):
            raise ConfigError(f"nothing was typed that is a word ({text!r}); expected a sentence")
        if self.words is None:
            raise ConfigError(
                "this run's query features were made elsewhere, so a typed sentence cannot be encoded alike; "
                "encode the training queries with `prepare text` and train again"
            )
        rows = self.words.encode([text])[0][: self.data.max_desc_l]
        rows = rows if self.data.no_norm_tfeat else normalize_rows(rows)
        ids = self.vocabulary.ids(text, self.data.max_desc_l) if self.vocabulary else None
        return collate_queries([QuerySample("typed", text, rows, ids)])
