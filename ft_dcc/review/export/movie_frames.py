"""The frames of the movies of versions with the drawings of notes on them; each movie is decoded once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
from PIL import Image

from ft_dcc.files.atomic import make_temporary_folder
from ft_dcc.review.drawings import Drawing
from ft_dcc.review.export import document, raster
from ft_dcc.review.notes import Note, ReviewedVersion
from ft_dcc.system import child_process

_MAX_WIDTH = 1280
_DEFAULT_SIZE = (1280, 720)
# The command line of Windows has 32,767 characters.
_MAX_FRAMES_PER_RUN = 1_000


@attrs.define
class MovieFrames:
    """Reads frames by the command ``ffmpeg`` into files of a folder; ``media`` has the paths of components."""

    ffmpeg: Sequence[str]
    media: Mapping[str, Path]
    folder: Path
    # By the id of a version, the files of the decoded frames by their indices.
    _files: dict[str, dict[int, Path]] = attrs.field(factory=dict)

    def images_of(self, version: ReviewedVersion, note: Note | None) -> document.Images:
        """Return the frame of the note with its image; of a range the first and the last frame, as far as they exist.

        The drawing is on the frames that it belongs to. Without a note, the first frame of the version is returned.
        """
        if version.id not in self._files:
            notes = [None, *(each for root in version.notes for _, each in root.thread())]
            self._decode(version, [frame for each in notes for frame in _frames_of(version, each)])
        images = ((frame, self._drawn(version, note, frame)) for frame in _frames_of(version, note))
        return [(frame, image) for frame, image in images if image is not None]

    def note_image(self, version: ReviewedVersion, note: Note) -> Image.Image | None:
        """Return the frame of a note with its drawing, or None without media."""
        self._decode(version, [note.frame], "png")
        return self._drawn(version, note, note.frame)

    def size_of(self, version: ReviewedVersion, drawing: Drawing) -> tuple[int, int]:
        """Return the size of the image of a drawing, which is that of a frame."""
        if version.id not in self._files:
            self._decode(version, [None])
        image = self._read(version, None)
        return _DEFAULT_SIZE if image is None else image.size

    def _drawn(self, version: ReviewedVersion, note: Note | None, frame: int | None) -> Image.Image | None:
        image, drawing = self._read(version, frame), None if note is None else note.drawing
        if note is None or image is None or drawing is None:
            return image
        is_drawn = frame == note.frame or (drawing.end_frame is not None and (frame or 0) <= drawing.end_frame)
        if not is_drawn or not drawing.shapes:
            return image
        layer, image = raster.paint(drawing.shapes, image.size), image.convert("RGB")
        image.paste(layer, (0, 0), layer)
        return image

    def _read(self, version: ReviewedVersion, frame: int | None) -> Image.Image | None:
        path = self._files[version.id].get(_index(version, frame))
        try:
            # It is not decoded: a document takes the file as it is.
            return None if path is None else Image.open(path)
        except OSError:
            return None  # The document has the note without an image.

    def _decode(self, version: ReviewedVersion, frames: Iterable[int | None], suffix: str = "jpg") -> None:
        """Write frames of a movie into files, in one run; a file that ffmpeg cannot read has none."""
        files = self._files[version.id] = {}
        source = None if version.media_id is None else self.media.get(version.media_id)
        if source is None:
            return
        indices = sorted({_index(version, frame) for frame in frames})
        for start in range(0, len(indices), _MAX_FRAMES_PER_RUN):
            files.update(self._run(source, indices[start : start + _MAX_FRAMES_PER_RUN], suffix))

    def _run(self, source: Path, indices: Sequence[int], suffix: str) -> dict[int, Path]:
        folder = make_temporary_folder(parent=self.folder)
        chosen = "+".join(f"eq(n\\,{index})" for index in indices)
        filters = f"select={chosen},scale='min({_MAX_WIDTH},iw)':-2"
        # No frame after the last one is decoded.
        output = ["-vf", filters, "-fps_mode", "passthrough", "-frames:v", str(len(indices)), "-q:v", "2"]
        command = [*self.ffmpeg, "-i", f"file:{source}", *output, f"file:{folder / f'%d.{suffix}'}"]
        child_process.run(command, capture_output=True)
        made = ((index, folder / f"{number}.{suffix}") for number, index in enumerate(indices, 1))
        return {index: path for index, path in made if path.is_file()}


def _index(version: ReviewedVersion, frame: int | None) -> int:
    clip = version.clip
    if frame is None or clip is None or version.is_still:
        return 0
    return min(max(frame - clip.first_frame, 0), clip.frame_count - 1)


def _frames_of(version: ReviewedVersion, note: Note | None) -> list[int | None]:
    frames, clip = [None if note is None else note.frame], version.clip
    if note is not None and clip is not None and not version.is_still and note.end_frame != note.frame:
        frames += [note.end_frame] if note.end_frame in clip.frames else []
    return frames
