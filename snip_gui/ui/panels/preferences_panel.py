"""Preferences: everything about this machine and this user, in one form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from snip_gui.session.state.preference_fields import (
    preference_sections,
    shown_values,
    stored_value,
)
from snip_gui.session.state.values import torch_text
from snip_gui.ui.widgets.field_form import FieldForm
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from snip_gui.session.controller import Controller
    from snip_gui.session.state.session_state import SessionState

_WIDTH = 560
_ABOUT = "Changes take effect immediately and are saved. They are not part of recipes."


class PreferencesPanel(QScrollArea):
    """A form in sections; every change takes effect at once."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "preferences_panel", "Preferences")
        self._controller = controller
        self._state: SessionState = controller.state
        self._forms: list[FieldForm] = []
        inner = QWidget()
        inner.setMaximumWidth(_WIDTH)
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(10)
        about = Label(_ABOUT)
        about.setProperty("role", "muted")
        about.setWordWrap(True)
        column.addWidget(about)
        for title, fields in preference_sections():
            heading = Label(title)
            heading.setProperty("role", "heading")
            form = FieldForm(fields)
            form.edited.connect(self._on_edited)
            self._forms.append(form)
            column.addWidget(heading)
            column.addWidget(form)
        column.addStretch()
        self.setWidget(inner)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._state.preferences_changed.connect(self._show)
        self._state.devices_changed.connect(self._show)
        self._show()

    def editor(self, path: str) -> QWidget:
        """Return the widget that edits a preference."""
        for form, (_, fields) in zip(self._forms, preference_sections(), strict=True):
            if path in {field.path for field in fields}:
                return form.editor(path)
        raise KeyError(path)

    @Slot()
    def _show(self) -> None:
        values = shown_values(self._state.preferences)
        for form, (_, fields) in zip(self._forms, preference_sections(), strict=True):
            if "device" in {field.path for field in fields}:
                form.set_choices("device", self._devices())
            form.show_values(values)

    def _devices(self) -> list[tuple[str, str]]:
        """Return the devices to choose from, always including the chosen one."""
        chosen, devices = self._state.preferences.device, self._state.devices
        if not devices:
            return [(chosen, torch_text(self._state.versions))]
        known = [("auto", "Automatic"), *devices]
        if chosen not in dict(known):
            known.append((chosen, f"{chosen} (not available)"))
        return known

    @Slot(str, object)
    def _on_edited(self, path: str, value: object) -> None:
        value = stored_value(path, value)
        if value != getattr(self._state.preferences, path):
            self._controller.prefer(**{path: value})
