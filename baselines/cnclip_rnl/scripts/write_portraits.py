"""Writes the portraits of the roles that each query names, for --portrait_features.

    python -m baselines.cnclip_rnl.scripts.write_portraits ROLES PORTRAITS OUT [--most 3]

ROLES is a JSON {query id: [role ids in the order they are named]}, PORTRAITS an HDF5 file with a vector of
each role (`ROLE` or, as published, `ROLE/features`).
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from method_tng.runs.door import Parser, enter


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0, or 2 for a file that does not fit."""
    return enter(lambda: _write(sys.argv[1:] if argv is None else argv))


def _write(argv: Sequence[str]) -> int:
    parser = Parser("write_portraits.py", description="Portraits of roles become portraits of queries.")
    parser.add_argument("roles", type=Path, help="JSON {query id: [role ids]}")
    parser.add_argument("portraits", type=Path, help="HDF5 file of a vector per role")
    parser.add_argument("out", type=Path, help="HDF5 file to write")
    parser.add_argument("--most", type=int, default=3, help="portraits of a query at most")
    args = parser.parse_args(argv)
    from method_tng.dataset.feature_store import write_features
    from method_tng.dataset.portraits import portraits_of, read_portraits, read_roles

    portraits, roles = read_portraits(args.portraits), read_roles(args.roles)
    found = {query: portraits_of(names, portraits, args.most) for query, names in roles.items()}
    written = {query: rows for query, rows in found.items() if len(rows)}
    unknown = len({name for names in roles.values() for name in names} - set(portraits))
    write_features(args.out, written.items())
    print(f"{len(written)} of {len(roles)} queries have portraits, {unknown} roles have none -> {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
