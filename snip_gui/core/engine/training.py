"""Training as an item of work: the run of a recipe in its folder. No torch until it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import DivergedError, UserError
from snip_gui.core.base.events import Event, Note, Progress
from snip_gui.core.base.machine.optional_packages import import_torch
from snip_gui.core.engine.images import keep_images
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.lease import look
from snip_gui.core.runs.placing import is_same_run

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.recipe.recipe import Recipe
    from snip_gui.core.training.events import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingWork:
    """The run of a recipe, to be trained to its end."""

    recipe: Recipe
    folder: Path
    environment: Environment

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    def is_done(self) -> bool:
        """Return whether the run has ended by itself."""
        try:
            state = files.get_run_state(files.read_summary(self.folder))
            is_same = is_same_run(files.read_recipe(self.folder), self.recipe)
        except UserError:
            return False
        return is_same and state in ("finished", "diverged")

    def is_held(self) -> bool:
        """Return whether another program trains it."""
        return look(self.folder).holding != "free"

    def steps(self, cancel: CancelToken, share: int) -> Generator[Event, None, RunState]:
        """Train from wherever the run is; returns its state in the end."""
        yield Progress("Loading torch")
        import_torch()
        from snip_gui.core.base.machine.devices import share_device
        from snip_gui.core.execution.complete import complete_steps

        images = None if self.is_done() else keep_images(self.recipe.data, self.environment)
        state: RunState = "stopped"
        environment = share_device(self.environment, share)
        steps = complete_steps(self.recipe, self.folder, environment, cancel, images=images)
        try:
            for event in steps:
                if isinstance(event, RunDone):
                    state = files.get_run_state(event.summary)
                yield event
        except DivergedError as error:
            yield Note(str(error))
            state = "diverged"
        return state
