"""Checks that a window can open, and reports what is missing in a sentence rather than a traceback.

Qt ends the process if a library or the display is missing. The check therefore loads the same
libraries before Qt does; loading them a second time costs nothing.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# What the window and pyqtgraph import from PySide6.
QT_MODULES = (
    "QtCore",
    "QtGui",
    "QtWidgets",
    "QtOpenGL",
    "QtOpenGLWidgets",
    "QtSvg",
    "QtTest",
)
_WITHOUT_WINDOW = "“snip-gui run” works without a window and needs no display."
_NOT_INSTALLED = (
    "The window needs PySide6-Essentials, which is not installed: “pip install PySide6-Essentials”."
)
_MISSING = re.compile(
    r"(?:.*/)?([^/:]+): "
    r"(?:cannot open shared object file|file too short|invalid ELF header|wrong ELF class)"
)
# Debian's package of libname.so.N is called libnameN, with these exceptions.
_DEBIAN_NAMES = {
    "libGLdispatch": "libglvnd0",
    "libbrotlicommon": "libbrotli1",
    "libbrotlidec": "libbrotli1",
    "libc": "libc6",
    "libdl": "libc6",
    "libglib-2.0": "libglib2.0-0",
    "libgthread-2.0": "libglib2.0-0",
    "libm": "libc6",
    "libpthread": "libc6",
    "librt": "libc6",
    "libz": "zlib1g",
}


def find_obstacle(load: Callable[[str], object] = ctypes.CDLL) -> str:
    """Return a sentence saying why the window cannot open; empty if it can.

    Parameters
    ----------
    load
        Loads one library; see `find_missing`.
    """
    if not sys.platform.startswith("linux"):
        return bad_versions()
    package = find_spec("PySide6")
    if package is None or package.origin is None:
        return _NOT_INSTALLED
    folder = Path(package.origin).parent
    return _platform_obstacle(folder, load) or bad_versions()


def bad_versions(python: tuple[int, ...] = sys.version_info[:2]) -> str:
    """Return a sentence on a combination of versions known to be broken; empty if there is none."""
    pyside = _installed()
    if not pyside:
        return _NOT_INSTALLED
    release = tuple(int(part) for part in pyside.split(".")[:2])
    if release >= (6, 12) and python < (3, 12):
        return (
            f"PySide6 {pyside} ends the process on Python {python[0]}.{python[1]}. "
            "Install an older one: “pip install 'PySide6-Essentials<6.12'”."
        )
    return ""


def _installed() -> str:
    """Return the version of PySide6, without loading Qt; empty if it is not installed."""
    try:
        import PySide6
    except ModuleNotFoundError:
        return ""
    return str(PySide6.__version__)


def get_platforms(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the platform plugins that Qt tries on Linux, in order."""
    named = environ.get("QT_QPA_PLATFORM")
    if named:
        return [name.partition(":")[0] for name in named.split(";")]
    on_wayland = "WAYLAND_DISPLAY" in environ or environ.get("XDG_SESSION_TYPE") == "wayland"
    return ["wayland", "xcb"] if on_wayland else ["xcb"]


def get_qt_files(folder: Path, plugin: Path) -> list[Path]:
    """Return the files that Qt loads for a window: the bindings, the libraries they link, a plugin.

    Parameters
    ----------
    folder
        Where PySide6 is installed.
    plugin
        The platform plugin, as `find_platform_plugin` returns it.
    """
    # The others link shiboken by name only, and find it once it is loaded.
    modules = [folder.parent / "shiboken6" / "Shiboken", *(folder / name for name in QT_MODULES)]
    files = [file for module in modules for file in module.parent.glob(f"{module.name}.*so")]
    return [*files, plugin]


def find_platform_plugin(folder: Path, platform: str) -> Path | None:
    """Return the file of a platform plugin of PySide6; None if it has none of that name."""
    # “wayland-egl” is served by libqwayland.so or, in older releases, libqwayland-egl.so.
    plugins = folder / "Qt" / "plugins" / "platforms"
    for stem in (platform, platform.partition("-")[0], f"{platform}-generic"):
        file = plugins / f"libq{stem}.so"
        if file.exists():
            return file
    return None


def find_missing(
    files: Iterable[Path], load: Callable[[str], object] = ctypes.CDLL
) -> tuple[list[str], str]:
    """Load shared libraries and return the missing dependencies.

    Parameters
    ----------
    files
        The libraries, in the order in which to load them.
    load
        Loads one library, or raises `OSError` with the loader's message.

    Returns
    -------
    names
        The libraries that are missing or damaged, such as ``libxcb-cursor.so.0``.
    failure
        The loader's message for a file that fails to load although nothing is missing.
    """
    missing: dict[str, None] = {}
    for file in files:
        try:
            load(str(file))
        except OSError as error:
            match = _MISSING.match(str(error))
            if not match:
                return list(missing), str(error)
            # The loader stops at the first; ldd lists all, so that a single installation fixes it.
            missing.update(dict.fromkeys([match[1], *_list_unresolved(file)]))
    return list(missing), ""


def _list_unresolved(file: Path) -> list[str]:
    """Return the direct and indirect dependencies of a file that are not installed."""
    try:
        done = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False)
    except OSError:
        return []
    return re.findall(r"^\s*(\S+) => not found$", done.stdout, re.MULTILINE)


def get_debian_package(library: str) -> str:
    """Return the Debian package of a shared library: ``libxcb1`` for ``libxcb.so.1``."""
    name, _, version = library.partition(".so.")
    if name in _DEBIAN_NAMES:
        return _DEBIAN_NAMES[name]
    dash = "-" if name[-1:].isdigit() else ""
    return f"{name}{dash}{version}".lower().replace("_", "-")


def _platform_obstacle(folder: Path, load: Callable[[str], object]) -> str:
    """Return why no platform plugin that Qt would try can open a window; empty if one can.

    If all of several fail, the reason of the first is returned.
    """
    obstacles = []
    for platform in get_platforms(os.environ):
        obstacle = _missing_libraries(folder, platform, load) or _missing_display(platform)
        if not obstacle:
            return ""
        obstacles.append(obstacle)
    return f"{obstacles[0]} {_WITHOUT_WINDOW}"


def _missing_libraries(folder: Path, platform: str, load: Callable[[str], object]) -> str:
    """Return the missing dependencies of Qt and a platform plugin, with their packages."""
    plugin = find_platform_plugin(folder, platform)
    if plugin is None:
        if {"QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH"} & os.environ.keys():
            return ""  # may be installed elsewhere
        return f"Qt has no platform plugin “{platform}”, which QT_QPA_PLATFORM asks for."
    missing, failure = find_missing(get_qt_files(folder, plugin), load)
    if missing:
        packages = dict.fromkeys(get_debian_package(name) for name in missing)
        return (
            f"The window needs system libraries that are missing: {', '.join(missing)}. "
            f"On Debian and Ubuntu: “sudo apt install {' '.join(packages)}”."
        )
    if failure:
        return f"Qt cannot be loaded: {failure}."
    return ""


def _missing_display(platform: str) -> str:
    if platform == "xcb":
        if not os.environ.get("DISPLAY"):
            return "There is no display to open a window on."
        if not _connects_to_x11():
            return f"The display “{os.environ['DISPLAY']}” cannot be opened."
    if platform.startswith("wayland") and not _connects_to_wayland():
        return f"The display “{os.environ.get('WAYLAND_DISPLAY', 'wayland-0')}” cannot be opened."
    return ""


def _connects_to_x11() -> bool:
    """Return whether the X server that DISPLAY names answers."""
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not failed


def _connects_to_wayland() -> bool:
    """Return whether the compositor that WAYLAND_DISPLAY names answers."""
    wayland = ctypes.CDLL("libwayland-client.so.0")
    wayland.wl_display_connect.restype = ctypes.c_void_p
    display = ctypes.c_void_p(wayland.wl_display_connect(None))
    if not display:
        return False
    wayland.wl_display_disconnect(display)
    return True
