"""The suite's own pyblish plugins; they know slots, and nothing of the runner or of each other's attributes."""
