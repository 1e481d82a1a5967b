#!/usr/bin/env python3
"""Make the model directory, the stock ONNX baseline and the texts of the throughput benchmark.

    python make_workload.py --out DIR --tokenizer DIR [--shape bge-small|minilm] [--payload FILE] [--attention sdpa]
    python make_workload.py --out DIR --model DIR --sts FILE [--count 4096]

Made with sentence-transformers 6.2.0, transformers 5.23.0, torch 2.15.0, onnx, onnxruntime 1.31.1. No network.

DIR becomes a sentence-transformers directory with random weights (speed does not depend on their values) of the shape

    bge-small   bge-small-en-v1.5: 12 layers, hidden 384, 12 heads, FFN 1536, 512 positions, CLS pooling + Normalize
    minilm      all-MiniLM-L6-v2: 6 layers, otherwise the same, maximum length 256, mean pooling + Normalize

and the tokenizer files of --tokenizer (any directory with the 30522-token uncased BERT vocabulary, for example a copy
of all-MiniLM-L6-v2). With --model it becomes a copy of a real BERT of that kind instead. Beside the model stand

    onnx/stock.onnx   the plain torch.onnx.export of the same weights, what a user of stock ONNX Runtime would run:
                      input_ids, attention_mask, token_type_ids -> last_hidden_state, dynamic batch and length;
                      from the "eager" attention, as the published exports of these models were made, which ONNX
                      Runtime runs faster than the export from "sdpa" (that one guards every softmax against NaN);
                      --attention sdpa makes the other
    onnx/stock-int8.onnx  what onnxruntime.quantization.quantize_dynamic makes of it with its default settings, as
                      users of fastembed and optimum run it
    texts.txt         the texts, one per line: the "input" list of --payload (the public embed benchmark of the
                      `infinity` server: 255 texts), or the last --count sentences of --sts (the gzipped table of the
                      STS benchmark), or without both one "1" and 254 texts of 384 random English words
    peak/             float32.onnx and int8.onnx, one product of 512 x 768 x 3072 each: what this machine can do

At the end stock ONNX Runtime loads the export, its output is compared with torch, and the tokens are counted.
"""

import argparse
import csv
import gzip
import json
import os
import shutil
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from onnxruntime.quantization import quantize_dynamic
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

SHAPES = {
    "bge-small": {"layers": 12, "pooling": "cls", "max_seq_length": 512},
    "minilm": {"layers": 6, "pooling": "mean", "max_seq_length": 256},
}
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


class Hidden(torch.nn.Module):
    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state


def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def make_model(out, shape, tokenizer, seed, attention):
    config = BertConfig(
        vocab_size=30522, hidden_size=384, num_attention_heads=12, num_hidden_layers=shape["layers"],
        intermediate_size=1536, max_position_embeddings=512, type_vocab_size=2, layer_norm_eps=1e-12,
        hidden_act="gelu", pad_token_id=0, architectures=["BertModel"],
        attn_implementation=attention,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    gen = torch.Generator().manual_seed(seed)
    for name, tensor in sorted(model.state_dict().items()):
        noise = torch.randn(tensor.shape, generator=gen)
        tensor.copy_(1 + 0.1 * noise if name.endswith("LayerNorm.weight") else 0.05 * noise)
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, str(out / "model.safetensors"),
              metadata={"format": "pt"})
    os.chmod(out / "model.safetensors", 0o644)
    keep = ["architectures", "attention_probs_dropout_prob", "hidden_act", "hidden_dropout_prob", "hidden_size",
            "initializer_range", "intermediate_size", "layer_norm_eps", "max_position_embeddings", "model_type",
            "num_attention_heads", "num_hidden_layers", "pad_token_id", "type_vocab_size", "vocab_size"]
    dump(out / "config.json", {k: getattr(config, k) for k in keep})
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, out / name)
    prefix = "sentence_transformers.models."
    dump(out / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": prefix + "Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": prefix + "Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": prefix + "Normalize"},
    ])
    dump(out / "sentence_bert_config.json", {"max_seq_length": shape["max_seq_length"], "do_lower_case": False})
    dump(out / "1_Pooling/config.json", {
        "word_embedding_dimension": 384,
        "pooling_mode_cls_token": shape["pooling"] == "cls",
        "pooling_mode_mean_tokens": shape["pooling"] == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    })
    return model


def copy_model(source, out, attention):
    """A copy of a sentence-transformers directory around a BERT, and the model in it."""
    names = ["config.json", "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json",
             "1_Pooling/config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt",
             "model.safetensors"]
    for name in names:
        if (source / name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, out / name)
    return BertModel.from_pretrained(out, add_pooling_layer=False, attn_implementation=attention).eval()


def export(model, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    module = Hidden(model).eval()
    ids = torch.randint(1000, 30000, (2, 16))
    inputs = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    axes = {name: {0: "batch_size", 1: "sequence_length"} for name in [*INPUTS, "last_hidden_state"]}
    try:
        torch.onnx.export(module, inputs, str(path), input_names=INPUTS, output_names=["last_hidden_state"],
                          dynamic_axes=axes, opset_version=17, do_constant_folding=True, dynamo=False)
        used = "torch.onnx.export(dynamo=False), opset 17"
    except Exception as error:  # newer torch without the old exporter
        print(f"the old exporter failed ({type(error).__name__}: {error}); the dynamo exporter is used")
        shapes = {n: {0: torch.export.Dim("batch_size"), 1: torch.export.Dim("sequence_length")} for n in INPUTS}
        torch.onnx.export(module, inputs, str(path), input_names=INPUTS, output_names=["last_hidden_state"],
                          dynamic_shapes=shapes, dynamo=True, external_data=False)
        used = "torch.onnx.export(dynamo=True)"
    graph = onnx.load(str(path))
    for node in graph.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    onnx.save(graph, str(path))
    print(f"{path.name}: {used}, {len(graph.graph.node)} nodes, {path.stat().st_size / 1e6:.1f} MB")


def quantize(path, to):
    quantize_dynamic(path, to)
    graph = onnx.load(str(to)).graph
    products = sum(node.op_type in ("MatMulInteger", "DynamicQuantizeMatMul") for node in graph.node)
    print(f"{to.name}: quantize_dynamic, {products} integer products, {to.stat().st_size / 1e6:.1f} MB")


def make_peaks(out, seed):
    """One constant product each, as fast as ONNX Runtime does it: the measure of the machine."""
    rows, inner, columns = 512, 768, 3072
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    weights = {
        "float32": [("w", rng.standard_normal((inner, columns), dtype=np.float32))],
        "int8": [("w", rng.integers(-64, 65, (inner, columns), dtype=np.int8)), ("scale", np.float32([0.01]))],
    }
    nodes = {
        "float32": onnx.helper.make_node("MatMul", ["a", "w"], ["c"]),
        "int8": onnx.helper.make_node("DynamicQuantizeMatMul", ["a", "w", "scale"], ["c"], domain="com.microsoft"),
    }
    for dtype, tensors in weights.items():
        graph = onnx.helper.make_graph(
            [nodes[dtype]], dtype,
            [onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, [rows, inner])],
            [onnx.helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, [rows, columns])],
            [onnx.numpy_helper.from_array(tensor, name) for name, tensor in tensors],
        )
        opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
        onnx.save(onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets), str(out / f"{dtype}.onnx"))


def check(model, path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    gen = torch.Generator().manual_seed(5)
    for batch, length in [(1, 3), (3, 37), (2, 300)]:
        ids = torch.randint(1000, 30000, (batch, length), generator=gen)
        mask = torch.ones_like(ids)
        mask[-1, length // 2 + 1:] = 0
        want = model(input_ids=ids, attention_mask=mask).last_hidden_state
        feed = {"input_ids": ids.numpy(), "attention_mask": mask.numpy(), "token_type_ids": np.zeros_like(ids.numpy())}
        got = torch.from_numpy(session.run(None, feed)[0])
        worst = ((got - want).abs() * mask.unsqueeze(-1)).max().item()
        print(f"stock ONNX Runtime against torch, batch {batch} x {length}: largest difference {worst:.1e}")
        assert worst < 1e-3, worst


def make_texts(tokenizer, payload, sts, count, seed):
    if payload:
        texts = json.loads(payload.read_text(encoding="utf-8"))["input"]
    elif sts:
        with gzip.open(sts, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        texts = [row[name].strip() for row in rows for name in ("sentence1", "sentence2")][-count:]
    else:
        vocab = tokenizer.get_vocab()
        words = sorted(w for w in vocab if len(w) >= 3 and w.isascii() and w.isalpha() and w.islower())
        rng = np.random.default_rng(seed)
        texts = []
        for _ in range(254):
            chosen = rng.choice(words, size=384)
            marks = rng.choice(["", ",", "."], size=384, p=[0.82, 0.12, 0.06])
            texts.append(" ".join(w + m for w, m in zip(chosen, marks)))
        texts.insert(1, "1")
    assert all(t == t.strip("\r\n") and len(t.splitlines()) == 1 for t in texts)
    return texts


def main():
    parser = argparse.ArgumentParser(description="Make the model, the stock baseline and the texts of the benchmark.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, help="directory with tokenizer.json [default: --model]")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--shape", choices=SHAPES, default="bge-small")
    source.add_argument("--model", type=Path, help="a real model instead of random weights of a shape")
    texts = parser.add_mutually_exclusive_group()
    texts.add_argument("--payload", type=Path)
    texts.add_argument("--sts", type=Path)
    parser.add_argument("--count", type=int, default=4096, help="sentences of --sts")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--attention", choices=["eager", "sdpa"], default="eager")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    tokenizer_dir = args.tokenizer or args.model
    if tokenizer_dir is None:
        parser.error("--tokenizer DIR is needed with --shape")

    tokenizer = Tokenizer.from_file(str(tokenizer_dir / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    texts = make_texts(tokenizer, args.payload, args.sts, args.count, args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "texts.txt").write_text("".join(t + "\n" for t in texts), encoding="utf-8")

    if args.model:
        model = copy_model(args.model, args.out, args.attention)
        limit = json.loads((args.out / "sentence_bert_config.json").read_text(encoding="utf-8"))["max_seq_length"]
    else:
        shape = SHAPES[args.shape]
        model = make_model(args.out, shape, tokenizer_dir, args.seed, args.attention)
        limit = shape["max_seq_length"]
    lengths = np.array([len(e.ids) for e in tokenizer.encode_batch(texts)])
    cut = np.minimum(lengths, limit)
    print(f"texts.txt: {len(texts)} texts, {lengths.sum()} tokens with [CLS] and [SEP] ({lengths.min()} to "
          f"{lengths.max()}, mean {lengths.mean():.1f}), {cut.sum()} after the limit of {limit}")

    export(model, args.out / "onnx/stock.onnx")
    quantize(args.out / "onnx/stock.onnx", args.out / "onnx/stock-int8.onnx")
    check(model, args.out / "onnx/stock.onnx")
    make_peaks(args.out / "peak", args.seed)


if __name__ == "__main__":
    main()
