"""What can be done with the chosen version: download and open its scene, and compare its movie with the open scene."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Callable

from Qt import QtWidgets

from ft_dcc.host import ComparesMovies, Host, OpensScenes
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc_qt import style
from ft_dcc_qt.layouts import WrappingRow

if TYPE_CHECKING:
    from ft_dcc.review.notes import ReviewedVersion


class VersionPanel(QtWidgets.QWidget):
    """Buttons and the state of a download; a downloaded scene can be opened, unsaved changes are a question."""

    def __init__(
        self, controller: PublishController, host: Host | None, version: Callable[[], ReviewedVersion | None]
    ) -> None:
        super().__init__()
        self._controller, self._host, self._version = controller, host, version
        self._opened: Path | None = None
        self.message = style.text_label(tone="warning", is_selectable=True)
        self.error = style.text_label(tone="error", is_selectable=True)
        self.download = style.button("Download s&cene …")
        self.download.setToolTip("Save the scene file of the chosen version in a folder, and check its checksum.")
        self.open, self.save_and_open = style.button("&Open scene"), style.button("Sa&ve and open")
        self.discard_and_open = style.button("Discard changes and open")
        self.compare, self.stop = style.button("Co&mpare"), style.button("Stop compari&ng")
        self.compare.setToolTip("Show the movie of the chosen version in the open scene, on its frames.")
        self._connect()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.message)
        column.addWidget(self.error)
        opening = (self.open, self.save_and_open, self.discard_and_open)
        column.addLayout(WrappingRow(self.download, *opening, self.compare, self.stop))

    def refresh(self) -> None:
        """Show the state of the download, of the opened scene and of the comparison."""
        files, version = self._controller.version_files, self._version()
        self.message.setText(self._state())
        self.message.setVisible(bool(self.message.text()))
        self.error.setText("\n".join(filter(None, (files.error, *files.problems))))
        self.error.setVisible(bool(self.error.text()))
        can_start = version is not None and not files.is_loading
        self.download.setEnabled(can_start)
        is_downloaded = files.path is not None and not files.is_loading and isinstance(self._host, OpensScenes)
        self.open.setVisible(is_downloaded and not files.has_unsaved_changes)
        for button in (self.save_and_open, self.discard_and_open):
            button.setVisible(is_downloaded and files.has_unsaved_changes)
        self.compare.setVisible(isinstance(self._host, ComparesMovies))
        self.compare.setEnabled(can_start)
        self.stop.setVisible(bool(files.compared))
        self.stop.setEnabled(not files.is_loading)
        if files.opened != self._opened and self._host is not None:
            self._opened = files.opened
            self._controller.queries.read_scene(self._host)

    def download_scene(self, folder: Path) -> None:
        """Download the scene file of the chosen version into the folder; nothing is written over a file."""
        session, version = self._controller.session, self._version()
        if session is not None and version is not None:
            self._controller.version_files.fetch(session, version.id, folder)
            self.refresh()

    def _state(self) -> str:
        files = self._controller.version_files
        if files.is_loading:
            return f"{files.activity}…"
        if files.path is not None:
            return f"The scene is in {files.path}."
        shown = f"{files.compared} is shown in the scene." if files.compared else ""
        return shown or (f"{files.opened} is open." if files.opened is not None else "")

    def _ask_for_folder(self) -> None:
        folder = QtWidgets.QFileDialog.getExistingDirectory(self, "Folder for the scene")
        if folder:
            self.download_scene(Path(folder))

    def _open_scene(self, *, save_first: bool = False, discard_changes: bool = False) -> None:
        if self._host is not None:
            files = self._controller.version_files
            files.open_scene(self._host, save_first=save_first, discard_changes=discard_changes)
            self.refresh()

    def _compare(self) -> None:
        session, version = self._controller.session, self._version()
        if session is not None and version is not None and self._host is not None:
            self._controller.version_files.compare(session, self._host, version)
            self.refresh()

    def _stop(self) -> None:
        if self._host is not None:
            self._controller.version_files.stop_comparing(self._host)

    def _connect(self) -> None:
        self.download.clicked.connect(self._ask_for_folder)
        self.open.clicked.connect(lambda: self._open_scene())
        self.save_and_open.clicked.connect(lambda: self._open_scene(save_first=True))
        self.discard_and_open.clicked.connect(lambda: self._open_scene(discard_changes=True))
        self.compare.clicked.connect(self._compare)
        self.stop.clicked.connect(self._stop)
