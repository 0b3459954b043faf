"""What tests of every part share. Imports no Qt, so that the core is tested without it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: the time of an example says more about the machine than about the code.
settings.register_profile("snip", deadline=None, derandomize=True)
settings.load_profile("snip")

# Whoever starts the tests behind nohup or in the background of a shell has these ignored, and the
# programs that tests start would inherit that.
for _number, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (getattr(signal, "SIGHUP", signal.SIGTERM), signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder that contains MNIST in torchvision's layout."""
    named = os.environ.get("SNIP_GUI_DATA")
    if not named:
        pytest.skip("SNIP_GUI_DATA names no folder with MNIST")
    folder = Path(named)
    if not (folder / "MNIST" / "raw").is_dir():
        pytest.skip(f"there is no MNIST/raw in {folder}")
    return folder
