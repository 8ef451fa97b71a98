"""The users, as they are kept in the bucket `users`, by this service or one in
another language: `user/{id}` holds the JSON that a GET answers, and the counter
`last` says how many ids were given out.

Alice and Bob, whom every new store holds, are part of the service and not written
by it: one of them whose key is absent is as he was, and an empty value says that
he was deleted."""

import json

from bucket import Bucket

bucket = Bucket("users")

SEEDS = {1: b'{"id":1,"name":"Alice"}', 2: b'{"id":2,"name":"Bob"}'}
DELETED = b""

# How many are fetched at once, at most.
LONGEST_STRETCH = 1024


def get(id: int) -> bytes | None:
    """The user's JSON; none if nobody has that id."""
    return present(id, bucket.get(key(id)))


def create(name: str) -> tuple[int, bytes]:
    id = bucket.increment("last", 1) + len(SEEDS)
    user = json.dumps({"id": id, "name": name}, ensure_ascii=False, separators=(",", ":")).encode()
    bucket.set(key(id), user)
    return id, user


def delete(id: int) -> bool:
    """Whether there was such a user; there is none now."""
    if get(id) is None:
        return False
    if id in SEEDS:
        bucket.set(key(id), DELETED)
    else:
        bucket.delete(key(id))
    return True


def page(after: int, limit: int) -> tuple[list[bytes], int | None]:
    """Up to `limit` users with ids after this one, and the `after` of the next page."""
    last = bucket.increment("last", 0) + len(SEEDS)
    found: list[tuple[int, bytes]] = []
    # One more than the page holds tells whether there is another.
    stretch = limit + 1
    while after < last and len(found) <= limit:
        ids = range(after + 1, min(last, after + min(stretch, LONGEST_STRETCH)) + 1)
        kept = bucket.get_many([key(id) for id in ids])
        users = ((id, present(id, user)) for id, user in zip(ids, kept))
        found += [(id, user) for id, user in users if user is not None]
        after, stretch = ids[-1], stretch * 2
    next_after = found[limit - 1][0] if len(found) > limit else None
    return [user for _, user in found[:limit]], next_after


def present(id: int, kept: bytes | None) -> bytes | None:
    if kept is None:
        return SEEDS.get(id)
    return None if kept == DELETED else kept


def key(id: int) -> str:
    return f"user/{id}"
