"""The checks that ``ft-dcc accept maya`` runs inside of Maya."""

from __future__ import annotations

from .under_test import start as start
