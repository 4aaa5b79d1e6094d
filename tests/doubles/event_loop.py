"""Run coroutines beside a browser, whose driver keeps an event loop running on the main thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def run_coroutine(coroutine):
    """Run a coroutine to its end in an event loop of its own, on a thread of its own."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
