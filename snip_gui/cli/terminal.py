"""Events as lines and a progress bar on a terminal."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING, TextIO

from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.data.sets.events import FilesUnreadable
from snip_gui.core.runs.events import RunDone
from snip_gui.core.training.events import Measured, TrainingPaused, TrainingStarted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.errors import UserError
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.metrics import MetricPoint

_BAR_WIDTH = 30
_BAR_INTERVAL_SECONDS = 0.1


class EventPrinter:
    """Prints results to one stream; progress and messages to another.

    The bar is drawn only if the second stream is a terminal.
    """

    def __init__(self, out: TextIO, err: TextIO, *, quiet: bool = False) -> None:
        self._out = out
        self._err = err
        self._quiet = quiet
        self._draws_bar = err.isatty() and not quiet
        self._bar_length = 0
        self._bar_drawn = 0.0

    def line(self, text: str) -> None:
        """Print a line of a result."""
        self._out.write(text + "\n")

    def note(self, text: str) -> None:
        """Print a message."""
        if not self._quiet:
            self._clear_bar()
            self._err.write(text + "\n")
            self._err.flush()

    def error(self, error: UserError) -> None:
        """Print what went wrong and what to do."""
        self._clear_bar()
        self._err.write(f"snip-gui: {error.message}\n")
        if error.hint:
            self._err.write(f"  {error.hint}\n")

    def event(self, event: Event) -> None:
        """Print what an event says."""
        match event:
            case Progress():
                self._bar(event)
            case Note(text) | TrainingPaused(text) if text:
                self.note(text)
            case FilesUnreadable() as found:
                self.note(found.text)
            case TrainingStarted():
                self.note(
                    f"Training {event.num_kept:,} of {event.num_parameters:,} connections "
                    f"({event.sparsity:.2%} removed) for {event.num_epochs} epochs."
                )
            case Measured(points):
                self._measured(points)
            case RunDone():
                self._clear_bar()

    def result(self, folder: Path, summary: Summary) -> None:
        """Print what came of a run."""
        self._clear_bar()
        self.line(f"{'run':<12}{folder}")
        self.line(f"{'state':<12}{summary.state}")
        self.line(
            f"{'kept':<12}{summary.num_kept:,} of {summary.num_parameters:,} "
            f"(sparsity {summary.sparsity:.4%})"
        )
        for layer in summary.layers:
            share = 1 - layer.kept / layer.total
            self.line(f"  {layer.layer:<10}{layer.kept:>11,} of {layer.total:>11,}  ({share:.2%})")
        for split in ("train", "validation", "test"):
            if split in summary.final:
                final = summary.final[split]
                self.line(f"{split:<12}error {1 - final.accuracy:.2%}, loss {final.loss:.4f}")

    @contextlib.contextmanager
    def stopping_on_interrupt(
        self, cancel: CancelToken, meaning: str = "Stopping; what was done is kept."
    ) -> Iterator[None]:
        """Turn the first interrupt into a request to stop; a second one ends the program."""

        def ask(_signal: int, _frame: FrameType | None) -> None:
            self.note(f"{meaning} Press again to end at once.")
            cancel.cancel()
            signal.signal(signal.SIGINT, before)

        before = signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _measured(self, points: tuple[MetricPoint, ...]) -> None:
        """Print one line at the end of each epoch."""
        held_out = {p.split: p for p in points if p.split != "train"}
        if held_out:
            errors = ", ".join(f"{s} error {p.error:.2%}" for s, p in held_out.items())
            self.note(f"epoch {points[-1].epoch:g}: {errors}")

    def _bar(self, progress: Progress) -> None:
        """Draw the progress bar, not too often."""
        now = time.monotonic()
        if not self._draws_bar or now - self._bar_drawn < _BAR_INTERVAL_SECONDS:
            return
        self._bar_drawn = now
        text = progress.text
        if progress.total:
            filled = round(_BAR_WIDTH * progress.done / progress.total)
            text += f"  [{'#' * filled}{'.' * (_BAR_WIDTH - filled)}]"
        if progress.seconds_left is not None:
            text += f"  {progress.seconds_left:.0f} s left"
        self._err.write("\r" + text.ljust(self._bar_length))
        self._err.flush()
        self._bar_length = len(text)

    def _clear_bar(self) -> None:
        """Wipe the bar off its line."""
        if self._bar_length:
            self._err.write("\r" + " " * self._bar_length + "\r")
            self._bar_length = 0
