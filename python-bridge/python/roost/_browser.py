"""Shows the site in a browser once the server takes connections: `--open-browser`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import webbrowser

PATIENCE = 60.0
"""Seconds that the server may take to start."""


def open_when_served(listen: str | list[str]) -> None:
    """Leaves a process behind that waits for the server of this one, opens the browser, and ends.

    Args:
        listen: as in the configuration file; the first is shown.

    Raises:
        SystemExit: the port is 0, which the browser could not be told.
    """
    # Said to a program that is started again for a reload: its site is being looked at already.
    if "ROOST_PROTOTYPE_CHANNEL" in os.environ:
        return
    address = listen if isinstance(listen, str) else listen[0]
    host, _, port = address.rpartition(":")
    if port == "0" or not port.isdigit():
        raise SystemExit(f"--open-browser needs a port that is known before: not {address}, but such as 127.0.0.1:8080")
    # It forks at once, so that this child can be waited for and the other is nobody's.
    subprocess.run([sys.executable, "-m", "roost._browser", host.strip("[]"), port, str(os.getpid())], check=False)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _wait_and_open(host: str, port: int, server: int) -> None:
    seen = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    deadline = time.monotonic() + PATIENCE
    while _alive(server) and time.monotonic() < deadline:
        try:
            socket.create_connection((seen, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
            continue
        shown = f"[{seen}]" if ":" in seen else seen
        if not webbrowser.open_new_tab(f"http://{shown}:{port}/"):
            print("no browser could be opened", file=sys.stderr)
        return


if __name__ == "__main__":
    if os.fork() == 0:
        os.setsid()
        _wait_and_open(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
