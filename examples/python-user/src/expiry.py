"""Removes the records of keys that expired, a few at a time: see
`components/rest/src/idempotency/expiry.rs`, whose numbers these are."""

from bucket import Bucket
from claim import Busy, Claim, alive, claim

EVERY = 8
MOST = 16
WINDOW = 128


def sweep(bucket: Bucket, lifetime: int, key: str):
    """Remove some records that expired, if it is time to, for a request that has
    claimed this key."""
    last = bucket.increment("keys", 0)
    if last % EVERY != 0:
        return
    swept = int(bucket.get("keys/swept") or 0)
    numbers = range(swept + 1, min(last, swept + WINDOW) + 1)
    notes = bucket.get_many([f"keys/{number}" for number in numbers])
    noted = [(number, note) for number, note in zip(numbers, notes) if note is not None]
    up_to = swept + WINDOW if not noted and last > swept + WINDOW else swept
    claimed = {key}
    for number, note in noted[:MOST]:
        if alive(note, lifetime) is not None or not remove(bucket, number, note, lifetime, claimed):
            break
        up_to = number
    if up_to != swept:
        bucket.set("keys/swept", str(up_to).encode())


def remove(bucket: Bucket, number: int, note: bytes, lifetime: int, claimed: set[str]) -> bool:
    """Whether the record is gone; not if somebody is at it, or this request was."""
    key = note.decode().partition(" ")[2]
    record = bucket.get(f"key/{key}")
    if record is None or alive(record, lifetime) is not None:
        # Removed, or written anew, with a number of its own.
        bucket.delete(f"keys/{number}")
        return True
    if key in claimed:
        return False
    claimed.add(key)
    try:
        with claim(bucket, key, lifetime) as held:
            if isinstance(held, Claim):
                held.write(lambda: bucket.delete_many([f"key/{key}", f"keys/{number}"]))
            else:
                bucket.delete(f"keys/{number}")
    except Busy:
        return False
    return True
