"""What a worker inherits of its program and is not to end: it runs `atexit` functions at its own end."""

from __future__ import annotations

import sys


def disown() -> None:
    """Leaves finalizers and child processes of before the fork to the process that made them.

    Else the first worker to end would remove a `TemporaryDirectory` that all of them share, or end a helper process.
    """
    weakref = sys.modules.get("weakref")
    if weakref is not None:
        for finalizer in list(weakref.finalize._registry):
            finalizer.atexit = False
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        process._children.clear()
