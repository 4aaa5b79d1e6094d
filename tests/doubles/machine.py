"""A machine of any kind, laid out in a folder: home, system folders, and empty programs."""

from ft_dcc.install.host_discovery import Machine


def machine_in(folder, platform, **environment):
    """Return a machine of this kind; its environment is what is given, and what such a system always has."""
    home = folder / {"linux": "home/ada", "darwin": "Users/ada", "win32": "Users/ada"}[platform]
    data = {
        "linux": home / ".local" / "share" / "ft-dcc",
        "darwin": home / "Library" / "Application Support" / "ft-dcc",
        "win32": home / "AppData" / "Local" / "ft-dcc",
    }[platform]
    always = {"ProgramFiles": str(folder / "Program Files")} if platform == "win32" else {}
    home.mkdir(parents=True, exist_ok=True)
    return Machine(platform, home, home / "Documents", data, {**always, **environment}, root=folder)


def add_program(machine, path):
    program = machine.root / path
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("", encoding="utf-8")
    return program


def files_in(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }
