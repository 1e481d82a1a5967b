#!/usr/bin/env python3
"""The same texts through infa and through its peers in Python, alternating in one run.

    python peers.py --workload DIR --infa target/release/infa --python VENV/bin/python [--infinity VENV2/bin/infinity_emb]
                    [--rounds 5] [--threads N] [--peers NAME,NAME] [--dtype float32,int8]

DIR is made by make_workload.py. This script needs only Python's own library; the peers live in two virtual environments:

    python -m venv VENV && VENV/bin/pip install sentence-transformers onnxruntime==1.31.1 openvino
    python -m venv VENV2 && VENV2/bin/pip install "infinity-emb[server,torch,optimum,ct2]==0.0.77" \\
        "transformers<4.50" "optimum<1.25" "sentence-transformers<4" "click<8.2" "typer<0.13" "pyarrow<17" "datasets<3.4"

Used with sentence-transformers 6.2, torch 2.15, onnxruntime 1.31.1, OpenVINO 2026.4, infinity-emb 0.0.77. No network.

Every peer is a process that loads its model once, warms up, and then does the job when it is told to; those that wait are
stopped (SIGSTOP). Each round begins with another side. Loading is never counted. infa is a new process each round, and
its time is that of its own summary (from the first text read to the last row written); the peers in this language
tokenise, run, pool and normalise, but write nothing; Infinity answers 64 texts a request over HTTP, two requests at a time.

    stock-float32, stock-int8     ONNX Runtime on the export and on quantize_dynamic's, batches of 32 in input order
    stock-…-sorted                the same, texts sorted by length
    openvino-float32, -bfloat16   OpenVINO on the export with that INFERENCE_PRECISION_HINT, throughput hint and
                                  asynchronous requests, one text each, so that nothing is padded
    openvino-…-batches            the same, a request for 32 texts sorted by length
    sentence-transformers         torch, encode(batch_size=32), which sorts by length
    infinity-float32, -int8       infinity_emb v2 --engine optimum, on the export and on quantize_dynamic's
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BATCH = 32
REQUEST = 64
IN_PROCESS = ["stock-float32", "stock-float32-sorted", "stock-int8", "stock-int8-sorted", "openvino-float32",
              "openvino-bfloat16", "openvino-float32-batches", "openvino-bfloat16-batches", "sentence-transformers"]
SERVERS = ["infinity-float32", "infinity-int8"]


# In the peers' processes: a function that embeds all texts.

class Encoder:
    """Tokens of the texts, in padded batches, and vectors from what the model makes of them."""

    def __init__(self, folder):
        import numpy
        from tokenizers import Tokenizer

        self.numpy = numpy
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        settings = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
        self.tokenizer.enable_truncation(settings["max_seq_length"])
        pooling = json.loads((folder / "1_Pooling/config.json").read_text(encoding="utf-8"))
        self.cls = pooling.get("pooling_mode_cls_token", False) or pooling.get("pooling_mode") == "cls"

    def batches(self, texts, size, by_length):
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i])) if by_length else range(len(ids))
        for start in range(0, len(ids), size):
            chosen = order[start:start + size]
            rows = [ids[i] for i in chosen]
            longest = max(map(len, rows))
            padded = self.numpy.array([row + [0] * (longest - len(row)) for row in rows], dtype="int64")
            mask = self.numpy.array([[1] * len(row) + [0] * (longest - len(row)) for row in rows], dtype="int64")
            yield chosen, {"input_ids": padded, "attention_mask": mask, "token_type_ids": mask * 0}

    def vectors(self, hidden, mask):
        weights = mask[:, :, None].astype("float32")
        pooled = hidden[:, 0] if self.cls else (hidden * weights).sum(1) / weights.sum(1)
        return pooled / self.numpy.linalg.norm(pooled, axis=1, keepdims=True)


def stock(name, folder, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    file = folder / "onnx" / ("stock-int8.onnx" if "int8" in name else "stock.onnx")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    encoder = Encoder(folder)

    def embed(texts):
        for _, feed in encoder.batches(texts, BATCH, name.endswith("sorted")):
            encoder.vectors(session.run(None, feed)[0], feed["attention_mask"])

    return embed, f"onnxruntime {onnxruntime.__version__}"


def open_vino(name, folder, threads):
    import openvino

    precision = "bf16" if "bfloat16" in name else "f32"
    settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_NUM_THREADS": threads}
    model = openvino.Core().compile_model(str(folder / "onnx/stock.onnx"), "CPU", settings)
    queue = openvino.AsyncInferQueue(model)
    encoder = Encoder(folder)
    queue.set_callback(lambda request, mask: encoder.vectors(request.get_output_tensor(0).data, mask))
    size = BATCH if name.endswith("batches") else 1

    def embed(texts):
        for _, feed in encoder.batches(texts, size, True):
            queue.start_async(feed, feed["attention_mask"])
        queue.wait_all()

    used = model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return embed, f"openvino {openvino.__version__.split('-')[0]}, {used}, {len(queue)} requests at a time"


def sentence_transformers(_, folder, threads):
    import sentence_transformers
    import torch

    torch.set_num_threads(threads)
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    version = f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}"
    return lambda texts: model.encode(texts, batch_size=BATCH, show_progress_bar=False), version


def work(name, folder, texts, threads):
    """A peer: one line when it is ready, then one for every line it reads."""
    make = stock if name.startswith("stock") else open_vino if name.startswith("openvino") else sentence_transformers
    answers, sys.stdout = sys.stdout, sys.stderr
    embed, version = make(name, folder, threads)
    embed(texts)
    print(version, file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        embed(texts)
        print(time.perf_counter() - start, file=answers, flush=True)


# In this process: sides with a name, a version and run(), which gives seconds.

class Process:
    """A program of its own process group, which is stopped while others have their turn."""

    started = []

    def start(self, command, **more):
        self.process = subprocess.Popen(command, start_new_session=True, **more)
        self.started.append(self)

    def pause(self):
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.killpg(self.process.pid, signal.SIGCONT)

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.resume()
            self.process.wait()


class Worker(Process):
    def __init__(self, name, args, log):
        self.name = name
        command = [args.python, __file__, "--worker", name, "--workload", args.workload, "--threads", str(args.threads)]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(args.threads)}
        self.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        self.version = self.answer()

    def answer(self):
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{self.name} ended")
        return line

    def run(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return float(self.answer())


class Infinity(Process):
    """The server, on a model directory with the one ONNX file that it should take."""

    def __init__(self, name, args, log, texts, folder):
        self.name, self.texts = name, texts
        int8 = name.endswith("int8")
        model = folder / name
        shutil.copytree(args.workload, model, ignore=shutil.ignore_patterns("onnx", "peak", "texts.txt"))
        (model / "onnx").mkdir()
        source, target = ("stock-int8.onnx", "model_quantized.onnx") if int8 else ("stock.onnx", "model.onnx")
        shutil.copyfile(Path(args.workload) / "onnx" / source, model / "onnx" / target)
        pooling = json.loads((model / "1_Pooling/config.json").read_text(encoding="utf-8"))
        pooling = "cls" if pooling.get("pooling_mode_cls_token") or pooling.get("pooling_mode") == "cls" else "mean"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {**os.environ, "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(args.threads)}
        self.start([args.infinity, "v2", "--model-id", str(model), "--served-model-name", "m", "--engine", "optimum",
                    "--device", "cpu", "--pooling-method", pooling, "--port", str(self.port), "--host", "127.0.0.1"],
                   stdout=log, stderr=log, env=environment)
        self.version = "infinity-emb --engine optimum"
        for _ in range(300):
            if self.process.poll() is not None:
                raise RuntimeError(f"{name} ended")
            with contextlib.suppress(OSError):
                self.ask("GET", "/health")
                break
            time.sleep(1)
        self.run()

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status} {data[:200]}")
        return data

    def embed(self, texts):
        answer = json.loads(self.ask("POST", "/embeddings", json.dumps({"model": "m", "input": texts})))
        assert len(answer["data"]) == len(texts)

    def run(self):
        requests = [self.texts[i:i + REQUEST] for i in range(0, len(self.texts), REQUEST)]
        start = time.perf_counter()
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(self.embed, requests))
        return time.perf_counter() - start


class Infa:
    """infa, a new process each time."""

    def __init__(self, dtype, args, texts_file, folder):
        self.name, self.version = f"infa {dtype}", args.infa
        self.command = [args.infa, "embed", "--model-id", args.workload, "--dtype", dtype, "--threads", str(args.threads),
                        "--offline", "--output", str(folder / "vectors.jsonl"), str(texts_file)]
        self.run()

    def run(self):
        done = subprocess.run(self.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        found = re.search(r"^Embedded .*\((\d+) tokens.* in ([\d.]+) s: ", done.stderr, re.MULTILINE)
        if done.returncode or not found:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()}")
        self.tokens = int(found[1])
        return float(found[2])

    def pause(self):
        pass

    resume = pause


def show(numbers, digits):
    return f"{statistics.median(numbers):.{digits}f} ({min(numbers):.{digits}f}–{max(numbers):.{digits}f})"


def compare(sides, args):
    """Rounds, then the table."""
    seconds = {side.name: [] for side in sides}
    for number in range(args.rounds):
        turns = sides[number % len(sides):] + sides[:number % len(sides)]
        for side in turns:
            side.resume()
            seconds[side.name].append(side.run())
            side.pause()
        print(f"round {number + 1}: " + ", ".join(f"{s.name} {seconds[s.name][-1]:.2f} s" for s in sides), flush=True)
    ours = [side for side in sides if isinstance(side, Infa)]
    tokens = ours[0].tokens
    print(f"\n{tokens} tokens; median (min–max); ratios round by round")
    print("  ".join([f"{'':<28}", f"{'tokens/s':>24}", *(f"{our.name + ' is faster by':>24}" for our in ours)]))
    for side in sides:
        rates = show([tokens / s for s in seconds[side.name]], 0)
        ratios = [[theirs / own for own, theirs in zip(seconds[our.name], seconds[side.name])] for our in ours]
        print("  ".join([f"{side.name:<28}", f"{rates:>24}", *(f"{show(ratio, 2):>24}" for ratio in ratios)]))


def main():
    parser = argparse.ArgumentParser(description="The same texts through infa and through its peers in Python.")
    parser.add_argument("--workload", required=True, help="directory made by make_workload.py")
    parser.add_argument("--infa", help="the binary")
    parser.add_argument("--python", default=sys.executable, help="Python with the in-process peers")
    parser.add_argument("--infinity", help="infinity_emb [default: left out]")
    parser.add_argument("--peers", type=lambda names: names.split(","), help="[default: all that are installed]")
    parser.add_argument("--dtype", type=lambda names: names.split(","), default=["float32", "int8"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    texts_file = Path(args.workload) / "texts.txt"
    texts = texts_file.read_text(encoding="utf-8").splitlines()
    if args.worker:
        return work(args.worker, Path(args.workload), texts, args.threads)
    if not args.infa:
        parser.error("--infa FILE is needed")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sides = []
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "log", "w+", encoding="utf-8") as log:
        try:
            for name in args.peers or IN_PROCESS + (SERVERS if args.infinity else []):
                try:
                    peer = Infinity(name, args, log, texts, Path(folder)) if name in SERVERS else Worker(name, args, log)
                    sides.append(peer)
                    peer.pause()
                    print(f"{name}: {peer.version}", flush=True)
                except RuntimeError as error:
                    log.seek(0)
                    print(f"left out: {error}\n{log.read()[-2000:]}", flush=True)
            for dtype in args.dtype:
                try:
                    sides.append(Infa(dtype, args, texts_file, Path(folder)))
                except RuntimeError as error:
                    print(f"left out: {error}", flush=True)
            compare(sides, args)
        finally:
            for process in Process.started:
                process.close()


if __name__ == "__main__":
    main()
