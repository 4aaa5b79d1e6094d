"""``python -m ft_dcc.server``: the studio server without the command line's extras."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ft_dcc.errors import Error
from ft_dcc.server.folder import Credentials
from ft_dcc.server.logs import log_to_stderr
from ft_dcc.server.nightly import Nightly
from ft_dcc.server.pace import REQUESTS_A_MINUTE, Pace
from ft_dcc.server.serve import serve


def main() -> None:
    """Serve until a signal comes; say in three lines how to reach the server, once it can be reached."""
    parser = argparse.ArgumentParser(prog="python -m ft_dcc.server")
    parser.add_argument("--data", type=Path, required=True, help="folder of the studio")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 finds a free one")
    parser.add_argument("--certificate", type=Path, help="certificate for HTTPS, a PEM file")
    parser.add_argument("--private-key", type=Path, help="the certificate's private key, a PEM file")
    parser.add_argument("--allow-plain-http", action="store_true", help="other machines may come without HTTPS")
    parser.add_argument("--schema", type=Path, help="a site's own schema, a JSON file")
    parser.add_argument("--stop-when-idle", type=float, metavar="MINUTES", help="stop after so long without a client")
    parser.add_argument("--backups", type=Path, help="folder of nightly backups, with media")
    parser.add_argument("--keep-backups", type=int, default=7, help="how many nightly backups are kept; 0 makes none")
    parser.add_argument("--backup-at", default="03:00", help="time of the nightly backup")
    parser.add_argument(
        "--request-limit", type=int, default=REQUESTS_A_MINUTE, help="requests a minute from one address; 0: any number"
    )
    parser.add_argument("--log", choices=["debug", "info", "warning", "error"], default="warning", help="least level")
    options = parser.parse_args()
    log_to_stderr(options.log)
    try:
        serve(
            options.data,
            options.host,
            options.port,
            _tell,
            certificate=options.certificate,
            private_key=options.private_key,
            is_plain_allowed=options.allow_plain_http,
            schema=options.schema,
            idle_minutes=options.stop_when_idle,
            nightly=Nightly.parse(options.backups, options.keep_backups, options.backup_at),
            pace=Pace(options.request_limit),
        )
    except Error as error:
        sys.exit(str(error))


def _tell(credentials: Credentials) -> None:
    sys.stdout.write(credentials.as_environment())
    sys.stdout.flush()


if __name__ == "__main__":
    main()
