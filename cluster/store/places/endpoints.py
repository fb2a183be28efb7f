"""Addresses of S3 servers, as users give them."""

from urllib.parse import urlsplit

from tasks.errors import BadInputError

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # where boto3 looks, the first first
AMAZON_ASKED = (
    f"Amazon's S3 was asked, as neither {' nor '.join(ENDPOINTS)} is set: set one where the bucket is "
    "another server's (for a job, where `knockcast submit` is typed)"
)


def checked_endpoint(name: str, url: str) -> str:
    """The address; BadInputError, with the name of what gave it, for one that no server can have."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable or any(letter.isspace() for letter in url):
        raise BadInputError(f"{name} {url}: expected http://HOST:PORT or https://HOST")
    return url
