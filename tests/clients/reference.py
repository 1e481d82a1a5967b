"""What every client must get: the texts, the answers of the reference implementation, and those of the server itself.

A script is run as `python NAME.py name=url …`; `SERVER["name"]` is the url. Vectors of all clients are compared with
those of one plain HTTP request, so that they equal each other.
"""

import json
import sys
import urllib.request
from pathlib import Path

import numpy as np

SERVER = dict(argument.split("=", 1) for argument in sys.argv[1:])
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
# As other programs of this machine have it: what the fixtures are served as.
EMBEDDER, RERANKER, CLASSIFIER = "embedder", "reranker", "classifier"

_embedder = json.loads((FIXTURES / "bert-tiny/expected.json").read_text())
_reranker = json.loads((FIXTURES / "architectures/bert-rerank/expected.json").read_text())
_classifier = json.loads((FIXTURES / "architectures/bert-classify/expected.json").read_text())

CASES = {case["name"]: case for case in _embedder["cases"]}
DIMENSIONS = _embedder["dim"]
# Short, long, cut, of several scripts and without any token of its own.
TEXTS = [CASES[name]["text"] for name in ("sentence", "one_char", "cyrillic", "cjk", "over", "emoji", "empty", "code")
         if name in CASES]
EXPECTED = [case["embedding"] for text in TEXTS for case in [next(c for c in CASES.values() if c["text"] == text)]]
TOKENS = sum(case["tokens"] for text in TEXTS for case in [next(c for c in CASES.values() if c["text"] == text)])

PAIRS = _reranker["pairs"]
QUERY = PAIRS[0]["query"]
DOCUMENTS = list(dict.fromkeys(pair["document"] for pair in PAIRS))

CLASSIFIED = _classifier["classify"]
LABELS = list(json.loads((FIXTURES / "architectures/bert-classify/config.json").read_text())["id2label"].values())


def post(url, body):
    """The JSON that a plain POST of `body` is answered with."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def vectors(url, texts=None, **more):
    """The vectors that a plain request gets."""
    reply = post(f"{url}/v1/embeddings", {"model": EMBEDDER, "input": TEXTS if texts is None else texts, **more})
    return [item["embedding"] for item in reply["data"]]


def same(what, found, expected, tolerance=1e-6):
    """Fails unless the numbers are equal up to `tolerance`."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    worst = np.abs(found - expected).max(initial=0)
    assert worst <= tolerance, f"{what}: off by {worst:.2e}"
    print(f"{what}: {found.size} numbers equal, to {worst:.1e}")


def right(what, found, url):
    """Fails unless `found` has the vectors of TEXTS: the plain request's, and the reference implementation's."""
    same(f"{what}, beside a plain request", found, vectors(url))
    same(f"{what}, beside the reference", found, EXPECTED, 1e-5)


def ranked(what, found, url, top_n=None, raw=False, documents=DOCUMENTS):
    """Fails unless `found`, pairs of index and score, ranks documents as a plain request, and that as the reference."""
    asked = {"model": RERANKER, "query": QUERY, "documents": documents, "raw_scores": raw}
    plain = [(item["index"], item["relevance_score"]) for item in post(f"{url}/v1/rerank", asked)["results"]]
    order = [index for index, _ in plain]
    scores = [score for _, score in plain]
    assert len(order) == len(documents) and scores == sorted(scores, reverse=True), plain
    assert [index for index, _ in found] == order[:top_n], f"{what}: order {found}, not {plain[:top_n]}"
    same(what, [score for _, score in found], scores[:top_n])
    score_of = {documents[index]: score for index, score in plain}
    known = [pair for pair in PAIRS if pair["query"] == QUERY]
    expected = [pair["logits" if raw else "scores"][0] for pair in known]
    same(f"{what}, beside the reference", [score_of[pair["document"]] for pair in known], expected, 1e-4)
    return order


def refused(what, error, call, *words):
    """Fails unless `call` raises `error` with these words in its message."""
    try:
        call()
    except error as e:
        missing = [word for word in words if word not in str(e)]
        assert not missing, f"{what}: {missing} are not in {e}"
        print(f"{what}: {type(e).__name__}")
    else:
        raise AssertionError(f"{what}: not refused")
