#!/usr/bin/env python3
"""What else this GPU can do: products of matrices, an equivalent of TEI in torch, sentence-transformers.

    python rivals.py product [--device cuda] [--dtype float16]
    python rivals.py tei --model DIR --texts FILE [--batch-tokens N] [--compile] [--rounds 20]
    python rivals.py sentence-transformers --model DIR --texts FILE

Prints a JSON object a line. `tei` is the plan of text-embeddings-inference's FlashBert: texts one behind the other, one
product for q, k and v, attention by cumulative lengths, tanh gelu, CLS pooling, groups up to a budget of tokens. Its
tokens are counted and made before the clock starts; infa's own figures include tokenising. Times are medians, by
CUDA's events on a GPU.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F

# rows, inner, outputs; the first shows what the card can do, the others are bge-large's at 8,192 tokens.
PRODUCTS = [(8192, 8192, 8192), (8192, 1024, 3072), (8192, 1024, 1024), (8192, 1024, 4096), (8192, 4096, 1024)]


def timed(run, device, rounds):
    """Median seconds of `run`."""
    seconds = []
    for at in range(rounds + 3):
        if device == "cuda":
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            run()
            end.record()
            torch.cuda.synchronize()
            spent = start.elapsed_time(end) / 1e3
        else:
            begun = time.perf_counter()
            run()
            spent = time.perf_counter() - begun
        if at >= 3:
            seconds.append(spent)
    return statistics.median(seconds)


def product(args):
    shapes = PRODUCTS if args.device == "cuda" else [(256, 256, 256)]
    for rows, inner, outputs in shapes:
        x = torch.randn(rows, inner, device=args.device, dtype=args.dtype)
        w = torch.randn(outputs, inner, device=args.device, dtype=args.dtype)
        seconds = timed(lambda: F.linear(x, w), args.device, args.rounds)
        yield {"product": [rows, inner, outputs], "tflops": 2 * rows * inner * outputs / seconds / 1e12}


def weights(path, device, dtype):
    """The tensors of a safetensors file in float16."""
    data = bytearray(Path(path).read_bytes())
    length = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            kind = {"F16": torch.float16, "F32": torch.float32}[entry["dtype"]]
            flat = torch.frombuffer(data, dtype=kind, count=(end - begin) // kind.itemsize, offset=8 + length + begin)
            tensors[name] = flat.reshape(entry["shape"]).to(device, dtype)
    return tensors


def attention(q, k, v, offsets, longest):
    """`[tokens, heads, dim]` each; texts begin at `offsets`."""
    if q.is_cuda:
        from torch.nn.attention.varlen import varlen_attn
        return varlen_attn(q, k, v, offsets, offsets, longest, longest)
    bounds = offsets.tolist()
    parts = [F.scaled_dot_product_attention(*(x[a:b].transpose(0, 1) for x in (q, k, v))).transpose(0, 1)
             for a, b in zip(bounds, bounds[1:])]
    return torch.cat(parts)


class Tei(torch.nn.Module):
    def __init__(self, folder, device, dtype):
        super().__init__()
        config = json.loads((folder / "config.json").read_text())
        self.heads, self.layers, self.eps = config["num_attention_heads"], config["num_hidden_layers"], 1e-12
        self.w = weights(folder / "model.safetensors", device, dtype)
        for layer in range(self.layers):
            name = f"encoder.layer.{layer}.attention.self"
            for part in "weight", "bias":
                self.w[f"{layer}.qkv.{part}"] = torch.cat([self.w[f"{name}.{x}.{part}"] for x in ("query", "key", "value")])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], self.eps)

    def linear(self, x, name):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def forward(self, ids, positions, offsets, longest):
        tables = [self.w[f"embeddings.{x}_embeddings.weight"] for x in ("word", "position", "token_type")]
        x = self.norm(tables[0][ids] + tables[1][positions] + tables[2][0], "embeddings.LayerNorm")
        for layer in range(self.layers):
            name = f"encoder.layer.{layer}"
            q, k, v = self.linear(x, f"{layer}.qkv").view(len(ids), 3, self.heads, -1).unbind(1)
            a = attention(q, k, v, offsets, longest).reshape(len(ids), -1)
            x = self.norm(self.linear(a, f"{name}.attention.output.dense") + x, f"{name}.attention.output.LayerNorm")
            h = F.gelu(self.linear(x, f"{name}.intermediate.dense"), approximate="tanh")
            x = self.norm(self.linear(h, f"{name}.output.dense") + x, f"{name}.output.LayerNorm")
        return F.normalize(x[offsets[:-1].long()].float(), dim=-1)


def groups(texts, budget):
    """Groups of token lists, longest first, up to `budget` tokens each."""
    group, tokens = [], 0
    for ids in sorted(texts, key=len, reverse=True):
        if group and tokens + len(ids) > budget:
            yield group
            group, tokens = [], 0
        group.append(ids)
        tokens += len(ids)
    yield group


def tei(args):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    longest = json.loads((args.model / "sentence_bert_config.json").read_text())["max_seq_length"]
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    begun = time.perf_counter()
    texts = [entry.ids for entry in tokenizer.encode_batch(args.texts.read_text().splitlines())]
    tokenizing = time.perf_counter() - begun
    model = Tei(args.model, args.device, args.dtype)
    call = torch.compile(model, dynamic=True) if args.compile else model
    made = []
    for group in groups(texts, args.batch_tokens):
        lengths = [len(ids) for ids in group]
        flat = torch.tensor([id for ids in group for id in ids])
        positions = torch.tensor([at for length in lengths for at in range(length)])
        offsets = torch.tensor([0, *lengths]).cumsum(0).int()
        made.append((flat, positions, offsets, max(lengths)))

    def run():
        for flat, positions, offsets, most in made:
            call(*(x.to(args.device, non_blocking=True) for x in (flat, positions, offsets)), most).cpu()

    with torch.inference_mode():
        begun = time.perf_counter()
        run()
        first = time.perf_counter() - begun
        seconds = timed(run, args.device, args.rounds)
    tokens = sum(map(len, texts))
    yield {"rival": "tei-equivalent" + (" compiled" if args.compile else ""), "model": args.model.name,
           "texts": args.texts.name, "batch_tokens": args.batch_tokens, "tokens": tokens,
           "tokens_per_second": tokens / seconds, "first_run_s": first, "tokenizing_s": tokenizing}


def sentence_transformers(args):
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer(str(args.model), device=args.device, model_kwargs={"dtype": args.dtype})
    texts = args.texts.read_text().splitlines()
    tokens = sum(len(ids) for ids in model.tokenizer(texts, truncation=True, max_length=model.max_seq_length)["input_ids"])
    model.encode(texts[:64])
    begun = time.perf_counter()
    model.encode(texts, batch_size=64)
    seconds = time.perf_counter() - begun
    yield {"rival": "sentence-transformers", "model": args.model.name, "texts": args.texts.name, "tokens": tokens,
           "tokens_per_second": tokens / seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["product", "tei", "sentence-transformers"])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", type=lambda name: getattr(torch, name), default=torch.float16)
    parser.add_argument("--batch-tokens", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    run = {"product": product, "tei": tei, "sentence-transformers": sentence_transformers}[args.what]
    for row in run(args):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
