"""The `swarmbench` command: whatever goes wrong, one line and an exit code, never a traceback."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; exits with 0 (fine), 1 (the run failed) or 2 (bad usage)."""
    try:
        # Imported here so that Ctrl-C during the second that imports take ends in a line, too.
        from harness.cli import perform

        sys.exit(perform(sys.argv[1:]))
    except KeyboardInterrupt:
        print("swarmbench: interrupted before anything was started", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
