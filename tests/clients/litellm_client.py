"""`litellm`: its `infinity/`, `openai/` and `huggingface/` providers."""

import litellm
from reference import (CASES, DOCUMENTS, EMBEDDER, QUERY, RERANKER, SERVER, TEXTS, TOKENS, post, ranked, refused, right,
                       same)

litellm.telemetry = False
url = SERVER["server"]
to_infinity = {"api_base": url, "api_key": "none", "timeout": 60, "max_retries": 0}
rerank = {"model": f"infinity/{RERANKER}", "query": QUERY, "documents": DOCUMENTS, **to_infinity}


def pairs(reply):
    return [(result["index"], result["relevance_score"]) for result in reply.results]


order = ranked("infinity/ rerank", pairs(litellm.rerank(**rerank)), url)
best = litellm.rerank(**rerank, top_n=2)
ranked("top_n", pairs(best), url, top_n=2)
assert best.id and best.meta["tokens"]["input_tokens"] > 0, best
# Infinity's documents are strings, at the bare path; vLLM's are objects, under /v1. The requests are the same.
to_vllm = {**rerank, "model": f"hosted_vllm/{RERANKER}", "api_base": f"{url}/v1"}
for told in (litellm.rerank(**rerank, return_documents=True), litellm.rerank(**to_vllm, return_documents=True)):
    texts = [result["document"]["text"] for result in told.results]
    assert texts == [DOCUMENTS[index] for index in order], texts
silent = litellm.rerank(**rerank, return_documents=False)
assert all("document" not in result for result in silent.results), silent
print("return_documents: the texts, or none")
# This version takes raw_scores and does not send it on. Where it arrives, the scores are raw, at the same route.
ranked("raw_scores, not sent on", pairs(litellm.rerank(**rerank, raw_scores=True)), url)
sent = post(f"{url}/rerank", {"model": RERANKER, "query": QUERY, "documents": DOCUMENTS, "raw_scores": True})
ranked("raw_scores", [(item["index"], item["relevance_score"]) for item in sent["results"]], url, raw=True)

reply = litellm.embedding(model=f"infinity/{EMBEDDER}", input=TEXTS, **to_infinity)
right("infinity/ embedding", [item["embedding"] for item in reply.data], url)
assert reply.usage.prompt_tokens == TOKENS, reply.usage
case = CASES["sentence"]
to_openai = {"api_base": f"{url}/v1", "api_key": "none", "timeout": 60, "max_retries": 0}
reply = litellm.embedding(model=f"openai/{EMBEDDER}", input=TEXTS, **to_openai)
right("openai/ embedding", [item["embedding"] for item in reply.data], url)
# litellm lets `dimensions` through to models of OpenAI that it knows only; this one is told to.
known = {**to_openai, "allowed_openai_params": ["dimensions"]}
reply = litellm.embedding(model=f"openai/{EMBEDDER}", input=[case["text"]], dimensions=16, **known)
same("openai/ dimensions", reply.data[0]["embedding"], case["dim16"], 1e-5)
# Its name for dimensions, when it speaks with Infinity, is output_dimension.
reply = litellm.embedding(model=f"infinity/{EMBEDDER}", input=[case["text"]], dimensions=16, **to_infinity)
same("infinity/ dimensions", reply.data[0]["embedding"], case["dim16"], 1e-5)

to_tei = {"api_base": f"{SERVER['embedder']}/embed", "api_key": "none", "input_type": "embed", "timeout": 60}
reply = litellm.embedding(model="huggingface/tei", input=TEXTS, **to_tei)
right("huggingface/ embedding", [item["embedding"] for item in reply.data], SERVER["embedder"])
# To TEI it says that nothing may be cut off.
short = DOCUMENTS[:2]
to_tei = {"api_base": SERVER["reranker"], "api_key": "none", "timeout": 60}
reply = litellm.rerank(model="huggingface/tei", query=QUERY, documents=short, return_documents=True, **to_tei)
ranked("huggingface/ rerank", pairs(reply), SERVER["reranker"], documents=short)

refused("unknown model", litellm.NotFoundError,
        lambda: litellm.embedding(model="openai/nobody", input=["text"], **to_openai), "nobody")
refused("no documents", litellm.BadRequestError, lambda: litellm.rerank(**{**rerank, "documents": []}), "documents")
