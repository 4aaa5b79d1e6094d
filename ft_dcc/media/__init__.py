"""Films and thumbnails for a review, made by ffmpeg."""

from ft_dcc.media.burnin import Burnin
from ft_dcc.media.display import Colour, picture_size
from ft_dcc.media.encode import encode, transcode
from ft_dcc.media.facts import FilmFacts, Media
from ft_dcc.media.presets import Output
from ft_dcc.media.probe import probe
from ft_dcc.media.sheet import contact_sheet, contact_sheet_of_film
from ft_dcc.media.sound import Sound
from ft_dcc.media.streaming import Encoding, begin_encoding
from ft_dcc.media.thumbnail import still, thumbnail

__all__ = [
    "Burnin",
    "Colour",
    "Encoding",
    "FilmFacts",
    "Media",
    "Output",
    "Sound",
    "begin_encoding",
    "contact_sheet",
    "contact_sheet_of_film",
    "encode",
    "picture_size",
    "probe",
    "still",
    "thumbnail",
    "transcode",
]
