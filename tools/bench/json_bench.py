"""Times JSON against orjson, in turns within one run: only the ratios mean something. Started by tools/bench/json."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import orjson
from json_documents import DOCUMENTS
from roost import _native

AIM_ENCODE, AIM_DECODE = 1.10, 1.30


def seconds(call: Callable[[Any], Any], value: Any, times: int) -> float:
    """CPU time of so many calls."""
    begin = time.thread_time()
    for _ in range(times):
        call(value)
    return time.thread_time() - begin


def ratio(ours: Callable[[Any], Any], theirs: Callable[[Any], Any], value: Any, budget: float) -> float:
    """Median over pairs of runs, each pair one after the other, the order changing."""
    times = max(1, int(budget / 40 / max(seconds(theirs, value, 3) / 3, 1e-7)))
    ratios = []
    for number in range(21):
        calls = (ours, theirs) if number % 2 else (theirs, ours)
        took = {call: seconds(call, value, times) for call in calls}
        ratios.append(took[ours] / took[theirs])
    return statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools/bench/json", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each figure")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(DOCUMENTS))
    options = parser.parse_args()
    print("Time relative to orjson's; 'natively' is what is done where orjson is not installed.\n")
    print(f"| document | KB | encode (aim {AIM_ENCODE:.2f}) | natively | decode (aim {AIM_DECODE:.2f}) |")
    print("|---|--:|--:|--:|--:|")
    for name in options.only:
        value = DOCUMENTS[name](random.Random(name))
        text = orjson.dumps(value)
        assert _native.json_encode(value) == text
        assert _native.json_encode_natively(value) == text
        assert _native.json_decode(text) == json.loads(text)
        figures = [
            ratio(ours, theirs, given, options.seconds)
            for ours, theirs, given in (
                (_native.json_encode, orjson.dumps, value),
                (_native.json_encode_natively, orjson.dumps, value),
                (_native.json_decode, orjson.loads, text),
            )
        ]
        cells = " | ".join(f"{figure:.2f}" for figure in figures)
        print(f"| {name} | {len(text) / 1000:.1f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
