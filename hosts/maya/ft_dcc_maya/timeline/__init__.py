"""What the timeline of the open scene says: frame ranges, sounds, and the shots of the Camera Sequencer."""
