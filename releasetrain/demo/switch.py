"""Ask the house, through OpenFeature, which checkout a shopper gets.

Nothing here is ours: the SDK and its OFREP provider are what any other application would use.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

logger = logging.getLogger("storefront")
# It would tell every try of an outage; the switch tells of the outage.
logging.getLogger("urllib3").setLevel(logging.ERROR)

TIMEOUT_SECONDS = 0.5
REST_SECONDS = 1.0
THREADS = 8


class Switch:
    """Evaluate one boolean flag, off where nobody answers."""

    name = "both versions"

    def __init__(self, address: str, key: str, token: Callable[[], str]) -> None:
        """Connect to the OFREP server at an address; the token is asked for anew with every evaluation."""
        self.key = key
        self.evaluations = 0
        self.errors = 0
        self.last_error = ""
        self._rests_until = 0.0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flag")
        api.set_provider(self._provider(address, token))
        self._client = api.get_client()

    async def is_on(self, user: str) -> bool:
        """Tell whether the flag is on for a user.

        After an evaluation that failed nobody asks for a second: without that pause, shoppers would queue
        behind each other's timeouts while the server is away.
        """
        if time.monotonic() < self._rests_until:
            return False
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, user)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, user: str) -> bool:
        # The SDK does not raise: it answers the default and says why.
        details = self._client.get_boolean_details(
            self.key, default_value=False, evaluation_context=EvaluationContext(user)
        )
        self.evaluations += 1
        if details.error_code:
            self._note_error(f"{details.error_code}: {details.error_message or ''}"[:300])
        elif self.last_error:
            logger.warning("The flag %s is answered again.", self.key)
            self.last_error = ""
        return details.value

    def _note_error(self, error: str) -> None:
        if not self.last_error:
            logger.warning("The flag %s is not answered; everybody gets the old version. %s", self.key, error)
        self.errors += 1
        self.last_error = error
        self._rests_until = time.monotonic() + REST_SECONDS

    def _provider(self, address: str, token: Callable[[], str]) -> OFREPProvider:
        provider = OFREPProvider(
            address,
            headers_factory=lambda: {"Authorization": f"Bearer {token()}"},
            timeout=TIMEOUT_SECONDS,
        )
        # No proxy or .netrc stands between two processes of one house, and looking for them is slow.
        provider.session.trust_env = False
        # A kept connection that the server has just closed is no outage: evaluating again changes nothing.
        again = Retry(total=1, allowed_methods=None, respect_retry_after_header=False)
        for scheme in ("http://", "https://"):
            provider.session.mount(scheme, HTTPAdapter(pool_maxsize=THREADS, max_retries=again))
        return provider
