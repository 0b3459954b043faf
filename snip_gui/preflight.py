"""What must hold before the first line of Qt runs, said in a sentence instead of a traceback.

Qt ends the process with an abort when a library of the screen is missing, so this is asked before.
"""

from __future__ import annotations

import ctypes
import os
import sys

_APT = (
    "libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libxcb-cursor0 libxcb-icccm4 "
    "libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 "
    "libx11-xcb1 fonts-dejavu-core"
)
_ANY_WINDOW = ("libEGL.so.1", "libGL.so.1", "libxkbcommon.so.0", "libfontconfig.so.1")
_X11_WINDOW = (
    "libxcb-cursor.so.0",
    "libxcb-icccm.so.4",
    "libxcb-image.so.0",
    "libxcb-keysyms.so.1",
    "libxcb-randr.so.0",
    "libxcb-render-util.so.0",
    "libxcb-shape.so.0",
    "libxcb-xkb.so.1",
    "libxkbcommon-x11.so.0",
    "libX11-xcb.so.1",
)
_WITHOUT_WINDOW = "“snip-gui run” does the same job without a window, and needs no display."


def find_obstacle() -> str:
    """Return a sentence on what keeps the window from opening; empty if nothing does."""
    return bad_versions() or _missing_screen()


def bad_versions(python: tuple[int, ...] = sys.version_info[:2]) -> str:
    """Return a sentence on a pair of versions that is known to break; empty if there is none."""
    pyside = _installed()
    if not pyside:
        return (
            "The window needs PySide6-Essentials, which is not installed: "
            "“pip install PySide6-Essentials”."
        )
    release = tuple(int(part) for part in pyside.split(".")[:2])
    if release >= (6, 12) and python < (3, 12):
        return (
            f"PySide6 {pyside} ends the process on Python {python[0]}.{python[1]}. "
            "Install an older one: “pip install 'PySide6-Essentials<6.12'”."
        )
    return ""


def _installed() -> str:
    """Return the version of PySide6; empty if it is not installed. Loads nothing of Qt itself."""
    try:
        import PySide6
    except ImportError:
        return ""
    return str(PySide6.__version__)


def _missing_screen() -> str:
    """Return a sentence on a missing display or library on Linux."""
    if not sys.platform.startswith("linux"):
        return ""
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    on_x11 = platform in ("", "xcb") and not os.environ.get("WAYLAND_DISPLAY")
    wanted = _ANY_WINDOW + (_X11_WINDOW if on_x11 else ())
    missing = [name for name in wanted if not _loads(name)]
    if missing:
        return (
            f"The window needs system libraries that are missing ({', '.join(missing)}): "
            f"“apt install {_APT}”. {_WITHOUT_WINDOW}"
        )
    if on_x11 and not os.environ.get("DISPLAY"):
        return f"There is no display to open a window on. {_WITHOUT_WINDOW}"
    if on_x11 and not _connects():
        display = os.environ["DISPLAY"]
        return f"The display “{display}” cannot be opened. {_WITHOUT_WINDOW}"
    return ""


def _loads(name: str) -> bool:
    """Return whether a shared library can be loaded."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _connects() -> bool:
    """Return whether the X server that DISPLAY names answers."""
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not failed
