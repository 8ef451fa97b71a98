"""`Idempotency-Key`: what is asked for again is done once. How, and why that holds, is
told in `components/rest/src/idempotency.rs`, whose records these are. Those that
expired are removed by the service in Rust."""

import re
from collections.abc import Callable

from bucket import Bucket
from rest import HTTPError, Request
from turn import Turn, now
from wit_world.imports import environment

LONGEST = 255
DAY = 24 * 60 * 60


def key_of(request: Request) -> str | None:
    match request.headers("idempotency-key"):
        case []:
            return None
        case [value]:
            quoted = re.fullmatch(r'"((?:[ !#-\[\]-~]|\\["\\])+)"', value.strip(" "))
            key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
            if 1 <= len(key) <= LONGEST:
                return key
            raise HTTPError(
                400,
                'Idempotency-Key must be a string in quotes, as in "8e03978e-40d5", '
                f"with 1 to {LONGEST} characters of ASCII",
            )
    raise HTTPError(400, "Idempotency-Key is there more than once")


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
    turn = Turn()
    name = f"making/{key}"
    mark = turn.mark(name)
    keys = [f"key/{key}", *turn.marks(name)]

    def read() -> tuple[bytes | None, list[str]]:
        record, *marks = bucket.get_many(keys)
        return alive(record, lifetime), [key for key, found in zip(keys[1:], marks) if found is not None]

    def again(answer: bytes) -> bytes:
        if not is_same(answer):
            raise HTTPError(422, "Idempotency-Key was used for another request")
        return answer

    record, marks = read()
    if record is not None:
        return again(record)
    if marks or bucket.increment(mark, 1) != 1:
        raise busy()
    sure = True
    try:
        record, marks = read()
        if record is not None:
            return again(record)
        if marks != [mark]:
            raise busy()
        answer, entries = make()
        number = bucket.increment("keys", 1)
        entries[f"key/{key}"] = f"{now()} ".encode() + answer
        entries[f"keys/{number}"] = f"{now()} {key}".encode()
        turn.check()
        # A write that fails may be done all the same: then the mark stays.
        sure = False
        bucket.set_many(entries)
        sure = True
        return answer
    finally:
        if sure:
            bucket.delete(mark)


def alive(record: bytes | None, lifetime: int) -> bytes | None:
    """The answer in a record, while it counts."""
    time, _, answer = (record or b"0 ").partition(b" ")
    return answer if now() < int(time) + lifetime else None


def busy() -> HTTPError:
    return HTTPError(409, "A request with this Idempotency-Key is being answered")
