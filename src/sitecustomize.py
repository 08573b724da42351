"""Ctrl-C ends every command with a sentence, also while it is still being imported.

Python imports this file by its name before anything else that PYTHONPATH holds. Any Python 3 can
read it, since make runs the installation with whatever `python3` is.
"""

import os
import sys


def _say(kind, error, trace):
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    print("Interrupted.", file=sys.stderr, flush=True)
    raise SystemExit(130)


sys.excepthook = _say
try:
    import runpy  # noqa: F401 - `python -m` would do it next, and report Ctrl-C there as a fault
    import signal

    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # the Makefile may block it
except KeyboardInterrupt:
    print("Interrupted.", file=sys.stderr, flush=True)
    os._exit(130)
