"""Parts of a response that are the same for every patient: checked once, when they are made.

Skeletons of orders, override reasons and sources are most of an answer. A part of these kinds was
checked when it was made and cannot change afterwards, so that the check of a whole response may
pass over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from cds_service.errors import ResponseDefectError


class FixedObject(dict[str, Any]):
    """A JSON object without anything empty in it; raises ResponseDefectError where there is."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        """Check ``content`` and keep a copy of it."""
        members = {name: fixed(item) for name, item in content.items()}
        refuse_empty(members)
        super().__init__(members)

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        """A deep copy is an object like any other."""
        return dict, (dict(self),)

    def _refused(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a fixed part does not change")

    __setitem__ = __delitem__ = __ior__ = _refused
    clear = pop = popitem = setdefault = update = _refused


class FixedArray(list[Any]):
    """A JSON array without anything empty in it; raises ResponseDefectError where there is."""

    def __init__(self, content: Iterable[Any]) -> None:
        """Check ``content`` and keep a copy of it."""
        items = [fixed(item) for item in content]
        refuse_empty(items)
        super().__init__(items)

    def __reduce__(self) -> tuple[type, tuple[list[Any]]]:
        """A deep copy is an array like any other."""
        return list, (list(self),)

    def _refused(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a fixed part does not change")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refused
    append = clear = extend = insert = pop = remove = _refused
    reverse = sort = _refused


def fixed(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """``value`` as a part that is checked and does not change; raises ResponseDefectError."""
    if isinstance(value, dict):
        return FixedObject(value)
    return FixedArray(value) if isinstance(value, list) else value


_PASSED_OVER = frozenset({FixedObject, FixedArray, bool, int, float})


def refuse_empty(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Raise ResponseDefectError for null, a blank text or an empty object or array in ``value``.

    What is no JSON value is refused as well.
    """
    kind = type(value)
    if kind is dict or kind is list:
        if not value:
            raise ResponseDefectError("3: no empty object, no empty array")
        for item in value.values() if kind is dict else value:
            if not isinstance(item, str):
                refuse_empty(item)
            elif not item or item.isspace():
                raise ResponseDefectError("3: no blank text")
    elif kind not in _PASSED_OVER:
        raise ResponseDefectError("3: no null" if value is None else "a value is not of JSON")
