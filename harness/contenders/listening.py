"""Waits until somebody listens: `python -m harness.contenders.listening ADDRESS PORT` ends well once it connects.

It runs in the lab, for from outside nobody can connect there. Whoever started it loses patience.
"""

from __future__ import annotations

import socket
import sys
import time

POLL_S = 0.02


def main() -> None:
    """Connect to the address and port of the command line, again and again."""
    address, port = sys.argv[1], int(sys.argv[2])
    while True:
        try:
            socket.create_connection((address, port)).close()
        except OSError:
            time.sleep(POLL_S)
        else:
            return


if __name__ == "__main__":
    main()
