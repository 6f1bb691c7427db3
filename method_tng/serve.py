"""Serves the page of an index: type a sentence, the film plays at the second.

    python -m method_tng.serve INDEX [--host 127.0.0.1] [--port 8000] [--names HOST ...]

Only this machine is answered unless --host says otherwise; there is no login.
"""

import ipaddress
import sys
from collections.abc import Sequence
from pathlib import Path

from method_tng.contract.errors import MissingExtra
from method_tng.contract.settings import RESULTS
from method_tng.runs.door import Parser, enter


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, serves till it is interrupted; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _serve(words))


def _serve(words: list[str]) -> int:
    parser = Parser("serve.sh", allow_abbrev=False, description="Serves the page of an index.")
    parser.add_argument("index", type=Path, help="what index.sh made")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 = all of them")
    parser.add_argument("--port", type=int, default=8000, help="0 = any that is free")
    parser.add_argument("--names", nargs="+", default=[], help="host names to answer to besides localhost")
    parser.add_argument("--results_root", default=RESULTS, help="where the run is looked for")
    args = parser.parse_args(words)
    try:
        from method_tng.web.serving import serve
    except ImportError as error:
        raise MissingExtra(error.name or "fastapi", "web") from error

    if not _is_loopback(args.host):
        print(f"warning: whoever reaches {args.host} can search and watch; there is no login")
    serve(args.index, (args.host, args.port), args.names, args.results_root, _tell)
    return 0


def _tell(page: str) -> None:
    print(f"the page is at {page} (Ctrl+C ends it)", flush=True)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
