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
_LAYOUT_VERSION = 5

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
    "log": _BOTTOM,
}


SIDES = ("setup", "minibatch", "layers", "sensitivity")
BELOW = ("training", "flow", "log")
"""Docks of the side columns, and those below the picture."""

_RIGHT_COLUMN = ("layers", "sensitivity")

# In a narrower window the right column is folded.
_WIDE = 1000
_WIDTHS = {"setup": 228, "layers": 236}
_BELOW_SHARE = 0.38


class PanelDock(QDockWidget):
    """A dock that is also shown when it is raised."""

    def raise_(self) -> None:
        """Show the dock in front of the others."""
        self.show()
        super().raise_()


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
            dock = named(PanelDock(spec.title), f"{spec.name}_dock", spec.title)
            dock.setWidget(spec.panel)
            window.addDockWidget(_AREAS[spec.name], dock)
            self.by_name[spec.name] = dock

    def put_back(self) -> None:
        """Restore the default arrangement."""
        window, docks = self._window, self.by_name
        for dock in docks.values():
            dock.setFloating(False)
            # Adding a dock that is already tabbed leaves a second tab bar behind.
            window.removeDockWidget(dock)
        for name, dock in docks.items():
            window.addDockWidget(_AREAS[name], dock)
            dock.setVisible(name in SIDES)
        for name in BELOW[1:]:
            window.tabifyDockWidget(docks["training"], docks[name])
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks([docks[n] for n in _WIDTHS], list(_WIDTHS.values()), horizontal)
        window.resizeDocks([docks["setup"], docks["minibatch"]], [330, 400], vertical)
        window.resizeDocks([docks["layers"], docks["sensitivity"]], [250, 230], vertical)
        if window.isVisible():
            self.adapt(window.width(), -1)

    def adapt(self, width: int, before: int) -> None:
        """Fold the right column if the window gets narrow, and show it again if it gets wide.

        A window that is shown for the first time, whose width before is negative, keeps what was
        restored.
        """
        was_wide = before >= _WIDE or before < 0
        if (width >= _WIDE) != was_wide:
            for name in _RIGHT_COLUMN:
                self.by_name[name].setVisible(width >= _WIDE)

    def fold_sides(self) -> None:
        """Hide the docks of the side columns, or show them if all are hidden."""
        docks = [self.by_name[name] for name in SIDES]
        are_shown = any(not dock.isHidden() for dock in docks)
        for dock in docks:
            dock.setVisible(not are_shown)

    def toggle_below(self, name: str) -> None:
        """Open a dock below the picture in front of the others, or fold all of them away."""
        dock = self.by_name[name]
        if dock.isVisible() and not dock.visibleRegion().isEmpty():
            for other in BELOW:
                self.by_name[other].hide()
        else:
            self.open_below(name)

    def open_below(self, name: str) -> None:
        """Open a dock below the picture in front of the others."""
        dock = self.by_name[name]
        were_folded = all(self.by_name[other].isHidden() for other in BELOW)
        dock.raise_()
        if were_folded:
            height = round(self._window.height() * _BELOW_SHARE)
            self._window.resizeDocks([dock], [height], Qt.Orientation.Vertical)

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
