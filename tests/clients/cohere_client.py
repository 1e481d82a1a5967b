"""`cohere`: embed and rerank of its first and second API."""

import asyncio

import cohere
from cohere.errors import BadRequestError, NotFoundError, UnauthorizedError
from reference import DOCUMENTS, EMBEDDER, QUERY, RERANKER, SERVER, TEXTS, ranked, refused, same, vectors

url = SERVER["server"]
first = cohere.Client(api_key="none", base_url=url, timeout=60)
second = cohere.ClientV2(api_key="none", base_url=url, timeout=60)
asked = {"model": RERANKER, "query": QUERY, "documents": DOCUMENTS}


def pairs(reply):
    return [(result.index, result.relevance_score) for result in reply.results]


order = ranked("v1 rerank", pairs(first.rerank(**asked)), url)
ranked("v1 top_n", pairs(first.rerank(**asked, top_n=2)), url, top_n=2)
for documents in (DOCUMENTS, [{"text": text} for text in DOCUMENTS]):
    reply = first.rerank(**{**asked, "documents": documents}, return_documents=True)
    ranked("v1 return_documents", pairs(reply), url)
    assert [result.document.text for result in reply.results] == [DOCUMENTS[index] for index in order], reply
silent = first.rerank(**asked, return_documents=False)
assert all(result.document is None for result in silent.results), silent

reply = second.rerank(**asked)
ranked("v2 rerank", pairs(reply), url)
assert reply.id, reply
ranked("v2 top_n", pairs(second.rerank(**asked, top_n=1)), url, top_n=1)


async def asynchronously():
    client = cohere.AsyncClientV2(api_key="none", base_url=url, timeout=60)
    for reply in await asyncio.gather(*(client.rerank(**asked) for _ in range(8))):
        ranked("v2, asynchronously", pairs(reply), url)


asyncio.run(asynchronously())
query = vectors(url, prompt_name="query")
reply = first.embed(texts=TEXTS, model=EMBEDDER, input_type="search_query")
same("v1 embed", reply.embeddings, query)
assert reply.texts == TEXTS and reply.meta.billed_units.input_tokens > 0, reply
# More than 96 texts are several requests, whose replies the client joins.
many = [f"text number {i}" for i in range(200)]
same("v1 embed of many", first.embed(texts=many, model=EMBEDDER, input_type="search_document").embeddings,
     vectors(url, many, prompt_name="document"))
reply = first.embed(texts=TEXTS, model=EMBEDDER, input_type="search_query", embedding_types=["float", "int8"])
same("v1 embed by type", reply.embeddings.float_, query)
asked_types = ["float", "int8", "uint8", "binary", "ubinary"]
reply = second.embed(texts=TEXTS, model=EMBEDDER, input_type="search_query", embedding_types=asked_types)
same("v2 embed", reply.embeddings.float_, query)
for name in asked_types[1:]:
    same(f"v2 {name}", getattr(reply.embeddings, name), vectors(url, prompt_name="query", embedding_dtype=name))
same("v2 output_dimension", second.embed(
    texts=TEXTS, model=EMBEDDER, input_type="search_query", embedding_types=["float"], output_dimension=16,
).embeddings.float_, vectors(url, prompt_name="query", dimensions=16))
refused("unknown type", BadRequestError, lambda: second.embed(
    texts=TEXTS, model=EMBEDDER, input_type="search_query", embedding_types=["int4"]), "embedding_types")
refused("unknown input_type", BadRequestError, lambda: second.embed(
    texts=TEXTS, model=EMBEDDER, input_type="nonsense"), "input_type")
refused("images", BadRequestError, lambda: second.embed(
    images=["data:image/png;base64,AAAA"], model=EMBEDDER, input_type="image"), "images")
refused("unknown model", NotFoundError, lambda: second.rerank(**{**asked, "model": "nobody"}), "nobody")
refused("no documents", BadRequestError, lambda: second.rerank(**{**asked, "documents": []}), "documents")
refused("top_n of 0", BadRequestError, lambda: second.rerank(**asked, top_n=0), "top_n")
stranger = cohere.ClientV2(api_key="wrong", base_url=SERVER["keyed"], timeout=60)
refused("wrong key", UnauthorizedError, lambda: stranger.rerank(**asked))
