"""As much of NumPy as the worker needs to send rows."""

import array

__version__ = "2.0.0"


class Array:
    def __init__(self, rows):
        self.rows = [list(row) for row in rows]
        self.shape = (len(self.rows), len(self.rows[0]) if self.rows else 0)

    def reshape(self, rows, _columns):
        flat = [number for row in self.rows for number in row]
        width = len(flat) // rows
        return Array([flat[i * width : (i + 1) * width] for i in range(rows)])

    def tobytes(self):
        return array.array("f", [number for row in self.rows for number in row]).tobytes()


def ascontiguousarray(rows, dtype):
    assert dtype == "<f4"
    return rows if isinstance(rows, Array) else Array(rows)


def stack(rows):
    return Array(rows)
