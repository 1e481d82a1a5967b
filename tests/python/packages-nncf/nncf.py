"""NNCF, as far as the worker uses it; it writes down each quantisation in a directory that counts for nothing."""

import os

import openvino

__version__ = os.environ.get("FAKE_NNCF", "3.0.0")
assert os.environ["NNCF_CI"]


class QuantizationPreset:
    MIXED = "mixed"


class ModelType:
    TRANSFORMER = "transformer"


class Dataset:
    def __init__(self, rows):
        self.rows = rows


def quantize(model, dataset, preset, model_type, subset_size):
    assert (preset, model_type, subset_size) == ("mixed", "transformer", len(dataset.rows))
    log = os.path.join(os.path.dirname(model.graph), ".quantised")
    os.makedirs(log, exist_ok=True)
    open(os.path.join(log, str(len(os.listdir(log)))), "x").close()
    if "unquantisable" in model.graph:
        raise RuntimeError("an operation that cannot be quantised")
    assert all(set(row) == {"input_ids", "attention_mask"} for row in dataset.rows)
    return openvino.Model(model.graph, len(dataset.rows), sum(row["input_ids"].sum() for row in dataset.rows))
