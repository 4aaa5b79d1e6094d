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
    sys.exit('The command line is not installed. Run: pip install "ft-dcc[cli]"')

from ft_dcc import errors
from ft_dcc.cli.terminal.output import CommandGroup, Output
from ft_dcc.system.signals import reliable_sigint

DONE, FAILED, WRONG_USAGE, USER_FIXABLE, STOPPED = 0, 1, 2, 3, 130

# Commands are imported on use; their short helps are here, so that --help imports none.
_COMMANDS = {
    "accept": (
        "ft_dcc.cli.hosts:accept_command",
        "Run the acceptance checks in Maya, Nuke or Blender, or on a site.",
    ),
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
    "settings": ("ft_dcc.cli.settings:command", "Show and change settings: your own, or those of a project."),
    "studio": ("ft_dcc.cli.studio:command", "Manage users, keys and contents of a studio."),
    "task": ("ft_dcc.cli.site:task_command", "Create and find tasks."),
    "version": ("ft_dcc.cli.site:version_command", "Show and verify the files of versions on disk."),
    "ui": ("ft_dcc.cli.publish:ui_command", "Open the dialog that publishes files."),
    "uninstall": ("ft_dcc.cli.hosts:uninstall_command", "Uninstall ft-dcc from Maya, Nuke or Blender."),
}


class _LazyGroup(CommandGroup):
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
            found: click.Command = getattr(import_module(module), attribute)
            found.name, found.short_help = name, _COMMANDS[name][1]
            self.add_command(found)
        return super().get_command(context, name)

    def invoke(self, context: click.Context) -> object:
        """Start the log file of a program, before the command is imported; --help and completion start none."""
        if context.obj.logged:
            from ft_dcc.files import log_file

            log_file.start(context.obj.logged)
        return super().invoke(context)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ft-dcc", prog_name="ft-dcc")
def command() -> None:
    """From the viewport to a review session in one click.

    FTRACK_SERVER, FTRACK_API_USER and FTRACK_API_KEY set the server, the user and the key. If no server is set, a
    local studio on this machine is used and started when needed.
    """


def run(arguments: Sequence[str], *, logged: str = "") -> int:
    """Run a command line and return its exit code; print errors instead of raising them.

    ``logged`` is the text for the log file, which is not started without one.
    """
    output = Output(
        as_json="--json" in arguments, debug="--debug" in arguments, quiet="--quiet" in arguments, logged=logged
    )
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
        _log(f"ended with {type(error).__name__}: {error}")
        if isinstance(error, errors.UserFixableError):
            return USER_FIXABLE
        return WRONG_USAGE if isinstance(error, (errors.SettingInvalid, errors.MissingExtra)) else FAILED
    except BrokenPipeError:
        # The reader of stdout closed it, as in `ft-dcc doctor | head`.
        return FAILED
    except Exception as error:  # noqa: BLE001 - users never see a traceback without --debug
        output.fail(error)
        _log("ended with an unexpected error", error)
        return FAILED


def _log(text: str, error: Exception | None = None) -> None:
    from ft_dcc.files import log_file

    log_file.write(text, "ERROR", error)


def main() -> None:
    """Run the command line of this process and exit with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A publish must not fail because the console cannot show a character.
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:]
    sys.exit(run(arguments, logged=f"ft-dcc {' '.join(_without_key(arguments))}"))


def _without_key(arguments: Sequence[str]) -> Sequence[str]:
    """Return the arguments without the key of ``settings set key``, which the command refuses."""
    if arguments[:1] == ["settings"] and "key" in arguments:
        return [*arguments[: arguments.index("key") + 1], "***"]
    return arguments


if __name__ == "__main__":
    main()
