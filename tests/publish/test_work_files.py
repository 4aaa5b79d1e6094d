"""The cycle of a shot: its work files by the studio's rule, opened, made and numbered on."""

import shutil
from fractions import Fraction
from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars

from ft_dcc.errors import SettingInvalid, StorageError, UnsavedChanges, UserFixableError
from ft_dcc.production.tasks import ensure_task, find_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.publish.work_files import work_files_of
from ft_dcc.settings.definitions import check_work_file


@pytest.fixture
def use(session, task_path):
    """Call a method of the task's work files in a host, by default that of a new scene."""

    def call(name, host=None, **values):
        task_id = find_task(session, task_path)["id"]
        with work_files_of(session, host or new_scene(), task_id) as files:
            return getattr(files, name)(**values)

    return call


def new_scene(**values):
    return ColourBars(attrs.evolve(SCENE, **{"is_modified": False, **values}))


def test_a_work_file_is_made_for_the_shot_numbered_on_and_opened_by_the_next_artist(use, root, shot, session):
    task_path, host = shot("1001-1012+4", "25"), new_scene()
    folder = root.joinpath(*task_path.split("/"))
    assert use("take", host) == f"Saved as {folder / 'SH010_Animation_v001.bars'}."
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, scene.task_id) == (
        "1001-1012+4",
        25,
        find_task(session, task_path)["id"],
    )
    (folder / "SH010_Animation_v009_test.bars").touch()
    assert use("save_next", host) == f"Saved as {folder / 'SH010_Animation_v002.bars'}."
    assert use("take", other := new_scene()) == use("take", host) == "SH010_Animation_v002.bars is open."
    assert (other.scene().path, host.saves) == (host.scene().path, 2)


def test_two_artists_who_save_at_once_get_two_files(use, root, task):
    class Colleague(ColourBars):
        def save(self, path=None):
            # While this one is being written.
            if not others:
                others.append(use("save_next"))
            return super().save(path)

    others = []
    saved = use("save_next", Colleague())
    assert [Path(each).name for each in (saved, *others)] == [f"SH010_Animation_v00{n}.bars." for n in (1, 2)]
    assert not [*root.rglob(".*")]


def test_what_prevents_a_work_file_is_one_sentence_and_leaves_the_scene(use, root, shot, task, tmp_path):
    elsewhere = new_scene(path=tmp_path / "scribble_v7.bars")
    with pytest.raises(UserFixableError, match=r"^scribble_v7\.bars is open\. Begin with a new scene"):
        use("make", elsewhere)
    assert use("save_next", elsewhere).endswith("SH010_Animation_v001.bars.")
    assert "SH010 has no frame range on the server." in use("make")
    changed = new_scene(is_modified=True)
    with pytest.raises(UnsavedChanges, match="has unsaved changes"):
        use("take", changed)
    use("open_newest", changed, discard_changes=True)
    shutil.rmtree(root)
    untouched = new_scene()
    with pytest.raises(StorageError, match="is not mounted on this machine"):
        use("take", untouched)
    assert untouched.scene() == new_scene().scene()


@pytest.mark.parametrize("rule", ["work/{shot}/v{version:02}/{shot}_{version:04}", "work/{shot}_{version}.BARS"])
def test_a_rule_of_the_studio_has_folders_numbers_and_a_suffix(use, root, task, monkeypatch, rule):
    monkeypatch.setenv("FT_DCC_WORK_FILE", rule)
    for _ in range(2):
        use("save_next")
    assert use("open_newest").startswith(("SH010_0002.bars", "SH010_v002.bars"))


@pytest.mark.parametrize("rule", ["{shot}", "{shot}_{version}_{shot.fstart}", "{artist}_{version}", "../{version}"])
def test_a_rule_without_a_version_or_with_unknown_fields_is_refused(rule):
    with pytest.raises(SettingInvalid):
        check_work_file(rule)


def test_the_movie_of_the_department_before_is_the_reference_also_at_home(
    use, session, task_path, paint, jobs, tmp_path, monkeypatch
):
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path / "home")
    ensure_task(session, task_path)
    for department in ("Layout", "Compositing"):
        ensure_task(session, path := task_path.replace("Animation", department))
        publish(PublishRequest(path, paint("1001-1003", name=department).pattern, fps=Fraction(24)), session, jobs=jobs)
    added = []
    use("make", add_movie=lambda *place: added.append(place))
    ((movie, first, _),) = added
    folder = tmp_path.joinpath("home", "ft-dcc", *task_path.split("/"), "reference")
    assert (movie.parent, first, "Layout" in movie.name) == (folder, 1001, True)
    # The next artist of the shot has the movie already.
    use("make", add_movie=lambda *place: added.append(place))
    assert added[1] == added[0]
    # A program whose scenes have no sequencer shows its images on their frames.
    use("make", host := new_scene())
    ((pattern, frames, _),) = host.loaded
    assert (str(frames), Path(pattern % 1003).parent) == ("1001-1003", movie.with_suffix(""))
    assert Path(pattern % 1003).is_file() and not Path(pattern % 1004).exists()
    movie.write_bytes(b"no movie")
    sentence = use("make", host := new_scene())
    assert ".bars. " in sentence and "is not a movie that can be decoded" in sentence and not host.loaded
