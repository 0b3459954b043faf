"""The grid of input maps, computed column by column between other jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.tile_grid import GridColumnDone, make_spec
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.session.jobs.lazily import lazily
from snip_gui.session.state.values import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from snip_gui.core.base.events import Event
    from snip_gui.core.comparing.tile_grid import GridColumn, GridKind, GridSpec
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.jobs.job import Job, JobEnded
    from snip_gui.session.state.session_state import SessionState


class TileGrid(QObject):
    """Computes grids, one at a time.

    Parameters
    ----------
    edit
        Makes a recipe the current one, with a text for the undo menu.
    """

    changed = Signal()

    def __init__(
        self,
        state: SessionState,
        host: JobHost,
        edit: Callable[[Recipe, str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._host, self._edit = state, host, edit
        self.spec: GridSpec | None = None
        self.columns: dict[int, GridColumn] = {}
        self._job: Job | None = None

    @property
    def is_running(self) -> bool:
        """Whether columns are being computed."""
        return self._job is not None and self._job.is_open

    def start(self, kind: GridKind, sparsities: Sequence[float]) -> None:
        """Compute a grid of the current recipe; problems are reported in place."""
        images, split = self._state.images, self._state.split
        if images is None or split is None or not self._state.devices:
            return
        labels = images.train_labels_N[split.train_indices]
        try:
            self.spec = make_spec(kind, self._state.recipe, labels, images.classes, sparsities)
        except UserError as error:
            self._state.status.report(Problem.of(error))
            return
        self._state.status.set_problem(None)
        self.columns = {}
        self._next()

    def stop(self) -> None:
        """Stop after the current column; finished columns are kept."""
        if self._job is not None:
            self._job.cancel()

    def take(self, row: int, column: int) -> None:
        """Make a tile's recipe the current one."""
        if self.spec is not None:
            label = self.spec.variants[column].label
            self._edit(self.spec.tile_recipe(row, column), f"Use tile {label}")

    def export(self, path: Path) -> None:
        """Write the grid as a picture or as numbers, depending on the file extension."""
        from snip_gui.core.views.grid_files import save_grid  # imports Pillow, hence late

        if self.spec is None:
            return
        try:
            save_grid(path, self.spec, self.columns)
        except UserError as error:
            self._state.status.report(Problem.of(error))
        else:
            self._state.notices.info(f"Saved the grid to {path}.")

    def current_tile(self) -> tuple[int, int] | None:
        """Return row and column of the current recipe's tile; None if it has none."""
        if self.spec is None:
            return None
        now = stage_keys(self._state.recipe)[Stage.SCORE]
        sparsity = self._state.recipe.pruning.sparsity
        for column, variant in enumerate(self.spec.variants):
            if stage_keys(variant.recipe)[Stage.SCORE] == now and sparsity in self.spec.sparsities:
                return self.spec.sparsities.index(sparsity), column
        return None

    def _next(self) -> None:
        """Start computing the next column, if there is one."""
        spec, images = self.spec, self._state.images
        if spec is not None and images is not None and len(self.columns) < len(spec.variants):
            environment = self._state.preferences.environment_for(images.name)
            job = lazily(
                "snip_gui.core.comparing.jobs:grid_column",
                spec,
                len(self.columns),
                environment,
                images,
            )
            self._job = self._host.submit("grid", job, short=True)
            self._job.happened.connect(self._on_event)
            self._job.ended.connect(self._on_ended)
        self.changed.emit()

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, GridColumnDone):
            self.columns[event.number] = event.column

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        if ended.outcome == "done":
            self._next()
        else:
            self.changed.emit()
