"""``python -m standalone_eval``: the command line of :mod:`standalone_eval.eval`."""

import sys

from .eval import main

sys.exit(main())
