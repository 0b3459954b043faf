"""Press random visible controls of the window for some time, and report what that did.

Run as ``python -m tests.bench.monkey SECONDS SEED CONFIG DATASET FOLDER`` in its own process. The
last line of the output is one JSON object: the numbers of actions and faults, the longest time in
which the window did not respond, and the resident memory every five seconds.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import QElapsedTimer, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QAction, QDesktopServices, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QGraphicsView,
    QLineEdit,
    QMenu,
    QTabBar,
    QWidget,
)

from snip_gui.app import collect_in_gui_thread, create_window

BEAT_MS = 20
SAMPLE_MS = 5_000
PAUSE_MS = 30
# Another network or data set needs another amount of memory, and closing ends the run.
LEFT_ALONE = {"model_name", "data_name", "action_quit"}
KINDS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QTabBar,
)


class Monkey:
    """Presses one control after another, chosen by a seeded generator."""

    def __init__(self, window: QWidget, seed: int) -> None:
        self.random = random.Random(seed)
        self.window = window
        self.counts: Counter[str] = Counter()
        self.recent: list[str] = []
        # These load libraries and build pages that stay in memory, so they come before memory is
        # compared.
        pages = (action.objectName() for action in window.findChildren(QAction))
        self.first = [
            "action_train",
            "action_export",
            *(name for name in pages if name.startswith("action_show_")),
        ]

    def press(self) -> None:
        """Do one thing to what can be reached now: a menu, a dialog, or the window."""
        if self.first and QApplication.activeModalWidget() is None:
            self.trigger(self.window.findChild(QAction, self.first.pop()))
            return
        top = QApplication.activePopupWidget() or QApplication.activeModalWidget() or self.window
        if isinstance(top, QMenu):
            actions = [a for a in top.actions() if a.isEnabled() and not a.isSeparator()]
            if actions and self.random.random() < 0.5:
                self.trigger(self.random.choice(actions))
            top.close()
            return
        chance = self.random.random()
        if top is not self.window and chance < 0.1:
            self.note("close", top)
            top.close()
        elif top is self.window and chance < 0.1:
            actions = [a for a in self.window.findChildren(QAction) if a.objectName()]
            self.trigger(self.random.choice(actions))
        else:
            self.touch(top)

    def trigger(self, action: QAction) -> None:
        if not action.isEnabled() or action.menu() or action.objectName() in LEFT_ALONE:
            return
        if action.menuRole() == QAction.MenuRole.QuitRole:
            return
        self.note(f"action {action.text()}", self.window)
        action.trigger()

    def touch(self, top: QWidget) -> None:
        widgets = [
            widget
            for widget in top.findChildren(QWidget)
            if isinstance(widget, KINDS)
            and widget.isVisible()
            and widget.isEnabled()
            and widget.window() is top
            and widget.objectName() not in LEFT_ALONE
            and (
                widget.parentWidget() is None
                or widget.parentWidget().objectName() not in LEFT_ALONE
            )
        ]
        if not widgets:
            return
        kind = self.random.choice(sorted({_kind(widget).__name__ for widget in widgets}))
        widget = self.random.choice([w for w in widgets if _kind(w).__name__ == kind])
        self.note(kind, widget)
        number = self.random.randrange
        if isinstance(widget, QComboBox):
            if widget.count():
                widget.setCurrentIndex(number(widget.count()))
                widget.activated.emit(widget.currentIndex())
        elif isinstance(widget, QAbstractButton):
            widget.click()
        elif isinstance(widget, QAbstractSlider):
            widget.setValue(self.random.randint(widget.minimum(), widget.maximum()))
        elif isinstance(widget, QAbstractSpinBox):
            widget.stepBy(self.random.choice((-10, -1, 1, 10)))
        elif isinstance(widget, QTabBar):
            if widget.count():
                widget.setCurrentIndex(number(widget.count()))
        elif isinstance(widget, QLineEdit):
            typed = self.random.choice(("a", "7", " ", "0.5", ""))
            QTest.keyClicks(widget, typed)
            if not typed:
                QTest.keyClick(widget, Qt.Key.Key_Backspace)
        else:
            self.point_at(widget)

    def point_at(self, view: QWidget) -> None:
        """Click, point or turn the wheel somewhere on a list or a picture."""
        port = view.viewport()
        size = port.size()
        if not (size.width() and size.height()):
            return
        place = QPoint(self.random.randrange(size.width()), self.random.randrange(size.height()))
        what = self.random.randrange(3)
        if what == 0:
            QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=place)
        elif what == 1:
            QTest.mouseMove(port, place)
        else:
            turn = QWheelEvent(
                QPointF(place),
                QPointF(port.mapToGlobal(place)),
                QPoint(),
                QPoint(0, self.random.choice((-240, 240))),
                Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QApplication.sendEvent(port, turn)

    def note(self, what: str, widget: QWidget) -> None:
        self.counts[what.split()[0]] += 1
        self.recent = [*self.recent[-9:], f"{what}: {widget.objectName() or type(widget).__name__}"]


def _kind(widget: QWidget) -> type:
    return next(kind for kind in KINDS if isinstance(widget, kind))


def main(seconds: float, seed: int, config: Path, dataset: str, folder: str) -> None:
    """Open the window, press for a time, close it; print what happened."""
    app = QApplication(["snip-gui"])
    nothing = staticmethod(lambda *_, **__: ("", ""))
    QFileDialog.getOpenFileName = QFileDialog.getSaveFileName = nothing
    QFileDialog.getOpenFileNames = staticmethod(lambda *_, **__: ([], ""))
    QFileDialog.getExistingDirectory = staticmethod(lambda *_, **__: "")
    QDesktopServices.openUrl = staticmethod(lambda *_: True)
    collector = collect_in_gui_thread()
    application = create_window(config)
    window, controller = application.window, application.controller
    controller.prefer(device="cpu", num_threads=1, data_places={dataset: folder})
    controller.set_field("data.name", dataset)
    monkey = Monkey(window, seed)
    faults, stalls, memory = [], [], []
    process, begun = psutil.Process(), time.monotonic()

    def fault(kind, error, trace):
        details = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(details)
        faults.append(f"{kind.__name__}: {error} after {monkey.recent[-3:]}")

    sys.excepthook = fault
    since = QElapsedTimer()
    since.start()

    def beat():
        late_ms = since.restart() - BEAT_MS
        if late_ms > 300:
            stalls.append((late_ms, list(monkey.recent[-3:])))

    def sample():
        memory.append(process.memory_info().rss / 2**20)
        sys.stderr.write(f"{time.monotonic() - begun:.0f} s {memory[-1]:.0f} MiB\n")

    def step():
        # The next one is ordered first: a menu runs an event loop of its own within this one, in
        # which a repeating timer would not fire again.
        QTimer.singleShot(PAUSE_MS, step)
        if time.monotonic() - begun > seconds:
            end()
        elif controller.state.scored is not None:
            monkey.press()

    def end():
        if top := QApplication.activePopupWidget() or QApplication.activeModalWidget():
            top.close()
        else:
            app.exit(0)

    timers = []
    for call, interval_ms in ((beat, BEAT_MS), (sample, SAMPLE_MS)):
        timer = QTimer(interval=interval_ms)
        timer.timeout.connect(call)
        timer.start()
        timers.append(timer)

    window.resize(1440, 900)
    window.show()
    QTimer.singleShot(0, window, controller.start)
    QTimer.singleShot(0, step)
    app.exec()
    application.close()
    del collector
    found = {
        "counts": dict(monkey.counts),
        "faults": faults,
        "stalls_ms": sorted(stalls, reverse=True)[:5],
        "memory_mib": [round(value) for value in memory],
    }
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0 if application.has_ended else 1)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
