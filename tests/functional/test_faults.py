"""The scenarios of tools/bench/faults in small: what a client may notice of each fault, and what it may not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server_process import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tools" / "bench"))
import faults

SECONDS = 2


@pytest.mark.unsanitized
def test_idle_connections_cost_little_memory_and_no_latency() -> None:
    found = faults.idle(SECONDS, 1000)
    assert found["held"] == 1000
    assert found["failed"] == 0
    assert found["bytes_each"] < 2048


@pytest.mark.parametrize("kind", ["header", "body"])
def test_slow_clients_are_cut_while_others_are_served(kind: str) -> None:
    found = faults.slow(SECONDS + 1, kind, 300)
    assert found["failed"] == 0
    assert found["requests"] > 0
    assert found["cut"] > 0
    assert found["refused"] == 0


def test_timeouts_are_enforced_on_every_kind_of_connection() -> None:
    found = faults.lateness(SECONDS, 400)
    for kind in ("idle", "header", "body", "reader"):
        assert found[kind]["cut"] > 0, kind
        assert found[kind]["late_p50"] > -20, kind


def test_killed_worker_fails_only_what_it_had_in_flight() -> None:
    found = faults.killed_workers(SECONDS)
    assert found["killed"] >= SECONDS
    assert found["cut"] <= 32 * found["killed"]
    assert found["failed"] <= found["cut"]
    assert found["refused"] == 0


def test_reloads_fail_nothing_and_coalesce() -> None:
    found = faults.reloads(SECONDS)
    assert found["failed"] == 0
    assert found["refused"] == 0
    assert 1 <= found["generations"] < found["asked"]


def test_full_disk_refuses_uploads_alone() -> None:
    found = faults.disk_full(SECONDS)
    assert found["failed"] == 0
    assert set(found["uploads"]) == {507}
    assert found["upload_after"] == 200
    assert found["alive"]


@pytest.mark.unsanitized  # UBSan looks whether memory can be read with a pipe of its own
def test_exhausted_descriptors_make_newcomers_wait() -> None:
    found = faults.no_descriptors(SECONDS)
    assert found["failed"] == 0
    assert found["answered"] == 100


@pytest.mark.unsanitized
@pytest.mark.skipif(not Path(faults.FAKETIME).exists(), reason="the package faketime is not installed")
def test_stepped_clock_is_seen_in_dates_and_not_in_timeouts() -> None:
    found = faults.clock_stepped(SECONDS)
    assert found["failed"] == 0
    assert found["hours_seen"] == 2
    assert found["late_longest"] > -20
