"""The table of keep frequencies by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.ui.widgets.rows_model import Column, RowsModel

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from snip_gui.core.comparing.frequency import Frequency

_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class FrequencyRow:
    """A layer, and the numbers of its connections that 0, 1, ... masks keep."""

    layer: str
    counts: tuple[int, ...]

    def tip(self) -> str:
        """Return the counts, one per line."""
        lines = [f"{count:,} kept {times} times" for times, count in enumerate(self.counts)]
        return "\n".join([self.layer, *lines[: _MOST_LINES + 1]])


_COLUMNS: tuple[Column[FrequencyRow], ...] = (
    Column("Layer", lambda row: row.layer),
    Column("Always", lambda row: f"{row.counts[-1]:,}", is_number=True),
    Column("Sometimes", lambda row: f"{sum(row.counts[1:-1]):,}", is_number=True),
    Column("Never", lambda row: f"{row.counts[0]:,}", is_number=True),
)


class FrequencyModel(RowsModel[FrequencyRow]):
    """One row per layer."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, lambda row: row.layer, FrequencyRow.tip, parent)

    def show_frequency(self, frequency: Frequency) -> None:
        """Show keep frequencies."""
        counts = frequency.histograms
        self.show_rows(tuple(FrequencyRow(name, tuple(counts[name].tolist())) for name in counts))
