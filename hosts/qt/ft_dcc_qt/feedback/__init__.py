"""The pages and panels with tasks and the notes of reviewers."""
