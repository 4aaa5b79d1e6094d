"""The media of components: uploads, downloads, thumbnails, and the files behind them.

Knows nothing of entities beyond the ids of components, nor of how operations are answered.
"""
