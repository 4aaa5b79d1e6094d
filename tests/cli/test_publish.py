"""The options of a publish on the command line."""

import json
import os
import re
import sys
import wave
from pathlib import Path
from uuid import uuid4

import pytest
from doubles.colour_bars import painted, write_painted
from doubles.command_line import account_variables, run_command
from doubles.numbered_images import run_ffmpeg, write_flat

from ft_dcc.cli.publish import _expand_folders, publish_command
from ft_dcc.cli.terminal.output import Output
from ft_dcc.errors import UserFixableError
from ft_dcc.frames import Resolution
from ft_dcc.production.tasks import ensure_task
from ft_dcc.session import operations
from ft_dcc.session.transfer.transfer import download

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def publish(studio_server, session, tmp_path):
    write_painted(tmp_path, range(1001, 1005), "sh010")
    environ = {
        **os.environ,
        **account_variables(studio_server, tmp_path / "jobs"),
        "FTRACK_TASKID": ensure_task(session, f"{tmp_path.name}{os.getpid()}/SQ010/SH010/Animation")["id"],
        "FT_DCC_REVIEW": "Dailies {date}",
    }

    def run(*options, source="sh010.####.png"):
        return run_command("publish", source, "--fps", "24", *options, environ=environ, folder=tmp_path)

    run.environ = environ
    return run


def planned(publish, source, *more):
    done = publish(*more, "--no-review", "--dry-run", "--json", source=source)
    assert done.returncode == 0, done.stderr
    return [(each["source"], each["frames"]) for each in json.loads(done.stdout)["planned"]]


def test_sequences_are_found_in_folders_in_images_and_by_the_numbers_of_other_programs(publish, tmp_path, monkeypatch):
    (tmp_path / "passes").mkdir()
    for frame in (1, 2, 3):
        (tmp_path / "passes" / f"sh.v002.{frame:04d}.beauty.png").write_bytes(painted(frame, Resolution(64, 36)))
    assert planned(publish, "passes") == [("sh.v002", "1-3")]
    images = sorted(path.name for path in tmp_path.glob("sh010.*.png"))
    assert planned(publish, images[0], *images[1:]) == [("sh010", "1001-1004")]
    for source in ("sh010.@@@@.png", "sh010.$F4.png", "sh010.<frame04>.png"):
        assert planned(publish, source) == [("sh010", "1001-1004")]
    for frame, number in [(996, 10), (999, 11), (1000, 12)]:
        (tmp_path / "passes" / f"sh.{frame}.png").write_bytes(painted(number, Resolution(64, 36)))
    pattern, left_out = "passes/sh.%04d.png", "sh.%04d.png leaves out 996, 999, whose numbers have fewer digits."
    for options in ((), ("--frames", "996-1000")):
        assert f"{left_out} Give sh.###.png" in publish("--no-review", *options, source=pattern).stderr
    monkeypatch.setattr("ft_dcc.publish.pipeline.runner._MANY_SOURCES", 2)
    read = []
    monkeypatch.setattr(os, "scandir", lambda folder, scan=os.scandir: read.append(str(folder)) or scan(folder))
    assert "check 2 sources: " in publish("--dry-run", "--no-review", source="passes").stderr
    # Once to find the sequences, once to find the frames of all of them.
    assert sum(folder.endswith("passes") for folder in read) == 2
    (tmp_path / "render").mkdir()
    assert "The folder render contains no images or movies." in publish(source="render").stderr
    for image in images:
        (tmp_path / image).rename(tmp_path / "render" / image)
    (tmp_path / "render" / ".DS_Store").touch()
    assert planned(publish, "render") == [("sh010", "1001-1004")]


def test_image_and_sound_options_are_in_the_report(publish, tmp_path):
    (tmp_path / "sh010.1002.png").unlink()
    for name in ("a.wav", "b.wav"):
        with wave.open(str(tmp_path / name), "wb") as sound:
            sound.setparams((1, 2, 48000, 0, "NONE", ""))
            sound.writeframes(bytes(9600))
    done = publish(
        *("--no-review", "--frames", "1001-1004", "--fill-missing", "--letterbox", "2.39"),
        *("--sound", "a.wav", "--sound", "b.wav@1003", "--slate"),
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "jobs").glob("*/report.json")
    report = json.loads(path.read_text("utf-8"))
    assert [(made["component"], made["frame_count"], made["filled"]) for made in report["made"]] == [
        ("ftrackreview-mp4", 5, "1002"),
    ]
    request = report["request"]
    assert (request["letterbox"], request["is_filling"]) == ("2.39", True)
    assert request["sounds"] == [str(tmp_path / "a.wav"), str(tmp_path / "b.wav@1003")]


def test_step_and_two_handles_are_accepted_and_characters_without_a_font_named(publish, tmp_path):
    for frame in (1002, 1004):
        (tmp_path / f"sh010.{frame}.png").unlink()
    # No character has this number.
    publish.environ["FT_DCC_BURNIN_TOP_LEFT"] = "Shot \u0378"
    done = publish("--no-review", "--frames", "1003-1003x2+2+1", "--json")
    assert done.returncode == 0, done.stderr
    sentence = "no font has \u0378 (U+0378): install a Noto font, or set FT_DCC_FONTS to a folder with one"
    assert f"sh010: {sentence}." in done.stderr
    assert json.loads(done.stdout)["changes"] == [sentence]
    (path,) = (tmp_path / "jobs").glob("*/report.json")
    assert json.loads(path.read_text("utf-8"))["made"][0]["frame_count"] == 4


def test_publish_options_are_applied_to_the_version(session, publish):
    first = json.loads(publish("--no-review", "--json").stdout)
    assert first["review_entries"] == []
    done = publish(
        *("--review", "Client", "--review", "Dailies", "--status", "Pending Review", "--asset", "{shot}"),
        *("--asset-type", "geo", "--uses", first["version_id"], "--note", "Look at 1003.", "--comment", "wip"),
        *("--list", "Selects", "--json"),
    )
    assert done.returncode == 0, done.stderr
    version = session.query(
        "select comment, status.name, lists.name, asset.name, asset.type.short, incoming_links.from_id, "
        f"review_session_objects.notes.content from AssetVersion where id is '{json.loads(done.stdout)['version_id']}'"
    ).one()
    assert (version["comment"], version["status"]["name"]) == ("wip", "Pending Review")
    assert (version["asset"]["name"], version["asset"]["type"]["short"]) == ("SH010", "geo")
    assert [each["name"] for each in version["lists"]] == ["Selects"]
    assert [link["from_id"] for link in version["incoming_links"]] == [first["version_id"]]
    notes = [note["content"] for entry in version["review_session_objects"] for note in entry["notes"]]
    assert notes == ["Look at 1003."] * 2


@pytest.fixture
def attributes(session):
    """Create a number, a date and an enumerator for versions."""
    types = {each["name"]: each["id"] for each in session.query("select id, name from CustomAttributeType")}
    menu = {"multiSelect": False, "data": json.dumps([{"menu": name, "value": name} for name in ("wip", "final")])}
    names = [f"{kind}_{uuid4().hex[:8]}" for kind in ("number", "date", "enumerator")]
    for name in names:
        values = {"key": name, "label": name, "entity_type": "assetversion", "config": json.dumps(menu)}
        session.create("CustomAttributeConfiguration", {**values, "type_id": types[name.partition("_")[0]]})
    session.commit()
    return names


def test_metadata_is_stored_and_sets_custom_attributes_of_its_keys(session, publish, tmp_path, attributes):
    number, date, menu = attributes
    given = (f"{number}=2.5", f"{date}=2026-12-24", f"{menu}=wip", "supervisor=Ida = Berg", "empty=")
    done = publish("--no-review", "--json", *(part for each in given for part in ("--metadata", each)))
    assert done.returncode == 0, done.stderr
    select = "select metadata, custom_attributes from AssetVersion where id is"
    version = session.query(f"{select} '{json.loads(done.stdout)['version_id']}'").one()
    assert {"supervisor": "Ida = Berg", "empty": ""}.items() <= dict(version["metadata"]).items()
    assert not {number, date, menu} & set(version["metadata"])
    rows = session.query(
        f"select key, value from AssetVersionCustomAttributeValue where entity_id is '{version['id']}'"
    )
    values = {row["key"]: row["value"] for row in rows}
    assert (values[number], values[menu], str(values[date])[:10]) == (2.5, ["wip"], "2026-12-24")

    for value, reason in [
        (f"{number}=abc", f"The custom attribute {number} is a number, not 'abc'. Correct --metadata."),
        (f"{menu}=done", f"The custom attribute {menu} cannot be 'done'. It has one of: wip, final."),
    ]:
        refused = publish("--no-review", "--metadata", value)
        assert (refused.returncode, reason in refused.stderr) == (3, True), refused.stderr
    assert len(list((tmp_path / "jobs").glob("*/journal.jsonl"))) == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["take"], "'take' is not metadata. Write it as key=value"),
        (["=3"], "'=3' is not metadata."),
        (["take=1", "take=2"], "The metadata take is given twice. Give one value."),
        (["ft_dcc_origin={}"], "belongs to ft-dcc and to players. Choose another key."),
        ([f"{'k' * 256}=1"], "A key has at most 255 characters"),
    ],
)
def test_invalid_metadata_is_wrong_usage(publish, given, reason):
    refused = publish("--no-review", *(part for each in given for part in ("--metadata", each)))
    assert (refused.returncode, reason in refused.stderr) == (2, True), refused.stderr


def test_media_for_a_review_session_needs_a_project_only(session, publish):
    project = ensure_task(session, f"external{uuid4().hex[:8]}/SQ010/SH010/Animation")["link"][0]
    publish.environ.update(FTRACK_TASKID="", FT_DCC_TASK="")
    done = publish("--review", "Dailies", "--project", project["name"], "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    select = "select task_id, asset.name, asset.context_id, review_session_objects.name from AssetVersion where id is"
    version = session.query(f"{select} '{report['version_id']}' and asset.parent.project_id is {project['id']}").one()
    assert (version["task_id"], version["asset"]["context_id"]) == (None, project["id"])
    assert (version["asset"]["name"], version["review_session_objects"][0]["name"]) == ("sh010", "sh010")
    assert report["link"].startswith("http")

    for options, code, reason in [
        (("--project", "nowhere"), 3, "There is no project nowhere"),
        (("--project", project["name"], "--task", f"{project['name']}/SQ010/SH010/Animation"), 2, "Leave out --task"),
    ]:
        refused = publish(*options)
        assert (refused.returncode, reason in refused.stderr) == (code, True), refused.stderr


def test_the_thumbnail_option_chooses_the_frame_or_the_image_on_the_server(session, publish, tmp_path):
    # One colour for each frame; the one of the middle would be taken.
    for frame, colour in zip(range(1001, 1005), ((200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0))):
        write_flat(tmp_path / f"sh010.{frame}.png", colour, Resolution(64, 36))
    write_flat(tmp_path / "art.png", (0, 200, 200), Resolution(64, 36))
    for wanted, colour in (("1004", (200, 200, 0)), ("art.png", (0, 200, 200)), (None, (0, 200, 0))):
        done = publish("--no-review", "--json", *(("--thumbnail", wanted) if wanted else ()))
        assert done.returncode == 0, done.stderr
        components = {each["name"]: each["id"] for each in json.loads(done.stdout)["components"]}
        download(session, components["thumbnail"], tmp_path / "thumbnail.jpg")
        raw = ("-f", "rawvideo", "-pix_fmt", "rgb24")
        pixel = run_ffmpeg("-i", str(tmp_path / "thumbnail.jpg"), "-vf", "scale=1:1", *raw, "-")
        assert max(abs(found - expected) for found, expected in zip(pixel, colour)) < 40, wanted


def test_an_issue_names_its_repair_and_the_repair_option_runs_it(session, publish, tmp_path, monkeypatch):
    guide = Path(__file__).resolve().parents[2] / "docs" / "td" / "publish-plugins.md"
    plugin = next(block for block in guide.read_text("utf-8").split("```python\n") if "ValidateAssetName" in block)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "validate_asset_name.py").write_text(plugin.split("```")[0], encoding="utf-8")
    monkeypatch.setitem(publish.environ, "FT_DCC_PLUGINS", str(tmp_path / "plugins"))
    asset = ("--asset", "SH 010 {task}", "--no-review")
    refused = publish(*asset)
    assert refused.returncode == 3
    assert refused.stderr.splitlines()[-1] == (
        "The asset name is SH 010 Animation; expected sh_010_animation. "
        'Write the name in small letters: --repair="Asset name"'
    )
    unused = publish(*asset, "--repair=Frame range")
    assert (unused.returncode, unused.stderr.splitlines()[0]) == (3, "These checks found no problem to repair.")
    unknown = publish(*asset, "--repair=Aset name")
    assert (unknown.returncode, unknown.stderr) == (2, "There is no check 'Aset name'. Did you mean Asset name?\n")
    fixed = publish(*asset, "--repair", "--json")
    assert (fixed.returncode, fixed.stderr.splitlines()[0]) == (0, "Asset name: Write the name in small letters: done")
    made = session.query(f"select asset.name from AssetVersion where id is '{json.loads(fixed.stdout)['version_id']}'")
    assert made.one()["asset"]["name"] == "sh_010_animation"


def test_repair_takes_no_argument_and_says_when_there_is_none(publish):
    """The option is followed by an option's value elsewhere; here the source follows it."""
    done = publish("--status", "Nearly done", "--repair", "--no-review")
    assert done.returncode == 3
    assert "No problem has a repair." in done.stderr
    context = publish_command.make_context("publish", ["--repair", "sh010.mov", "--", "--repair"])
    assert (context.params["repair"], context.params["source"]) == (("*",), ("sh010.mov", "--repair"))


def test_third_party_plugins_run(publish, tmp_path, monkeypatch):
    monkeypatch.setitem(publish.environ, "FT_DCC_PLUGINS", str(TESTS / "doubles" / "third_party_plugins"))
    monkeypatch.setitem(publish.environ, "OTHER_STUDIO", str(tmp_path))
    done = publish("--no-review", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [version["source"] for version in report["versions"]] == ["sh010"]
    assert "collecting props for" in done.stderr and "published chairA" in done.stderr
    assert (tmp_path / "chairA.txt").read_text("utf-8") == "|props|chairA"
    ran = [(step["name"], step["source"]) for step in report["steps"]]
    assert ("ValidatePropNames", "chairA") in ran and ("ValidateReviewNames", "sh010") in ran
    assert ("UploadComponents", "chairA") not in ran
    assert not {"CollectForMaya", "ValidateSwitchedOff"} & {name for name, _ in ran}
    lines = (tmp_path / "report.txt").read_text("utf-8").splitlines()
    assert "ValidatePropNames True" in lines and "RegisterVersion True" in lines


def test_a_job_that_did_not_start_is_deleted_and_one_with_a_revoked_key_is_kept(publish, tmp_path):
    plugin, jobs = tmp_path / "plugins" / "studio.py", tmp_path / "jobs"
    plugin.parent.mkdir()
    publish.environ["FT_DCC_PLUGINS"] = str(plugin.parent)
    plugin.write_text("import nothing_of_that_name\n", encoding="utf-8")
    assert publish().returncode == 1
    assert list(jobs.iterdir()) == []
    # The key is revoked while the movie is encoded.
    plugin.write_text(
        "import pyblish.api\n"
        "from ft_dcc.errors import AuthenticationError\n"
        "class ExtractNothing(pyblish.api.InstancePlugin):\n"
        "    order = 2.1\n"
        "    def process(self, instance):\n"
        "        raise AuthenticationError('The key is good no more.')\n",
        encoding="utf-8",
    )
    stopped = publish()
    (job,) = jobs.iterdir()
    assert (stopped.returncode, (job / "1" / "ftrackreview-mp4.mp4").is_file()) == (1, True)
    assert f"good no more. Afterwards: 'ft-dcc queue resume {job.name}'" in stopped.stderr


def test_colour_space_option_is_in_the_report(publish, tmp_path):
    pytest.importorskip("OpenImageIO", reason="ft-dcc[colour] is not installed")
    done = publish("--colour-space", "ACEScct", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads((Path(json.loads(done.stdout)["job"]) / "report.json").read_text("utf-8"))
    assert report["request"]["colour"]["space"] == "ACEScct"


IMAGE = "sh010.1001.png"


@pytest.mark.parametrize(
    ("options", "source", "message"),
    [
        (
            ("--slate", "--output", "1080"),
            IMAGE,
            f"{IMAGE} is a single image, so --slate, --output 1080 cannot be applied.",
        ),
        (("--frames", "1001-1003"), IMAGE, f"{IMAGE} is a single image, so --frames cannot be applied."),
        (
            ("--resolution", "10x10"),
            IMAGE,
            "expected 10x10. It is not scaled. Add --resolution 64x36 to publish it so.",
        ),
        (("--colour-space", "ACEScg"), "a.mov", "a.mov is a movie, whose colours are converted by its own tags."),
        (
            ("--view", "Raw", "--dry-run"),
            "sh010.####.png",
            "so --view cannot be applied. Name the colour space of the images with --colour-space",
        ),
        ((), "", "A source is empty. Give a file, a folder or a pattern.\n"),
        (("--status", "Nearly done"), "sh010.####.png", "Pending Review"),
    ],
)
def test_what_cannot_be_applied_to_a_source_exits_with_3(publish, tmp_path, options, source, message):
    if source == "a.mov":
        run_ffmpeg("-framerate", "24", "-start_number", "1001", "-i", tmp_path / "sh010.%04d.png", tmp_path / "a.mov")
    refused = publish("--no-review", *options, source=source)
    assert (refused.returncode, message in refused.stderr) == (3, True), refused.stderr


@pytest.mark.parametrize("name", ["aux", "CON.exr", "com1.%04d.png"])
def test_a_device_of_windows_is_no_source(monkeypatch, name):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(UserFixableError, match=f"{name} is the name of a device of Windows"):
        _expand_folders(Output(), (name,))


def test_an_unknown_field_of_a_watermark_is_refused_before_a_job_exists(publish, tmp_path):
    refused = publish("--no-review", "--watermark", "for {arist}")
    assert refused.returncode == 2
    assert "'for {arist}' contains the unknown field {arist}. Did you mean {artist}?" in refused.stderr
    assert not list(tmp_path.rglob("journal.jsonl"))


def test_open_notes_of_the_task_are_printed_before_the_next_one(session, publish):
    first = json.loads(publish("--json").stdout)
    notes = [
        {"id": str(uuid4()), "content": text, "parent_type": "AssetVersion"} for text in ("Arm too high", "Addressed")
    ]
    session.call([operations.create("Note", {**note, "parent_id": first["version_id"]}) for note in notes])
    second = publish("--addresses", notes[1]["id"])
    assert second.returncode == 0, second.stderr
    assert "1 open note, which --addresses can name:\n" in second.stderr
    assert f"  {notes[0]['id'][:8]}  Animation v001, admin: Arm too high\n" in second.stderr
    assert notes[1]["id"][:8] not in second.stderr


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("FONTS", "/nope", "environment FT_DCC_FONTS: fonts: there is no file or folder /nope"),
        ("ENCODER", "videotoolbox", "environment FT_DCC_ENCODER: encoder: videotoolbox: "),
        ("OCIO", "/nope.ocio", "environment FT_DCC_OCIO: /nope.ocio is not an OCIO config"),
        ("DISPLAY", "nope", "environment FT_DCC_DISPLAY: .*nope"),
        ("VIEW", "nope", "environment FT_DCC_VIEW: .*nope"),
        ("", "nope", "The colours of the publish: .*nope"),
    ],
)
def test_values_that_the_machine_does_not_have_are_wrong_usage(publish, tmp_path, variable, value, reason):
    options = () if variable else ("--colour-space", "ACEScg", "--display", value)
    publish.environ.update({f"FT_DCC_{variable}": value} if variable else {})
    for more in ((), ("--dry-run",)):
        done = publish(*options, *more)
        assert done.returncode == 2 and re.search(reason, done.stderr), done.stderr
    assert not list((tmp_path / "jobs").glob("*"))
