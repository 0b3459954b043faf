"""``--install-desktop-entry``: the program in the menus of a Linux desktop, for this user.

Recipes (``*.recipe.json``) and bundles (``*.snip.zip``) then open with a double click.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import write_bytes
from snip_gui.core.base.resources import resource

if TYPE_CHECKING:
    import argparse

    from snip_gui.cli.terminal import EventPrinter

ID = "io.github.snip_gui"
_EXEC = "Exec=snip-gui %f"
_TOOL_SECONDS = 30


def add_desktop_entry(parser: argparse.ArgumentParser) -> None:
    """Add the options, which take the place of a command."""
    group = parser.add_argument_group("desktop (Linux)")
    for option, work, text in (
        ("--install-desktop-entry", _install,
         "add the program to the menus of your desktop, and open recipes and bundles with it"),
        ("--remove-desktop-entry", _remove, "remove it from there again"),
    ):  # fmt: skip
        group.add_argument(option, dest="command", action="store_const", const=work, help=text)


def desktop_files(data_home: Path) -> dict[str, Path]:
    """Return where each file of the desktop entry belongs, by its name among the resources."""
    return {
        f"{ID}.desktop": data_home / "applications" / f"{ID}.desktop",
        f"{ID}.svg": data_home / "icons" / "hicolor" / "scalable" / "apps" / f"{ID}.svg",
        f"{ID}.mime.xml": data_home / "mime" / "packages" / f"{ID}.xml",
        f"{ID}.metainfo.xml": data_home / "metainfo" / f"{ID}.metainfo.xml",
    }


def quote(argument: str) -> str:
    """Return an argument as the Exec key of a desktop entry takes it, whatever is in it."""
    for special in ("\\", '"', "`", "$"):
        argument = argument.replace(special, "\\" + special)
    # The value of a key is unescaped before its quotes are read.
    return '"' + argument.replace("%", "%%").replace("\\", "\\\\") + '"'


def _install(_options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui --install-desktop-entry``."""
    places = desktop_files(_data_home())
    words = " ".join(quote(word) for word in _program())
    for name, place in places.items():
        data = resource("desktop", name).read_bytes()
        if name.endswith(".desktop"):
            data = data.replace(_EXEC.encode(), f"Exec={words} %f".encode())
        write_bytes(place, data)
        printer.line(str(place))
    _refresh()
    return 0


def _remove(_options: argparse.Namespace, printer: EventPrinter) -> int:
    """Run ``snip-gui --remove-desktop-entry``."""
    for place in desktop_files(_data_home()).values():
        if place.exists():
            place.unlink()
            printer.line(f"removed {place}")
    _refresh()
    return 0


def _data_home() -> Path:
    """Return the user's data folder; raises `UserError` where there are no desktop entries."""
    if not sys.platform.startswith("linux"):
        raise UserError(
            "Desktop entries exist on Linux only.", "Start the program with “snip-gui” instead."
        )
    named = os.environ.get("XDG_DATA_HOME", "")
    # The specification ignores relative paths.
    return Path(named) if os.path.isabs(named) else Path.home() / ".local" / "share"


def _program() -> list[str]:
    """Return the command that starts this installation."""
    script = Path(sys.argv[0])
    if script.name == "snip-gui" and script.exists():
        return [str(script.absolute())]
    return [sys.executable, "-m", "snip_gui"]


def _refresh() -> None:
    """Tell the desktop; where the tools are missing it finds out at the next login."""
    home = _data_home()
    for tool, folder in (
        ("update-mime-database", home / "mime"),
        ("update-desktop-database", home / "applications"),
    ):
        path = shutil.which(tool)
        if path is not None and folder.is_dir():
            subprocess.run([path, folder], capture_output=True, timeout=_TOOL_SECONDS, check=False)
