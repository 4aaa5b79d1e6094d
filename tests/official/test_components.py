import runpy
from pathlib import Path

SCRIPT = Path(__file__).parent / "scripts" / "components.py"


def test_both_clients_create_the_same_components(official, session, tmp_path):
    (tmp_path / "film.mov").write_bytes(b"the film")
    for number in (1, 2, 4):
        (tmp_path / f"a.{number:04d}.exr").write_bytes(b"x" * number)
    theirs = official("components", str(tmp_path))
    ours = runpy.run_path(str(SCRIPT))["work"](session, tmp_path)
    assert ours == theirs
    movie, left, frames, loose, picked, errors, removed, unframed = ours
    assert (movie["availability"], movie["locations"]) == ([100.0, 0.0], ["ftrack.server"])
    assert (left["availability"], left["picked"]) == ([0.0, 100.0], "ftrack.unmanaged")
    assert frames["members"] == [["0001", 1, ".exr"], ["0002", 2, ".exr"], ["0004", 4, ".exr"]]
    assert [each["availability"] for each in (loose, removed, unframed)] == [[0.0, 0.0]] * 3
    assert (frames["availability"], unframed["locations"]) == ([100.0, 0.0], [])
    assert picked == "ftrack.unmanaged"
    assert errors == [
        "ComponentInLocationError",
        "ComponentNotInLocationError",
        "AccessorUnsupportedOperationError",
        "ValueError",
    ]
