"""The right to write or remove the record of a key, and who has it. Why that holds is
told in `components/rest/src/idempotency.rs`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bucket import Bucket
from rest import HTTPError
from turn import Turn, now


class Busy(HTTPError):
    def __init__(self):
        super().__init__(409, "A request with this Idempotency-Key is being answered")


class Claim:
    def __init__(self):
        self.turn = Turn()
        self.sure = True

    def write(self, write: Callable[[], None]):
        """A write that fails may be done all the same: then the mark stays."""
        self.turn.check()
        self.sure = False
        write()
        self.sure = True


@contextmanager
def claim(bucket: Bucket, key: str, lifetime: int) -> Iterator[bytes | Claim]:
    """The answer that is kept for a key, or the right to keep one."""
    mine = Claim()
    name = f"making/{key}"
    mark = mine.turn.mark(name)
    keys = [f"key/{key}", *mine.turn.marks(name)]

    def read() -> tuple[bytes | None, list[str]]:
        record, *marks = bucket.get_many(keys)
        return alive(record, lifetime), [key for key, found in zip(keys[1:], marks) if found is not None]

    answer, marks = read()
    if answer is not None:
        yield answer
        return
    if marks or bucket.increment(mark, 1) != 1:
        raise Busy()
    try:
        answer, marks = read()
        if answer is None and marks != [mark]:
            raise Busy()
        yield mine if answer is None else answer
    finally:
        if mine.sure:
            bucket.delete(mark)


def alive(record: bytes | None, lifetime: int) -> bytes | None:
    """The answer in a record, while it counts."""
    time, _, answer = (record or b"0 ").partition(b" ")
    return answer if now() < int(time) + lifetime else None
