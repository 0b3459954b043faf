"""Measures what each format would cost before anything is written: size, and speed on this machine.

Sizes are those of the exact bytes that an export would write. Speeds are medians and quartiles of
many short repetitions in which the variants take turns, so that other load affects all of them.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import contextlib
import functools
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.machine.devices import set_up
from snip_gui.core.base.network_state import load_state
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.export import openvino
from snip_gui.core.export.catalogue import FORMATS
from snip_gui.core.export.events import OPENVINO, Costs, FormatMeasured, Latency, SpeedMeasured
from snip_gui.core.export.package import Package, package_run
from snip_gui.core.export.precision import measure_error
from snip_gui.core.export.proof import compute_scores
from snip_gui.core.models.describe import describe_architecture
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.network import read_test_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor, nn

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.export.catalogue import ExportFormat

_Runner: TypeAlias = "Callable[[Tensor], object]"

BATCH_SIZE = 64
_ROUNDS = 60
_FEWEST_ROUNDS = 3
_MOST_SECONDS = 6.0
_TURN_SECONDS = 0.002
_MOST_ERROR_SECONDS = 5.0


def measure_run(
    folder: Path,
    environment: Environment,
    cancel: CancelToken,
    images: ImageSet | None = None,
) -> Iterator[Event]:
    """Measure the exports of a run; yields a `FormatMeasured` for each, then speeds and errors.

    Parameters
    ----------
    images
        The run's data set if it is in memory; otherwise it is read.

    Raises
    ------
    UserError
        If the run has no mask, or a file is missing or damaged.
    """
    set_up(environment)
    if images is None:
        images = yield from read_test_images(folder, environment, cancel)
    package = package_run(folder, environment.trusted_code, images)
    runners: dict[ExportFormat, _Runner] = {}
    others: dict[ExportFormat, _Runner] = {}
    rounded: dict[ExportFormat, FormatMeasured] = {}
    for number, chosen in enumerate(FORMATS):
        cancel.raise_if_cancelled()
        yield Progress(f"Measuring {chosen.title}", number, len(FORMATS.names))
        measured, runner, other = _measure_format(package, chosen, environment.num_threads)
        if runner is not None:
            runners[chosen] = runner
        if other is not None:
            others[chosen] = other
        if not measured.refused and chosen.precision != "float32":
            rounded[chosen] = measured
        yield measured
    yield from _measure_speeds(package, runners, others, environment.num_threads, cancel)
    for chosen, measured in rounded.items():
        for event in measure_error(package, chosen, cancel, _MOST_ERROR_SECONDS):
            if isinstance(event, Progress):
                yield event
        if changed := package.changed_errors.get(chosen.name):
            yield replace(measured, test_error=changed.after)


def measure_costs(
    folder: Path, environment: Environment, cancel: CancelToken, report: Callable[[Event], object]
) -> Costs:
    """Measure the exports of a run and return the results; raises `UserError` as `measure_run`."""
    formats: dict[str, FormatMeasured] = {}
    speeds: dict[str, SpeedMeasured] = {}
    for event in measure_run(folder, environment, cancel):
        if isinstance(event, FormatMeasured):
            formats[event.format_name] = event
        elif isinstance(event, SpeedMeasured):
            speeds[event.run_as] = event
        else:
            report(event)
    return Costs(formats, speeds)


def _measure_format(
    package: Package, chosen: ExportFormat, num_threads: int
) -> tuple[FormatMeasured, _Runner | None, _Runner | None]:
    """Return the measurements of a format, what runs its file if torch does not, and OpenVINO."""
    other: _Runner | None = None
    try:
        data = chosen.encode(package)
        stored = chosen.num_stored(package)
        runner = chosen.runner(data, num_threads)
        if chosen.needs_onnx and openvino.is_installed():
            with contextlib.suppress(UserError):  # what it rejects has no times
                other = openvino.runner(data, num_threads)
    except UserError as error:
        return FormatMeasured(package.folder, chosen.name, refused=str(error)), None, None
    of_run = package.manifest["errors"].get("test") if chosen.precision == "float32" else None
    return FormatMeasured(package.folder, chosen.name, len(data), stored, of_run), runner, other


def multiply_accumulates(network: nn.Module, package: Package) -> int:
    """Return the MACs of a network for one image, including those of zeros."""
    _, channels, rows, columns = package.images_BCHW.shape
    shape = (channels, rows, columns)
    architecture = describe_architecture(network, shape, shape, len(package.manifest["classes"]))
    return architecture.multiply_accumulates


def _measure_speeds(
    package: Package,
    runners: dict[ExportFormat, _Runner],
    others: dict[ExportFormat, _Runner],
    num_threads: int,
    cancel: CancelToken,
) -> Iterator[Event]:
    """Yield a `SpeedMeasured` for each variant, and again after more rounds."""
    try:
        variants = _variants(package, runners, others)
    except UserError:
        return  # running its code was not agreed to, as formats that need it have reported
    known = {
        name: SpeedMeasured(
            package.folder, name, macs, batch_size=BATCH_SIZE, num_threads=num_threads
        )
        for name, (_, macs) in variants.items()
    }
    yield from known.values()
    times = len(package.images_BCHW[:BATCH_SIZE])
    batch_BCHW = package.images_BCHW.repeat(-(-BATCH_SIZE // times), 1, 1, 1)[:BATCH_SIZE]
    for images_BCHW in (package.images_BCHW[:1], batch_BCHW):
        taken: dict[str, list[float]] = {name: [] for name in variants}
        ends = time.monotonic() + _MOST_SECONDS
        for number in range(_ROUNDS):
            if number >= _FEWEST_ROUNDS and time.monotonic() > ends:
                break
            yield Progress("Measuring speed", number, _ROUNDS)
            for name, (function, _) in variants.items():
                cancel.raise_if_cancelled()
                taken[name].append(_milliseconds(function, images_BCHW))
            for name, speed in known.items():
                latency = _summarise(taken[name])
                is_one = len(images_BCHW) == 1
                known[name] = (
                    replace(speed, one=latency) if is_one else replace(speed, batch=latency)
                )
            if number in (0, _FEWEST_ROUNDS) or number % 20 == 0:
                yield from known.values()
        yield from known.values()


def _summarise(times_ms: list[float]) -> Latency:
    """Return median and quartiles of times in milliseconds."""
    lower, median, upper = (float(value) for value in np.percentile(times_ms, (25, 50, 75)))
    return Latency(median, lower, upper)


def _variants(
    package: Package,
    runners: dict[ExportFormat, _Runner],
    others: dict[ExportFormat, _Runner],
) -> dict[str, tuple[_Runner, int]]:
    """Return by name the function that runs each variant, and its MACs."""
    macs = multiply_accumulates(package.network, package)
    dense = package.copy_network()
    state, _ = load_tensors(package.folder / files.INIT)
    load_state(dense, state)
    found: dict[str, tuple[_Runner, int]] = {
        "dense": (functools.partial(compute_scores, dense), macs),
        "masked": (functools.partial(compute_scores, package.network), macs),
    }
    fewer = 0
    with contextlib.suppress(UserError):  # as the formats of the shrunk network have reported
        shrunk = package.shrunk.network
        fewer = multiply_accumulates(shrunk, package)
        found["shrunk"] = (functools.partial(compute_scores, shrunk), fewer)
    for chosen, runner in runners.items():
        found[chosen.run_as] = (runner, fewer if chosen.network == "shrunk" else macs)
        if chosen in others:
            found[chosen.run_as + OPENVINO] = others[chosen], found[chosen.run_as][1]
    return found


@torch.no_grad()
def _milliseconds(function: _Runner, images_BCHW: Tensor) -> float:
    """Return the duration of a call; the mean of several if it is short."""
    started, calls = time.perf_counter(), 0
    while calls == 0 or (time.perf_counter() - started < _TURN_SECONDS):
        function(images_BCHW)
        calls += 1
    return 1000 * (time.perf_counter() - started) / calls
