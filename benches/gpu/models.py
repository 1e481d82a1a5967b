#!/usr/bin/env python3
"""Make models with random weights, for speed: it does not depend on their values.

    python models.py --tokenizer DIR --out DIR [NAME ...]

Each becomes a sentence-transformers directory in float16, with the tokenizer files of --tokenizer (any directory with
the 30522-token uncased BERT vocabulary). Needs numpy alone.
"""

import argparse
import json
import shutil
import struct
from pathlib import Path

import numpy as np

# layers, hidden, heads, intermediate, longest text, pooling
SHAPES = {
    "bge-large": (24, 1024, 16, 4096, 512, "cls"),
    "bge-base": (12, 768, 12, 3072, 512, "cls"),
    "minilm": (6, 384, 12, 1536, 256, "mean"),
    # For a rehearsal on a CPU.
    "tiny": (2, 64, 4, 128, 64, "cls"),
}
VOCABULARY = 30522


def tensors(layers, hidden, intermediate):
    """Names and shapes of a BERT's tensors."""
    def norm(name):
        return [(f"{name}.weight", (hidden,)), (f"{name}.bias", (hidden,))]

    def linear(name, outputs, inputs):
        return [(f"{name}.weight", (outputs, inputs)), (f"{name}.bias", (outputs,))]

    for table, rows in ("word", VOCABULARY), ("position", 512), ("token_type", 2):
        yield f"embeddings.{table}_embeddings.weight", (rows, hidden)
    yield from norm("embeddings.LayerNorm")
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        for part in "query", "key", "value":
            yield from linear(f"{name}.attention.self.{part}", hidden, hidden)
        yield from linear(f"{name}.attention.output.dense", hidden, hidden)
        yield from norm(f"{name}.attention.output.LayerNorm")
        yield from linear(f"{name}.intermediate.dense", intermediate, hidden)
        yield from linear(f"{name}.output.dense", hidden, intermediate)
        yield from norm(f"{name}.output.LayerNorm")


def save(path, named):
    header, at = {}, 0
    for name, shape in named:
        end = at + 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in named:
            if name.endswith("LayerNorm.weight"):
                numbers = np.ones(shape, np.float16)
            elif name.endswith(".bias"):
                numbers = np.zeros(shape, np.float16)
            else:
                numbers = (rng.standard_normal(shape, np.float32) * 0.03).astype(np.float16)
            file.write(numbers.tobytes())


def make(folder, tokenizer, layers, hidden, heads, intermediate, longest, pooling):
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": VOCABULARY, "hidden_size": hidden,
        "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": intermediate,
        "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "pad_token_id": 0, "dtype": "float16",
    }
    modes = {f"pooling_mode_{mode}": mode.startswith(pooling) for mode in ("cls_token", "mean_tokens")}
    st = "sentence_transformers.models"
    files = {
        "config.json": config,
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{st}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{st}.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{st}.Normalize"},
        ],
        "sentence_bert_config.json": {"max_seq_length": longest, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": hidden, **modes},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=1))
    for name in "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt":
        if (tokenizer / name).exists():
            shutil.copyfile(tokenizer / name, folder / name)
    save(folder / "model.safetensors", list(tensors(layers, hidden, intermediate)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("names", nargs="*", default=["bge-large", "bge-base", "minilm"])
    args = parser.parse_args()
    for name in args.names:
        make(args.out / name, args.tokenizer, *SHAPES[name])
        print(args.out / name, flush=True)


if __name__ == "__main__":
    main()
