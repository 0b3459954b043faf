"""Entry point: the window without arguments, else the command line."""

from __future__ import annotations

import multiprocessing
import sys


def main() -> int:
    """Start the window, or run a command; return the exit status."""
    arguments = sys.argv[1:]
    if arguments:
        from snip_gui.cli.main import main as run_command

        return run_command(arguments)
    from snip_gui.app import main as open_window

    return open_window()


if __name__ == "__main__":
    multiprocessing.freeze_support()  # images are decoded by spawned processes
    sys.exit(main())
