"""The choice of network: user-supplied code, weights from a file, and the network's architecture.

Whenever network or images change, the network is measured in the compute lane. User-supplied code
is never run without consent, which is remembered by the contents of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.models.events import NetworkMeasured, NetworksListed, SeveralFound, WeightsRead
from snip_gui.core.models.own.source import OWN
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from snip_gui.core.base.events import Event
    from snip_gui.core.models.own.source import Source
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job
    from snip_gui.session.state.preferences import Preferences
    from snip_gui.session.state.session_state import SessionState


@dataclass(frozen=True, slots=True)
class _Subject:
    """Everything that a measurement depends on."""

    name: str
    file_digest: str
    symbol: str
    has_weights: bool
    input_size: int
    image_shape: tuple[int, int, int]
    num_classes: int


class NetworkChooser(QObject):
    """Chooses networks, and keeps what is known about the chosen one up to date.

    Parameters
    ----------
    edit
        Makes a recipe the current one, with a text for the undo menu.
    prefer
        Replaces the preferences.
    """

    several_found = Signal(object)  # SeveralFound: choose one, then use it
    trust_asked = Signal()  # the recipe has code that the user has not agreed to run

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        edit: Callable[[Recipe, str], None],
        prefer: Callable[[Preferences], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._edit, self._prefer = state, host, edit, prefer
        self._subject: _Subject | None = None
        self._measuring: Job | None = None
        for signal in (
            state.recipe_changed,
            state.images_changed,
            state.devices_changed,
            state.preferences_changed,
        ):
            signal.connect(self._update)

    # Intents

    def use_code(self, source: Source, symbol: str) -> None:
        """Choose a class or function in a file, which the user agrees to run."""
        path, digest = source.path, source.digest
        preferences = self._state.preferences
        if digest not in preferences.trusted_code:
            trusted = (*preferences.trusted_code, digest)
            self._prefer(msgspec.structs.replace(preferences, trusted_code=trusted))
        self._change(f"Use {symbol}", name=OWN, file=str(path), symbol=symbol, file_digest=digest)
        self._update()

    def use_weights(self, path: Path, key: str = "") -> None:
        """Start from the weights of a file, once it has been read."""
        self._state.status.set_problem(None)
        job = lazily("snip_gui.core.models.measuring:check_weights", path, key=key)
        reading = self._host.submit("weights", job, lane="io", short=True)
        reading.happened.connect(self._on_event)

    def initialise_weights(self) -> None:
        """Initialise the weights randomly instead of reading them."""
        self._change("Initialise randomly", weights="", weights_digest="", weights_key="")

    def refuse_code(self) -> None:
        """Decline to run the recipe's code, and report what that means."""
        file = Path(self._state.recipe.model.file).name
        self._state.status.report(
            Problem(
                f"The code in “{file}” was not run, so there is no network.",
                "Choose it again under Network to agree, or choose another network.",
                "model.file",
            )
        )

    def list_networks(self) -> None:
        """List torchvision's networks."""
        if not self._state.network.names:
            job = lazily("snip_gui.core.models.measuring:list_networks")
            listing = self._host.submit("networks", job, lane="io", short=True)
            listing.happened.connect(self._on_event)

    @property
    def is_agreed(self) -> bool:
        """Whether the user has agreed to run the recipe's network."""
        model = self._state.recipe.model
        return model.name != OWN or model.file_digest in self._state.preferences.trusted_code

    # Updates

    @Slot()
    def _update(self) -> None:
        """Measure the network if it has changed."""
        if self._host.is_closed:
            return
        images, model = self._state.images, self._state.recipe.model
        if images is None or not self._state.devices:
            self._forget()
            return
        subject = _Subject(
            name=model.name,
            file_digest=model.file_digest,
            symbol=model.symbol,
            has_weights=bool(model.weights),
            input_size=model.input_size,
            image_shape=images.image_shape,
            num_classes=len(images.classes),
        )
        if subject == self._subject:
            return
        self._forget()
        if not self.is_agreed:
            self.trust_asked.emit()
            return
        self._subject = subject
        environment = self._state.preferences.environment
        job = lazily(
            "snip_gui.core.models.measuring:measure_network",
            model,
            subject.image_shape,
            subject.num_classes,
            environment,
        )
        self._measuring = self._host.submit("measure", job, short=True)
        self._measuring.happened.connect(self._on_event)

    def _forget(self) -> None:
        self._subject = None
        if self._measuring is not None:
            self._measuring.drop()
        self._state.network.set_architecture(None)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        match event:
            case NetworkMeasured(architecture):
                self._state.network.set_architecture(architecture)
            case NetworksListed(names):
                self._state.network.set_names(names)
            case WeightsRead(path, digest, key, num_values):
                self._state.notices.info(f"{path} holds {num_values:,} values.")
                self._change(
                    "Read weights", weights=str(path), weights_digest=digest, weights_key=key
                )
            case SeveralFound():
                self.several_found.emit(event)

    def _change(self, text: str, **changes: object) -> None:
        """Change the network part of the recipe as a single undo step."""
        recipe = self._state.recipe
        model = msgspec.structs.replace(recipe.model, **changes)
        self._edit(msgspec.structs.replace(recipe, model=model), text)
