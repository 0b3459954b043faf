"""What trained networks see in an image that is drawn, selected, dropped or pasted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.minibatch.hand_drawn import to_digit
from snip_gui.core.data.minibatch.own_images import PicturesFitted
from snip_gui.core.execution.answers import Answered, RunSource, ScoredSource
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.runs.companions import make_companions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from snip_gui.core.base.events import Event
    from snip_gui.core.execution.answers import Answer, LoadedNetwork
    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import JobEnded
    from snip_gui.session.runs.run_list import Runs
    from snip_gui.session.state.session_state import SessionState

NO_NETWORK = (
    "Nothing has been trained on this data set yet.\n\nPress Train (F6), or open a checkpoint "
    "(Ctrl+Shift+O): then the network answers here."
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A network that can be asked: a run, or without a folder the opened checkpoint."""

    title: str
    folder: Path | None = None


class Recognition(QObject):
    """Asks the pruned network and its dense companion, in the background; the latest image wins.

    Signals
    -------
    subjects_changed
        Other networks can be asked.
    changed
        There is another image, answer or problem.
    """

    subjects_changed = Signal()
    changed = Signal()

    def __init__(
        self, state: SessionState, host: JobHost, runs: Runs, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._runs = state, host, runs
        self._chosen: Subject | None = None
        self._image_CHW: NDArray[np.uint8] | None = None
        self._answers: tuple[Answer, ...] = ()
        self._loaded: tuple[LoadedNetwork, ...] = ()
        self._sources: tuple[RunSource | ScoredSource, ...] = ()
        self._is_wanted = self._is_running = self._is_due = False
        self._awaits_picture = False
        self.image_title = self.problem = ""
        runs.changed.connect(self._on_subjects_changed)
        state.training_changed.connect(self._on_training_changed)
        state.images_changed.connect(self._on_images_changed)
        state.scored_changed.connect(self._on_subjects_changed)
        state.sparsity_settled.connect(self._ask)

    def want(self, *, wanted: bool) -> None:
        """Set whether a view shows the answers; otherwise no network is asked."""
        self._is_wanted = wanted
        self._ask()

    # The networks

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The networks that can be asked: an opened checkpoint, then trained runs, newest first."""
        scored = self._state.scored
        found = []
        if scored is not None and scored.recipe.model.weights and not self._state.is_stale:
            found.append(Subject("opened checkpoint"))
        entries = sorted(self._trained(), key=lambda entry: entry.created, reverse=True)
        return (*found, *(Subject(entry.name, entry.folder) for entry in entries))

    @property
    def subject(self) -> Subject | None:
        """The chosen network, by default that of the last training; None if there is none."""
        subjects = self.subjects
        if self._chosen in subjects:
            return self._chosen
        last = self._trained_last()
        usual = (one for one in subjects if last is not None and one.folder == last)
        return next(usual, subjects[0] if subjects else None)

    def choose(self, subject: Subject) -> None:
        """Choose one of the networks that can be asked."""
        self._chosen = subject
        self._ask()

    def _trained(self) -> list[RunEntry]:
        """Return the trained runs of the current data set."""
        name = self._state.recipe.data.name
        return [
            entry
            for entry in self._runs.entries
            if entry.recipe is not None and entry.recipe.data.name == name and entry.epochs_done > 0
        ]

    def _trained_last(self) -> Path | None:
        training = self._state.training
        return None if training is None else training.folder

    def _find_sources(self) -> tuple[RunSource | ScoredSource, ...]:
        """Return the chosen network, and its dense companion if there is one."""
        subject, scored = self.subject, self._state.scored
        if subject is None:
            return ()
        if subject.folder is None:
            assert scored is not None
            total, num_kept = scored.layout.num_parameters, self._state.num_kept
            pruned = ScoredSource(_removed(1 - num_kept / total), scored, num_kept)
            dense = ScoredSource("Not pruned", scored, total)
            return (pruned, dense) if num_kept < total else (dense,)
        trained = self._trained()
        entry = next(entry for entry in trained if entry.folder == subject.folder)
        assert entry.recipe is not None
        sources = [RunSource(_title(entry), entry.folder)]
        for companion in make_companions(entry.recipe, dense=True, random=False):
            others = [other for other in trained if other.recipe == companion.recipe]
            sources += [RunSource(_title(other), other.folder) for other in others[:1]]
        return tuple(sources)

    # The image

    @property
    def image_CHW(self) -> NDArray[np.uint8] | None:
        """The image in the form of the data set; None if there is none."""
        return self._image_CHW

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers to the image, the pruned network first; empty while they are computed."""
        return self._answers

    def show_drawing(self, ink_HW: NDArray[np.uint8]) -> None:
        """Ask about a drawing, bright ink on black; nothing if it is empty."""
        images = self._state.images
        if images is not None:
            image_CHW = to_digit(ink_HW, images.image_shape, images.name)
            self._show(image_CHW if image_CHW.any() else None, "your drawing")

    def show_index(self, index: int) -> None:
        """Ask about an image of the data set or the minibatch."""
        images, source = self._state.images, self._state.minibatch.source
        if images is not None and source is not None:
            name = images.classes[int(source.labels[index])]
            self._show(source.read([index])[0], f"image {index:,}, class {name}")

    def bring(self, pictures: Sequence[Path | bytes]) -> None:
        """Ask about the first of some files, or contents of files, once it is read."""
        images = self._state.images
        if images is not None and pictures:
            job = lazily(
                "snip_gui.core.data.minibatch.own_pictures:fit_pictures",
                tuple(pictures[:1]),
                images,
            )
            fitting = self._host.submit("fit-one", job, lane="io", short=True, background=True)
            fitting.happened.connect(self._on_fitted)
            self._awaits_picture = True

    @Slot(object)
    def _on_fitted(self, event: Event) -> None:
        if isinstance(event, PicturesFitted) and self._awaits_picture:
            (fitted,) = event.pictures
            if fitted.problem:
                self._show(None, "", f"{fitted.name}: {fitted.problem}")
            else:
                pixels = 255 - fitted.image_CHW if fitted.is_negative else fitted.image_CHW
                self._show(pixels, fitted.name)

    def _show(self, image_CHW: NDArray[np.uint8] | None, title: str, problem: str = "") -> None:
        self._image_CHW, self.image_title, self.problem = image_CHW, title, problem
        self._answers, self._awaits_picture = (), False
        self._ask()

    # Asking

    @Slot()
    def _ask(self) -> None:
        """Ask about the latest image; while networks answer, once they have."""
        images, image_CHW = self._state.images, self._image_CHW
        self._is_due = self._is_running
        if self._is_running or self._host.is_closed or not self._is_wanted:
            return
        if image_CHW is None or images is None or image_CHW.shape != images.image_shape:
            self._answers = ()
        elif sources := self._find_sources():
            self._sources, self._is_running = sources, True
            environment = self._state.preferences.environment_for(images.name)
            job = lazily(
                "snip_gui.core.execution.answers:answer_steps",
                sources,
                image_CHW,
                environment,
                images,
                self._loaded,
            )
            asking = self._host.submit("answers", job, short=True, background=True)
            asking.happened.connect(self._on_event)
            asking.ended.connect(self._on_ended)
        self.changed.emit()

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, Answered):
            self._loaded = event.loaded
            if event.image_CHW is self._image_CHW and self._sources == self._find_sources():
                self._answers, self.problem = event.answers, ""
                self.changed.emit()

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        self._is_running = False
        if ended.outcome in ("failed", "crashed"):
            self._answers, self.problem = (), f"{ended.message} {ended.hint}".strip()
            self.changed.emit()
        if self._is_due:
            self._ask()

    @Slot()
    def _on_subjects_changed(self) -> None:
        self.subjects_changed.emit()
        self._ask()

    @Slot()
    def _on_training_changed(self) -> None:
        training = self._state.training
        if training is not None and not training.is_active:
            self._chosen = None
            self._on_subjects_changed()

    @Slot()
    def _on_images_changed(self) -> None:
        """Forget the image and the networks of another data set."""
        images = self._state.images
        if images is None or self._image_CHW is None or self._image_CHW.shape != images.image_shape:
            self._image_CHW, self._answers, self._loaded = None, (), ()
        self._on_subjects_changed()


def _title(entry: RunEntry) -> str:
    """Return what is said of a run: how much is removed, and its test error."""
    text = _removed(entry.sparsity) if entry.sparsity else "Dense network"
    return text if entry.test_error is None else f"{text}, test error {entry.test_error:.2%}"


def _removed(sparsity: float) -> str:
    return f"{sparsity_text(sparsity)} removed"
