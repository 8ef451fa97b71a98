"""The users, as they are kept in the bucket `users`, by this service or one in
another language: `user/{id}` holds the JSON that a GET answers, and the counter
`last` says how many ids were given out.

Alice and Bob, whom every new store holds, are part of the service and not written
by it: one of them whose key is absent is as he was, and an empty value says that
he was deleted. Who was admitted, to order, is never deleted: how an admission and a
deletion are kept apart is told in `components/user/src/users/latch.rs`."""

import json

from bucket import Bucket
from idempotency import once
from rest import HTTPError
from turn import Turn

bucket = Bucket("users")

SEEDS = {1: b'{"id":1,"name":"Alice"}', 2: b'{"id":2,"name":"Bob"}'}
DELETED = b""

# How many are fetched at once, at most.
LONGEST_STRETCH = 1024


def get(id: int) -> bytes | None:
    """The user's JSON; none if nobody has that id."""
    return present(id, bucket.get(user_key(id)))


def create(key: str | None, name: str) -> bytes:
    """The new user's JSON; under a key it is made once."""

    def make() -> tuple[bytes, dict[str, bytes]]:
        id = bucket.increment("last", 1) + len(SEEDS)
        user = json.dumps({"id": id, "name": name}, ensure_ascii=False, separators=(",", ":")).encode()
        return user, {user_key(id): user}

    return once(bucket, key, lambda user: json.loads(user)["name"] == name, make)


def admit(id: int) -> bool:
    """Whether there is such a user, who is kept from now on."""
    there, ordered, _ = read(id)
    if ordered or not there:
        return there
    turn = Turn()
    mark = turn.mark(f"ordering/{id}")
    bucket.increment(mark, 1)
    there, ordered, deleting = read(id, turn.marks(f"deleting/{id}"))
    if there and not ordered:
        if deleting:
            raise HTTPError(503, "The user is being deleted")
        turn.check()
        bucket.set(f"ordered/{id}", b"")
    bucket.delete(mark)
    return there


def delete(id: int) -> bool:
    """Leave no such user; whether there was one. Refused for one that was admitted."""
    _, ordered, _ = read(id)
    if ordered:
        raise HTTPError(409, "User has orders")
    turn = Turn()
    mark = turn.mark(f"deleting/{id}")
    if bucket.increment(mark, 1) != 1:
        raise HTTPError(409, "User is being deleted")
    others = [other for other in turn.marks(f"deleting/{id}") if other != mark]
    there, ordered, marked = read(id, turn.marks(f"ordering/{id}") + others)
    if there and not ordered and not marked:
        turn.check()
        if id in SEEDS:
            bucket.set(user_key(id), DELETED)
        else:
            bucket.delete(user_key(id))
    bucket.delete(mark)
    if ordered:
        raise HTTPError(409, "User has orders")
    if there and marked:
        raise HTTPError(409, "User may be about to order or to be deleted; try again")
    return there


def read(id: int, marks: list[str] = []) -> tuple[bool, bool, bool]:
    """Whether there is the user, one that was admitted, and one of the marks."""
    user, ordered, *marked = bucket.get_many([user_key(id), f"ordered/{id}", *marks])
    return present(id, user) is not None, ordered is not None, any(mark is not None for mark in marked)


def page(after: int, limit: int) -> tuple[list[bytes], int | None]:
    """Up to `limit` users with ids after this one, and the `after` of the next page."""
    last = bucket.increment("last", 0) + len(SEEDS)
    found: list[tuple[int, bytes]] = []
    # One more than the page holds tells whether there is another.
    stretch = limit + 1
    while after < last and len(found) <= limit:
        ids = range(after + 1, min(last, after + min(stretch, LONGEST_STRETCH)) + 1)
        kept = bucket.get_many([user_key(id) for id in ids])
        users = ((id, present(id, user)) for id, user in zip(ids, kept))
        found += [(id, user) for id, user in users if user is not None]
        after, stretch = ids[-1], stretch * 2
    next_after = found[limit - 1][0] if len(found) > limit else None
    return [user for _, user in found[:limit]], next_after


def present(id: int, kept: bytes | None) -> bytes | None:
    if kept is None:
        return SEEDS.get(id)
    return None if kept == DELETED else kept


def user_key(id: int) -> str:
    return f"user/{id}"
