"""``python -m ft_dcc.server``: the studio server without the packages that the command line needs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ft_dcc.errors import Error
from ft_dcc.server import context, run
from ft_dcc.server.database import scheduled_backup
from ft_dcc.server.http import rate_limit, request_logging


def main() -> None:
    """Serve until SIGINT or SIGTERM; print where, and how to sign in, when connections are accepted."""
    parser = argparse.ArgumentParser(prog="python -m ft_dcc.server")
    parser.add_argument("--data", type=Path, required=True, help="folder of the studio")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=0, help="port; 0: any free one")
    parser.add_argument("--certificate", type=Path, help="certificate for HTTPS, a PEM file")
    parser.add_argument("--private-key", type=Path, help="the certificate's private key, a PEM file")
    parser.add_argument("--allow-plain-http", dest="is_plain_allowed", action="store_true", help="without HTTPS")
    parser.add_argument("--stop-when-idle", dest="idle_minutes", type=float, help="minutes without a client")
    parser.add_argument("--backups", type=Path, help="folder of nightly backups, with media")
    parser.add_argument("--keep-backups", type=int, default=7, help="number of nightly backups to keep; 0: make none")
    parser.add_argument("--backup-at", default="03:00", help="time of the nightly backup")
    limit = rate_limit.REQUESTS_PER_MINUTE
    parser.add_argument("--request-limit", type=int, default=limit, help="requests a minute of an address; 0: any")
    parser.add_argument("--log", choices=["debug", "info", "warning", "error"], default="warning", help="lowest level")
    options = vars(parser.parse_args())
    request_logging.log_to_stderr(options.pop("log"))
    try:
        backups = (options.pop(name) for name in ("backups", "keep_backups", "backup_at"))
        options["backups"] = scheduled_backup.BackupSchedule.parse(*backups)
        run.serve(on_ready=_print_start, limiter=rate_limit.RequestLimiter(options.pop("request_limit")), **options)
    except Error as error:
        sys.exit(str(error))


def _print_start(start: context.ServerStart) -> None:
    sys.stdout.write(f"{start.describe()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
