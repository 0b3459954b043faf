"""Scored states that were pinned to be compared, and the two that are being compared."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.text import size_text
from snip_gui.core.comparing.comparison import Mask
from snip_gui.core.comparing.state_names import class_words, name_states, state_parts
from snip_gui.core.data.minibatch.own_images import minibatch_labels
from snip_gui.core.recipe.recipe import Draw, class_text
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.session.state.session_state import SessionState

ON_SCREEN = 0
"""Stands for what is on screen wherever a pin's number can stand; it follows the slider."""

MOST_BYTES = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Pin:
    """One pinned state; it keeps its number kept.

    Attributes
    ----------
    number
        Its own for as long as the session lasts.
    parts
        What can be said of it; see `snip_gui.core.comparing.state_names.state_parts`.
    is_named
        Whether a person or a question gave it its name.
    """

    number: int
    mask: Mask
    parts: dict[str, str]
    name: str = ""
    is_named: bool = False

    @property
    def sparsity(self) -> float:
        """Fraction removed."""
        return 1 - self.mask.num_kept / self.mask.layout.num_parameters


class Pins(QObject):
    """The pins, in the order in which they were made."""

    changed = Signal()  # pins came, went or have other names
    choice_changed = Signal()  # what A or B is

    def __init__(self, state: SessionState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._numbers = itertools.count(ON_SCREEN + 1)
        self._pins: dict[int, Pin] = {}
        self._choice = (ON_SCREEN, ON_SCREEN)

    # What is pinned

    @property
    def pins(self) -> tuple[Pin, ...]:
        """All pins."""
        return tuple(self._pins.values())

    @property
    def num_bytes(self) -> int:
        """Memory that the pinned states take; a network pinned at two sparsities counts once."""
        masks = [pin.mask for pin in self._pins.values()]
        scored = {id(mask.scored): mask.scored for mask in masks}
        return sum(s.num_bytes for s in scored.values()) + sum(m.num_bytes for m in masks)

    def pin_screen(self) -> Pin | None:
        """Pin what is on screen; say it in place if there is no room, and return None."""
        mask = self.get_mask(ON_SCREEN)
        if mask is None:
            return None
        try:
            pin = self.add(mask)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return None
        if self._choice == (ON_SCREEN, ON_SCREEN):
            # A later pin is what is on screen anyway: an earlier one says more beside it.
            self.choose(pin.number, ON_SCREEN)
        return pin

    def add(self, mask: Mask, name: str = "") -> Pin:
        """Pin a mask; one that is pinned already is only named.

        Raises
        ------
        UserError
            If the pins would take more memory than they may.
        """
        for pin in self._pins.values():
            if (pin.mask.scored, pin.mask.num_kept) == (mask.scored, mask.num_kept):
                if name and not pin.is_named:
                    self.rename(pin.number, name)
                return self._pins[pin.number]
        self._refuse_too_much(mask)
        pin = Pin(next(self._numbers), mask, self._parts_of(mask), name, bool(name))
        self._pins[pin.number] = pin
        self._name_all()
        self.changed.emit()
        return self._pins[pin.number]

    def remove(self, number: int) -> None:
        """Let a pin go; where it was compared, what is on screen takes its place."""
        if self._pins.pop(number, None) is None:
            return
        self._name_all()
        # Before anything is told: who listens looks the chosen ones up.
        before = self._choice
        a, b = (ON_SCREEN if chosen == number else chosen for chosen in before)
        self._choice = (a, b)
        self.changed.emit()
        if self._choice != before:
            self.choice_changed.emit()

    def rename(self, number: int, name: str) -> None:
        """Give a pin a name; without one it is named by what tells it apart."""
        name = name.strip()
        self._pins[number] = replace(self._pins[number], name=name, is_named=bool(name))
        self._name_all()
        self.changed.emit()

    # What is compared

    @property
    def choice(self) -> tuple[int, int]:
        """Numbers of A and B."""
        return self._choice

    def choose(self, a: int, b: int) -> None:
        """Compare two pins, or a pin with what is on screen."""
        if (a, b) != self._choice:
            self._choice = (a, b)
            self.choice_changed.emit()

    def get_mask(self, number: int) -> Mask | None:
        """Return the mask of a pin or of what is on screen; None while nothing is scored."""
        if number != ON_SCREEN:
            return self._pins[number].mask
        scored = self._state.scored
        return None if scored is None else Mask(scored, self._state.num_kept)

    def pin_name(self, number: int) -> str:
        """Return what a pin is called."""
        return "Current mask" if number == ON_SCREEN else self._pins[number].name

    # Names and bounds

    def _name_all(self) -> None:
        """Name the pins that nobody named by what tells them apart."""
        nameless = [pin for pin in self._pins.values() if not pin.is_named]
        names = name_states([pin.parts for pin in nameless])
        for pin, name in zip(nameless, names, strict=True):
            if pin.name != name:
                self._pins[pin.number] = replace(pin, name=name)

    def _parts_of(self, mask: Mask) -> dict[str, str]:
        scored = mask.scored
        sparsity = 1 - mask.num_kept / mask.layout.num_parameters
        classes = self._classes_of(scored)
        return state_parts(scored.recipe, sparsity, classes, len(scored.indices_K))

    def _classes_of(self, scored: Scored) -> str:
        """Return the classes of the scored images in words, as far as they are known."""
        images, minibatch = self._state.images, scored.recipe.minibatch
        if images is not None and images.digest == scored.images_digest:
            labels_K = minibatch_labels(scored.recipe, scored.indices_K, images.train_labels_N)
            return class_words(labels_K, images.classes)
        if isinstance(minibatch, Draw):
            listed = ", ".join(map(class_text, minibatch.classes))
            return f"classes {listed}" if listed else "all classes"
        return "picked images"

    def _refuse_too_much(self, mask: Mask) -> None:
        known = {id(pin.mask.scored) for pin in self._pins.values()}
        more = mask.num_bytes + (0 if id(mask.scored) in known else mask.scored.num_bytes)
        if self._pins and self.num_bytes + more > MOST_BYTES:
            raise UserError(
                f"The pins take {size_text(self.num_bytes)}; with another one they would take "
                f"more than {size_text(MOST_BYTES)} of memory.",
                "Remove a pin under Compare first.",
            )
