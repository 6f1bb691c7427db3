"""A corpus in a model's own terms, encoded once as far as memory allows.

Windows are encoded in groups of similar length, so that nobody pays for the padding of the longest; a
group keeps its own padding.  Whatever a Code holds, its first axis is the window.  Groups that do not fit
into the memory for codes are encoded again when they are needed.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from method_tng.contract.batch import QueryBatch, WindowBatch, to_device
from method_tng.contract.files import write_whole
from method_tng.contract.protocols import Code


@dataclass(frozen=True)
class Group:
    """Some windows of a corpus and their code."""

    rows: Tensor  # (m,) int64, rows of the corpus
    code: Code


class CodeMemory:
    """The codes of the groups that were used last, as many as fit into a number of bytes."""

    def __init__(self, num_bytes: float) -> None:
        self.num_bytes = num_bytes
        self._codes: OrderedDict[int, Code] = OrderedDict()
        self._used = 0

    def __len__(self) -> int:
        return len(self._codes)

    def get(self, number: int) -> Code | None:
        """The code of a group, now the one used last; None when it is not kept."""
        if number in self._codes:
            self._codes.move_to_end(number)
        return self._codes.get(number)

    def put(self, number: int, code: Code) -> None:
        """Keeps a code; those that were not used for longest make room."""
        self._codes[number] = code
        self._used += _size(code)
        while self._used > self.num_bytes and len(self._codes) > 1:
            self._used -= _size(self._codes.popitem(last=False)[1])

    def has_room_for_another(self) -> bool:
        """Whether a code like the last one would fit beside those that are kept."""
        last = next(reversed(self._codes.values()), None)
        return last is None or self._used + _size(last) <= self.num_bytes


def _size(code: Code) -> int:
    return sum(value.nbytes for value in code.values())


class RememberedGroup:
    """Some windows of a corpus whose code is made when it is asked for, and kept while there is room."""

    def __init__(
        self, rows: Tensor, number: int, encode: Callable[[Tensor], Code], memory: CodeMemory
    ) -> None:
        self.rows = rows
        self._number, self._encode, self._memory = number, encode, memory

    @property
    def code(self) -> Code:
        """The code of the windows."""
        return self._memory.get(self._number) or self.encode()

    def encode(self) -> Code:
        """Makes the code, and keeps it while there is room."""
        code = self._encode(self.rows)
        self._memory.put(self._number, code)
        return code


@dataclass(frozen=True)
class CorpusCodes:
    """All windows of a corpus: groups, and where each window is found in them.

    Attributes:
        groups: `Group`s or `RememberedGroup`s.
        group_of, row_in_group: (M,) int64.
        kept: whether all codes are in memory.
    """

    groups: Sequence[Any]
    group_of: Tensor  # (M,) int64
    row_in_group: Tensor  # (M,) int64
    kept: bool = True

    @property
    def device(self) -> torch.device:
        """Where the codes lie."""
        return self.group_of.device

    def __len__(self) -> int:
        return len(self.group_of)


@torch.inference_mode()
def encode_windows(
    encode: Callable[[WindowBatch], Code],
    read: Callable[[Sequence[int]], WindowBatch],
    lengths: Sequence[int],
    batch_size: int,
    device: torch.device | str,
    num_bytes: float = math.inf,
) -> CorpusCodes:
    """Encodes M windows, shortest first, `batch_size` at a time.

    Args:
        encode: a model's `encode_windows`, on `device`.
        read: rows of the corpus -> their features.
        lengths: (M,) clips of every window.
        num_bytes: memory for codes; what does not fit is encoded when it is needed.
    """

    def encoded(rows: Tensor) -> Code:
        return encode(to_device(read(rows.tolist()), device))

    memory = CodeMemory(num_bytes)
    order = torch.tensor(lengths, dtype=torch.int64).argsort(stable=True).to(device)
    groups = [
        RememberedGroup(rows, number, encoded, memory) for number, rows in enumerate(order.split(batch_size))
    ]
    for group in groups:
        if not memory.has_room_for_another():
            break
        group.encode()
    return joined(groups, len(lengths), device, kept=len(memory) == len(groups))


def joined(
    groups: Sequence[Any], num_windows: int, device: torch.device | str, kept: bool = True
) -> CorpusCodes:
    """Groups with the table that finds a window in them."""
    group_of = torch.zeros(num_windows, dtype=torch.int64, device=device)
    row_in_group = torch.zeros(num_windows, dtype=torch.int64, device=device)
    for index, group in enumerate(groups):
        group_of[group.rows] = index
        row_in_group[group.rows] = torch.arange(len(group.rows), device=device)
    return CorpusCodes(groups, group_of, row_in_group, kept)


@torch.inference_mode()
def encode_queries(
    encode: Callable[[QueryBatch], Code],
    read: Callable[[Sequence[int]], QueryBatch],
    num_queries: int,
    batch_size: int,
    device: torch.device | str,
) -> Iterator[tuple[Tensor, Code]]:
    """Encodes queries block by block: yields their rows (n,) and their code."""
    for start in range(0, num_queries, batch_size):
        rows = torch.arange(start, min(start + batch_size, num_queries))
        yield rows, encode(to_device(read(rows.tolist()), device))


def save_codes(path: Path, codes: CorpusCodes, identity: str) -> None:
    """Writes an encoded corpus; `identity` says what it was made from."""
    tensors = {}
    for index, group in enumerate(codes.groups):
        tensors[f"{index}/rows"] = group.rows.cpu()
        for name, value in group.code.items():
            tensors[f"{index}/code/{name}"] = value.cpu().contiguous()
    facts = {"identity": identity, "groups": str(len(codes.groups)), "windows": str(len(codes))}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda temporary: save_file(tensors, temporary, metadata=facts))


def load_codes(path: Path, identity: str, device: torch.device | str) -> CorpusCodes | None:
    """The stored corpus, or None when there is none or it was made from something else."""
    if not path.is_file():
        return None
    try:
        stored_file = safe_open(path, "pt")
    except SafetensorError:  # damaged: it is made anew
        return None
    with stored_file as stored:
        facts = stored.metadata()
        if facts.get("identity") != identity:
            return None
        groups = []
        for index in range(int(facts["groups"])):
            prefix = f"{index}/code/"
            names = [name for name in stored.keys() if name.startswith(prefix)]  # noqa: SIM118
            code = {name.removeprefix(prefix): stored.get_tensor(name).to(device) for name in names}
            groups.append(Group(stored.get_tensor(f"{index}/rows").to(device), code))
    return joined(groups, int(facts["windows"]), device)
