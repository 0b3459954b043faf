"""Pins that outlive the session: each is its recipe, scored again when its images are open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QObject, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import read_bytes, write_text
from snip_gui.core.comparing.comparison import Mask
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.core.pruning.mask_source import PassingMask
from snip_gui.core.recipe.json import from_builtins
from snip_gui.core.runs.recipe_files import refuse_unknown
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.kept.reading import MOST_BYTES, read_kept
from snip_gui.session.kept.writer import KeptWriter
from snip_gui.session.state.notices import Notice
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.comparing.pins import Pins
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import JobEnded
    from snip_gui.session.state.session_state import SessionState

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeptPin:
    """A pin in a file; the name is empty if it was automatic."""

    recipe: Recipe
    num_kept: int
    name: str = ""


class KeptPins(QObject):
    """Saves the pins whenever they change, and restores those of a file one after another.

    Pins of a data set that is not open wait until it is, and stay in the file meanwhile.
    """

    def __init__(
        self, state: SessionState, host: JobHost, pins: Pins, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._pins = state, host, pins
        self._waiting: list[KeptPin] = []
        self._scoring: KeptPin | None = None
        self._unusable: list[KeptPin] = []  # stay in the file: their package may return
        self._writer = KeptWriter(self)
        self._file: Path | None = None
        pins.changed.connect(self._on_changed)
        for signal in (state.scored_changed, state.images_changed, state.devices_changed):
            signal.connect(self._restore_next)

    @property
    def all(self) -> tuple[KeptPin, ...]:
        """The pins, and those that wait to be restored."""
        made = [
            KeptPin(pin.mask.scored.recipe, pin.mask.num_kept, pin.name if pin.is_named else "")
            for pin in self._pins.pins
            # A state of a training run cannot be found again by scoring.
            if not isinstance(pin.mask.scored.masks, PassingMask)
        ]
        scoring = [self._scoring] if self._scoring is not None else []
        return (*made, *scoring, *self._waiting, *self._unusable)

    def keep_in(self, file: Path) -> None:
        """Restore the pins of the last session, and save changes from now on."""
        found, problem = read_kept(file, decode_pins)
        if problem:
            text = f"The pins of the last session could not be restored. {problem}"
            self._state.notices.add(Notice("problem", text))
        self.add(found or ())
        self._file = file

    def open(self, path: Path) -> None:
        """Add the pins of a file, or report a problem in place."""
        try:
            self.add(decode_pins(read_bytes(path, max_bytes=MOST_BYTES)))
        except UserError as error:
            self._state.status.report(Problem.of(error))
        except (ValueError, msgspec.DecodeError) as error:
            message = f"“{path.name}” cannot be read as pins: {error}."
            self._state.status.report(Problem(message, "Choose a file of File > Save pins."))

    def save(self, path: Path) -> None:
        """Write the pins to a file, or report a problem in place."""
        try:
            write_text(path, encode_pins(self.all))
        except UserError as error:
            self._state.status.report(Problem.of(error))
        else:
            self._state.notices.info(f"Saved {len(self.all)} pins in {path}.")

    def finish(self) -> bool:
        """Write pending changes; return whether everything is on disk."""
        return self._writer.finish()

    def add(self, found: Iterable[KeptPin]) -> None:
        """Add pins, each of which appears once it has been scored."""
        self._waiting += [pin for pin in found if pin not in self.all]
        self._restore_next()

    @Slot()
    def _on_changed(self) -> None:
        if self._file is not None:
            write = partial(_write, self._file, self.all)
            self._writer.write_soon(self._file.name, write)

    @Slot()
    def _restore_next(self) -> None:
        """Score the next pin whose images are open, after the picture of the session."""
        state, images = self._state, self._state.images
        if self._scoring is not None or images is None or state.scored is None:
            return
        ready = [pin for pin in self._waiting if pin.recipe.data.name == images.name]
        if not ready or not state.devices or self._host.is_closed:
            return
        self._scoring = ready[0]
        self._waiting.remove(ready[0])
        environment = state.preferences.environment_for(images.name)
        job = lazily(
            "snip_gui.core.methods.scoring:score_steps", ready[0].recipe, environment, images
        )
        scoring = self._host.submit("pin", job, short=True, replaces=False, background=True)
        scoring.happened.connect(self._on_event)
        scoring.ended.connect(self._on_ended)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if not isinstance(event, ScoringDone) or self._scoring is None:
            return
        pin, self._scoring = self._scoring, None
        if 1 <= pin.num_kept <= event.scored.layout.num_parameters:
            try:
                self._pins.add(Mask(event.scored, pin.num_kept), pin.name)
            except UserError as error:
                self._state.status.report(Problem.of(error))

    @Slot(object)
    def _on_ended(self, _ended: JobEnded) -> None:
        if self._scoring is not None:
            self._unusable.append(self._scoring)
            self._scoring = None
        self._restore_next()


def encode_pins(pins: Iterable[KeptPin]) -> str:
    """Return pins as indented JSON that ends in a newline."""
    rows = [
        {"name": pin.name, "num_kept": pin.num_kept, "recipe": msgspec.to_builtins(pin.recipe)}
        for pin in pins
    ]
    text = msgspec.json.encode({"format": _FORMAT, "pins": rows})
    return msgspec.json.format(text).decode() + "\n"


def decode_pins(data: bytes) -> tuple[KeptPin, ...]:
    """Return the pins in a file.

    Raises
    ------
    UserError
        If a recipe is not valid, or of a newer version.
    ValueError
        If the data is anything else.
    """
    raw = msgspec.json.decode(data, type=dict[str, Any])
    if raw.get("format") != _FORMAT or not isinstance(raw.get("pins"), list):
        raise ValueError("it does not hold pins of this version")
    return tuple(map(_decode_pin, raw["pins"]))


def _decode_pin(row: object) -> KeptPin:
    if not isinstance(row, dict):
        raise ValueError("a pin is not an object")
    name, num_kept = row.get("name", ""), row.get("num_kept")
    if not isinstance(name, str) or not isinstance(num_kept, int) or num_kept < 1:
        raise ValueError("a pin has no name or number of connections")
    recipe = from_builtins(row.get("recipe"))
    refuse_unknown(recipe)
    return KeptPin(recipe, num_kept, name)


def _write(file: Path, pins: tuple[KeptPin, ...]) -> None:
    write_text(file, encode_pins(pins))
