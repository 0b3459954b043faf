"""The state of a session: choices, results and current activities.

The modules of the session write it; panels read it and listen to one signal per concern.
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
from snip_gui.session.state.path_state import PathState
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

# Views other than the one under the pointer follow the slider after this pause.
_SETTLE_MS = 12


class SessionState(QObject):
    """The state that panels read. Setters are only for modules of the session.

    Attributes
    ----------
    notices
        The log.
    status
        Current activity and problem.
    network
        What is known about the chosen network.
    paths
        What stays connected under the mask.
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
        self.paths = PathState(lambda: (self.scored, self.num_kept), self)
        self._recipe = recipe
        self._keys = stage_keys(recipe)
        self._preferences = preferences
        self._images: ImageSet | None = None
        self._listing: Listing | None = None
        self._images_problem: Problem | None = None
        self._split: Split | None = None
        self._minibatch = resolve_minibatch(None, recipe, ())[1]
        self._scored: Scored | None = None
        self._followed: Scored | None = None
        self._selection = Selection()
        self._training: TrainingState | None = None
        self._devices: tuple[tuple[str, str], ...] = ()
        self._versions: tuple[tuple[str, str], ...] = ()
        self._settle = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._settle.timeout.connect(self._on_settled)

    @Slot()
    def _on_settled(self) -> None:
        self.sparsity_settled.emit()

    # Choices

    @property
    def recipe(self) -> Recipe:
        """The current recipe."""
        return self._recipe

    def set_recipe(self, recipe: Recipe) -> None:
        """Replace the recipe, and emit signals for exactly what changed."""
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
        """Digest of everything that the recipe's scores depend on."""
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
        """The recipe's data set; None until it is loaded."""
        if self._images is not None and self._images.name == self._recipe.data.name:
            return self._images
        return None

    def set_images(self, images: ImageSet) -> None:
        """Replace the data set."""
        self._images, self._listing, self._images_problem = images, None, None
        self._resolve_minibatch()
        self.images_changed.emit()

    @property
    def images_problem(self) -> Problem | None:
        """Why the recipe's data set is unavailable; None if it is loaded or being read."""
        return self._images_problem

    def set_images_missing(self, problem: Problem | None = None) -> None:
        """Record that the recipe's data set is not loaded yet, or has a problem."""
        self._images = self._listing = None
        self._images_problem = problem
        self._resolve_minibatch()
        self.images_changed.emit()

    @property
    def listing(self) -> Listing | None:
        """The files of the data set being read; None before and after."""
        return self._listing if self.images is None else None

    def set_listing(self, listing: Listing) -> None:
        """Replace the listing of the files being read."""
        self._listing = listing
        self.images_changed.emit()

    @property
    def split(self) -> Split | None:
        """Training and validation indices; None until the images are loaded."""
        return self._split if self.images is not None else None

    @property
    def minibatch(self) -> MinibatchState:
        """The images to score."""
        return self._minibatch

    def _resolve_minibatch(self) -> None:
        """Derive the images to score from the recipe."""
        folders = self._preferences.environment.image_folders
        self._split, self._minibatch = resolve_minibatch(self.images, self._recipe, folders)
        self.minibatch_changed.emit()

    # Scores

    @property
    def scored(self) -> Scored | None:
        """What is shown: the last scores, stale or not, or the mask of a training run."""
        return self._followed or self._scored

    @property
    def own_scored(self) -> Scored | None:
        """The last scores, also while the mask of a training run is shown."""
        return self._scored

    @property
    def is_following(self) -> bool:
        """Whether the mask of a training run is shown instead of the scored one."""
        return self._followed is not None

    def set_followed(self, followed: Scored | None) -> None:
        """Show the mask of a training run of the same network; None for the scored one."""
        if followed is not self._followed:
            self._followed = followed
            self.scored_changed.emit()
            self._settle.start()

    def set_scored(self, scored: Scored) -> None:
        """Replace the scores."""
        before = self._selection
        if self._scored is not None and not same_shape(before, self._scored.layout, scored.layout):
            self._selection = before.clear_selection()  # units of different networks are unrelated
        self._scored, self._followed = scored, None
        self._selection = fitted(self._selection, scored.layout)
        self.scored_changed.emit()
        if self._selection != before:
            self.selection_changed.emit()
        self._settle.start()

    @property
    def is_stale(self) -> bool:
        """Whether the shown scores belong to an older recipe or to other images."""
        return self._scored is not None and not self.is_current(self._scored)

    @property
    def is_preview(self) -> bool:
        """Whether the shown masks were computed for another sparsity than the current one."""
        scored = self._scored
        return scored is not None and scored.is_preview_at(self._recipe.pruning.sparsity)

    def is_current(self, scored: Scored) -> bool:
        """Return whether scores belong to the current recipe and images."""
        images = self.images
        same_images = images is None or images.digest == scored.images_digest
        return scored.key == self.score_key and same_images

    @property
    def num_parameters(self) -> int:
        """Number of prunable parameters of the shown scores, or of the network if known."""
        if self.scored is not None:
            return self.scored.layout.num_parameters
        return self.network.info.num_parameters

    @property
    def num_kept(self) -> int:
        """Number of connections kept at the recipe's sparsity: the nearest that is possible."""
        sparsity = self._recipe.pruning.sparsity
        if self.scored is not None:
            return self.scored.num_kept_at(sparsity)
        return num_kept_at(sparsity, self.num_parameters)

    @property
    def mask_note(self) -> str:
        """A caveat on the shown mask; usually empty."""
        return self.scored.mask_note(self._recipe.pruning.sparsity) if self.scored else ""

    def layer_rows(self) -> tuple[LayerRow, ...]:
        """Return the kept counts of each layer; empty before the first scoring."""
        return self.scored.layer_rows(self.num_kept) if self.scored else ()

    # Selection

    @property
    def selection(self) -> Selection:
        """The selection; at least a layer after the first scoring."""
        return self._selection

    def set_selection(self, selection: Selection) -> None:
        """Select the part of a selection that the shown network has."""
        if self._scored is not None:
            selection = fitted(selection, self._scored.layout)
        if selection != self._selection:
            self._selection = selection
            self.selection_changed.emit()

    # Training

    @property
    def training(self) -> TrainingState | None:
        """The current training run; None before the first."""
        return self._training

    def set_training(self, training: TrainingState | None) -> None:
        """Replace the training run."""
        self._training = training
        self.training_changed.emit()

    def add_points(self, points: tuple[MetricPoint, ...]) -> None:
        """Add metric points to the training run."""
        assert self._training is not None
        self._training.points.extend(points)
        self._training = dataclasses.replace(self._training, step=points[-1].step)
        self.points_added.emit(points)

    # Devices

    @property
    def devices(self) -> tuple[tuple[str, str], ...]:
        """Names and titles of devices; empty until torch has loaded."""
        return self._devices

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        """Versions of packages; empty until torch has loaded or failed to."""
        return self._versions

    def set_devices(
        self, devices: tuple[tuple[str, str], ...], versions: tuple[tuple[str, str], ...]
    ) -> None:
        """Record that torch has loaded, or, if there is no device, that it failed to."""
        self._devices, self._versions = devices, versions
        self.devices_changed.emit()

    # Possible actions

    @property
    def can_score(self) -> bool:
        """Whether there are images to score and torch has loaded."""
        return (
            self.images is not None and len(self._minibatch.indices_K) > 0 and bool(self._devices)
        )

    @property
    def can_train(self) -> bool:
        """Whether training can start."""
        return self.can_score and not (self._training is not None and self._training.is_active)

    @property
    def dataset_title(self) -> str:
        """Title of the chosen data set."""
        return DATASETS[self._recipe.data.name].title


def _with_sparsity(recipe: Recipe, sparsity: float) -> Recipe:
    """Return the recipe at another sparsity, without validation."""
    pruning = msgspec.structs.replace(recipe.pruning, sparsity=sparsity)
    return msgspec.structs.replace(recipe, pruning=pruning)
