"""A worker process of the local engine: reads indices of items from stdin and writes one line of JSON per event.

It is started as ``python -m ft_dcc.batch.worker PLAN``. Imports and the connection are made once. It ends at the end of
stdin, so that it does not outlive its parent.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

import attrs

from ft_dcc import errors
from ft_dcc.accounts.local_server import get_account
from ft_dcc.batch import plan, unit
from ft_dcc.publish.progress import Progress
from ft_dcc.session import Session
from ft_dcc.system.signals import exit_when_terminated


def main() -> None:
    """Publish the items whose indices are read from stdin."""
    # Blender's compiled code writes to the process's stdout.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    exit_when_terminated()
    opened, account = plan.Plan.open(Path(sys.argv[1])), get_account()
    with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
        for line in sys.stdin:
            item = opened.items[int(line)]

            def report(progress: Progress, index: int = item.index) -> None:
                values = {"step": progress.step, "done": progress.done, "total": progress.total, "unit": progress.unit}
                _write(events, {"index": index, "progress": values})

            try:
                result = unit.publish_item(item, opened.folder / plan.RESULTS, session, on_progress=report)
            except errors.Error as error:
                result = plan.ItemResult.of(item, plan.FAILED, [str(error)])
            _write(events, {"index": item.index, "result": attrs.asdict(result)})


def _write(file: IO[str], event: dict[str, Any]) -> None:
    file.write(f"{json.dumps(event)}\n")
    file.flush()


if __name__ == "__main__":
    main()
