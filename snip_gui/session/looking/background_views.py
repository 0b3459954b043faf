"""The views that are computed in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from snip_gui.session.looking.animator import Animator
from snip_gui.session.looking.graph_maker import GraphMaker
from snip_gui.session.looking.input_sensitivity import InputSensitivity
from snip_gui.session.looking.level_maker import LevelMaker
from snip_gui.session.looking.path_follower import PathFollower

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from snip_gui.session.jobs.host import JobHost
    from snip_gui.session.state.session_state import SessionState


class BackgroundViews(NamedTuple):
    """Animations, pictures of large layers, input sensitivity, the graph, what stays connected."""

    animator: Animator
    levels: LevelMaker
    inputs: InputSensitivity
    graphs: GraphMaker
    follower: PathFollower


def make_background_views(state: SessionState, host: JobHost, parent: QObject) -> BackgroundViews:
    """Create all of them."""
    return BackgroundViews(
        Animator(state, host, parent),
        LevelMaker(host, parent),
        InputSensitivity(state, host, parent),
        GraphMaker(host, parent),
        PathFollower(state, host, parent),
    )
