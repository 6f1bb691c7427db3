"""The command line: a script (``python standalone_eval/eval.py``) and ``python -m standalone_eval``.

Exit status: 0 fine, 2 bad usage or input, 3 a metric is below ``--fail-under``.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    from . import options

    args = options.parse(sys.argv[1:] if argv is None else argv)
    from . import commands
    from .issues import EvalInputError

    try:
        return commands.run(args)
    except EvalInputError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return 0
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _as_script() -> int:
    """Imports this folder as a package, whatever its name and place, and runs its ``main``."""
    from importlib import import_module

    folder = Path(__file__).resolve().parent
    sys.path[0] = str(folder.parent)
    return import_module(f"{folder.name}.eval").main()


if __name__ == "__main__":
    sys.exit(main() if __package__ else _as_script())
