"""A bucket of `wasi:keyvalue`."""

from collections.abc import Callable
from typing import TypeVar

from componentize_py_types import Err
from wit_world.imports import atomics, batch, store

T = TypeVar("T")


class BucketError(Exception):
    """The store failed, or does not let this service in."""

    def __init__(self, bucket: str, error: store.Error):
        self.may_pass = isinstance(error, store.Error_Other)
        cause = error.value if self.may_pass else type(error).__name__.removeprefix("Error_")
        super().__init__(f'bucket "{bucket}": {cause}')


class Bucket:
    def __init__(self, name: str):
        self._name = name
        self._opened: store.Bucket | None = None

    def get(self, key: str) -> bytes | None:
        return self._ask(lambda bucket: bucket.get(key))

    def get_many(self, keys: list[str]) -> list[bytes | None]:
        """What is under each of the keys, in their order."""
        found = self._ask(lambda bucket: batch.get_many(bucket, keys))
        return [pair and pair[1] for pair in found]

    def set(self, key: str, value: bytes):
        self._ask(lambda bucket: bucket.set(key, value))

    def set_many(self, entries: dict[str, bytes]):
        """All of them, or none."""
        self._ask(lambda bucket: batch.set_many(bucket, list(entries.items())))

    def delete(self, key: str):
        self._ask(lambda bucket: bucket.delete(key))

    def delete_many(self, keys: list[str]):
        """All of them, or none."""
        self._ask(lambda bucket: batch.delete_many(bucket, keys))

    def increment(self, counter: str, by: int) -> int:
        """Add to a counter; the answer is what it has then."""
        return self._ask(lambda bucket: atomics.increment(bucket, counter, by))

    def _ask(self, question: Callable[[store.Bucket], T]) -> T:
        """It is opened by the first request and stays open as long as the instance."""
        try:
            if self._opened is None:
                self._opened = store.open(self._name)
            return question(self._opened)
        except Err as error:
            raise BucketError(self._name, error.value)
