"""The engine ``dask://HOST:PORT``: the workers of a Dask cluster, each with the plan's folder and the jobs folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc import errors
from ft_dcc.accounts.local_server import get_account
from ft_dcc.batch import plan, unit
from ft_dcc.batch.plan import ItemResult, Plan
from ft_dcc.session import Session

# A worker that is killed loses its item, which another one then resumes.
RETRIES = 2
CONNECT_TIMEOUT_SECONDS = 20


@attrs.frozen
class TlsFiles:
    """The files of a TLS connection: the certificate authority, and this client's certificate and key."""

    ca: Path
    certificate: Path
    key: Path


def run_dask(plan_to_run: Plan, address: str, on_result: Callable[[ItemResult], None], tls: TlsFiles | None) -> None:
    """Publish the items that are left on the cluster at ``address``; ``on_result`` is called in this thread.

    Dask runs any code that a client sends, so addresses of other machines need ``tls``. Raises MissingExtra,
    SettingInvalid, or EncodeFailed if the cluster does not answer.
    """
    try:
        from distributed import Client, Security, as_completed
    except ImportError as error:
        raise errors.MissingExtra("dask", "The engine dask://") from error
    host = address.rpartition(":")[0].strip("[]")
    if tls is None and host not in ("localhost", "127.0.0.1", "::1"):
        raise errors.SettingInvalid(
            f"Dask workers run any code, so {address} needs TLS. Give --tls-ca, --tls-cert and --tls-key."
        )
    security, scheme = None, "tcp"
    if tls is not None:
        paths = {"tls_ca_file": tls.ca, "tls_client_cert": tls.certificate, "tls_client_key": tls.key}
        security = Security(**{name: str(path) for name, path in paths.items()}, require_encryption=True)
        scheme = "tls"
    try:
        client = Client(
            f"{scheme}://{address}", security=security, timeout=CONNECT_TIMEOUT_SECONDS, set_as_default=False
        )
    except (OSError, ValueError) as error:
        raise errors.SettingInvalid(f"The Dask scheduler {address} does not answer: {error}. Start it.") from error
    with client:
        folder = str(plan_to_run.folder)
        items = {
            client.submit(
                _run_item, folder, item.index, pure=False, retries=RETRIES, key=f"{item.key}-{item.job}"
            ): item
            for item in plan_to_run.todo
        }
        for future in as_completed(list(items), loop=client.loop):
            try:
                values = future.result()
                on_result(ItemResult(**{**values, "problems": tuple(values["problems"])}))
            except Exception as error:  # noqa: BLE001 - an error of Dask, such as KilledWorker, is one of its item
                on_result(ItemResult.of(items[future], plan.FAILED, [f"{type(error).__name__}: {error}"]))


def _run_item(folder: str, index: int) -> dict[str, Any]:
    """Publish one item in a Dask worker, with the credentials of its environment."""
    opened, account = plan.Plan.open(Path(folder) / plan.ITEMS), get_account()
    with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
        result = unit.publish_item(opened.items[index], opened.folder / plan.RESULTS, session)
    return attrs.asdict(result)
