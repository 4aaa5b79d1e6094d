"""Programs in the place of ffmpeg, of hosts and of tools: Python code that each system starts by a path."""

import io
import subprocess
import sys
import zipfile

# Runs another program in its place and ends with its exit code; ``{program!r}`` has to be filled in.
RUN_PROGRAM = "import subprocess, sys; sys.exit(subprocess.run([{program!r}, *sys.argv[1:]]).returncode)\n"


def write_program(path, code):
    """Write a program that runs the code with this Python, and return its path, on Windows with the suffix ".exe"."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first = f"#!{sys.executable}\n"
    if sys.platform != "win32":
        path.write_text(first + code, encoding="utf-8")
        path.chmod(0o755)
        return path
    # As pip makes the programs of a package: a launcher runs the archive at its own end.
    from pip._vendor.distlib.scripts import ScriptMaker

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__main__.py", code)
    path = path if path.suffix == ".exe" else path.with_name(f"{path.name}.exe")
    path.write_bytes(ScriptMaker(None, str(path.parent))._get_launcher("t") + first.encode() + archive.getvalue())
    return path


def run_process(*command, **options):
    """Run a program, and return its exit code and the texts that it printed; ``check`` demands that it succeeds."""
    options = {"check": False, **options}
    return subprocess.run(list(map(str, command)), capture_output=True, encoding="utf-8", **options)
