"""The state of a session: what is chosen, what came of it, and what is being done.

The session's own modules write it; panels read it and listen to one signal per concern.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from snip_gui.core.data.sets.catalogue import DATASETS
from snip_gui.core.graph.layout import num_kept_at
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.session.state.minibatch_state import MinibatchState, resolve_minibatch
from snip_gui.session.state.network_state import NetworkState
from snip_gui.session.state.notices import Notices
from snip_gui.session.state.paths import Paths
from snip_gui.session.state.selection import Selection, fitted, same_shape
from snip_gui.session.state.status import Status

if TYPE_CHECKING:
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.data.minibatch.curation import Split
    from snip_gui.core.data.sets.listing import Listing
    from snip_gui.core.pruning.layer_table import LayerRow
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.training.metrics import MetricPoint
    from snip_gui.session.state.preferences import Preferences
    from snip_gui.session.state.values import Problem, TrainingState

# Views other than the one under the pointer follow a slider after this pause.
_SETTLE_MS = 12


class SessionState(QObject):
    """What panels read. Setters are for the modules of the session alone.

    Attributes
    ----------
    notices
        The log.
    status
        What the program is doing, and what the user should mend.
    network
        What is known of the chosen network.
    paths
        What the mask leaves connected.
    """

    recipe_changed = Signal()
    sparsity_changed = Signal()  # at once, for the picture under the pointer and the counts
    sparsity_settled = Signal()  # a moment later, for everything else
    images_changed = Signal()
    minibatch_changed = Signal()
    scored_changed = Signal()
    training_changed = Signal()
    points_added = Signal(object)  # tuple[MetricPoint, ...]
    devices_changed = Signal()
    preferences_changed = Signal()
    selection_changed = Signal()

    def __init__(
        self, recipe: Recipe, preferences: Preferences, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.notices = Notices(self)
        self.status = Status(self.notices, self)
        self.network = NetworkState(recipe.model, self)
        self.paths = Paths(lambda: (self._scored, self.num_kept), self)
        self._recipe = recipe
        self._keys = stage_keys(recipe)
        self._preferences = preferences
        self._images: ImageSet | None = None
        self._listing: Listing | None = None
        self._images_problem: Problem | None = None
        self._split: Split | None = None
        self._minibatch = resolve_minibatch(None, recipe, ())[1]
        self._scored: Scored | None = None
        self._selection = Selection()
        self._training: TrainingState | None = None
        self._devices: tuple[tuple[str, str], ...] = ()
        self._versions: tuple[tuple[str, str], ...] = ()
        self._settle = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._settle.timeout.connect(self._on_settled)

    @Slot()
    def _on_settled(self) -> None:
        self.sparsity_settled.emit()

    # What is chosen

    @property
    def recipe(self) -> Recipe:
        """The recipe as it stands."""
        return self._recipe

    def set_recipe(self, recipe: Recipe) -> None:
        """Replace the recipe and tell exactly what changed."""
        before, self._recipe = self._recipe, recipe
        if recipe == before:
            return
        sparsity_only = recipe == _with_sparsity(before, recipe.pruning.sparsity)
        if not sparsity_only:
            self.network.set_choice(recipe.model)
            self._keys = stage_keys(recipe)
            if (recipe.seed, recipe.data, recipe.minibatch) != (
                before.seed,
                before.data,
                before.minibatch,
            ):
                self._resolve_minibatch()
        self.recipe_changed.emit()
        if recipe.pruning.sparsity != before.pruning.sparsity:
            self.sparsity_changed.emit()
            self._settle.start()

    @property
    def score_key(self) -> str:
        """Digest of all that the recipe's scores depend on."""
        return self._keys[Stage.SCORE]

    @property
    def preferences(self) -> Preferences:
        """Preferences of this machine."""
        return self._preferences

    def set_preferences(self, preferences: Preferences) -> None:
        """Replace the preferences."""
        if preferences != self._preferences:
            self._preferences = preferences
            self.preferences_changed.emit()

    # Images

    @property
    def images(self) -> ImageSet | None:
        """The recipe's data set; None until it can be used."""
        if self._images is not None and self._images.name == self._recipe.data.name:
            return self._images
        return None

    def set_images(self, images: ImageSet) -> None:
        """Replace the data set at hand."""
        self._images, self._listing, self._images_problem = images, None, None
        self._resolve_minibatch()
        self.images_changed.emit()

    @property
    def images_problem(self) -> Problem | None:
        """Why the recipe's data set cannot be had; None while it can or is being read."""
        return self._images_problem

    def set_images_missing(self, problem: Problem | None = None) -> None:
        """Say that the recipe's data set cannot be used, yet or because of a problem."""
        self._images = self._listing = None
        self._images_problem = problem
        self._resolve_minibatch()
        self.images_changed.emit()

    @property
    def listing(self) -> Listing | None:
        """The files of a data set that is being read; None before and after."""
        return self._listing if self.images is None else None

    def set_listing(self, listing: Listing) -> None:
        """Say which files are being read."""
        self._listing = listing
        self.images_changed.emit()

    @property
    def split(self) -> Split | None:
        """Training and validation indices; None until the images are there."""
        return self._split if self.images is not None else None

    @property
    def minibatch(self) -> MinibatchState:
        """The images to score."""
        return self._minibatch

    def _resolve_minibatch(self) -> None:
        """Work out which images the recipe means."""
        folders = self._preferences.environment.image_folders
        self._split, self._minibatch = resolve_minibatch(self.images, self._recipe, folders)
        self.minibatch_changed.emit()

    # Scores

    @property
    def scored(self) -> Scored | None:
        """The last scores, stale or not."""
        return self._scored

    def set_scored(self, scored: Scored) -> None:
        """Replace the scores."""
        before = self._selection
        if self._scored is not None and not same_shape(before, self._scored.layout, scored.layout):
            self._selection = before.clear_selection()  # a unit of another network is another unit
        self._scored = scored
        self._selection = fitted(self._selection, scored.layout)
        self.scored_changed.emit()
        if self._selection != before:
            self.selection_changed.emit()
        self._settle.start()

    @property
    def is_stale(self) -> bool:
        """Whether the scores shown are those of an older recipe or of other images."""
        return self._scored is not None and not self.is_current(self._scored)

    def is_current(self, scored: Scored) -> bool:
        """Whether scores belong to the recipe and the images as they are."""
        images = self.images
        same_images = images is None or images.digest == scored.images_digest
        return scored.key == self.score_key and same_images

    @property
    def num_parameters(self) -> int:
        """Prunable parameters of what is shown, else of the network as far as it is known."""
        if self._scored is not None:
            return self._scored.layout.num_parameters
        return self.network.info.num_parameters

    @property
    def num_kept(self) -> int:
        """Connections kept at the recipe's sparsity: the nearest number that a mask can keep."""
        sparsity = self._recipe.pruning.sparsity
        if self._scored is not None:
            return self._scored.num_kept_at(sparsity)
        return num_kept_at(sparsity, self.num_parameters)

    @property
    def mask_note(self) -> str:
        """What has to be said of the mask that is shown; mostly nothing."""
        return self._scored.mask_note(self._recipe.pruning.sparsity) if self._scored else ""

    def layer_rows(self) -> tuple[LayerRow, ...]:
        """Return what is kept of each layer; nothing until something was scored."""
        return self._scored.layer_rows(self.num_kept) if self._scored else ()

    # What is selected of the network

    @property
    def selection(self) -> Selection:
        """What is selected; a layer as soon as something was scored."""
        return self._selection

    def set_selection(self, selection: Selection) -> None:
        """Select what there is of a selection in the network that is shown."""
        if self._scored is not None:
            selection = fitted(selection, self._scored.layout)
        if selection != self._selection:
            self._selection = selection
            self.selection_changed.emit()

    # Training

    @property
    def training(self) -> TrainingState | None:
        """The training at hand; None before the first."""
        return self._training

    def set_training(self, training: TrainingState | None) -> None:
        """Replace the training."""
        self._training = training
        self.training_changed.emit()

    def add_points(self, points: tuple[MetricPoint, ...]) -> None:
        """Add measured points to the training."""
        assert self._training is not None
        self._training.points.extend(points)
        self._training = dataclasses.replace(self._training, step=points[-1].step)
        self.points_added.emit(points)

    # What torch has found

    @property
    def devices(self) -> tuple[tuple[str, str], ...]:
        """Names and titles of devices; empty until torch has loaded."""
        return self._devices

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        """Versions at work; empty until torch has loaded, or failed to."""
        return self._versions

    def set_devices(
        self, devices: tuple[tuple[str, str], ...], versions: tuple[tuple[str, str], ...]
    ) -> None:
        """Say that torch has loaded, or, without any device, that it failed to."""
        self._devices, self._versions = devices, versions
        self.devices_changed.emit()

    # What can be done now

    @property
    def can_score(self) -> bool:
        """Whether there is something to score and torch to do it."""
        return (
            self.images is not None and len(self._minibatch.indices_K) > 0 and bool(self._devices)
        )

    @property
    def can_train(self) -> bool:
        """Whether a training can begin."""
        return self.can_score and not (self._training is not None and self._training.is_active)

    @property
    def dataset_title(self) -> str:
        """Title of the chosen data set."""
        return DATASETS[self._recipe.data.name].title


def _with_sparsity(recipe: Recipe, sparsity: float) -> Recipe:
    """Return the recipe at another sparsity, without checking it."""
    pruning = msgspec.structs.replace(recipe.pruning, sparsity=sparsity)
    return msgspec.structs.replace(recipe, pruning=pruning)
