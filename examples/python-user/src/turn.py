"""Turns: who leaves a mark now is done with it two turns later. What they are for is
told in `components/rest/src/turn.rs`."""

from rest import HTTPError
from wit_world.imports import wall_clock

# In seconds.
LENGTH = 20


def now() -> int:
    return wall_clock.now().seconds


class Turn:
    def __init__(self):
        self._since = now()
        self._number = self._since // LENGTH

    def mark(self, name: str) -> str:
        return f"{name}/{self._number}"

    def marks(self, name: str) -> list[str]:
        """The marks that count now."""
        return [f"{name}/{number}" for number in range(self._number - 1, self._number + 2)]

    def check(self):
        """A write that begins now is to be done while the mark counts."""
        if abs(now() - self._since) > LENGTH // 2:
            raise HTTPError(503, "The request took too long")
