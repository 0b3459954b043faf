"""Entry point: opens the window without arguments or for a file, else runs the command line."""

from __future__ import annotations

import multiprocessing
import os
import sys


def main() -> int:
    """Start the window, or run a command; return the exit status."""
    open_standard_streams()
    arguments = sys.argv[1:]
    file = file_to_open(arguments)
    if arguments and not file:
        from snip_gui.cli.main import main as run_command

        return run_command(arguments)
    from snip_gui.app import main as open_window

    return open_window(file)


def file_to_open(arguments: list[str]) -> str:
    """Return the file that was double-clicked; empty if the arguments are a command.

    Commands and options have no extension.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        return ""
    return arguments[0] if os.path.splitext(arguments[0])[1] else ""


def open_standard_streams() -> None:
    """Redirect closed standard streams to the null device.

    Otherwise the next file opened gets the descriptor of a standard stream, and whatever a library
    prints ends up in that file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor, which is this one


if __name__ == "__main__":
    multiprocessing.freeze_support()  # images are decoded by spawned processes
    sys.exit(main())
