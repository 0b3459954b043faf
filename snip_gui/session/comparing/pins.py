"""Scored states pinned for comparison, and the two that are being compared."""

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
"""Number that stands for the current state, in place of a pin's; it follows the slider."""

MOST_BYTES = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Pin:
    """A pinned state, with a fixed number of kept connections.

    Attributes
    ----------
    number
        Unique within a session.
    parts
        Parts of its name; see `snip_gui.core.comparing.state_names.state_parts`.
    is_named
        Whether it was named by the user or by a question, rather than automatically.
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
    """The pins, in order of creation."""

    changed = Signal()  # pins were added, removed or renamed
    choice_changed = Signal()  # A or B is another state

    def __init__(self, state: SessionState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._numbers = itertools.count(ON_SCREEN + 1)
        self._pins: dict[int, Pin] = {}
        self._choice = (ON_SCREEN, ON_SCREEN)

    # Pins

    @property
    def pins(self) -> tuple[Pin, ...]:
        """All pins."""
        return tuple(self._pins.values())

    @property
    def num_bytes(self) -> int:
        """Memory of the pinned states in bytes; a network pinned at two sparsities counts once."""
        masks = [pin.mask for pin in self._pins.values()]
        scored = {id(mask.scored): mask.scored for mask in masks}
        return sum(s.num_bytes for s in scored.values()) + sum(m.num_bytes for m in masks)

    def pin_screen(self) -> Pin | None:
        """Pin the current state; if there is no room, report it in place and return None."""
        mask = self.get_mask(ON_SCREEN)
        if mask is None:
            return None
        try:
            pin = self.add(mask)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return None
        if self._choice == (ON_SCREEN, ON_SCREEN):
            # The newest pin equals the current state, so compare that with an earlier one.
            self.choose(pin.number, ON_SCREEN)
        return pin

    def add(self, mask: Mask, name: str = "") -> Pin:
        """Pin a mask; if it is pinned already, only name it.

        Raises
        ------
        UserError
            If the pins would exceed their memory limit.
        """
        for pin in self._pins.values():
            if (pin.mask.scored, pin.mask.num_kept) == (mask.scored, mask.num_kept):
                if name and not pin.is_named:
                    self.rename(pin.number, name)
                return self._pins[pin.number]
        self._refuse_too_much(mask)
        pin = Pin(next(self._numbers), mask, self._make_parts(mask), name, bool(name))
        self._pins[pin.number] = pin
        self._name_all()
        self.changed.emit()
        return self._pins[pin.number]

    def remove(self, number: int) -> None:
        """Remove a pin; in the comparison, the current state takes its place."""
        if self._pins.pop(number, None) is None:
            return
        self._name_all()
        # Before any signal, because listeners look up the chosen pins.
        before = self._choice
        a, b = (ON_SCREEN if chosen == number else chosen for chosen in before)
        self._choice = (a, b)
        self.changed.emit()
        if self._choice != before:
            self.choice_changed.emit()

    def rename(self, number: int, name: str) -> None:
        """Rename a pin; an empty name restores the automatic one."""
        name = name.strip()
        self._pins[number] = replace(self._pins[number], name=name, is_named=bool(name))
        self._name_all()
        self.changed.emit()

    # Comparison

    @property
    def choice(self) -> tuple[int, int]:
        """Numbers of A and B."""
        return self._choice

    def choose(self, a: int, b: int) -> None:
        """Compare two pins, or a pin with the current state."""
        if (a, b) != self._choice:
            self._choice = (a, b)
            self.choice_changed.emit()

    def get_mask(self, number: int) -> Mask | None:
        """Return the mask of a pin or of the current state; None before the first scoring."""
        if number != ON_SCREEN:
            return self._pins[number].mask
        scored = self._state.scored
        return None if scored is None else Mask(scored, self._state.num_kept)

    def pin_name(self, number: int) -> str:
        """Return the name of a pin."""
        return "Current mask" if number == ON_SCREEN else self._pins[number].name

    # Names and limits

    def _name_all(self) -> None:
        """Update the automatic names of pins, which distinguish them."""
        nameless = [pin for pin in self._pins.values() if not pin.is_named]
        names = name_states([pin.parts for pin in nameless])
        for pin, name in zip(nameless, names, strict=True):
            if pin.name != name:
                self._pins[pin.number] = replace(pin, name=name)

    def _make_parts(self, mask: Mask) -> dict[str, str]:
        scored = mask.scored
        sparsity = 1 - mask.num_kept / mask.layout.num_parameters
        classes = self._describe_classes(scored)
        return state_parts(scored.recipe, sparsity, classes, len(scored.indices_K))

    def _describe_classes(self, scored: Scored) -> str:
        """Return the classes of the scored images as text, as far as they are known."""
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
