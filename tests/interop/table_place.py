"""Where a table lies, and what opens it there."""

import os


def aws(name, default=None):
    value = os.environ.get(f"AWS_{name}", default)
    if value is None:
        raise SystemExit(f"AWS_{name} is not set, and the table is in S3")
    return value


def storage_options(place):
    """As object_store names them, which deltalake, Polars and Sail are built on."""
    if not place.startswith("s3://"):
        return {}
    endpoint = aws("ENDPOINT_URL")
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": aws("ACCESS_KEY_ID"),
        "AWS_SECRET_ACCESS_KEY": aws("SECRET_ACCESS_KEY"),
        "AWS_REGION": aws("REGION", "us-east-1"),
        "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower(),
    }
