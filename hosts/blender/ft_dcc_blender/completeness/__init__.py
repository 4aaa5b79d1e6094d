"""What a captured scene needs, and what of it is missing."""

from __future__ import annotations
