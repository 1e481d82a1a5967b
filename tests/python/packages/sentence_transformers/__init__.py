"""A library whose vectors tell of the text, and whose texts say what is to go wrong."""

import os
import signal
import subprocess
import sys
import time

import torch
from numpy import Array

__version__ = "5.9.9"
# Libraries print where they like.
print("sentence_transformers says hello on stdout")
os.write(1, b"\x01\x00\x00\x00garbage on the very descriptor\n")


def vector(text):
    """Length and sum of the text's bytes, a third of the sum, and a number that is hard to write in decimals."""
    data = text.encode()
    return [len(data), sum(data), sum(data) / 3, 1e-40]


def act(text):
    """Does what a text asks for; what comes of it instead of a vector, if anything."""
    if text == "crash":
        print("the last words", file=sys.stderr)
        sys.stderr.flush()
        os._exit(3)
    if text == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "exit":
        sys.exit(5)
    if text == "close":
        os.closerange(3, 64)
        time.sleep(1000)
    if text == "hang":
        time.sleep(1000)
    if text == "raise":
        raise ValueError("no such text: ä\n€")
    if text == "print":
        print("more of it", flush=True)
        subprocess.run(["echo", "from a child"], check=True)
        os.write(1, b"\0" * 100)
        assert sys.stdin.read() == ""
    if text == "nan":
        return [float("nan"), 1, 1, 1]
    if text == "pid":
        return [os.getpid(), 0, 0, 0]
    if text == "spawn":
        # A child that outlives whoever does not end it, and holds everything open that it inherits.
        return [subprocess.Popen(["sleep", "1000"]).pid, 0, 0, 0]
    return None


class Parameter:
    def __init__(self, dtype):
        self.dtype = dtype


class Module:
    def register_forward_pre_hook(self, hook):
        self.hook = hook


class Normalize:
    pass


class Model:
    def __init__(self, path, device, local_files_only, model_kwargs):
        assert local_files_only and os.environ["HF_HUB_OFFLINE"] == "1" and device == "cpu"
        name = os.path.basename(path)
        if "slow" in name:
            time.sleep(1000)
        if "broken" in name:
            print("a warning before", file=sys.stderr)
            raise RuntimeError("these weights are broken")
        if "needy" in name:
            import flash_attn  # noqa: F401
        self.dtype = model_kwargs["dtype"]
        self.modules = [Module(), Normalize()]
        self.max_seq_length = 64

    def __getitem__(self, at):
        return self.modules[at]

    def __delitem__(self, at):
        del self.modules[at]

    def parameters(self):
        return iter([Parameter(self.dtype)])

    def forward(self, texts):
        self.modules[0].hook(self.modules[0], ({"attention_mask": torch.Mask([len(t) for t in texts])},))


class SentenceTransformer(Model):
    def get_embedding_dimension(self):
        return 4

    def encode(self, texts, prompt, batch_size, show_progress_bar, convert_to_numpy):
        assert isinstance(prompt, str) and batch_size >= 1 and convert_to_numpy and not show_progress_bar
        texts = [prompt + text for text in texts]
        rows = [act(text) or vector(text) for text in texts]
        for at in range(0, len(texts), batch_size):
            self.forward(texts[at : at + batch_size])
        if "fewer" in texts:
            rows.pop()
        if "wider" in texts:
            rows = [[*row, 1] for row in rows]
        if len(self.modules) > 1 and "unit" in texts:
            rows = [[1, 0, 0, 0] for _ in rows]
        return Array(rows)


class CrossEncoder(Model):
    max_length = 64

    class config:
        num_labels = 1

    def __init__(self, path, **arguments):
        super().__init__(path, **arguments)

    def predict(self, pairs, batch_size, show_progress_bar, convert_to_numpy, activation_fn=None):
        self.forward([query + document for query, document in pairs])
        for query, _ in pairs:
            act(query)
        scores = [float("nan") if document == "nan" else len(document) for _, document in pairs]
        return Array([[score * (100 if activation_fn else 1) for score in scores]])
