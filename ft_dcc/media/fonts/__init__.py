"""The bundled font, and the choice of other fonts for texts in other writing systems."""
