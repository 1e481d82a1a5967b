"""fastembed, as far as it reads what is laid out for it."""

import json
import os

__version__ = "0.9.9"


class TextEmbedding:
    known = None

    @classmethod
    def add_custom_model(cls, **description):
        cls.known = description

    def __init__(self, model_name, specific_model_path, threads, providers):
        assert self.known["model"] == model_name and providers == ["CPUExecutionProvider"] and threads >= 1
        self.graph = os.path.getsize(os.path.join(specific_model_path, self.known["model_file"]))
        with open(os.path.join(specific_model_path, "tokenizer_config.json")) as file:
            self.longest = json.load(file)["model_max_length"]
        assert os.path.isfile(os.path.join(specific_model_path, "tokenizer.json"))

    def embed(self, texts, batch_size):
        how = 1 if self.known["pooling"] == "CLS" else 2
        for text in texts:
            yield [self.longest, self.graph, how, len(text) + batch_size / 1024]
