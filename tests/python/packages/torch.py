"""As much of PyTorch as the worker calls itself."""

__version__ = "2.9.0"
float32, bfloat16, float16 = "torch.float32", "torch.bfloat16", "torch.float16"


def set_num_threads(count):
    assert count >= 1


class cuda:
    @staticmethod
    def is_available():
        return False


class nn:
    class Identity:
        pass


def cat(masks):
    return Mask([row for mask in masks for row in mask.rows])


class Mask:
    """The number of tokens of each text."""

    def __init__(self, rows):
        self.rows = rows

    def sum(self, *dimension):
        return self if dimension else sum(self.rows)

    def max(self):
        return max(self.rows)
