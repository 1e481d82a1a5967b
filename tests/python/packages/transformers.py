"""As much of transformers as the engines use that compute an encoder alone: the tokens are the bytes of a text."""

from numpy import Array

__version__ = "5.0.0"


class Config:
    hidden_size, max_position_embeddings = 4, 64


class Encoded(dict):
    encodings = None


class Tokenizer:
    model_max_length = 64

    def __call__(self, texts, truncation, max_length, return_tensors, padding=False):
        assert truncation and return_tensors == "np"
        ids = [list(text.encode())[:max_length] for text in texts]
        longest = max(len(row) for row in ids)
        assert padding or len(texts) == 1
        rows = [row + [0] * (longest - len(row)) for row in ids]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
        return Encoded(input_ids=Array(rows), attention_mask=Array(mask))


class AutoConfig:
    @staticmethod
    def from_pretrained(_path):
        return Config()


class AutoTokenizer:
    @staticmethod
    def from_pretrained(_path):
        return Tokenizer()
