"""Export of review sessions: a document, tables, a timeline, drawings and movies."""

from __future__ import annotations
