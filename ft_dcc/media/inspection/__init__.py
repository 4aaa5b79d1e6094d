"""Read what movies and images contain: size, rate, length, channels and damage. Nothing is encoded here."""
