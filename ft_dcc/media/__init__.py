"""Encode movies, stills and thumbnails with ffmpeg, and read movies and images.

It knows files, frames and settings, and nothing of a publish, a host or a server. Other packages import its names and
modules from here, never ``ft_dcc.media.encode`` by its path: a thread that does so while another one imports this
package could give it an unfinished module.
"""

from ft_dcc.media.burnin import Burnin
from ft_dcc.media.encode import LiveEncode, encode, start_live_encode, transcode, variable_rate
from ft_dcc.media.images import movie_images, still, thumbnail
from ft_dcc.media.inspection.media_info import EncodedFile, MovieInfo
from ft_dcc.media.inspection.probe import probe, resampled
from ft_dcc.media.ocio import ColourOptions, image_size
from ft_dcc.media.presets import Output
from ft_dcc.media.slate import SlateImages
from ft_dcc.media.sound import Sound

__all__ = [
    "Burnin",
    "ColourOptions",
    "EncodedFile",
    "LiveEncode",
    "MovieInfo",
    "Output",
    "SlateImages",
    "Sound",
    "encode",
    "image_size",
    "movie_images",
    "probe",
    "resampled",
    "start_live_encode",
    "still",
    "thumbnail",
    "transcode",
    "variable_rate",
]
