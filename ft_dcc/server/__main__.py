"""``python -m ft_dcc.server``: the studio server without the packages that the command line needs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ft_dcc.errors import Error
from ft_dcc.server.database import data_folder, scheduled_backup
from ft_dcc.server.http import rate_limit, request_logging
from ft_dcc.server.run import serve


def main() -> None:
    """Serve until SIGINT or SIGTERM; print three lines with URL, user and key when connections are accepted."""
    parser = argparse.ArgumentParser(prog="python -m ft_dcc.server")
    parser.add_argument("--data", type=Path, required=True, help="folder of the studio")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=0, help="port; 0: any free one")
    parser.add_argument("--certificate", type=Path, help="certificate for HTTPS, a PEM file")
    parser.add_argument("--private-key", type=Path, help="the certificate's private key, a PEM file")
    parser.add_argument("--allow-plain-http", action="store_true", help="let other machines connect without HTTPS")
    parser.add_argument("--schema", type=Path, help="a site's own schema, a JSON file")
    parser.add_argument("--stop-when-idle", type=float, metavar="MINUTES", help="stop after this time without a client")
    parser.add_argument("--backups", type=Path, help="folder of nightly backups, with media")
    parser.add_argument("--keep-backups", type=int, default=7, help="number of nightly backups to keep; 0: make none")
    parser.add_argument("--backup-at", default="03:00", help="time of the nightly backup")
    parser.add_argument(
        "--request-limit",
        type=int,
        default=rate_limit.REQUESTS_PER_MINUTE,
        help="requests per minute from one address; 0: no limit",
    )
    parser.add_argument(
        "--log", choices=["debug", "info", "warning", "error"], default="warning", help="lowest level to log"
    )
    options = parser.parse_args()
    request_logging.log_to_stderr(options.log)
    try:
        serve(
            options.data,
            options.host,
            options.port,
            _print_credentials,
            certificate=options.certificate,
            private_key=options.private_key,
            is_plain_allowed=options.allow_plain_http,
            schema=options.schema,
            idle_minutes=options.stop_when_idle,
            backups=scheduled_backup.BackupSchedule.parse(options.backups, options.keep_backups, options.backup_at),
            limiter=rate_limit.RequestLimiter(options.request_limit),
        )
    except Error as error:
        sys.exit(str(error))


def _print_credentials(credentials: data_folder.Credentials) -> None:
    sys.stdout.write(credentials.as_environment())
    sys.stdout.flush()


if __name__ == "__main__":
    main()
