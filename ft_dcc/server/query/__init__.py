"""The query language: an expression becomes bound SQL, and rows become entities."""
