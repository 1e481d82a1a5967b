"""As much of NumPy as the worker needs to pool by the first token, and to send rows."""

import array

__version__ = "2.0.0"
int64, float32 = "int64", "float32"


class Array:
    def __init__(self, rows):
        self.rows = [list(row) for row in rows]
        self.shape = (len(self.rows), len(self.rows[0]) if self.rows else 0)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        if at == (slice(None), slice(None), None):
            # A further axis, which nothing here looks at.
            return self
        rows, columns = at
        return Array([self.rows[row][column] for row, column in zip(rows, columns)])

    def __setitem__(self, places, rows):
        for place, row in zip(places, rows.rows):
            self.rows[place] = row

    def astype(self, _kind):
        return self

    def argmax(self, _axis):
        return [row.index(max(row)) for row in self.rows]

    def sum(self):
        return sum(map(sum, self.rows))

    def tolist(self):
        return self.rows

    def reshape(self, rows, _columns):
        flat = [number for row in self.rows for number in row]
        width = len(flat) // rows
        return Array([flat[i * width : (i + 1) * width] for i in range(rows)])

    def tobytes(self):
        return array.array("f", [number for row in self.rows for number in row]).tobytes()


def empty(shape, _kind):
    return Array([[float("nan")] * shape[1]] * shape[0])


def arange(count):
    return range(count)


def concatenate(arrays, _axis):
    (only,) = arrays
    return only


def ascontiguousarray(rows, dtype):
    assert dtype == "<f4"
    return rows if isinstance(rows, Array) else Array(rows)


def stack(rows):
    return Array(rows)
