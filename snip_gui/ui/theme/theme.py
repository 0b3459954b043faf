"""Light and dark colours by role, applied in one place; no widget has its own style sheet."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QStyleFactory

from snip_gui.core.base.resources import resource

if TYPE_CHECKING:
    from snip_gui.session.state.preferences import Theme

ThemeName: TypeAlias = Literal["light", "dark"]

_ICON_SIDES = (16, 20, 24, 32, 48)


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours by role, as ``#rrggbb``; ``runs`` are for runs that are drawn together."""

    window: str
    base: str
    raised: str
    text: str
    muted: str
    border: str
    accent: str
    accent_text: str
    hover: str
    disabled: str
    plot: str
    canvas: str
    grid: str
    kept: str
    removed: str
    nothing: str
    both: str
    only_a: str
    only_b: str
    edit_kept: str
    edit_removed: str
    no_path: str
    bar: str
    bar_track: str
    warning: str
    warning_back: str
    error: str
    error_back: str
    notice: str
    notice_back: str
    train: str
    validation: str
    test: str
    runs: tuple[str, ...]

    def rgb(self, role: str) -> tuple[int, int, int]:
        """Return red, green and blue of a role, 0 to 255."""
        colour = QColor(getattr(self, role))
        return colour.red(), colour.green(), colour.blue()


class Themes(QObject):
    """The current theme, with a signal when it changes."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wish: Theme = "system"
        self._is_applied = False
        self.name: ThemeName = "light"
        self.colours = load_colours("light")
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_system_changed)

    def apply(self, wish: Theme) -> None:
        """Apply a theme to the application, unless it is the current one."""
        self._wish = wish
        name = _system_theme() if wish == "system" else wish
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        if not self._is_applied:
            app.setStyle(QStyleFactory.create("Fusion"))
        elif name == self.name:
            return
        self._is_applied = True
        self.name = name
        self.colours = load_colours(name)
        # Replacing a style sheet takes 3.5 times as long as removing it first.
        app.setStyleSheet("")
        app.setPalette(_palette(self.colours))
        app.setStyleSheet(style_sheet(self.name, self.colours))
        self.changed.emit()

    def icon(self, name: str) -> QIcon:
        """Return an icon by semantic name, in the colours of the theme."""
        svg = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
        icon = QIcon()
        for mode, role in (
            (QIcon.Mode.Normal, self.colours.text),
            (QIcon.Mode.Disabled, self.colours.disabled),
        ):
            renderer = QSvgRenderer(QByteArray(svg.replace("#000000", role).encode()))
            for side in _ICON_SIDES:
                icon.addPixmap(_rendered(renderer, side), mode)
        return icon

    def _on_system_changed(self) -> None:
        if self._wish == "system" and _system_theme() != self.name:
            self.apply("system")


def load_colours(name: ThemeName) -> Colours:
    """Read the colours of a theme."""
    raw = msgspec.json.decode(resource("themes", f"{name}.json").read_bytes())
    return Colours(**(raw | {"runs": tuple(raw["runs"])}))


def style_sheet(name: ThemeName, colours: Colours) -> str:
    """Return the style sheet with the roles filled in."""
    template = resource("style", "app.qss").read_text(encoding="utf-8")
    values = {f.name: getattr(colours, f.name) for f in fields(Colours) if f.name != "runs"}
    values |= {"icons": resource("icons").as_posix(), "theme": name}
    return re.sub(r"\{([a-z_]+)\}", lambda match: values[match[1]], template)


def _rendered(renderer: QSvgRenderer, side: int) -> QPixmap:
    pixmap = QPixmap(QSize(side, side))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter)
    painter.end()
    return pixmap


def _system_theme() -> ThemeName:
    scheme = QGuiApplication.styleHints().colorScheme()
    return "dark" if scheme == Qt.ColorScheme.Dark else "light"


def _palette(colours: Colours) -> QPalette:
    """Return the palette for everything that the style sheet does not set."""
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.base,
        QPalette.ColorRole.AlternateBase: colours.raised,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.accent_text,
        QPalette.ColorRole.Link: colours.accent,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Mid: colours.border,
        QPalette.ColorRole.Dark: colours.border,
        QPalette.ColorRole.Light: colours.raised,
        QPalette.ColorRole.Midlight: colours.hover,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.disabled))
    return palette
