"""A torch that cannot be loaded: said in place and with its remedy, and the window goes on."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QLabel

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine import optional_packages

WAIT_MS = 60_000


def test_a_torch_that_cannot_be_loaded_is_said(application, qtbot, monkeypatch):
    def fail(cancel):
        raise UserError("torch cannot be imported: no libcudart.", "pip install it.")

    monkeypatch.setattr(optional_packages, "load_torch", fail)
    window, state = application.window, application.controller.state
    application.controller.start()
    qtbot.waitUntil(lambda: not application.host.is_busy(), timeout=WAIT_MS)
    for name in ("stale_notice", "status_device"):
        assert window.findChild(QLabel, name).text() == "torch could not be loaded"
    texts = [box.currentText() for box in window.findChildren(QComboBox)]
    assert "torch could not be loaded" in texts
    assert not any("Loading" in text for text in texts)
    assert "pip install" in state.status.problem.hint
    assert not state.can_score
