"""`InfinityEmbeddings` of `langchain-community`."""

import asyncio

from langchain_community.embeddings import InfinityEmbeddings
from reference import EMBEDDER, EXPECTED, SERVER, TEXTS, right, same, vectors

for prefix in ("", "/v1"):
    url = SERVER["server"]
    client = InfinityEmbeddings(model=EMBEDDER, infinity_api_url=url + prefix)
    right(f"embed_documents at {prefix or '/'}", client.embed_documents(TEXTS), url)
    same("embed_query", client.embed_query(TEXTS[0]), vectors(url, TEXTS[0])[0])


async def asynchronously():
    right("aembed_documents", await client.aembed_documents(TEXTS), url)
    same("aembed_query", await client.aembed_query(TEXTS[0]), vectors(url, TEXTS[0])[0])
    # More than fit in one of its requests, which it sends all at once.
    many = await client.aembed_documents(TEXTS * 50)
    same("many at once", many, EXPECTED * 50, 1e-5)


asyncio.run(asynchronously())
try:
    InfinityEmbeddings(model="nobody", infinity_api_url=url).embed_query("text")
except Exception as e:  # Its own class of error is this one.
    assert "404" in str(e) and "nobody" in str(e), e
    print("unknown model:", e)
else:
    raise AssertionError("an unknown model is not refused")
