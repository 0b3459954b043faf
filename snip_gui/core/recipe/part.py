"""What all parts of a recipe have in common."""

from __future__ import annotations

import msgspec


class RecipePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen part of a recipe that is strict about its JSON."""
