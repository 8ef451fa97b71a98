"""`Idempotency-Key`: what is asked for again is done once. How, and why that holds, is
told in `components/rest/src/idempotency.rs`, whose records these are."""

import re
from collections.abc import Callable

from bucket import Bucket, BucketError
from claim import claim
from expiry import sweep
from rest import HTTPError, Request
from turn import now
from wit_world.imports import environment

LONGEST = 255
DAY = 24 * 60 * 60


def key_of(request: Request) -> str | None:
    match request.headers("idempotency-key"):
        case []:
            return None
        case [value]:
            key = parse(value.strip(" "))
            if 1 <= len(key) <= LONGEST:
                return key
            raise HTTPError(
                400,
                f"Idempotency-Key must be one key of 1 to {LONGEST} characters of ASCII, as in 8e03978e-40d5; "
                "one with spaces, commas, semicolons, quotes or backslashes must be a string in double quotes",
            )
    raise HTTPError(400, "Idempotency-Key is there more than once")


def parse(value: str) -> str:
    """The key that stands bare or, with whatever ASCII, in quotes; empty if none does."""
    if re.fullmatch(r"[!#-&(-+\--:<-\[\]-~]+", value):
        return value
    quoted = re.fullmatch(r'"((?:[ !#-\[\]-~]|\\["\\])+)"', value)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""


def once(
    bucket: Bucket,
    key: str | None,
    is_same: Callable[[bytes], bool],
    make: Callable[[], tuple[bytes, dict[str, bytes]]],
) -> bytes:
    """Make what `make` says, its answer and the entries to keep, once for a key."""
    lifetime = int(dict(environment.get_environment()).get("IDEMPOTENCY_SECONDS", DAY))
    if key is None or lifetime == 0:
        answer, entries = make()
        bucket.set_many(entries)
        return answer
    with claim(bucket, key, lifetime) as held:
        if isinstance(held, bytes):
            if not is_same(held):
                raise HTTPError(422, "Idempotency-Key was used for another request")
            return held
        answer, entries = make()
        number = bucket.increment("keys", 1)
        entries[f"key/{key}"] = f"{now()} ".encode() + answer
        entries[f"keys/{number}"] = f"{now()} {key}".encode()
        held.write(lambda: bucket.set_many(entries))
    try:
        sweep(bucket, lifetime, key)
    except (BucketError, HTTPError):
        # What was asked for is done; what expired can wait for another request.
        pass
    return answer
