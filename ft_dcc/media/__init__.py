"""Films and thumbnails for a review, made by ffmpeg."""

from ft_dcc.media.encode import encode, transcode
from ft_dcc.media.facts import FilmFacts, Media
from ft_dcc.media.probe import probe
from ft_dcc.media.thumbnail import thumbnail

__all__ = ["FilmFacts", "Media", "encode", "probe", "thumbnail", "transcode"]
