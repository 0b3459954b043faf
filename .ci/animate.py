"""Record the animation at the top of the README from the real window, offscreen.

Run as ``python .ci/animate.py resources/pictures/tour.gif``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from PIL import Image
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from snip_gui.app import Application, create_window

SIZE = (1180, 720)
WIDTH = 860  # of the animation, in pixels
FRAME_MS = 200
SPARSITIES = (0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99)
COLOURS = 96


class Recorder:
    """Takes pictures of a window."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.frames: list[Image.Image] = []

    def wait(self) -> None:
        """Wait until nothing is computed."""
        ends = time.monotonic() + 120
        QTest.qWait(120)
        while self._application.host.is_busy() and time.monotonic() < ends:
            QTest.qWait(20)
        QTest.qWait(60)

    def shoot(self, num_frames: int = 1) -> None:
        """Add what the window shows now, for a number of frames."""
        picture = self._application.window.grab().toImage()
        picture = picture.convertToFormat(QImage.Format.Format_RGB888)
        size = picture.width(), picture.height()
        data = bytes(picture.constBits())
        image = Image.frombuffer("RGB", size, data, "raw", "RGB", picture.bytesPerLine(), 1)
        height = round(WIDTH * size[1] / size[0])
        image = image.resize((WIDTH, height), Image.Resampling.LANCZOS)
        self.frames += [image] * num_frames


def record(application: Application) -> list[Image.Image]:
    """Show the slider, minibatches of other classes, and the views."""
    window, controller = application.window, application.controller
    recorder = Recorder(application)
    controller.start()
    while controller.state.scored is None:
        QTest.qWait(50)
    recorder.wait()
    recorder.shoot(6)
    for sparsity in (*SPARSITIES, 0.9):
        controller.set_sparsity(sparsity)
        recorder.wait()
        recorder.shoot(2)
    for digit in (0, 3, 5, 7):
        controller.minibatch.draw(100, (digit,))
        controller.score()
        recorder.wait()
        recorder.shoot(6)
    for show in (window.views.show_grid, window.views.show_flow, window.views.show_connections):
        show()
        recorder.wait()
        recorder.shoot(10)
    return recorder.frames


def main() -> None:
    """Write the animation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    place = Path(tempfile.mkdtemp())
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ |= {"SNIP_GUI_RUNS": str(place / "runs"), "XDG_DATA_HOME": str(place / "data")}
    app = QApplication([])
    application = create_window(place / "config")
    application.controller.prefer(device="cpu", num_threads=1)
    application.window.resize(*SIZE)
    application.window.show()
    frames = record(application)
    palette = frames[0].quantize(COLOURS)
    reduced = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    reduced[0].save(
        out, save_all=True, append_images=reduced[1:], duration=FRAME_MS, loop=0, optimize=True
    )
    application.window.close()
    application.close()
    app.quit()


if __name__ == "__main__":
    main()
