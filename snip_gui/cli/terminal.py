"""Prints events as lines and a progress bar, to streams that may be closed, full or gone.

Printing is best effort: a failure never ends the work that it reports on.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import signal
import time
from typing import TYPE_CHECKING, TextIO, cast

from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.text import sparsity_text, to_visible
from snip_gui.core.data.sets.events import FilesUnreadable
from snip_gui.core.runs.events import RunDone
from snip_gui.core.training.events import PointsMeasured, TrainingPaused, TrainingStarted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.errors import UserError
    from snip_gui.core.runs.folder import Summary
    from snip_gui.core.training.metrics import MetricPoint

_BAR_WIDTH = 30
_WIDTH = 80  # columns if the terminal reports none
_BAR_INTERVAL_SECONDS = 0.1
_STOP_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)
_ENCODING_ERRORS = "snip_gui_plain"
_PLAIN = {"“": '"', "”": '"', "’": "'", "…": "...", "—": "-", "–": "-", "×": "x"}


class Stream:
    """A standard stream that raises nothing if it is closed, full or gone.

    Characters that its encoding lacks are replaced by plain ASCII.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper):
            codecs.register_error(_ENCODING_ERRORS, _to_plain)
            stream.reconfigure(errors=_ENCODING_ERRORS)

    def write(self, text: str) -> None:
        """Write and flush text."""
        if self._stream is not None:
            # Writing from a signal handler while a write is under way raises RuntimeError.
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                self._stream.write(text)
                self._stream.flush()

    def as_file(self) -> TextIO:
        """Return a file that writes here, for code that prints."""
        return cast("TextIO", _PrintedTo(self))

    def can_draw(self) -> bool:
        """Whether the stream is a terminal that can return to the start of a line."""
        try:
            is_terminal = self._stream is not None and self._stream.isatty()
        except ValueError:  # closed
            return False
        return is_terminal and os.environ.get("TERM") != "dumb"

    def width(self) -> int:
        """Return the columns of the terminal, or the usual number if it reports none."""
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):
                return os.get_terminal_size(self._stream.fileno()).columns or _WIDTH
        return _WIDTH

    def finish(self) -> None:
        """Flush buffered output; drop it if that fails, lest the interpreter fail at exit."""
        if self._stream is None:
            return
        try:
            self._stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as null:
                os.dup2(null.fileno(), self._stream.fileno())


class _PrintedTo(io.TextIOBase):
    """A file that writes to a `Stream`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._stream.write(text)
        return len(text)


def _to_plain(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks; an error handler of `codecs`."""
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in lost), error.end


class EventPrinter:
    """Prints results to one stream, and progress and messages to another.

    The progress bar is drawn only if the second stream is a terminal. Names in files may contain
    anything, so all text is escaped first.
    """

    def __init__(self, out: Stream, err: Stream, *, quiet: bool = False) -> None:
        self._out = out
        self._err = err
        self._quiet = quiet
        self._draws_bar = not quiet and err.can_draw()
        self._bar_length = 0
        self._bar_drawn = 0.0

    def line(self, text: str) -> None:
        """Print a line of results."""
        self._out.write(to_visible(text) + "\n")

    def note(self, text: str) -> None:
        """Print a message."""
        if not self._quiet:
            self._clear_bar()
            self._err.write(to_visible(text) + "\n")

    def error(self, error: UserError) -> None:
        """Print what went wrong and what to do."""
        self._clear_bar()
        self._err.write(f"snip-gui: {to_visible(error.message)}\n")
        if error.hint:
            self._err.write(f"  {to_visible(error.hint)}\n")

    def event(self, event: Event) -> None:
        """Print an event."""
        match event:
            case Progress():
                self._bar(event)
            case Note(text) | TrainingPaused(text) if text:
                self.note(text)
            case FilesUnreadable() as found:
                self.note(found.text)
            case TrainingStarted():
                epochs = "epoch" if event.num_epochs == 1 else "epochs"
                self.note(
                    f"Training {event.num_kept:,} of {event.num_parameters:,} connections "
                    f"({sparsity_text(event.sparsity)} removed) for {event.num_epochs:,} {epochs}."
                )
            case PointsMeasured(points):
                self._measured(points)
            case RunDone():
                self._clear_bar()

    def result(self, folder: Path, summary: Summary) -> None:
        """Print the outcome of a run."""
        self._clear_bar()
        self.line(f"{'run':<12}{folder}")
        self.line(f"{'state':<12}{summary.state}")
        self.line(
            f"{'kept':<12}{summary.num_kept:,} of {summary.num_parameters:,} "
            f"(sparsity {sparsity_text(summary.sparsity)})"
        )
        if summary.num_edited_kept or summary.num_edited_removed:
            self.line(
                f"{'edited':<12}{summary.num_edited_kept:,} kept and "
                f"{summary.num_edited_removed:,} removed by hand"
            )
        for layer in summary.layers:
            share = 1 - layer.kept / layer.total
            self.line(f"  {layer.layer:<10}{layer.kept:>11,} of {layer.total:>11,}  ({share:.2%})")
        for remark in summary.remarks:
            self.line(f"{'note':<12}{remark}")
        for split in ("train", "validation", "test"):
            if split in summary.final:
                final = summary.final[split]
                self.line(f"{split:<12}error {1 - final.accuracy:.2%}, loss {final.loss:.4f}")

    @contextlib.contextmanager
    def stopping_on_signals(
        self, cancel: CancelToken, meaning: str = "Stopping; progress is kept."
    ) -> Iterator[None]:
        """Turn a termination signal into a request to stop; a second interrupt ends the program.

        These are SIGINT, SIGTERM and SIGHUP, which is often sent twice; a signal that the program
        was started to ignore (nohup) stays ignored.
        """
        before = {which: signal.getsignal(which) for which in _STOP_SIGNALS}
        handled = {w: h for w, h in before.items() if h not in (signal.SIG_IGN, None)}

        def ask(which: int, _frame: FrameType | None) -> None:
            cancel.cancel()
            if which == signal.SIGINT:
                signal.signal(which, handled[signal.SIGINT])
                self.note(f"{meaning} Press again to quit immediately.")
            else:
                self.note(meaning)

        for which in handled:
            signal.signal(which, ask)
        try:
            yield
        finally:
            for which, handler in handled.items():
                signal.signal(which, handler)

    def _measured(self, points: tuple[MetricPoint, ...]) -> None:
        """Print one line at the end of each epoch."""
        held_out = {p.split: p for p in points if p.split != "train"}
        if held_out:
            errors = ", ".join(f"{s} error {p.error:.2%}" for s, p in held_out.items())
            self.note(f"epoch {points[-1].epoch:g}: {errors}")

    def _bar(self, progress: Progress) -> None:
        """Draw the progress bar, at a limited rate."""
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
        # A line that wraps cannot be overwritten.
        text = to_visible(text)[: self._err.width() - 1]
        self._err.write("\r" + text.ljust(self._bar_length))
        self._bar_length = len(text)

    def _clear_bar(self) -> None:
        """Erase the progress bar."""
        if self._bar_length:
            self._err.write("\r" + " " * self._bar_length + "\r")
            self._bar_length = 0
