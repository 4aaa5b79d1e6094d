"""``ft-dcc install``, ``uninstall`` and ``accept``: the suite in Maya, Nuke and Blender, and on an ftrack site."""

from __future__ import annotations

import contextlib
import json
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ft_dcc import errors, frames
from ft_dcc.accounts import local_server
from ft_dcc.cli.demo import running_server
from ft_dcc.cli.terminal.inputs import AbsolutePath, connected
from ft_dcc.cli.terminal.output import Command, Output
from ft_dcc.files.atomic import storage_errors, temporary_folder
from ft_dcc.install import deployment, host_launcher, installation, machine_checks, release_build
from ft_dcc.install.host_discovery import HOSTS, TITLES, Machine, program_at, require_program

_FOLDER = AbsolutePath(file_okay=False)
_TASK = "Acceptance/SEQ010/SH010/Animation"
_OUTCOMES = {"passed": "ok     ", "failed": "FAILED ", "skipped": "-      "}

_host = click.argument("host", type=click.Choice(["blender", "maya", "nuke"]))
_to = click.option("--to", type=_FOLDER, help="Folder to use instead. For a share, see deploy.")
_version = click.option("--version", help="Only this version of the host: 2025, 15 or 4.2.")


@click.command(cls=Command)
@_host
@_to
@_version
@click.option(
    "--ffmpeg/--no-ffmpeg", "with_ffmpeg", default=True, help="Include the ffmpeg of this installation (170 MB)."
)
@click.option(
    "--force", "may_lose_versions", is_flag=True, help="Also if the folder then serves fewer versions of the host."
)
def install_command(output: Output, host: str, **options: Any) -> None:
    """Install ft-dcc and its dependencies for this user's host, and print what was installed.

    Needs no network and installs nothing into the host's Python. It changes no file of the user, except for Blender:
    the add-on is enabled in the preferences of Blender, which are saved. Run it again to update.
    """
    lines, report = [], []
    for installed in installation.install(host, Machine.here(), **options):
        record = installed.record
        size, versions = sum(record.files.values()) / 2**20, ", ".join(record.versions)
        lines.append(f"ft-dcc {record.release} for {TITLES[host]} {versions}: {len(record.files)} files, {size:.0f} MB")
        lines += [f"  in {installed.folder}", *(f"  and {path}" for path in record.beside)]
        lines += [f"  {hint}." for hint in installed.hints]
        about = {"versions": record.versions, "release": record.release, "hints": installed.hints}
        report.append({"folder": str(installed.folder), "beside": list(record.beside), **about})
    output.result("\n".join(lines), {"host": host, "installed": report})


@click.command(cls=Command)
@_host
@_to
@_version
def uninstall_command(output: Output, host: str, to: Path | None, version: str | None) -> None:
    """Remove what ``ft-dcc install`` installed.

    Files that were changed or added since are kept and listed.
    """
    removed = installation.uninstall(host, Machine.here(), version=version, to=to)
    lines = [f"ft-dcc was removed from {folder}" for folder in removed]
    lines = lines or [f"ft-dcc is not installed in {TITLES[host]}."]
    lines += [f"  kept, because it was changed: {path}" for left in removed.values() for path in left]
    report = [{"folder": str(folder), "left": list(map(str, left))} for folder, left in removed.items()]
    output.result("\n".join(lines), {"host": host, "removed": report})


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--hosts", default="maya,nuke,blender", help="Hosts to serve (default: maya,nuke,blender).")
@click.option("--only", metavar="VERSIONS", help="Serve only these versions of hosts: 2025,15,4.2.")
@click.option("--systems", help="Systems to include ffmpeg for (default: all): linux-x86_64,macos-arm64.")
@click.option("--ffmpeg/--no-ffmpeg", default=True, help="Include ffmpeg (50 to 170 MB for each system).")
@click.option("--force", "replace", is_flag=True, help="Switch also if versions that are served now are lost.")
@click.option("--status", "action", flag_value="status", help="List the releases and the running hosts that use them.")
@click.option("--rollback", "action", flag_value="rollback", help="Switch to the release before the current one.")
@click.option("--prune", "action", flag_value="prune", help="Remove releases that are no longer used.")
@click.option(
    "--keep-days",
    type=click.IntRange(min=0),
    default=30,
    help="Days for which --prune keeps a release that was in use.",
)
def deploy_command(
    output: Output,
    folder: Path,
    hosts: str,
    only: str | None,
    systems: str | None,
    ffmpeg: bool,
    replace: bool,
    action: str | None,
    keep_days: int,
) -> None:
    """Build a release in DIR for all versions of the hosts and all systems, verify it, and switch to it.

    Running hosts keep the release with which they started. Packages for older hosts, and ffmpeg for other systems,
    are downloaded. The report says which versions are served, and which are not and why.
    """
    if action == "status":
        return _show_status(output, folder)
    if action == "rollback":
        before, now = deployment.rollback(folder)
        return output.result(
            f"Hosts that start now use {now} in place of {before}.", {"before": before, "current": now}
        )
    if action == "prune":
        removed, kept = deployment.prune(folder, keep_days=keep_days)
        lines = [f"Removed {name}." for name in removed] or ["No release was removed."]
        lines += [f"Kept {name}: {reason}." for name, reason in kept.items()]
        return output.result("\n".join(lines), {"removed": removed, "kept": kept})
    known = list(release_build.SYSTEMS)
    order = release_build.Order(
        release_build.parse_names(hosts, list(TITLES)),
        None if only is None else release_build.parse_versions(only),
        release_build.parse_names(systems or ",".join(known), known) if ffmpeg else (),
    )
    output.message(f"Building the release for {folder}")
    _report_deployed(output, folder, deployment.deploy(folder, order, may_lose_versions=replace))
    return None


def _report_deployed(output: Output, folder: Path, done: deployment.Deployed) -> None:
    what = {
        (True, False): "Hosts that start now use the new release {}.",
        (False, False): "Hosts that start now use the release {}, which is identical to what was built.",
        (False, True): "The release {} in use is identical to what was built; nothing has changed.",
    }[done.is_new, done.was_current]
    lines = [what.format(done.name)]
    for host, versions in done.facts.hosts.items():
        served = [name for name, reason in versions.items() if not reason]
        lines.append(f"{TITLES[host]}: {', '.join(served) or 'no version'}")
        lines += [f"  not {name}: {reason}" for name, reason in versions.items() if reason]
    included = [name for name, reason in done.facts.systems.items() if not reason]
    lines.append(f"ffmpeg: {', '.join(included) or 'not included; hosts use FT_DCC_FFMPEG, or the ffmpeg on the PATH'}")
    lines += [f"  not {name}: {reason}" for name, reason in done.facts.systems.items() if reason]
    lines += [f"  because: {error}" for error in done.errors]
    # What to set on the machines of artists; the path differs where the share has another one.
    older = f"  (before 4.2: blender --python {folder / 'blender' / 'startup' / 'ft_dcc_start.py'})"
    for host in filter(done.facts.hosts.__contains__, HOSTS):
        lines.append(f"Add to {HOSTS[host].variable}: {folder / host}{older if host == 'blender' else ''}")
    report = {"release": done.name, "is_new": done.is_new, "hosts": done.facts.hosts, "systems": done.facts.systems}
    output.result("\n".join(lines), {**report, "errors": done.errors, "folder": str(folder)})


def _show_status(output: Output, folder: Path) -> None:
    lines, report = [], []
    for state in deployment.status(folder):
        use = "in use" if state.is_current else "previous" if state.is_previous else "not in use"
        served = {host: [name for each, name in state.facts.served if each == host] for host in state.facts.hosts}
        lines.append(f"{state.name}  {use}, built {state.facts.created}")
        lines += [f"  {TITLES[host]} {', '.join(names)}" for host, names in served.items() if names]
        if state.users:
            lines.append(f"  used by {len(state.users)}: {', '.join(sorted(set(state.users)))}")
        about = {"is_current": state.is_current, "is_previous": state.is_previous, "created": state.facts.created}
        report.append({"release": state.name, **about, "served": served, "users": state.users})
    output.result("\n".join(lines), {"releases": report})


@click.command(cls=Command)
@click.argument("host", type=click.Choice(["blender", "maya", "nuke", "site", "machine"]))
@click.option("--program", type=AbsolutePath(), help="Path of the program (default: newest found).")
@click.option("--window", "has_window", is_flag=True, help="Start with a window (default: headless).")
@click.option("--person", is_flag=True, help="A user will press Escape while 600 frames are captured.")
@click.option("--task", help="Publish to this task on the server of the settings (default: a temporary studio).")
@click.option("--project", help="Project of a site for what is published there (only with site).")
@click.option("--to", type=_FOLDER, default=Path(), help="Folder for the results.")
@click.option("--ffmpeg/--no-ffmpeg", "with_ffmpeg", default=True, help="Include the ffmpeg of this installation.")
def accept_command(
    output: Output,
    host: str,
    program: Path | None,
    person: bool,
    task: str | None,
    project: str | None,
    to: Path,
    **options: bool,
) -> int:
    """Run the acceptance checks in a host program and write the results as JSON and as an HTML page with images.

    The program is started with a temporary installation of ft-dcc. The results contain the program, the system, and
    which checks passed, failed or were skipped. The command starts a new process; programs that run are not used.

    With site and --project, four versions are published to the server of the settings and opened in the browser. On the
    HTML page a person ticks what the player of the site shows. The versions are removed at the end.

    With machine, no host program is started: ft-dcc installs, publishes, cancels and ends processes in a temporary
    folder, to show what this system does. It takes about a minute.
    """
    from ft_dcc.contract.run import ORDER

    if (host == "site") != (project is not None):
        raise click.UsageError("Give --project with site, and only with site.")
    if host in ("site", "machine") and (program is not None or task is not None or person):
        raise click.UsageError(f"Leave --program, --task and --person out with {host}.")
    if project is not None:
        return _accept_site(output, project, to)
    if host == "machine":
        return _save_results(output, machine_checks.accept_machine(output.message), to)
    found = program_at(host, program) if program is not None else require_program(host, Machine.here())
    with (
        temporary_folder("ft-dcc-accept-") as folder,
        _acceptance_server(output, folder, task) as (environment, task_id),
    ):
        answer = folder / "answer.json"
        order = {"answer": str(answer), "task": task_id, "has_person": person}
        output.message(f"Starting {found}: {found.path}")
        environment[ORDER] = json.dumps(order)
        log = host_launcher.run_acceptance(found, environment, **options)
        if not answer.is_file():
            last = " ".join(log.split("\n")[-6:]).strip()
            raise errors.InstallFailed(f"{found} ended without results. Its last output: {last or 'none'}")
        report = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in report:
        raise errors.InstallFailed(f"The checks could not start in {found}: {report['error']}")
    return _save_results(output, report, to)


def _accept_site(output: Output, project: str, to: Path) -> int:
    from ft_dcc.contract import web_review

    with temporary_folder("ft-dcc-accept-") as folder, connected() as session:
        published = web_review.published_variants(
            session, project, folder, lambda name: output.message(f"Publishing {name}")
        )
        with published as variants:
            page = to.absolute() / "site-web-review.html"
            with storage_errors(f"{page} cannot be written", "Choose another folder with --to."):
                page.parent.mkdir(parents=True, exist_ok=True)
                page.write_text(web_review.variants_page(session.server_url, variants), encoding="utf-8")
            for address in (*(variant.link for variant in variants), page.as_uri()):
                webbrowser.open(address)
            if sys.stdin.isatty():
                click.prompt("Press Enter when the page is filled in", default="", show_default=False, err=True)
    lines = [f"{variant.name}: {'; '.join(variant.movies)}" for variant in variants]
    lines += [f"Page: {page}", "Everything that was published is removed again."]
    report = [{"variant": each.name, "link": each.link, "movies": list(each.movies)} for each in variants]
    output.result("\n".join(lines), {"page": str(page), "variants": report})
    return 0


def _save_results(output: Output, report: dict[str, Any], folder: Path) -> int:
    from ft_dcc.contract.run import IMAGES, results_page, summary

    folder.mkdir(parents=True, exist_ok=True)
    system = report["system"].partition(" ")[0].lower()
    name = f"{report['host'].lower()}-{report['version']}-{system}{'-window' if report['window'] else ''}"
    images = report.pop(IMAGES, {})
    results, page = folder / f"{name}.json", folder / f"{name}.html"
    results.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(results_page(report, images), encoding="utf-8")
    lines = [f"{_OUTCOMES[each['outcome']]}{each['name']:<24} {each['why']}".rstrip() for each in report["checks"]]
    lines += [" ".join(summary(report)), f"Results: {results}", f"Page: {page}"]
    output.result("\n".join(lines), report)
    return 1 if any(each["outcome"] == "failed" for each in report["checks"]) else 0


@contextlib.contextmanager
def _acceptance_server(output: Output, folder: Path, task: str | None) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the environment variables that name the server, and the id of the task."""
    from ft_dcc.production.tasks import ensure_task, find_task

    with contextlib.ExitStack() as stack:
        if task is not None:
            account = local_server.get_account()
            with connected(account) as session:
                found = find_task(session, task)
        else:
            account = stack.enter_context(running_server(output, folder / "studio"))
            with connected(account) as session:
                found = ensure_task(session, _TASK, frame_range=frames.FrameRange(1001, 1012))
        yield account.as_environment(), str(found["id"])
