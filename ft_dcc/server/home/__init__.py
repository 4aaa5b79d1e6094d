"""The pages of signed-in users: review sessions, projects, administration."""
