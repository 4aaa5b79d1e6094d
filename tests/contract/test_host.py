"""The contract that every host must fulfil: the checks that ``ft-dcc accept`` runs in a host program."""

import pytest

from ft_dcc.contract.checks import CHECKS
from ft_dcc.contract.host_under_test import CheckContext, Skipped


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_host_passes_the_check(tested_host, tmp_path, check):
    folder = tmp_path / "check"
    folder.mkdir()
    try:
        check.function(CheckContext(tested_host, folder, ""))
    except Skipped as reason:
        pytest.skip(str(reason))
