"""Protocol buffers as they lie in a file: numbered fields without a schema.

A message is a row of fields. Each begins with a varint, number * 8 + wire type; then comes a varint (type 0), eight
bytes (1), a varint and so many bytes (2), or four bytes (5). A varint holds seven bits per byte, the lowest first, and
the top bit says that another byte follows. A field that is absent has the value 0.

Source: protobuf.dev, "Encoding".
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
# 64 bits of seven per byte.
_LONGEST_VARINT = 10


class WireError(ValueError):
    """What is wrong with a message, and at which byte."""

    def __init__(self, problem: str, offset: int) -> None:
        super().__init__(problem)
        self.offset = offset


class CutError(WireError):
    """The message ends in the middle of a field that begins at this byte."""


@dataclass(frozen=True)
class Field:
    """One field: its number, its wire type, its value's bytes [start, end), and the varint (0 for other types)."""

    number: int
    wire_type: int
    start: int
    end: int
    varint: int = 0


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message in bytes [start, end).

    Raises
    ------
    CutError
        If the message ends inside a field.
    WireError
        If there is a wire type that does not exist, or a field number 0.
    """
    position = start
    while position < end:
        first = position
        key, position = _varint(data, first, end, first)
        number, wire_type = key >> 3, key & 7
        if number == 0 or wire_type not in (VARINT, FIXED64, BYTES, FIXED32):
            raise WireError(f"expected a field, got number {number} of type {wire_type}", first)
        varint, value = 0, position
        if wire_type == VARINT:
            varint, position = _varint(data, position, end, first)
        elif wire_type == BYTES:
            size, value = _varint(data, position, end, first)
            position = value + size
        else:
            position += _FIXED_BYTES[wire_type]
        if position > end:
            raise CutError("expected a whole field, got the end of the message", first)
        yield Field(number, wire_type, value, position, varint)


class Message:
    """The fields of one message, to be asked for by number.

    Parameters
    ----------
    data : bytes
        The whole file.
    start, end : int
        The message's bytes [start, end).

    Raises
    ------
    WireError
        If the message is damaged; the methods raise it if a field has another type than asked for.
    """

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self.data = data
        self.offset = start
        self._fields: dict[int, list[Field]] = {}
        for field in fields(data, start, end):
            self._fields.setdefault(field.number, []).append(field)

    def integer(self, number: int) -> int:
        """Return a signed integer (int32, int64, bool, enum); the last one counts."""
        found = self._of(number, VARINT)
        if not found:
            return 0
        value = found[-1].varint
        return value - (1 << 64) if value >> 63 else value

    def real(self, number: int) -> float:
        """Return a 32-bit float; the last one counts."""
        values = self.reals(number)
        return values[-1] if values else 0.0

    def reals(self, number: int) -> tuple[float, ...]:
        """Return repeated 32-bit floats, packed or one by one."""
        values: list[float] = []
        for field in self._of(number, BYTES, FIXED32):
            if (field.end - field.start) % 4:
                raise WireError("expected floats of four bytes, got a part of one", field.start)
            values += struct.unpack_from(f"<{(field.end - field.start) // 4}f", self.data, field.start)
        return tuple(values)

    def messages(self, number: int) -> list["Message"]:
        """Return the messages inside this one."""
        return [Message(self.data, field.start, field.end) for field in self._of(number, BYTES)]

    def _of(self, number: int, *wire_types: int) -> list[Field]:
        found = self._fields.get(number, [])
        for field in found:
            if field.wire_type not in wire_types:
                raise WireError(f"expected another type in field {number}, got {field.wire_type}", field.start)
        return found


def _varint(data: bytes, position: int, end: int, field: int) -> tuple[int, int]:
    """Return a varint and the position after it; `field` is where its field begins, for messages."""
    value = 0
    for k, byte in enumerate(data[position : min(position + _LONGEST_VARINT, end)]):
        value |= (byte & 0x7F) << 7 * k
        if byte < 0x80:
            return value & (1 << 64) - 1, position + k + 1
    if end - position < _LONGEST_VARINT:
        raise CutError("expected a whole field, got the end of the message", field)
    raise WireError("expected a number of at most ten bytes, got a longer one", position)
