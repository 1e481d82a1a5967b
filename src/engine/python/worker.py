"""One model in one Python process, for infa: requests come in through stdin, answers go out through stdout, in order.

A frame is <IQ, the lengths of header and payload, then the header (JSON), then the payload: texts as UTF-8, vectors as
little-endian float32, row by row. The first frame says which engine and which model; the first answer, whether it works.
"""

import sys

# A file that lies where infa was started must not stand in for a library.
if sys.path[:1] == [""]:
    del sys.path[0]

import hashlib
import importlib
import json
import os
import platform
import queue
import shutil
import signal
import struct
import tempfile
import threading
import time
import traceback

LENGTHS = struct.Struct("<IQ")
DAY = 24 * 60 * 60
# Longest text that a model is calibrated by, as in infa's own engine.
CALIBRATION_TOKENS = 256


class Refused(Exception):
    """The engine cannot do this with this model; the text is for people."""


# --- frames ---------------------------------------------------------------------------------------------------------


class Pipes:
    """The ends of the pipes to infa; what libraries print goes to stderr from here on, what they read is nothing."""

    def __init__(self):
        self.incoming = os.fdopen(os.dup(0), "rb")
        self.outgoing = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def read(self):
        """The next frame, or None after the last."""
        lengths = self.incoming.read(LENGTHS.size)
        if len(lengths) < LENGTHS.size:
            return None
        header, payload = LENGTHS.unpack(lengths)
        frame = self.incoming.read(header), self.incoming.read(payload)
        if (len(frame[0]), len(frame[1])) != (header, payload):
            return None
        return json.loads(frame[0]), frame[1]

    def write(self, header, payload=b""):
        header = json.dumps(header).encode()
        for part in LENGTHS.pack(len(header), len(payload)), header, payload:
            self.outgoing.write(part)
        self.outgoing.flush()

    def listen(self):
        """Requests as they come. When infa is gone this process ends at once, whatever it is doing."""
        requests = queue.Queue()

        def drain():
            while (frame := self.read()) is not None:
                requests.put(frame)
            leave()

        threading.Thread(target=drain, name="requests", daemon=True).start()
        return requests


def leave():
    """Ends the process and, where it leads its own group, whatever it started."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def texts_of(header, payload):
    texts, at = [], 0
    for length in header["lengths"]:
        texts.append(payload[at : at + length].decode("utf-8"))
        at += length
    return texts


# --- what a model's files say ---------------------------------------------------------------------------------------


def read_json(*path):
    try:
        with open(os.path.join(*path), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


# Keys of older pooling configurations, in the order in which sentence-transformers concatenates the vectors.
POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
TRANSFORMER_CONFIGS = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"]


class Files:
    """The way from text to vector, as sentence-transformers reads it from a model's directory."""

    def __init__(self, setup):
        self.setup = setup
        self.root = self.transformer = setup["model"]
        self.pooling, self.normalize, self.include_prompt = ["mean"], False, True
        self.max_length, self.lowercase = None, False
        # A module that only PyTorch computes.
        self.other = None
        settings = {}
        modules = read_json(self.root, "modules.json")
        if modules is not None:
            settings = read_json(self.root, "config_sentence_transformers.json") or {}
            self.read_modules(modules)
            for name in TRANSFORMER_CONFIGS:
                config = read_json(self.transformer, "sentence_%s_config.json" % name)
                if config is not None:
                    self.max_length = config.get("max_seq_length")
                    self.lowercase = bool(config.get("do_lower_case"))
                    break
        self.prompts = {name: text or "" for name, text in (settings.get("prompts") or {}).items()}
        self.default_prompt = settings.get("default_prompt_name")

    def read_modules(self, modules):
        for module in modules:
            kind = module["type"].rsplit(".", 1)[-1]
            place = os.path.join(self.root, module.get("path") or "")
            if kind == "Transformer":
                self.transformer = place
            elif kind == "Pooling":
                config = read_json(place, "config.json") or {}
                modes = config.get("pooling_mode")
                if modes is None:
                    modes = [mode for key, mode in POOLING_KEYS.items() if config.get(key)] or ["mean"]
                self.pooling = [modes] if isinstance(modes, str) else modes
                self.include_prompt = config.get("include_prompt", True)
            elif kind == "Normalize":
                self.normalize = True
            elif kind != "Dropout":
                self.other = self.other or kind

    def prompt(self, role):
        """What is put before a text that is embedded as `role`."""
        setup = self.setup
        if role != "document" or not setup["prompt_queries"]:
            if setup["prompt"] is not None:
                return setup["prompt"]
            if setup["prompt_name"] is not None:
                return self.named(setup["prompt_name"], "--prompt-name")
        if role == "text":
            return self.named(self.default_prompt, "default_prompt_name") if self.default_prompt else ""
        return self.prompts.get(role, "")

    def named(self, name, flag):
        if name not in self.prompts:
            known = ", ".join(sorted(self.prompts)) or "none"
            raise Refused("%s: the model has no prompt %r; prompts: %s" % (flag, name, known))
        return self.prompts[name]

    def check_prompts(self):
        for role in "text", "query", "document":
            self.prompt(role)

    def fingerprint(self):
        """Changes with the files of the model: their places, sizes and times."""
        seen = hashlib.sha256(os.path.realpath(self.root).encode())
        for place, directories, names in os.walk(self.root, followlinks=True):
            directories[:] = sorted(name for name in directories if not name.startswith("."))
            if place.count(os.sep) - self.root.count(os.sep) >= 2:
                directories[:] = []
            for name in sorted(names):
                status = os.stat(os.path.join(place, name))
                entry = os.path.relpath(os.path.join(place, name), self.root), status.st_size, status.st_mtime_ns
                seen.update(repr(entry).encode())
        return seen.hexdigest()[:16]


class Cache:
    """What is made of a model once: graphs, conversions. Never in the model's own directory."""

    def __init__(self, files):
        name = os.path.basename(os.path.realpath(files.root)) or "model"
        self.root = os.path.join(files.setup["cache"], "%s-%s" % (name, files.fingerprint()))

    def made(self, name, make, *of):
        """The directory `name`, filled by `make` if it is not there yet; whole or not there at all.

        `of` is what decides about its content beside the model: versions of libraries, settings.
        """
        if of:
            name = "%s-%s" % (name, hashlib.sha256(repr(of).encode()).hexdigest()[:16])
        place = os.path.join(self.root, name)
        if os.path.isdir(place):
            return place
        os.makedirs(self.root, exist_ok=True)
        for entry in os.scandir(self.root):
            # Of a process that was ended on the way.
            if entry.name.startswith(".making-") and time.time() - entry.stat().st_mtime > DAY:
                shutil.rmtree(entry.path, ignore_errors=True)
        beside = tempfile.mkdtemp(prefix=".making-", dir=self.root)
        try:
            make(beside)
            for entry in os.scandir(beside):
                if entry.is_file(follow_symlinks=False):
                    # Otherwise it could be there and empty after a crash.
                    with open(entry.path, "rb") as file:
                        os.fsync(file.fileno())
            try:
                os.rename(beside, place)
            except OSError:
                # Another process was faster.
                if not os.path.isdir(place):
                    raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return place


# --- engines --------------------------------------------------------------------------------------------------------


def wants_cuda(setup, available):
    """Whether CUDA is used; `available` tells whether it is there."""
    if setup["device"] == "cpu":
        return False
    if available():
        return True
    if setup["device"] == "cuda":
        raise Refused("@cuda: %s finds no CUDA here" % setup["engine"])
    return False


def is_cuda_in_onnxruntime():
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


class Torch:
    """sentence-transformers, as its users call it."""

    libraries = ["sentence_transformers", "torch", "transformers"]

    def __init__(self, setup):
        import torch
        import transformers

        torch.set_num_threads(setup["threads"])
        self.setup, self.torch = setup, torch
        self.device = "cuda" if wants_cuda(setup, torch.cuda.is_available) else "cpu"
        version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
        arguments = {"dtype" if version >= (4, 56) else "torch_dtype": getattr(torch, setup["dtype"])}
        if setup.get("attention"):
            arguments["attn_implementation"] = setup["attention"]
        self.load({"device": self.device, "local_files_only": True, "model_kwargs": arguments})
        if setup["side"]:
            self.model.tokenizer.truncation_side = setup["side"]
        if setup.get("compile"):
            self.model[0].auto_model.compile(dynamic=True)
        parameters = self.model.parameters()
        self.dtype = next((str(p.dtype).rsplit(".", 1)[-1] for p in parameters), setup["dtype"])
        self.masks = []
        self.model[0].register_forward_pre_hook(self.count)

    def load(self, arguments):
        from sentence_transformers import SentenceTransformer

        self.files = Files(self.setup)
        self.files.check_prompts()
        self.model = model = SentenceTransformer(self.setup["model"], **arguments)
        while not self.setup["normalize"] and type(model[-1]).__name__ == "Normalize":
            del model[-1]
        if self.setup["max_length"]:
            limit = model.max_seq_length
            positions = getattr(model[0].auto_model.config, "max_position_embeddings", None)
            if positions and self.setup["max_length"] > max(positions, limit or 0):
                raise Refused("--max-length: the model takes %d tokens at most" % positions)
            model.max_seq_length = self.setup["max_length"]
        self.max_length = model.max_seq_length
        # Its name has changed.
        width = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
        self.dimensions = width()

    def count(self, _module, arguments):
        mask = arguments[0].get("attention_mask") if arguments else None
        # Summed up here, looked at in the end: a GPU must not be waited for.
        self.masks.append(None if mask is None else mask.sum(1))

    def counted(self):
        masks, self.masks = self.masks, []
        if not masks or any(mask is None for mask in masks):
            return None, None
        lengths = self.torch.cat(masks)
        # The library does not report whether a text that fills the model was cut.
        cut = None if not self.max_length or int(lengths.max()) >= self.max_length else 0
        return int(lengths.sum()), cut

    def embed(self, texts, role):
        rows = self.model.encode(
            texts,
            prompt=self.files.prompt(role),
            batch_size=self.setup["batch"],
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return (rows, *self.counted())


class CrossEncoder(Torch):
    """sentence-transformers' cross-encoders."""

    dimensions = 1

    def load(self, arguments):
        config = read_json(self.setup["model"], "config.json") or {}
        modules = read_json(self.setup["model"], "modules.json") or []
        classifier = any("ForSequenceClassification" in name for name in config.get("architectures") or [])
        if not classifier and not any("cross_encoder" in module["type"] for module in modules):
            # It would be given a head of random weights.
            raise Refused(
                "%s is no cross-encoder: it has no head that scores; infa's own engine (--engine onnx) can rank by its vectors"
                % self.setup["model"]
            )
        from sentence_transformers import CrossEncoder as Model

        if self.setup["max_length"]:
            arguments["max_length"] = self.setup["max_length"]
        self.model = Model(self.setup["model"], **arguments)
        labels = self.model.config.num_labels
        if labels != 1:
            raise Refused("%s gives %d labels, no single score" % (self.setup["model"], labels))
        self.max_length = self.model.max_length

    def rerank(self, query, documents):
        query = (self.setup["prompt"] or "") + query
        arguments = {"activation_fn": self.torch.nn.Identity()} if self.setup["raw_scores"] else {}
        scores = self.model.predict(
            [(query, document) for document in documents],
            batch_size=self.setup["batch"],
            show_progress_bar=False,
            convert_to_numpy=True,
            **arguments,
        )
        return (scores.reshape(len(documents), -1), *self.counted())


class Graph:
    """A model as an ONNX graph: the one it comes with, or one that PyTorch exports."""

    def __init__(self, files):
        self.files, self.cache = files, Cache(files)

    def path(self):
        for place in "onnx/model.onnx", "model.onnx":
            path = os.path.join(self.files.transformer, place)
            if os.path.isfile(path):
                return path
        return os.path.join(self.cache.made("onnx", self.export), "model.onnx")

    def quantized(self):
        import onnxruntime

        def quantize(place):
            from onnxruntime.quantization import quantize_dynamic

            # With its default settings, as its users have it.
            quantize_dynamic(self.path(), os.path.join(place, "model.onnx"))

        return os.path.join(self.cache.made("onnx-int8", quantize, onnxruntime.__version__), "model.onnx")

    def export(self, place):
        import onnx  # noqa: F401  (the exporter needs it, and tells late)
        import torch
        from transformers import AutoModel, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.files.transformer)
        model = AutoModel.from_pretrained(self.files.transformer, attn_implementation="eager").float().eval()
        example = tokenizer(["a text", "another text that is longer"], padding=True, return_tensors="pt")
        names = list(example)

        class Encoder(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, *inputs):
                return self.model(**dict(zip(names, inputs))).last_hidden_state

        free = {0: "batch", 1: "sequence"}
        torch.onnx.export(
            Encoder(),
            tuple(example[name] for name in names),
            os.path.join(place, "model.onnx"),
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_axes={name: free for name in [*names, "last_hidden_state"]},
            opset_version=17,
            dynamo=False,
        )


class Encoder:
    """What the engines share that compute the encoder alone: padded batches, longest first, pooled with NumPy."""

    libraries = ["numpy", "transformers"]
    device = "cpu"

    def __init__(self, setup):
        import numpy
        from transformers import AutoConfig, AutoTokenizer

        self.setup, self.numpy, self.dtype = setup, numpy, setup["dtype"]
        self.files = files = Files(setup)
        if files.other:
            raise Refused("%s does not compute the model's module %s; torch does" % (setup["engine"], files.other))
        unknown = [mode for mode in files.pooling if mode not in POOLING_KEYS.values()]
        if unknown:
            raise Refused("%s does not know the pooling mode %r" % (setup["engine"], unknown[0]))
        files.check_prompts()
        prompted = any(files.prompt(role) for role in ("text", "query", "document"))
        if prompted and not files.include_prompt:
            raise Refused("%s cannot leave a prompt out of pooling; torch does" % setup["engine"])
        self.tokenizer = AutoTokenizer.from_pretrained(files.transformer)
        config = AutoConfig.from_pretrained(files.transformer)
        self.dimensions = config.hidden_size * len(files.pooling)
        limits = [self.tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
        most = min(limit for limit in limits if limit)
        if setup["max_length"] and setup["max_length"] > most:
            raise Refused("--max-length: the model takes %d tokens at most" % most)
        self.max_length = setup["max_length"] or min(files.max_length or most, most)
        if setup["side"]:
            self.tokenizer.truncation_side = setup["side"]
        self.load()

    def embed(self, texts, role):
        numpy, batch = self.numpy, self.setup["batch"]
        prompt = self.files.prompt(role)
        texts = [prompt + text for text in texts]
        if self.files.lowercase:
            texts = [text.lower() for text in texts]
        vectors = numpy.empty((len(texts), self.dimensions), numpy.float32)
        tokens = cut = 0
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))

        def batches():
            nonlocal tokens, cut
            for start in range(0, len(order), batch):
                places = order[start : start + batch]
                encoded = self.tokenizer(
                    [texts[i] for i in places],
                    padding=True,
                    truncation=True,
                    max_length=self.max_length,
                    return_tensors="np",
                )
                mask = encoded["attention_mask"]
                tokens += int(mask.sum())
                if mask.shape[1] >= self.max_length and cut is not None:
                    rows = encoded.encodings
                    cut = None if rows is None else cut + sum(bool(row.overflowing) for row in rows)
                yield places, encoded

        def take(places, mask, hidden):
            vectors[places] = self.pool(hidden, mask)

        self.run(batches(), take)
        return vectors, tokens, cut

    def run(self, batches, take):
        for places, encoded in batches:
            take(places, encoded["attention_mask"], self.hidden(encoded))

    def pool(self, hidden, mask):
        numpy = self.numpy
        mask = mask.astype(numpy.float32)
        weights = mask[:, :, None]
        vectors = []
        for mode in self.files.pooling:
            if mode == "cls":
                # Where texts are padded on the left, the first token is not at the beginning.
                vectors.append(hidden[numpy.arange(len(hidden)), mask.argmax(1)])
            elif mode == "lasttoken":
                last = mask.shape[1] - 1 - mask[:, ::-1].argmax(1)
                vectors.append(hidden[numpy.arange(len(hidden)), last])
            elif mode == "max":
                vectors.append(numpy.where(weights > 0, hidden, -1e9).max(1))
            else:
                if mode == "weightedmean":
                    weights = weights * numpy.arange(1, mask.shape[1] + 1, dtype=numpy.float32)[None, :, None]
                count = numpy.maximum(weights.sum(1), 1e-9)
                total = (hidden * weights).sum(1)
                vectors.append(total / (numpy.sqrt(count) if mode == "mean_sqrt_len_tokens" else count))
        vectors = numpy.concatenate(vectors, 1)
        if self.files.normalize and self.setup["normalize"]:
            vectors = vectors / numpy.maximum(numpy.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    def inputs(self, encoded, names):
        """What the graph wants to be fed."""
        numpy, given = self.numpy, {}
        for name in names:
            if name in encoded:
                given[name] = encoded[name].astype(numpy.int64)
            elif name == "token_type_ids":
                given[name] = numpy.zeros_like(encoded["input_ids"], numpy.int64)
            else:
                raise Refused("the graph wants %r, which the tokenizer does not give" % name)
        return given

    @staticmethod
    def output(names, ranks):
        """The place of the output that has a vector for every token."""
        wanted = ["last_hidden_state", "token_embeddings", *names]
        found = next((name for name in wanted if name in names and ranks[names.index(name)] == 3), None)
        if found is None:
            raise Refused("the graph gives no vectors of tokens; outputs: %s" % ", ".join(map(str, names)))
        return names.index(found)


class OnnxExport(Encoder):
    """Stock ONNX Runtime."""

    libraries = ["onnxruntime", *Encoder.libraries]

    def load(self):
        import onnxruntime

        graph = Graph(self.files)
        path = graph.quantized() if self.dtype == "int8" else graph.path()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.setup["threads"]
        options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        if wants_cuda(self.setup, is_cuda_in_onnxruntime):
            providers.insert(0, "CUDAExecutionProvider")
            self.device = "cuda"
        self.session = session = onnxruntime.InferenceSession(path, options, providers=providers)
        if self.device == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
            # It would compute on the CPU and say nothing.
            raise Refused("onnxruntime could not load what it needs for CUDA")
        self.names = [node.name for node in session.get_inputs()]
        outputs = session.get_outputs()
        place = self.output([node.name for node in outputs], [len(node.shape) for node in outputs])
        self.wanted = [outputs[place].name]

    def hidden(self, encoded):
        return self.session.run(self.wanted, self.inputs(encoded, self.names))[0]


class Openvino(Encoder):
    """OpenVINO on the same graph."""

    # What is neither a product in int8 nor must be float32 is computed in the first of these that the processor has.
    precisions = {"float32": ["f32"], "bfloat16": ["bf16"], "int8": ["bf16", "f32"], "int8-float32": ["f32"]}
    names_of_precisions = {"f32": "float32", "bf16": "bfloat16"}

    def __init__(self, setup):
        self.libraries = ["openvino", *Encoder.libraries]
        super().__init__(setup)

    def load(self):
        import openvino

        self.openvino, self.core = openvino, openvino.Core()
        graph, wanted, int8 = Graph(self.files), self.precisions[self.dtype], self.dtype.startswith("int8")
        model = self.core.read_model(self.quantized(graph) if int8 else graph.path())
        self.throughput = self.setup.get("hint") == "throughput"
        settings = {
            "INFERENCE_NUM_THREADS": self.setup["threads"],
            "PERFORMANCE_HINT": "THROUGHPUT" if self.throughput else "LATENCY",
        }
        for precision in wanted:
            # Left out, it computes with bfloat16 where the processor can.
            settings["INFERENCE_PRECISION_HINT"] = precision
            self.compiled = compiled = self.core.compile_model(model, "CPU", settings)
            # Without bfloat16 it computes with float32 and says nothing.
            if compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == precision:
                break
        else:
            raise Refused("openvino does not compute with %s on this processor" % self.dtype)
        if int8:
            self.dtype = "int8 and %s" % self.names_of_precisions[precision]
        self.names = [node.any_name for node in compiled.inputs]
        outputs = compiled.outputs
        names = [node.any_name if node.names else "" for node in outputs]
        self.place = self.output(names, [len(node.partial_shape) for node in outputs])
        self.request = compiled.create_infer_request()

    def quantized(self, graph):
        """The graph after NNCF's post-training quantisation, calibrated by the sentences that infa's own int8 is
        calibrated by; all else as its documentation has it for transformers."""
        import nncf

        self.libraries = [*self.libraries, "nncf"]
        most = min(self.max_length, CALIBRATION_TOKENS)
        texts = [
            self.tokenizer([text], truncation=True, max_length=most, return_tensors="np")
            for text in self.setup["calibration"]
        ]

        def quantize(place):
            model = self.core.read_model(graph.path())
            names = [node.any_name for node in model.inputs]
            rows = [self.inputs(encoded, names) for encoded in texts]
            quantized = nncf.quantize(
                model,
                nncf.Dataset(rows),
                preset=nncf.QuantizationPreset.MIXED,
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(rows),
            )
            self.openvino.save_model(quantized, os.path.join(place, "model.xml"), compress_to_fp16=False)

        ids = [encoded["input_ids"].tolist() for encoded in texts]
        versions = self.openvino.__version__, nncf.__version__
        return os.path.join(graph.cache.made("openvino-int8", quantize, versions, ids), "model.xml")

    def hidden(self, encoded):
        return self.request.infer(self.inputs(encoded, self.names))[self.place]

    def run(self, batches, take):
        if not self.throughput:
            return super().run(batches, take)
        requests = self.openvino.AsyncInferQueue(self.compiled)
        requests.set_callback(lambda request, context: take(*context, request.get_output_tensor(self.place).data))
        for places, encoded in batches:
            requests.start_async(self.inputs(encoded, self.names), (places, encoded["attention_mask"]))
        requests.wait_all()


class Ctranslate2(Encoder):
    """CTranslate2's encoder."""

    libraries = ["ctranslate2", *Encoder.libraries]

    def load(self):
        import ctranslate2

        self.ctranslate2 = ctranslate2

        class Converter(ctranslate2.converters.TransformersConverter):
            def load_model(self, *arguments, **named):
                model = super().load_model(*arguments, **named)
                if not hasattr(model.config, "position_embedding_type"):
                    # transformers 5 knows no other format and no longer names it; the converter needs the name.
                    model.config.position_embedding_type = "absolute"
                return model

        def convert(place):
            try:
                Converter(self.files.transformer).convert(place, force=True)
            except ValueError as e:
                raise Refused("it cannot convert the model: %s" % e) from e

        path = Cache(self.files).made("ctranslate2", convert, ctranslate2.__version__)
        cuda = wants_cuda(self.setup, lambda: ctranslate2.get_cuda_device_count() > 0)
        self.device = "cuda" if cuda else "cpu"
        try:
            self.encoder = ctranslate2.Encoder(
                path,
                device=self.device,
                compute_type=self.dtype,
                inter_threads=1,
                intra_threads=self.setup["threads"],
            )
        except ValueError as e:
            # Of number formats that the processor does not have.
            raise Refused(str(e)) from e

    def hidden(self, encoded):
        masks = encoded["attention_mask"].astype(bool)
        ids = [row[mask].tolist() for row, mask in zip(encoded["input_ids"], masks)]
        hidden = self.encoder.forward_batch(ids).last_hidden_state
        if self.device != "cpu":
            hidden = hidden.to_device(self.ctranslate2.Device.cpu)
        hidden = self.numpy.array(hidden.to(self.ctranslate2.DataType.float32))
        if masks[:, 0].all():
            return hidden
        # It puts padding behind the text, wherever the tokenizer has it.
        placed = self.numpy.zeros_like(hidden)
        for row, (mask, values) in enumerate(zip(masks, hidden)):
            placed[row, mask] = values[: mask.sum()]
        return placed


class Fastembed:
    """fastembed, with the model's own files laid out as it wants them."""

    libraries = ["fastembed", "onnxruntime"]
    pooling = {"cls": "CLS", "mean": "MEAN", "lasttoken": "LAST_TOKEN"}

    def __init__(self, setup):
        import fastembed
        from fastembed.common.model_description import ModelSource, PoolingType

        self.setup, self.files = setup, Files(setup)
        self.dtype = setup["dtype"]
        files, mode = self.files, self.files.pooling[0]
        if files.other or files.lowercase or len(files.pooling) > 1 or mode not in self.pooling:
            what = files.other or ("lower-casing" if files.lowercase else "pooling by " + " and ".join(files.pooling))
            raise Refused("fastembed has nothing for the model's %s; torch does" % what)
        files.check_prompts()
        config = read_json(files.transformer, "config.json") or {}
        self.dimensions = config["hidden_size"]
        self.max_length = self.limit(config)
        path = Cache(files).made("fastembed-%d" % self.max_length, self.lay_out)
        cuda = wants_cuda(setup, is_cuda_in_onnxruntime)
        self.device = "cuda" if cuda else "cpu"
        fastembed.TextEmbedding.add_custom_model(
            model="infa/model",
            pooling=getattr(PoolingType, self.pooling[mode]),
            normalization=files.normalize and setup["normalize"],
            sources=ModelSource(hf="infa/model"),
            dim=self.dimensions,
            model_file="model.onnx",
        )
        self.model = fastembed.TextEmbedding(
            model_name="infa/model",
            specific_model_path=path,
            threads=setup["threads"],
            providers=["CUDAExecutionProvider" if cuda else "CPUExecutionProvider"],
        )

    def limit(self, config):
        tokenizer = read_json(self.files.transformer, "tokenizer_config.json") or {}
        limits = tokenizer.get("model_max_length"), config.get("max_position_embeddings")
        most = int(min([limit for limit in limits if limit] or [512]))
        asked = self.setup["max_length"]
        if asked and asked > most:
            raise Refused("--max-length: the model takes %d tokens at most" % most)
        return asked or min(self.files.max_length or most, most)

    def lay_out(self, place):
        """fastembed reads the tokenizer's files, and takes the longest text from them, so they say what we want."""
        graph = Graph(self.files).path()
        for name in os.listdir(os.path.dirname(graph)):
            # Weights may lie in files of their own.
            if name.startswith("model.onnx"):
                os.symlink(os.path.abspath(os.path.join(os.path.dirname(graph), name)), os.path.join(place, name))
        for name in "tokenizer.json", "special_tokens_map.json", "config.json":
            path = os.path.join(self.files.transformer, name)
            if os.path.isfile(path):
                os.symlink(os.path.abspath(path), os.path.join(place, name))
        config = read_json(self.files.transformer, "tokenizer_config.json") or {}
        config["model_max_length"] = config["max_length"] = self.max_length
        with open(os.path.join(place, "tokenizer_config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)

    def embed(self, texts, role):
        import numpy

        prompt = self.files.prompt(role)
        texts = [prompt + text for text in texts]
        rows = list(self.model.embed(texts, batch_size=self.setup["batch"]))
        return numpy.stack(rows), None, None


ENGINES = {
    "torch": Torch,
    "onnx-export": OnnxExport,
    "openvino": Openvino,
    "ctranslate2": Ctranslate2,
    "fastembed": Fastembed,
}

# --- the work -------------------------------------------------------------------------------------------------------


def versions(names):
    found = {"python": platform.python_version()}
    for name in names:
        version = getattr(importlib.import_module(name), "__version__", None)
        if version:
            found[name.replace("_", "-")] = str(version)
    return found


def start(setup):
    threads = str(setup["threads"])
    for name in "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS":
        os.environ[name] = threads
    kind = CrossEncoder if setup["task"] == "rerank" else ENGINES[setup["engine"]]
    engine = kind(setup)
    ready = {
        "dimensions": engine.dimensions,
        "device": engine.device,
        "dtype": engine.dtype,
        "max_length": engine.max_length,
        "versions": versions(engine.libraries),
    }
    return engine, ready


def message_of(error):
    """What an exception says, and where it was raised, neither without bounds."""
    message = "".join(traceback.format_exception_only(type(error), error)).strip()
    return message[:2000], "".join(traceback.format_exception(type(error), error, error.__traceback__))[-20000:]


def failure(error):
    """Why the engine cannot be had."""
    message, trace = message_of(error)
    if isinstance(error, Refused):
        return {"kind": "refused", "message": str(error), "trace": trace}
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.split(".")[0].replace("_", "-")
        return {"kind": "missing", "message": message, "trace": trace, "package": package}
    return {"kind": "failed", "message": message, "trace": trace}


def answer(engine, header, payload):
    import numpy

    texts = texts_of(header, payload)
    if header["do"] == "rerank":
        rows, tokens, cut = engine.rerank(texts[0], texts[1:])
    else:
        rows, tokens, cut = engine.embed(texts, header["role"])
    rows = numpy.ascontiguousarray(rows, dtype="<f4")
    count, width = rows.shape
    reply = {"id": header["id"], "count": count, "width": width, "tokens": tokens, "truncated": cut}
    return reply, rows.tobytes()


def main():
    pipes = Pipes()
    requests = pipes.listen()
    setup, _ = requests.get()
    try:
        engine, ready = start(setup)
    except Exception as error:
        pipes.write({"failed": failure(error)})
        return
    pipes.write({"ready": ready})
    while True:
        header, payload = requests.get()
        try:
            reply = answer(engine, header, payload)
        except Exception as error:
            message, trace = message_of(error)
            reply = {"id": header["id"], "error": message, "trace": trace}, b""
        pipes.write(*reply)


if __name__ == "__main__":
    main()
