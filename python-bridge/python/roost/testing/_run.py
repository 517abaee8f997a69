"""What `RunningServer` starts: `python -m roost.testing._run MODULE NAME OPTIONS` serves an application."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import sys


def main(place: str, attribute: str, options: str) -> None:
    """Serves; `place` is a module's name, or its file."""
    if place.endswith(".py"):
        sys.path.insert(0, os.path.dirname(place))
        spec = importlib.util.spec_from_file_location(os.path.basename(place).removesuffix(".py"), place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(place)
    getattr(module, attribute).start(**ast.literal_eval(options))


if __name__ == "__main__":
    main(*sys.argv[1:])
