"""A client of the tests: its requests end after the one time-out of all tests."""

import requests
from run_options import TIMEOUT_SECONDS


class HttpSession(requests.Session):
    """A browser without a window: it keeps its cookies, and a request without a time-out has that of all tests."""

    def request(self, method, url, *arguments, **options):
        options.setdefault("timeout", TIMEOUT_SECONDS)
        return super().request(method, url, *arguments, **options)
