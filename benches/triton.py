#!/usr/bin/env python3
"""A real Triton on this machine, for trying `--engine triton=…`: its models are Python functions.

Its vectors are pseudo-random numbers that depend on the text alone, of length 1.

    python3.10 -m venv V && V/bin/pip install nvidia-pytriton==0.7.0
    LD_LIBRARY_PATH=$(python3.10 -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))') V/bin/python benches/triton.py 8000
    infa embed --engine triton=http://127.0.0.1:8000/v2/models/embed/infer notes.txt
    infa embed --engine triton=http://127.0.0.1:8000/v2/models/embed/generate notes.txt
    infa rerank --engine triton=http://127.0.0.1:8000 -m rank --query q notes.txt

It needs a CPython with a shared libpython: 3.10 works, 3.11 did not. The port and the two after it are for HTTP, gRPC and
metrics. Models: embed (batched), embed-float16, embed-unbatched, rank (batched), rank-unbatched. The text FAIL makes a
function raise an error, the text NAN makes a vector of NaN.
"""

import hashlib
import sys

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

DIMENSIONS = 16


def vector(text: bytes) -> np.ndarray:
    if text == b"FAIL":
        raise ValueError("this text is not wanted")
    if text == b"NAN":
        return np.full(DIMENSIONS, np.nan, dtype=np.float32)
    seed = int.from_bytes(hashlib.sha256(text).digest()[:8], "little")
    numbers = np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)
    return numbers / np.linalg.norm(numbers)


def vectors(texts: np.ndarray) -> np.ndarray:
    return np.stack([vector(text) for text in texts.reshape(-1)])


def lengths(texts: np.ndarray) -> np.ndarray:
    return np.array([len(text) for text in texts.reshape(-1)], dtype=np.float32)


@batch
def embed(text):
    return {"embedding": vectors(text)}


@batch
def embed_float16(input_text):
    return {"vector": vectors(input_text).astype(np.float16)}


def embed_unbatched(requests):
    return [{"embedding": vectors(request["text"])} for request in requests]


@batch
def rank(query, documents):
    return {"scores": lengths(documents)[:, None]}


def rank_unbatched(requests):
    return [{"scores": lengths(request["documents"])} for request in requests]


def main() -> None:
    port = int(sys.argv[1])
    config = TritonConfig(
        http_address="127.0.0.1",
        http_port=port,
        grpc_address="127.0.0.1",
        grpc_port=port + 1,
        metrics_address="127.0.0.1",
        metrics_port=port + 2,
    )
    batched, unbatched = ModelConfig(max_batch_size=8), ModelConfig(batching=False)

    def texts(name: str, *shape: int) -> Tensor:
        return Tensor(name=name, dtype=bytes, shape=shape)

    def numbers(name: str, *shape: int, dtype=np.float32) -> Tensor:
        return Tensor(name=name, dtype=dtype, shape=shape)

    models = [
        ("embed", embed, [texts("text", 1)], numbers("embedding", DIMENSIONS), batched),
        ("embed-float16", embed_float16, [texts("input_text", 1)], numbers("vector", -1, dtype=np.float16), batched),
        ("embed-unbatched", embed_unbatched, [texts("text", -1)], numbers("embedding", -1, DIMENSIONS), unbatched),
        ("rank", rank, [texts("query", 1), texts("documents", 1)], numbers("scores", 1), batched),
        ("rank-unbatched", rank_unbatched, [texts("query", 1), texts("documents", -1)], numbers("scores", -1), unbatched),
    ]
    with Triton(config=config) as triton:
        for name, function, inputs, output, model in models:
            triton.bind(model_name=name, infer_func=function, inputs=inputs, outputs=[output], config=model)
        triton.serve()


if __name__ == "__main__":
    main()
