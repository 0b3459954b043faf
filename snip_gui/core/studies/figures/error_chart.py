"""The figure of a study of errors: our means with their intervals, and published errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.studies.figures.figure import PERCENT, Chart, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snip_gui.core.studies.errors import ArmErrors, ErrorAnswer
    from snip_gui.core.studies.figures.figure import Origin


def error_chart(answer: ErrorAnswer) -> Chart:
    """Return the errors over the places of the arms, or side by side if they have none."""
    study, arms = answer.study, answer.arms
    has_places = all(one.arm.x is not None for one in arms)
    places = {
        one.label: one.arm.x if has_places and one.arm.x is not None else float(number)
        for number, one in enumerate(arms)
    }

    def place(one: ArmErrors) -> float:
        return places[one.label]

    names = dict.fromkeys(one.arm.series for one in arms)
    series = [
        _ours(name or "ours", [a for a in arms if a.arm.series == name], place, has_places)
        for name in names
    ]
    series += _published(arms, place, has_places)
    return Chart(
        study.question,
        study.x_label,
        "test error",
        tuple(series),
        x_ticks=() if has_places else tuple((places[one.label], one.label) for one in arms),
        x_form=study.x_form,
        y_form=PERCENT,
        is_x_log=study.is_x_log,
    )


def _ours(
    name: str, arms: Sequence[ArmErrors], place: Callable[[ArmErrors], float], is_joined: bool
) -> Series:
    arms = sorted(arms, key=place)
    intervals = [one.interval for one in arms]
    return Series.of(name, [place(one) for one in arms], intervals, is_joined=is_joined)


def _published(
    arms: Sequence[ArmErrors], place: Callable[[ArmErrors], float], is_joined: bool
) -> list[Series]:
    """Return a line for each source."""
    found: dict[tuple[str, Origin], list[tuple[float, float]]] = {}
    for one in arms:
        for published in one.arm.published:
            origin: Origin = "reproduced" if published.is_reproduction else "paper"
            points = found.setdefault((published.source, origin), [])
            points.append((place(one), published.error))
    return [
        Series(
            source,
            tuple(x for x, _ in sorted(points)),
            tuple(y for _, y in sorted(points)),
            origin=origin,
            is_joined=is_joined,
        )
        for (source, origin), points in found.items()
    ]
