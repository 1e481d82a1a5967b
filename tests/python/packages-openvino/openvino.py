"""OpenVINO, as far as the worker uses it. A vector says what the model was made of; a model's path, what is to go wrong."""

import json
import os

from numpy import Array

__version__ = "2026.9.9"


class Node:
    def __init__(self, name):
        self.any_name, self.names, self.partial_shape = name, {name}, ["?", "?", 4]


class Model:
    """The graph at a path, and how many sentences of how many bytes in sum it was calibrated by."""

    inputs = [Node("input_ids"), Node("attention_mask")]

    def __init__(self, graph, sentences=0, total=0):
        self.graph, self.sentences, self.total = graph, sentences, total


class Property(str):
    def to_string(self):
        return str(self)


class Compiled:
    inputs, outputs = Model.inputs, [Node("last_hidden_state")]

    def __init__(self, model, settings):
        self.model, self.hint = model, settings["INFERENCE_PRECISION_HINT"]
        assert settings["PERFORMANCE_HINT"] == "LATENCY" and settings["INFERENCE_NUM_THREADS"] >= 1
        if "without-bfloat16" in model.graph:
            self.hint = "f32"

    def get_property(self, name):
        assert name == "INFERENCE_PRECISION_HINT"
        return Property(self.hint)

    def create_infer_request(self):
        return self

    def infer(self, inputs):
        vector = [self.model.sentences, self.model.total, {"bf16": 16, "f32": 32}[self.hint]]
        return [Array([[[*vector, sum(row)]] for row in inputs["input_ids"].rows])]


class Core:
    def read_model(self, path):
        assert os.path.isfile(path), path
        if not path.endswith(".xml"):
            return Model(path)
        with open(path) as file:
            return Model(**json.load(file))

    def compile_model(self, model, device, settings):
        assert device == "CPU"
        return Compiled(model, settings)


def save_model(model, path, compress_to_fp16):
    assert not compress_to_fp16
    with open(path, "w") as file:
        if "dies-when-it-saves" in model.graph:
            file.write("{")
            file.flush()
            os._exit(7)
        json.dump(vars(model), file)
