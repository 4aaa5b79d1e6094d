"""The pages of signed-in users: review sessions, projects, administration."""

from __future__ import annotations
