"""TensorBoard's event file of a run: the metric points once more, for those who watch runs there.

Only this module imports `tensorboard`, an optional package.
"""

from __future__ import annotations

import datetime
import importlib
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import replacing, write_error
from snip_gui.core.runs.folder import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.metrics import MetricPoint


class EventFile:
    """The event file in a run folder.

    Raises
    ------
    UserError
        If `tensorboard` is not installed.
    """

    def __init__(self, folder: Path, summary: Summary) -> None:
        self._path = folder / EVENTS
        self._layers = [row.layer for row in summary.layers]
        self._created = datetime.datetime.fromisoformat(summary.created).timestamp()
        self._record, self._event, self._summary = _import_tensorboard()

    def write(self, points: Iterable[MetricPoint]) -> None:
        """Write all points atomically; raises `UserError` if the file cannot be written."""
        with replacing(self._path) as part, part.open("wb") as file:
            first = self._event(wall_time=self._created, file_version="brain.Event:2")
            self._append(file, [first, *map(self._of, points)])

    def add(self, fresh: Sequence[MetricPoint]) -> None:
        """Append points; raises `UserError` if the file cannot be written."""
        try:
            with self._path.open("ab") as file:
                self._append(file, map(self._of, fresh))
        except OSError as error:
            raise write_error(self._path, error) from error

    def _append(self, file: Any, events: Iterable[Any]) -> None:  # noqa: ANN401 - optional package
        writer = self._record(file)
        for event in events:
            writer.write(event.SerializeToString())

    def _of(self, point: MetricPoint) -> Any:  # noqa: ANN401 - optional package
        """Return the event of a point."""
        values = {
            f"loss/{point.split}": point.loss,
            f"error/{point.split}": point.error,
        }
        if point.split == "train":
            values["learning rate"] = point.lr
            if point.gradient_norm is not None:
                values["gradient norm"] = point.gradient_norm
            norms = zip(self._layers, point.weight_norms, strict=False)
            values |= {f"weight norm/{layer}": norm for layer, norm in norms}
        summary = self._summary(
            value=[self._summary.Value(tag=tag, simple_value=v) for tag, v in values.items()]
        )
        return self._event(
            wall_time=self._created + point.seconds, step=point.step, summary=summary
        )


def _import_tensorboard() -> tuple[Any, Any, Any]:
    """Return the classes of records, events and summaries."""
    try:
        records = importlib.import_module("tensorboard.summary.writer.record_writer")
        events = importlib.import_module("tensorboard.compat.proto.event_pb2")
        summaries = importlib.import_module("tensorboard.compat.proto.summary_pb2")
    except ImportError as error:
        raise UserError(
            "Event files need the package tensorboard, which is not installed.",
            "pip install 'snip-gui[tensorboard]', or tensorboard; or leave out --tensorboard.",
        ) from error
    return records.RecordWriter, events.Event, summaries.Summary
