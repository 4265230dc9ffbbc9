"""The client of the Hugging Face Hub, with an end to its patience.

`huggingface_hub` (2.4) sends commits with no time limit at all: a connection that goes silent
would hold a push, and the thread that makes it, for ever.
"""

from huggingface_hub import HfApi, set_client_factory
from huggingface_hub.utils import httpx
from huggingface_hub.utils._http import default_client_factory

CONNECT_SECONDS = 15.0
SILENCE_SECONDS = 120.0  # between two signs of life; a commit of many files takes a while


def connect(
    endpoint: str | None = None, token: str | None = None, silence: float = SILENCE_SECONDS
) -> HfApi:
    """A client of the Hub.

    Args:
        endpoint: Its address; `HF_ENDPOINT` or the public one if not given.
        token: Who pushes; `HF_TOKEN` or what `hf auth login` stored if not given.
        silence: Seconds without a byte after which a request has failed.
    """

    def client() -> httpx.Client:
        made = default_client_factory()
        made.timeout = httpx.Timeout(silence, connect=min(CONNECT_SECONDS, silence))
        return made

    set_client_factory(client)
    return HfApi(endpoint=endpoint, token=token, library_name="lama-masks")
