"""Entry point ``ft-dcc``: subcommands, error messages and exit codes.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the artist can fix the input, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import import_module

try:
    import click
except ImportError:
    sys.exit("The command line is not installed. Run: pip install 'ft-dcc[cli]'")

from ft_dcc import errors
from ft_dcc.cli.terminal.interrupts import reliable_sigint
from ft_dcc.cli.terminal.output import CommandGroup, Output

DONE, FAILED, WRONG_USAGE, USER_FIXABLE, STOPPED = 0, 1, 2, 3, 130

# Commands are imported on use; their short helps are here, so that --help imports none.
_COMMANDS = {
    "accept": ("ft_dcc.cli.hosts:accept_command", "Run the acceptance checks in your Maya, Nuke or Blender."),
    "batch": ("ft_dcc.cli.batch:batch_command", "Publish many items, here or on a farm."),
    "compat": ("ft_dcc.cli.site:compat_command", "Let scripts that import ftrack_api use ft-dcc."),
    "completion": ("ft_dcc.cli.site:completion_command", "Print the completion script of a shell."),
    "demo": ("ft_dcc.cli.demo:command", "Publish a Blender playblast to a temporary studio."),
    "deploy": ("ft_dcc.cli.hosts:deploy_command", "Deploy ft-dcc to a share, for all hosts of a studio."),
    "doctor": ("ft_dcc.cli.doctor:command", "Check settings, packages, programs and the server."),
    "fetch": ("ft_dcc.cli.site:fetch_command", "Download the scene file, or another component, of a version."),
    "install": ("ft_dcc.cli.hosts:install_command", "Install ft-dcc into Maya, Nuke or Blender."),
    "login": ("ft_dcc.cli.site:login_command", "Sign in with the browser."),
    "notes": ("ft_dcc.cli.notes:command", "Show, answer and export notes of reviewers."),
    "open": ("ft_dcc.cli.review:open_command", "Open a version or a review session in the browser."),
    "playblast": ("ft_dcc.cli.playblast:playblast_command", "Capture a Blender, Maya or Nuke scene and publish it."),
    "publish": ("ft_dcc.cli.publish:publish_command", "Publish frames, a movie or an image."),
    "publish-item": ("ft_dcc.cli.batch:publish_item_command", "Publish items of a batch's plan (for farms)."),
    "queue": ("ft_dcc.cli.queue:command", "Resume interrupted publishes."),
    "renders": ("ft_dcc.cli.renders:command", "Publish finished renders."),
    "review": ("ft_dcc.cli.review:command", "Create, schedule and close review sessions; invite people."),
    "serve": ("ft_dcc.cli.serve:command", "Start the studio server."),
    "studio": ("ft_dcc.cli.studio:command", "Manage users, keys and contents of a studio."),
    "task": ("ft_dcc.cli.site:task_command", "Create and find tasks."),
    "types": ("ft_dcc.cli.site:types_command", "Write type stubs of the site's entity types."),
    "ui": ("ft_dcc.cli.publish:ui_command", "Open the dialog that publishes files."),
    "uninstall": ("ft_dcc.cli.hosts:uninstall_command", "Uninstall ft-dcc from Maya, Nuke or Blender."),
}


class _LazyGroup(CommandGroup):
    """A group that imports a command on its first use."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*_COMMANDS, *self.commands})

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of all commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in sorted(_COMMANDS)])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command with this name, or None."""
        if name not in self.commands and name in _COMMANDS:
            module, _, attribute = _COMMANDS[name][0].partition(":")
            self.add_command(getattr(import_module(module), attribute))
        return super().get_command(context, name)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ft-dcc", prog_name="ft-dcc")
def command() -> None:
    """From the viewport to a review session in one click.

    FTRACK_SERVER, FTRACK_API_USER and FTRACK_API_KEY set the server, the user and the key. If no server is set, a
    local studio on this machine is used and started when needed.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; print errors instead of raising them."""
    output = Output(as_json="--json" in arguments, debug="--debug" in arguments, quiet="--quiet" in arguments)
    try:
        with reliable_sigint():
            code = command.main(list(arguments), prog_name="ft-dcc", standalone_mode=False, obj=output)
        return code if isinstance(code, int) else DONE
    except click.ClickException as error:
        error.show()
        return WRONG_USAGE
    except (KeyboardInterrupt, click.Abort):
        output.message("Stopped.")
        return STOPPED
    except errors.Error as error:
        output.fail(error)
        return _exit_code(error)
    except BrokenPipeError:
        # The reader of stdout closed it, as in `ft-dcc doctor | head`.
        return FAILED
    except Exception as error:  # noqa: BLE001 - users never see a traceback without --debug
        output.fail(error)
        return FAILED


def _exit_code(error: errors.Error) -> int:
    if isinstance(error, errors.UserFixableError):
        return USER_FIXABLE
    if isinstance(error, (errors.SettingInvalid, errors.MissingExtra)):
        return WRONG_USAGE
    return FAILED


def main() -> None:
    """Run the command line of this process and exit with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A publish must not fail because the console cannot show a character.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
