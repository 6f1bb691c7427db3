"""What the shared rooms ask of a model.  Structural types: a model inherits nothing of ours."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from method_tng.contract.batch import QueryBatch, WindowBatch

Code = dict[str, Tensor]
"""What a model keeps of queries or windows: any tensors, item axis first.  Shared code slices, joins,
stores and moves it without looking in.  Windows of different length may be padded differently in
different codes, never inside one."""


@dataclass(frozen=True)
class Spans:
    """K proposals for each of P (query, window) pairs.

    Attributes:
        times: (P or 1, K, 2) start and end in seconds from the window's start; one row serves all pairs
            when the proposals are a fixed grid.
        scores: name -> (P, K), logarithmic, -inf where there is no proposal.  Most systems name one.
    """

    times: Tensor
    scores: dict[str, Tensor]


class Encoder(Protocol):
    """Both sides of every model."""

    def encode_queries(self, queries: QueryBatch) -> Code: ...

    def encode_windows(self, windows: WindowBatch) -> Code: ...


class Matcher(Encoder, Protocol):
    """Says which window a query is about."""

    def match(self, queries: Code, windows: Code) -> Tensor:
        """(Nq, Nw) relevance on the system's own logarithmic scale; only differences and order matter."""
        ...


class Localizer(Encoder, Protocol):
    """Says where in a window a query happens."""

    def localize(self, queries: Code, windows: Code, pairs: Tensor) -> Spans:
        """Proposals of P pairs; pairs (P, 2) int64 = row of the query, row of the window.

        Pairs instead of row-aligned codes, so that a model may share work between the pairs of one
        window and nobody copies a window's code a hundred times.
        """
        ...


class Embedder(Protocol):
    """Optional: the vectors an index needs to find candidates.

    The score that is shown and ranked is always `Matcher.match` on what was found.
    """

    def query_vectors(self, queries: Code) -> dict[str, Tensor]:
        """Stream -> (Nq, D), not normalised."""
        ...

    def window_vectors(self, windows: Code) -> dict[str, tuple[Tensor, Tensor]]:
        """Stream -> (M, V, D) un-normalised vectors and their (M, V) norms, 0 at padding; one V for all."""
        ...
