"""The page that publishes: sources, task, review session, and one button."""

from __future__ import annotations

from pathlib import Path

from Qt import QtCore, QtWidgets

from ft_dcc import errors, plain_text
from ft_dcc.frames import FrameRange, Resolution, frame_rate
from ft_dcc.host import GoesToFrames, Host, SupportsSnapshot
from ft_dcc.publish.models import PublishRequest
from ft_dcc.ui import publish_controller, texts
from ft_dcc_qt import layouts, style

from . import options_panel, problems_panel, source_list
from .fields import CommentField, RangeMenu, SearchField
from .progress_panel import ProgressPanel, RecentVersions, ResultPanel

_NO_CAMERA = "The scene has no camera. Add one, or add image or movie files."
_NO_FILE = "Drop images or movies here, or press “Add files …”."
_NO_TASK = "No task matches. Enter a part of the name of its shot or project."
# After the last change; the program plays if its frame changes in this time.
_CHECK_DELAY_MILLISECONDS = 600
# With more sources than this there is a field to filter them.
_FILTERED_ROWS = 8


class PublishPage(QtWidgets.QWidget):
    """The choices for a publish; empty fields have defaults."""

    def __init__(self, controller: publish_controller.PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._selected_task_id: str | None = None
        self._read_task_id: str | None = None
        self._scene_path: Path | None = None
        self._scene_state: tuple[FrameRange, Resolution] | None = None
        self._last_search = ""
        self._finished = 0
        self.sources = source_list.SourceList(_NO_FILE if host is None else _NO_CAMERA)
        self.own = options_panel.OwnValuesPanel(_NO_TASK)
        self.filter = QtWidgets.QLineEdit()
        self.filter.setPlaceholderText("Filter by name or file")
        self.filter.setClearButtonEnabled(True)
        self.filter.hide()
        self.sources_note = style.text_label(tone="dim")
        self.sources_note.hide()
        self.task = SearchField(_NO_TASK)
        self.frames, self.rate = QtWidgets.QLineEdit(), QtWidgets.QLineEdit()
        self.ranges, self.wanted = RangeMenu(), style.text_label(tone="dim")
        self.review = SearchField("A new review session with this name is created.", allows_free_text=True)
        self.new_reviews = style.text_label(tone="dim")
        # What was filled in, so that a later default replaces it but not what the artist has entered.
        self._filled_review = ""
        self.comment = CommentField()
        self.last_comment = style.button("&Last comment")
        self.addressed = problems_panel.AddressedPanel(controller)
        self.checks = problems_panel.ChecksTable(controller)
        self._checked: object = None
        self._timeline: GoesToFrames | None = host if isinstance(host, GoesToFrames) else None
        self._frame: int | None = None
        self._is_scene_read = True
        self._check_timer = QtCore.QTimer(self)
        self._check_timer.setSingleShot(True)
        self._check_timer.setInterval(_CHECK_DELAY_MILLISECONDS)
        self._check_timer.timeout.connect(self._check)
        self.options, self.show_options = options_panel.OptionsPanel(controller, host), style.button("Opt&ions")
        self._can_draw = isinstance(host, SupportsSnapshot)
        self.draw = style.button("Previe&w")
        style.set_tool_tip(self.draw, "Show what the ticked cameras see now, at the current frame.")
        self.add, self.publish = style.button("&Add files …"), style.button("&Publish", "primary")
        self.error = style.text_label(tone="error", is_selectable=True)
        self.problems, self.progress = problems_panel.ProblemsPanel(controller, host), ProgressPanel(controller)
        self.result, self.recent = ResultPanel(controller, host), RecentVersions(controller)
        self._lay_out()
        layouts.hide_unplaced(self)
        self._connect()

    def refresh(self) -> None:
        """Show the state of the controller."""
        controller, is_busy = self._controller, self._controller.is_busy
        self._show_scene()
        self._show_choices()
        choices = (self.sources, self.task, self.frames, self.ranges, self.rate, self.review, self.comment)
        for widget in (*choices, self.add, self.draw, self.options, self.own):
            widget.setEnabled(not is_busy or controller.activity == "refresh")
        self.filter.setVisible(len(self.sources.names) > _FILTERED_ROWS or bool(self.filter.text()))
        self.sources.show_previews(controller.queries.previews, self.own.remarks())
        self.problems.refresh()
        # The problems need the room of what is seldom looked at.
        self.options.setVisible(self.show_options.isChecked() and not controller.problems)
        self.show_options.setVisible(not controller.problems)
        self.progress.refresh()
        self.result.refresh()
        self.recent.refresh()
        self.recent.setVisible(not controller.problems)
        self.checks.refresh()
        if not is_busy and self.isVisible():
            self._check_timer.start()
        task = controller.task(self.task_id)
        self.options.refresh("" if task is None else task.type)
        self.addressed.show_task(self.task_id)
        self.publish.setVisible(not is_busy)
        if self._finished != controller.completed_count and not is_busy:
            self._finished = controller.completed_count
            self._checked = None
            if controller.activity == "publish" and not (
                controller.problems or controller.error or controller.previews
            ):
                self.own.clear("comment")
            sent = controller.take_sent_comment()
            if sent and sent == self.comment.toPlainText().strip():
                self.comment.clear()
            self.last_comment.setVisible(bool(controller.last_comment) and not self.comment.toPlainText())
            style.set_tool_tip(self.last_comment, controller.last_comment)
            if controller.activity in ("publish", "repair") and not self.result.isVisible():
                # Otherwise Qt would focus the next button, and a second Enter would start a repair.
                self.publish.setFocus()
        if not is_busy and controller.error:
            self.show_message(controller.error)
        elif is_busy:
            self.show_message("")

    def read_notes(self) -> None:
        """Read the notes on the chosen task once, for the reminder."""
        session, feedback = self._controller.session, self._controller.feedback
        if session is not None and self.task_id is not None and self.task_id != self._read_task_id:
            self._read_task_id = self.task_id
            feedback.read(session, self.task_id)

    def show_message(self, message: str) -> None:
        """Show the message next to the button."""
        style.set_tone(self.error, "dim" if message == "Cancelled." else "error")
        style.show_text(self.error, message)
        self.checks.summary.setVisible(not message and self.checks.summary.isVisibleTo(self))

    def request(self) -> PublishRequest:
        """Return the request; raise SettingInvalid for an invalid field."""
        if self.task_id is None:
            raise errors.SettingInvalid("No task selected. Choose the task to publish to.")
        sources = self.sources.checked
        if not sources:
            raise errors.SettingInvalid("No source selected. Check the sources to publish.")
        settings = self._controller.queries.settings
        of_settings = None if settings is not None and settings.items("review") else ()
        return PublishRequest(
            task=self.task_id,
            source=sources,
            review=self._chosen_reviews or of_settings,
            comment=self.comment.toPlainText().strip(),
            addresses=self.addressed.checked,
            frame_range=FrameRange.parse(frames) if (frames := self.frames.text().strip()) else None,
            fps=frame_rate(rate) if (rate := self.rate.text().strip()) else None,
            **self.options.values(sources),
        )

    def start_publish(self) -> None:
        """Start the publish, or show which field is invalid."""
        if self._controller.is_busy or not self.publish.isVisible():
            return
        try:
            request, own = self.request(), self.own.values(self.sources.checked)
        except errors.SettingInvalid as error:
            self.show_message(str(error))
            return
        self._controller.publish(request, self._host, own)
        self.refresh()
        self.progress.cancel.setFocus()

    def check_again(self) -> None:
        """Read the scene and check it a moment later: the artist comes back to the window, and may have changed it."""
        self._checked, self._is_scene_read = None, False
        self._check_timer.start()

    def _check(self) -> None:
        """Check what would be published, unless that is checked, is being checked, or the program plays."""
        controller, host = self._controller, self._host
        if controller.is_busy or controller.session is None or not self.isVisible():
            return
        frame = None if self._timeline is None else self._timeline.current_frame()
        if frame != self._frame:
            self._frame = frame
            self._check_timer.start()
            return
        if not self._is_scene_read:
            self._is_scene_read = True
            controller.queries.read_scene(host)
            return
        try:
            own = self.own.values(self.sources.checked)
            wanted = (self.request(), own, controller.queries.scene, controller.queries.settings)
        except errors.SettingInvalid:
            # The button says what is missing.
            return
        if wanted != self._checked:
            self._checked = wanted
            controller.check(wanted[0], host, own)

    def add_files(self, paths: list[Path]) -> None:
        """Add the files as checked sources."""
        self.sources.add_files(paths)

    def _lay_out(self) -> None:
        self.task.setPlaceholderText("Search by project, shot or task")
        self.rate.setPlaceholderText("rate of the shot; or 24, 23.976, 24000/1001")
        head = QtWidgets.QHBoxLayout()
        head.addWidget(style.field_label("&Sources", self.sources), 1)
        if self._can_draw:
            head.addWidget(self.draw)
        head.addWidget(self.add)
        left = QtWidgets.QVBoxLayout()
        left.addLayout(head)
        left.addWidget(self.filter)
        left.addWidget(self.sources, 1)
        left.addWidget(self.sources_note)
        left.addWidget(self.own)
        line = self.fontMetrics().lineSpacing()
        columns = layouts.Columns(line)
        columns.setSpacing(line)
        columns.addLayout(left, 5)
        columns.addLayout(self._right(), 6)
        last = QtWidgets.QHBoxLayout()
        last.addWidget(self.error, 1)
        last.addWidget(self.checks.summary, 1)
        last.addWidget(self.publish, 0, QtCore.Qt.AlignmentFlag.AlignRight)
        page = QtWidgets.QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        self.body = layouts.ScrollColumn(columns)
        page.addWidget(self.body, 3)
        page.addWidget(self.problems, 2)
        page.addWidget(self.result)
        page.addWidget(self.progress)
        page.addLayout(last)
        self.error.hide()

    def _right(self) -> QtWidgets.QVBoxLayout:
        fields: list[tuple[str, QtWidgets.QWidget]] = [("&Task", self.task), ("&Frames", self.frames)]
        if self._host is None:
            fields.append(("&Rate", self.rate))
        fields += [("Re&view session", self.review), ("&Comment", self.comment)]
        right = QtWidgets.QVBoxLayout()
        right.setSpacing(3)
        for text, field in fields:
            right.addWidget(style.field_label(text, field))
            if field is self.frames:
                line = QtWidgets.QHBoxLayout()
                line.addWidget(field, 1)
                line.addWidget(self.ranges)
                right.addLayout(line)
                right.addWidget(self.wanted)
            else:
                right.addWidget(field, 1 if field is self.comment else 0)
            if field is self.review:
                right.addWidget(self.new_reviews)
            elif field is self.comment:
                right.addWidget(self.last_comment, 0, QtCore.Qt.AlignmentFlag.AlignLeft)
            right.addSpacing(6)
        self.show_options.setCheckable(True)
        style.set_tool_tip(self.show_options, "Look, size, sound, burn-in, slate, scene file and status")
        self.show_options.toggled.connect(self.options.setVisible)
        self.show_options.toggled.connect(lambda *_: self.body.reveal(self.options))
        self.options.hide()
        right.addWidget(self.show_options, 0, QtCore.Qt.AlignmentFlag.AlignLeft)
        right.addWidget(self.options)
        right.addSpacing(6)
        right.addWidget(self.addressed)
        right.addWidget(self.checks, 2)
        right.addWidget(self.recent)
        return right

    def _connect(self) -> None:
        self.main = self.publish
        self.publish.clicked.connect(self.start_publish)
        self.comment.submitted.connect(self.start_publish)
        self.comment.textChanged.connect(lambda: self.last_comment.setVisible(False))
        self.last_comment.clicked.connect(lambda: self.comment.setPlainText(self._controller.last_comment))
        self.filter.textChanged.connect(self.sources.set_filter)
        ask = QtWidgets.QFileDialog.getOpenFileNames
        self.add.clicked.connect(
            lambda: self.add_files([Path(name) for name in ask(self, "Images and movies", "", "")[0]])
        )
        self.draw.clicked.connect(self._draw_previews)
        self.task.chosen.connect(self.choose_task)
        self.ranges.chosen.connect(self.frames.setText)
        self.sources.selected.connect(self.own.show_source)
        self.own.changed.connect(self.refresh)
        for field in (self.task, self.own.task):
            field.typed.connect(self._search)
        for field in (self.task, self.own.task, self.review):
            self.body.verticalScrollBar().valueChanged.connect(lambda *_, field=field: field.follow())
        for line in (self.frames, self.rate, self.review):
            line.textChanged.connect(lambda *_: self._check_timer.start())
        self.sources.itemChanged.connect(lambda *_: self._check_timer.start())
        self.sources.preview_requested.connect(lambda name: self._controller.queries.preview(name, self._host))

    def _show_scene(self) -> None:
        scene = self._controller.queries.scene
        if scene is None:
            self.frames.setPlaceholderText("all frames; or 1001-1048")
            return
        self.frames.setPlaceholderText(f"{scene.frame_range}, from the scene")
        self.ranges.set_ranges(scene.ranges)
        if self._scene_path is not None and scene.path != self._scene_path:
            # The choices were for the previous scene.
            self._selected_task_id = None
            self.frames.clear()
            self._controller.queries.previews = {}
            self.sources.set_cameras(())
            self.own.clear()
        self._scene_path = scene.path
        style.show_text(self.sources_note, scene.sources_note)
        self.sources.set_cameras(scene.sources, scene.labels, scene.groups)
        state = (scene.frame_range, scene.resolution)
        if self._scene_state is not None and state != self._scene_state:
            # The previews state the range, and show the middle of it.
            self._controller.queries.previews = {}
            self.sources.request_previews()
        self._scene_state = state

    def _show_choices(self) -> None:
        controller, recent = self._controller, self._controller.queries.recent_versions
        if self.task_id is None and self._host is None and recent:
            # Files, unlike a scene, store no task: that of the last publish is selected.
            of_path = (task.id for task in controller.tasks.values() if task.path == recent[0].path)
            self._selected_task_id = next(of_path, None)
        task = controller.task(self.task_id)
        if task is not None or self.task_id is None:
            self.task.select("" if task is None else task.path)
        elif not controller.is_busy:
            controller.find_task(self.task_id)
        choices = {found.id: found.path for found in (*controller.tasks.values(), *controller.queries.found_tasks)}
        self.task.set_choices(tuple(choices.items()))
        self.own.show_tasks(self.task.choices)
        open_reviews = controller.reviews_of(self.task_id)
        self.review.set_choices(tuple((name, name) for name in open_reviews))
        self._fill_reviews(open_reviews)
        if task is not None:
            controller.read_shot(task)
        self._follow_settings()
        self._show_shot()

    def _follow_settings(self) -> None:
        scene, files = self._controller.queries.scene, self.sources.checked
        path = (Path(files[0]) if files else None) if self._host is None else None if scene is None else scene.path
        self._controller.follow(self.task_id, None if path is None else path.parent, self._host)

    def _show_shot(self) -> None:
        """Show what the shot wants, as a warning if the scene has other values."""
        shot, scene = self._controller.shots.get(self.task_id or ""), self._controller.queries.scene
        text, is_other = texts.shot_text(shot, scene)
        style.set_tone(self.wanted, "warning" if is_other else "dim")
        style.show_text(self.wanted, text)

    def _fill_reviews(self, open_reviews: tuple[str, ...]) -> None:
        """Fill in the default review sessions until the artist enters others, and say which will be created."""
        settings = self._controller.queries.settings
        rules = settings.items("review") if settings is not None else ()
        self.review.setPlaceholderText(
            plain_text.single_line(f"from the settings: {'; '.join(rules)}") if rules else "none"
        )
        default = "" if rules or self.task_id is None else "; ".join(self._controller.default_reviews(self.task_id))
        default = plain_text.single_line(default)
        if self.review.text() == self._filled_review and not self.review.hasFocus():
            self._filled_review = default
            self.review.setText(default)
        new = [name for name in self._chosen_reviews if name not in open_reviews and self.task_id is not None]
        style.show_text(self.new_reviews, f"A new review session is created: {', '.join(new)}" if new else "")

    @property
    def _chosen_reviews(self) -> list[str]:
        names = self._controller.reviews_of(self.task_id)
        entered = filter(None, map(str.strip, self.review.text().split(";")))
        return [plain_text.original(name, names) for name in entered]

    @property
    def task_id(self) -> str | None:
        """Return the task that the artist chose, or else the one that the scene stores."""
        scene = self._controller.queries.scene
        return self._selected_task_id or (scene.task_id if scene is not None else None)

    def choose_task(self, task_id: str) -> None:
        """Publish to this task, and store it in the scene."""
        self._selected_task_id = task_id
        if self._host is not None:
            self._controller.queries.remember_task(self._host, task_id)
        self.refresh()

    def _search(self, text: str) -> None:
        if text and text != self._last_search and self._controller.session is not None:
            self._last_search = text
            self._controller.queries.search_tasks(self._controller.session, text)

    def _draw_previews(self) -> None:
        for name in self.sources.checked:
            self._controller.queries.preview(name, self._host, self.options.chosen_look)
