"""The docks of the window: their default arrangement, and saving and restoring it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtWidgets import QDockWidget

from snip_gui.session.kept.reading import read_kept, set_aside
from snip_gui.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QMainWindow, QWidget

# Incremented when docks are added or renamed, so that old layouts are not restored.
_LAYOUT_VERSION = 3

# The largest layouts that Qt writes take a few kilobytes.
_MOST_LAYOUT_BYTES = 1_000_000

_LEFT = Qt.DockWidgetArea.LeftDockWidgetArea
_RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
_BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea
_AREAS = {
    "setup": _LEFT,
    "minibatch": _LEFT,
    "layers": _RIGHT,
    "sensitivity": _RIGHT,
    "training": _BOTTOM,
    "flow": _BOTTOM,
    "runs": _BOTTOM,
    "log": _BOTTOM,
}


@dataclass(frozen=True, slots=True)
class DockSpec:
    """A dock: its name in snake case, its title and its widget."""

    name: str
    title: str
    panel: QWidget


def open_layout(path: Path) -> tuple[QSettings, str]:
    """Return the settings in a file, and sentences on what was wrong with it.

    A file with any other contents is set aside.
    """
    _, problem = read_kept(path, _check_layout)
    settings = QSettings(str(path), QSettings.Format.IniFormat)
    settings.allKeys()  # reads the file
    if settings.status() != QSettings.Status.NoError:
        problem = set_aside(path)
        settings = QSettings(str(path), QSettings.Format.IniFormat)
    if problem:
        problem = f"The layout of the window could not be restored. {problem}"
    return settings, problem


def _check_layout(data: bytes) -> None:
    """Raise `ValueError` for data that is not text or too long to pass to Qt."""
    if len(data) > _MOST_LAYOUT_BYTES or "\0" in data.decode():
        raise ValueError("it is not a layout")


class Docks:
    """The docks of the window by name."""

    def __init__(self, window: QMainWindow, specs: Sequence[DockSpec]) -> None:
        self._window = window
        window.setCorner(Qt.Corner.BottomLeftCorner, _LEFT)
        window.setCorner(Qt.Corner.BottomRightCorner, _BOTTOM)
        self.by_name: dict[str, QDockWidget] = {}
        for spec in specs:
            dock = named(QDockWidget(spec.title), f"{spec.name}_dock", spec.title)
            dock.setWidget(spec.panel)
            window.addDockWidget(_AREAS[spec.name], dock)
            self.by_name[spec.name] = dock

    def put_back(self) -> None:
        """Restore the default arrangement."""
        window, docks = self._window, self.by_name
        for dock in docks.values():
            # Adding a dock that is already tabbed leaves a second tab bar behind.
            window.removeDockWidget(dock)
        for name, dock in docks.items():
            dock.setFloating(False)
            window.addDockWidget(_AREAS[name], dock)
            dock.show()
        for name in ("flow", "runs", "log"):
            window.tabifyDockWidget(docks["training"], docks[name])
        docks["training"].raise_()
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks([docks["setup"], docks["layers"]], [300, 290], horizontal)
        window.resizeDocks([docks["setup"], docks["minibatch"]], [330, 360], vertical)
        window.resizeDocks([docks["layers"], docks["sensitivity"]], [250, 230], vertical)
        window.resizeDocks([docks["training"]], [205], vertical)

    def restore(self, settings: QSettings) -> None:
        """Restore a saved arrangement; an unreadable one is ignored."""
        geometry, layout = settings.value("geometry"), settings.value("layout")
        if isinstance(geometry, QByteArray) and isinstance(layout, QByteArray):
            self._window.restoreGeometry(geometry)
            self._window.restoreState(layout, _LAYOUT_VERSION)

    def save(self, settings: QSettings) -> None:
        """Save the arrangement."""
        settings.setValue("geometry", self._window.saveGeometry())
        settings.setValue("layout", self._window.saveState(_LAYOUT_VERSION))
        settings.sync()
