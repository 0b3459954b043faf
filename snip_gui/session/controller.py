"""Translates the user's intents into state and jobs, and the events of jobs into state.

Creates and connects the parts, each of which handles one concern. Panels call the intents of the
controller or of its parts.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QUndoStack

from snip_gui.core.base import events as ev
from snip_gui.core.base.errors import UserError
from snip_gui.core.pruning.events import ScoringDone
from snip_gui.core.recipe.json import with_value
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.recipe_files import refuse_unknown
from snip_gui.session.choosing.data_chooser import DataChooser
from snip_gui.session.choosing.device_search import DeviceSearch
from snip_gui.session.choosing.mask_editor import MaskEditor
from snip_gui.session.choosing.minibatch_editor import MinibatchEditor
from snip_gui.session.choosing.network_chooser import NetworkChooser
from snip_gui.session.choosing.pictures import Pictures
from snip_gui.session.choosing.recipe_files import RecipeFiles
from snip_gui.session.choosing.resets import without_leftovers
from snip_gui.session.comparing.grid import TileGrid
from snip_gui.session.comparing.kept_pins import KeptPins
from snip_gui.session.comparing.pins import Pins
from snip_gui.session.comparing.questions import Questions
from snip_gui.session.comparing.studies import Studies
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.looking.background_views import make_background_views
from snip_gui.session.looking.live_masks import LiveMasks
from snip_gui.session.looking.live_weights import LiveWeights
from snip_gui.session.looking.selector import Selector
from snip_gui.session.runs.background import BackgroundRuns
from snip_gui.session.runs.companions import Companions
from snip_gui.session.runs.mistake_finder import MistakeFinder
from snip_gui.session.runs.recognition import Recognition
from snip_gui.session.runs.run_list import Runs
from snip_gui.session.runs.run_queue import RunQueue
from snip_gui.session.runs.sharing import Sharing
from snip_gui.session.runs.training_start import TrainingStart
from snip_gui.session.runs.trainings import Trainings
from snip_gui.session.runs.tree.plans import Plans
from snip_gui.session.state.notices import Notice
from snip_gui.session.state.score_cache import ScoreCache
from snip_gui.session.state.undo import RecipeEdit
from snip_gui.session.state.values import Activity, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.pruning.scored import Scored
    from snip_gui.core.recipe.recipe import Minibatch, Recipe
    from snip_gui.session.choosing.importing import Importer
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job, JobEnded, JobEvent
    from snip_gui.session.kept.recents import Recents
    from snip_gui.session.runs.exporting import Exporter
    from snip_gui.session.state.preferences import Preferences
    from snip_gui.session.state.session_state import SessionState


class Controller(QObject):
    """Intents in, state out."""

    failed = Signal(object)  # Notice with details, for an unexpected exception
    exported = Signal(object)  # ExportDone
    undo_changed = Signal()  # another thing would be undone or redone
    told = Signal(str)  # a sentence to show briefly

    def __init__(
        self, state: SessionState, host: JobHost, recents: Recents, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.state = state
        self.undo_stack = QUndoStack(self)
        self._devices = DeviceSearch(state, host, self)
        self._devices.found.connect(self._score_if_wanted)
        self.minibatch = MinibatchEditor(state, host, self.edit, self)
        self.masks = MaskEditor(state, self.edit, self.score, self.known_scores, self)
        self.network = NetworkChooser(state, host, self.edit_choice, self.set_preferences, self)
        self.selector = Selector(state, self)
        self.grid = TileGrid(state, host, self.edit, self)
        self._host = host
        self.recipes = RecipeFiles(state, host, recents, self.edit, self)
        self.recipes.saved.connect(self._on_recipe_saved)
        self.pictures = Pictures(state, host, self)
        self.data = DataChooser(state, host, self.edit, self.set_preferences, self)
        self.data.listed.connect(self.pictures.forget)
        self.data.opened.connect(self._on_images_opened)
        self.live = LiveWeights(self)
        self.trainings = Trainings(state, host, self.data, self.live.watch, self)
        self.trainings.happened.connect(self.live.hear)
        self.live_masks = LiveMasks(state, self.trainings.happened, self)
        self.mistakes = MistakeFinder(state, host, self.data, self.minibatch, self)
        views = make_background_views(state, host, self)
        self.animator, self.levels, self.inputs, self.graphs, self._follower = views
        self.pins = Pins(state, self)
        self.kept_pins = KeptPins(state, host, self.pins, self)
        self.questions = Questions(state, host, self.pins, self.known_scores, self)
        self.studies = Studies(state, host, self.pins, self)
        self._scores, self._wants_score, self._deleted_last = ScoreCache(), False, False
        self._left: tuple[str, Minibatch] | None = None
        host.happened.connect(self._on_any_event)
        host.ended.connect(self._on_any_end)
        self.runs = Runs(state, host, self)
        self.runs.deleted.connect(self._on_runs_deleted)
        self.recognition = Recognition(state, host, self.runs, self)
        self.sharing = Sharing(state, host, self.save_run, self.runs.refresh, self)
        self.undo_stack.indexChanged.connect(self._on_edited)
        self.trainings.ended.connect(self.runs.refresh)
        self.queue = RunQueue(state, self.trainings, self)
        self.background = BackgroundRuns(state, host, self.runs, self.queue, self)
        self.companions = Companions(self.runs, self)
        self.plans = Plans(state, self.pins, self.kept_pins, self.runs, self.edit, self)
        self.training_start = TrainingStart(
            state, self.edit, self.train_recipe, self.queue, self.companions, self
        )

    def is_busy(self, *kinds: str) -> bool:
        """Return whether a job of one of the kinds, or any job, is unfinished."""
        return self._host.is_busy(*kinds)

    def start(self) -> None:
        """Load torch and the images, then score, so that there is a picture right away."""
        self._wants_score = True
        self._devices.start()
        self.data.load()
        self.runs.refresh()

    # Editing the recipe

    def edit(self, recipe: Recipe, text: str, merge_key: str = "") -> None:
        """Replace the recipe as a single undo step."""
        if recipe != self.state.recipe:
            self.undo_stack.push(
                RecipeEdit(text, self.state.recipe, recipe, self._apply, merge_key)
            )

    def edit_choice(self, recipe: Recipe, text: str, merge_key: str = "") -> None:
        """Replace the recipe, without what belonged to a former network or data set."""
        before, is_open = self.state.recipe, self.state.images is not None
        recipe, sentences = without_leftovers(before, recipe, None if is_open else self._left)
        if is_open:
            self._left = before.data.name, before.minibatch
        self.edit(recipe, text, merge_key)
        if sentences:
            self.state.notices.info(sentences)
            self.told.emit(sentences)

    def set_field(self, path: str, value: object) -> None:
        """Set a field of the recipe; an invalid value is reported in place."""
        try:
            recipe = with_value(self.state.recipe, path, value)
            refuse_unknown(recipe)
        except UserError as error:
            self.state.status.report(Problem.of(error))
            return
        self.edit_choice(recipe, f"Change {path}", merge_key=path)
        if path == "data.name":
            self.data.retry()

    def set_sparsity(self, sparsity: float) -> None:
        """Set the sparsity, limited such that at least one connection is kept."""
        total = self.state.num_parameters or 1 << 31  # unknown until the network has been measured
        sparsity = min(max(0.0, sparsity), 1 - 1 / total)
        pruning = msgspec.structs.replace(self.state.recipe.pruning, sparsity=sparsity)
        recipe = msgspec.structs.replace(self.state.recipe, pruning=pruning)
        self.edit(recipe, "Change sparsity", merge_key="pruning.sparsity")

    def set_num_kept(self, num_kept: int) -> None:
        """Set the sparsity that keeps exactly this number of connections."""
        if self.state.num_parameters:
            self.set_sparsity(1 - num_kept / self.state.num_parameters)

    def _apply(self, recipe: Recipe) -> None:
        """Make a recipe the current one; restore its scores and images if they are known."""
        self.state.status.set_problem(None)
        self.state.set_recipe(recipe)
        self.data.refresh()
        if self.state.images_problem is not None:
            self.state.status.set_problem(self.state.images_problem)
        self._recall_scores()

    def undo(self) -> None:
        """Undo what was done last: a deletion of runs, or an edit of the recipe."""
        if self.undoes_deletion:
            self.runs.undo_delete()
        else:
            self.undo_stack.undo()

    @property
    def undoes_deletion(self) -> bool:
        """Whether runs were deleted after the last edit of the recipe."""
        return self.runs.num_deleted > 0 and self._deleted_last

    @Slot()
    def _on_runs_deleted(self) -> None:
        self._deleted_last = True
        self.undo_changed.emit()

    @Slot()
    def _on_edited(self) -> None:
        self._deleted_last = False
        self.undo_changed.emit()

    # Environment

    def set_preferences(self, preferences: Preferences) -> None:
        """Change preferences; if the path of the images changes, they are loaded at once."""
        self.state.set_preferences(preferences)
        self.data.refresh()

    def prefer(self, **changes: object) -> None:
        """Change some preferences."""
        self.set_preferences(msgspec.structs.replace(self.state.preferences, **changes))

    # Work

    def score(self) -> None:
        """Score the minibatch."""
        images = self.state.images
        if images is None or not self.state.can_score:
            return
        if not self.state.is_preview and self._recall_scores():
            return
        self.state.status.set_problem(None)
        self._submit_score(images)

    def _submit_score(self, images: ImageSet) -> None:
        environment = self.state.preferences.environment_for(images.name)
        self._host.submit("score", self.masks.scoring_job(environment, images), short=True)

    def train(self) -> None:
        """Score, prune and train the recipe; if it was trained before, that run is resumed."""
        if self.state.can_train:
            self.train_recipe(self.state.recipe)

    def train_recipe(self, recipe: Recipe) -> None:
        """Train a recipe other than the current one."""
        self.trainings.train(recipe)

    def save_run(self) -> Job | None:
        """Save the current state as an untrained run; returns None if there is nothing to save."""
        if not self.state.can_train:
            return None
        self.state.status.set_problem(None)
        recipe = self.state.recipe
        environment = self.state.preferences.environment_for(recipe.data.name)
        job = lazily(
            "snip_gui.core.execution.run:run_new_steps",
            recipe,
            self.state.preferences.runs_path,
            environment,
            images=self.data.find_images(recipe),
            stop_after="prune",
        )
        saving = self._host.submit("save", job)
        saving.happened.connect(self._on_saved)
        saving.ended.connect(self.runs.refresh)
        return saving

    def stop(self) -> None:
        """Ask training to stop; its progress is kept."""
        self.trainings.stop()

    def cancel(self) -> None:
        """Stop everything that the user is waiting for; the progress of training is kept."""
        if self.background.is_shown:
            self.background.stop()
        self.stop()
        self._host.cancel()

    def resume(self) -> None:
        """Resume the stopped training run."""
        training = self.state.training
        if training is not None and training.can_continue and training.folder is not None:
            self.resume_run(training.folder)

    def resume_run(self, folder: Path, *, accept_edits: bool = False) -> None:
        """Resume training of any run; one at a time."""
        self.trainings.resume(folder, accept_edits=accept_edits)

    @functools.cached_property
    def exporter(self) -> Exporter:
        """Return the exporter, created on first use."""
        from snip_gui.session.runs.exporting import Exporter

        made = Exporter(self.state, self._host, self.save_run, self.data.find_images, self)
        made.exported.connect(self.exported)
        return made

    @functools.cached_property
    def importer(self) -> Importer:
        """Return the importer, created on first use."""
        from snip_gui.session.choosing.importing import Importer

        return Importer(self.state, self._host, self._take_checkpoint, self)

    def _take_checkpoint(self, recipe: Recipe, text: str) -> None:
        """Make the recipe that continues from a checkpoint the current one, and show its mask."""
        self.edit(recipe, text)
        self._wants_score = self.network.is_agreed
        self._score_if_wanted()

    # Events of jobs

    @Slot(object)
    def _on_any_event(self, item: JobEvent) -> None:
        match item.event:
            case ev.Progress() as progress:
                self._show_progress(item.kind, progress)
            case ev.Note(text):
                self.state.notices.info(text)
            case ScoringDone(scored):
                self._keep_scores(scored)

    @Slot(object)
    def _on_saved(self, event: ev.Event) -> None:
        if isinstance(event, RunDone):
            self.state.notices.info(f"Saved the run in {event.folder}.")

    @Slot(object)
    def _on_recipe_saved(self, recipe: Recipe) -> None:
        self.told.emit("Saved the recipe")
        if recipe == self.state.recipe:
            self.undo_stack.setClean()

    @Slot(object)
    def _on_any_end(self, ended: JobEnded) -> None:
        activity = self.state.status.activity
        is_over = not self._host.is_busy() or (activity is not None and activity.kind == ended.kind)
        if is_over and not self.background.is_shown:
            self.state.status.set_activity(None)
        if ended.outcome == "failed" and ended.kind != "load":
            told = Problem(ended.message, ended.hint, ended.field, proposal=ended.proposal)
            self.state.status.report(told)
        elif ended.outcome == "crashed":
            notice = Notice("failure", ended.message, details=ended.details)
            self.state.notices.add(notice)
            self.failed.emit(notice)

    def _show_progress(self, kind: str, progress: ev.Progress) -> None:
        text = self.queue.numbered(progress.text) if kind == "train" else progress.text
        self.state.status.set_activity(
            Activity(kind, text, progress.done, progress.total, progress.seconds_left)
        )

    # Scores by digest

    @Slot()
    def _on_images_opened(self) -> None:
        self._recall_scores()
        self._score_if_wanted()

    @Slot()
    def _score_if_wanted(self) -> None:
        """Score once at the start of a session, when both torch and the images are available.

        What went wrong meanwhile, such as opening a file that was double-clicked, stays in place.
        """
        images = self.state.images
        if self._wants_score and images is not None and self.state.can_score:
            self._wants_score = False
            if self.state.is_preview or not self._recall_scores():
                self._submit_score(images)

    def _keep_scores(self, scored: Scored) -> None:
        self._scores.keep(scored, self.state.preferences.environment)
        if self.state.is_current(scored) or self.state.scored is None:
            self.state.set_scored(scored)

    def known_scores(self, recipe: Recipe) -> Scored | None:
        """Return the cached scores of a recipe on the current images; None if there are none."""
        images, environment = self.state.images, self.state.preferences.environment
        key = stage_keys(recipe)[Stage.SCORE]
        return self._scores.find(key, images.digest, environment) if images else None

    def _recall_scores(self) -> bool:
        """Show the known scores of the current recipe; return whether there are any."""
        known = self.known_scores(self.state.recipe) or self.masks.edited_scores()
        if known is not None and known is not self.state.scored:
            self._keep_scores(known)
        return known is not None
