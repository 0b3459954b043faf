"""Devices and threads: where work runs, which is not part of a recipe."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from snip_gui.core.base.environment import MOST_THREADS
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import DevicesFound, Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that torch can use: its name (``cuda:0``) and its display title."""

    name: str
    title: str


def available_devices() -> tuple[DeviceInfo, ...]:
    """Return the CPU, and every CUDA device or Apple's GPU (``mps``)."""
    gpus = tuple(
        DeviceInfo(f"cuda:{i}", f"cuda:{i} ({torch.cuda.get_device_name(i)})")
        for i in range(torch.cuda.device_count())
    )
    if torch.backends.mps.is_available():
        gpus += (DeviceInfo("mps", "mps (Apple GPU)"),)
    return (DeviceInfo("cpu", f"CPU ({os.cpu_count()} cores)"), *gpus)


def resolve_device(name: str) -> torch.device:
    """Return a device by name; ``auto`` is the first GPU, or the CPU if there is none.

    Raises
    ------
    UserError
        If there is no such device on this machine.
    """
    names = [device.name for device in available_devices()]
    if name == "auto":
        name = names[1] if len(names) > 1 else "cpu"
    if name == "cuda":
        name = "cuda:0"
    if name not in names:
        raise UserError(
            f"There is no device “{name}” on this machine.",
            f"Choose one of: {', '.join(names)}.",
            field="device",
        )
    return torch.device(name)


def share_device(environment: Environment, share: int) -> Environment:
    """Return the environment of one of several workers, which take turns with the GPUs.

    Parameters
    ----------
    share
        Number of the worker, from 0.
    """
    num_gpus = torch.cuda.device_count()
    if environment.device != "auto" or num_gpus < 2:
        return environment
    return replace(environment, device=f"cuda:{share % num_gpus}")


def set_up(environment: Environment) -> torch.device:
    """Apply the thread count to the calling thread and return the device.

    Raises
    ------
    UserError
        If there is no such device, or the thread count is too high.
    """
    if environment.num_threads > MOST_THREADS:
        raise UserError(
            f"{environment.num_threads:,} threads cannot be used, at most {MOST_THREADS:,}.",
            "Set fewer threads; those of a run that is resumed are in its summary.json.",
            field="num_threads",
        )
    torch.set_num_threads(environment.num_threads)
    return resolve_device(environment.device)


_PACKAGES = ("snip-gui", "torch", "torchvision", "numpy", "safetensors", "msgspec", "Pillow")


def find_devices(cancel: CancelToken) -> Iterator[Event]:
    """Report the devices, and the versions that results may depend on; imports torch."""
    cancel.raise_if_cancelled()
    devices = tuple((device.name, device.title) for device in available_devices())
    yield DevicesFound(devices, tuple(versions().items()))


def versions() -> dict[str, str]:
    """Return the versions of everything that a result may depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    found["torch"] = str(torch.__version__)
    return found
