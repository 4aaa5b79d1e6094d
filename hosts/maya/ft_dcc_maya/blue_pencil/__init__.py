"""Drawings of reviewers as frames of Blue Pencil, Maya's own tool for drawings, which the artist edits and keeps."""
