"""`tritonclient` over HTTP, against the KServe v2 routes."""

import numpy as np
import tritonclient.http as triton
from reference import DIMENSIONS, DOCUMENTS, EMBEDDER, QUERY, RERANKER, SERVER, TEXTS, ranked, refused, right
from tritonclient.utils import InferenceServerException

url = SERVER["server"]
client = triton.InferenceServerClient(url.removeprefix("http://"), concurrency=4, network_timeout=60)
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready(EMBEDDER) and client.is_model_ready(RERANKER)
assert not client.is_model_ready("nobody")
print("live and ready:", client.get_server_metadata())
assert client.get_server_metadata()["name"], client.get_server_metadata()

metadata = client.get_model_metadata(EMBEDDER)
assert metadata["name"] == EMBEDDER, metadata
tensors = {tensor["name"]: tensor for kind in ("inputs", "outputs") for tensor in metadata[kind]}
assert tensors["text"]["datatype"] == "BYTES", metadata
assert tensors["embedding"]["datatype"] == "FP32" and tensors["embedding"]["shape"] == [-1, DIMENSIONS], metadata
print("metadata:", metadata)


def tensor(name, texts, binary):
    values = np.array([text.encode() for text in texts], dtype=np.object_)
    return triton.InferInput(name, [len(texts)], "BYTES").set_data_from_numpy(values, binary_data=binary)


for binary_in in (True, False):
    for binary_out in (True, False):
        output = triton.InferRequestedOutput("embedding", binary_data=binary_out)
        reply = client.infer(EMBEDDER, [tensor("text", TEXTS, binary_in)], outputs=[output], request_id="seven")
        found = reply.as_numpy("embedding")
        assert found.dtype == np.float32 and reply.get_response()["id"] == "seven", reply.get_response()
        right(f"infer, binary in {binary_in}, out {binary_out}", found, url)
# All outputs, as the server prefers to send them.
right("infer without outputs", client.infer(EMBEDDER, [tensor("text", TEXTS, True)]).as_numpy("embedding"), url)

waiting = [client.async_infer(EMBEDDER, [tensor("text", [text], True)]) for text in TEXTS]
right("async_infer", np.concatenate([one.get_result().as_numpy("embedding") for one in waiting]), url)
packed = client.infer(EMBEDDER, [tensor("text", TEXTS, True)], request_compression_algorithm="gzip",
                      response_compression_algorithm="gzip")
right("compressed", packed.as_numpy("embedding"), url)

pair = [tensor("query", [QUERY], True), tensor("documents", DOCUMENTS, True)]
reply = client.infer(RERANKER, pair)
(name,) = [output["name"] for output in reply.get_response()["outputs"]]
scores = reply.as_numpy(name).ravel()
ranked(f"rerank, output {name}", sorted(enumerate(scores), key=lambda pair: -pair[1]), url)

refused("unknown model", InferenceServerException,
        lambda: client.infer("nobody", [tensor("text", TEXTS, True)]), "nobody")
# An only input may have any name; of several it must be clear which is which.
refused("unknown input", InferenceServerException,
        lambda: client.infer(RERANKER, [tensor("query", [QUERY], True), tensor("words", TEXTS, True)]), "documents")
