from __future__ import annotations

import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.events import DevicesFound
from snip_gui.core.base.machine.devices import find_devices, versions


def test_devices_and_versions_are_found():
    (found,) = find_devices(CancelToken())
    assert isinstance(found, DevicesFound)
    assert found.devices[0][0] == "cpu"
    assert dict(found.versions)["torch"] == torch.__version__


def test_versions_name_what_a_result_depends_on(monkeypatch):
    assert {"python", "torch", "numpy", "snip-gui"} <= set(versions())
    monkeypatch.setattr("snip_gui.core.base.machine.devices._PACKAGES", ("no-such-package",))
    assert versions()["no-such-package"] == "not installed"
