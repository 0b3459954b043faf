from __future__ import annotations

import pytest
import torch

from snip_gui.core.base.environment import Environment, default_num_threads, default_runs_folder
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.devices import available_devices, resolve_device, set_up
from snip_gui.core.base.tensors import sum_double, to_double


def test_the_cpu_is_always_there():
    assert available_devices()[0].name == "cpu"
    assert resolve_device("cpu") == torch.device("cpu")


def test_auto_is_the_first_gpu_else_the_cpu():
    names = [device.name for device in available_devices()]
    assert str(resolve_device("auto")) == (names[1] if len(names) > 1 else "cpu")


@pytest.mark.parametrize("name", ["cuda:7", "tpu", ""])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(UserError) as caught:
        resolve_device(name)
    assert name in caught.value.message
    assert "cpu" in caught.value.hint
    assert caught.value.field == "device"


def test_apples_gpu_is_a_device_like_any_other(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert [device.name for device in available_devices()] == ["cpu", "mps"]
    assert resolve_device("auto") == resolve_device("mps") == torch.device("mps")


class OnApplesGpu:
    """A tensor of a device without float64."""

    device = torch.device("mps")

    def __init__(self, values):
        self._values = values

    def cpu(self):
        return self._values


def test_double_precision_is_left_to_the_cpu_where_a_device_lacks_it():
    values = torch.tensor([0.1, 0.2])
    assert to_double(OnApplesGpu(values)).dtype == torch.float64
    assert sum_double(OnApplesGpu(values)) == sum_double(values) == float(values.double().sum())


def test_the_thread_count_is_applied():
    before = torch.get_num_threads()
    try:
        set_up(Environment(device="cpu", num_threads=2))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("processors", "threads"), [({0}, 1), ({0, 1}, 1), (set(range(8)), 7)])
def test_one_processor_is_left_free(monkeypatch, processors, threads):
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: processors, raising=False)
    assert default_num_threads() == threads


def test_the_runs_folder_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SNIP_GUI_RUNS", str(tmp_path / "mine"))
    assert default_runs_folder() == tmp_path / "mine"
    monkeypatch.delenv("SNIP_GUI_RUNS")
    assert default_runs_folder().name == "runs"
