"""The command itself: its subcommands, and how an error becomes one line and an exit code.

0 done, 1 failed, 2 wrong usage, 3 the artist must fix something, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import import_module

try:
    import click
except ImportError:
    sys.exit("The command line needs more than is installed. Run: pip install 'ft-dcc[cli]'")

from ft_dcc import errors
from ft_dcc.cli.ctrl_c import heeding_ctrl_c
from ft_dcc.cli.output import Output

DONE, FAILED, WRONG_USAGE, ARTIST_MUST_FIX, STOPPED = 0, 1, 2, 3, 130


# Where each command is: what nobody asked for is not imported.
_PLACES = {
    "accept": "ft_dcc.cli.accept:command",
    "demo": "ft_dcc.cli.demo:command",
    "doctor": "ft_dcc.cli.doctor:command",
    "install": "ft_dcc.cli.install:command",
    "playblast": "ft_dcc.cli.playblast:command",
    "publish": "ft_dcc.cli.publish:command",
    "queue": "ft_dcc.cli.queue:command",
    "renders": "ft_dcc.cli.renders:command",
    "review": "ft_dcc.cli.review:command",
    "serve": "ft_dcc.cli.serve:command",
    "studio": "ft_dcc.cli.studio:command",
    "task": "ft_dcc.cli.task:command",
    "types": "ft_dcc.cli.types:command",
    "ui": "ft_dcc.cli.ui:command",
    "uninstall": "ft_dcc.cli.install:uninstall_command",
}


class _Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*_PLACES, *self.commands})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of this name, or None."""
        if name not in self.commands and name in _PLACES:
            module, _, attribute = _PLACES[name].partition(":")
            self.add_command(getattr(import_module(module), attribute))
        return super().get_command(context, name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ft-dcc", prog_name="ft-dcc")
def command() -> None:
    """From the viewport to a review session in one click.

    The server, the user and the key come from FTRACK_SERVER, FTRACK_API_USER and FTRACK_API_KEY. Without a
    server, a studio of your own on this machine is used, and started when it is needed.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing is raised."""
    output = Output(as_json="--json" in arguments, debug="--debug" in arguments)
    try:
        with heeding_ctrl_c():
            code = command.main(list(arguments), prog_name="ft-dcc", standalone_mode=False, obj=output)
        return code if isinstance(code, int) else DONE
    except click.ClickException as error:
        error.show()
        return WRONG_USAGE
    except (KeyboardInterrupt, click.Abort):
        output.say("Stopped.")
        return STOPPED
    except errors.Error as error:
        output.fail(error)
        return _exit_code(error)
    except BrokenPipeError:
        # Whoever read our output has closed it: `ft-dcc doctor | head`.
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last line before an artist sees a traceback
        output.fail(error)
        return FAILED


def _exit_code(error: errors.Error) -> int:
    if isinstance(error, errors.Unpublishable):
        return ARTIST_MUST_FIX
    if isinstance(error, (errors.SettingInvalid, errors.ExtraMissing)):
        return WRONG_USAGE
    return FAILED


def main() -> None:
    """Run the process's own command line and leave with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a console cannot show is no reason to fail after a publish.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
