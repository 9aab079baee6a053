"""A journal's place in which a process dies at a chosen moment: before or after a change."""

from collections.abc import Callable

from warehouse.places import Place


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


def die() -> None:
    """The end, within a test's own process."""
    raise Killed


class DyingPlace:
    """What lies in `place`, until this process has made so many changes: then `death` comes.

    An even moment is the one before a change, the odd one after it that right after it.
    """

    def __init__(self, place: Place, moment: int, death: Callable[[], None] = die) -> None:
        self.address = place.address
        self.left = moment
        self._place = place
        self._death = death

    def sizes(self, room: str = "") -> dict[str, int]:
        return self._place.sizes(room)

    def read(self, name: str) -> bytes:
        return self._place.read(name)

    def read_settled(self, name: str) -> bytes:
        return self._place.read_settled(name)

    def take_back(self, is_whole: Callable[[str, bytes], bool]) -> list[str]:
        return self._place.take_back(is_whole)

    def create(self, name: str, content: bytes) -> bool:
        self._pass()
        made = self._place.create(name, content)
        self._pass()
        return made

    def remove(self, name: str) -> None:
        self._pass()
        self._place.remove(name)
        self._pass()

    def set_aside(self, name: str) -> str:
        self._pass()
        place = self._place.set_aside(name)
        self._pass()
        return place

    def sweep(self) -> None:
        self._place.sweep()

    def _pass(self) -> None:
        if self.left == 0:
            self._death()
        self.left -= 1
