"""The wheel, installed as a stranger would, brings everything the window needs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run(words, **keywords):
    done = subprocess.run(words, capture_output=True, text=True, **keywords)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_wheel_opens_its_window_from_another_folder(tmp_path):
    wheels = tmp_path / "wheels"
    build = f"from hatchling.build import build_wheel; build_wheel({str(wheels)!r})"
    wheels.mkdir()
    run([sys.executable, "-c", build], cwd=ROOT)
    (wheel,) = wheels.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run([python, "-m", "pip", "install", "--no-deps", "--no-index", str(wheel)])
    purelib = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    # A .pth adds this environment's packages behind the scratch one's own.
    (Path(purelib.stdout.strip()) / "present.pth").write_text(sysconfig.get_path("purelib"))
    code = (
        "import snip_gui, tempfile; from pathlib import Path\n"
        "assert 'venv' in snip_gui.__file__, snip_gui.__file__\n"
        "from PySide6.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "from snip_gui.app import create_window\n"
        "a = create_window(Path(tempfile.mkdtemp())); a.window.show(); app.processEvents()\n"
        "assert not a.window.windowIcon().isNull()\n"
        "a.window.close(); print('stood')\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    env["QT_QPA_PLATFORM"] = "offscreen"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert "stood" in run([python, "-c", code], cwd=elsewhere, env=env).stdout
    script = tmp_path / "venv" / "bin" / "snip-gui"
    words = [script, "run", "--epochs", "1", "--out", str(elsewhere / "run")]
    assert "26,661 of 266,610" in run(words, cwd=elsewhere, env=env).stdout
