"""The `openai` package: embeddings, models, errors."""

import time
from concurrent.futures import ThreadPoolExecutor

import openai
from reference import CASES, DIMENSIONS, EMBEDDER, RERANKER, SERVER, TEXTS, TOKENS, refused, right, same, vectors

url = SERVER["server"]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=60)
embed = client.embeddings.create

# Without encoding_format the package asks for base64 and decodes it.
reply = embed(model=EMBEDDER, input=TEXTS)
assert [item.index for item in reply.data] == list(range(len(TEXTS)))
assert reply.object == "list" and reply.model == EMBEDDER, reply
assert reply.usage.prompt_tokens == reply.usage.total_tokens == TOKENS, reply.usage
right("base64", [item.embedding for item in reply.data], url)
as_float = embed(model=EMBEDDER, input=TEXTS, encoding_format="float")
right("float", [item.embedding for item in as_float.data], url)

case = CASES["sentence"]
same("one text", embed(model=EMBEDDER, input=case["text"]).data[0].embedding, vectors(url, case["text"])[0])
cut = embed(model=EMBEDDER, input=case["text"], dimensions=16).data[0].embedding
same("dimensions", cut, case["dim16"], 1e-5)
# Token ids stand for a text with the special tokens that the model sees.
same("token ids", embed(model=EMBEDDER, input=case["ids"]).data[0].embedding, case["embedding"], 1e-5)
lists = [CASES[name]["ids"] for name in ("sentence", "cyrillic")]
found = [item.embedding for item in embed(model=EMBEDDER, input=lists).data]
same("lists of token ids", found, [CASES[name]["embedding"] for name in ("sentence", "cyrillic")], 1e-5)

names = [model.id for model in client.models.list()]
assert EMBEDDER in names and RERANKER in names, names
print("models:", names)

text = case["text"]
refused("unknown model", openai.NotFoundError, lambda: embed(model="nobody", input=text), "nobody", EMBEDDER)
every = embed(model=EMBEDDER, input=text, dimensions=0).data[0].embedding
same("dimensions of 0 are all", every, vectors(url, text)[0])
refused("dimensions beyond the model's", openai.BadRequestError,
        lambda: embed(model=EMBEDDER, input=text, dimensions=DIMENSIONS + 1), "dimensions", str(DIMENSIONS))
refused("no input", openai.BadRequestError, lambda: embed(model=EMBEDDER, input=[]), "input")
refused("a model of another kind", openai.BadRequestError, lambda: embed(model=RERANKER, input=text), "gives no vectors")
refused("unknown encoding_format", (openai.BadRequestError, openai.UnprocessableEntityError),
        lambda: embed(model=EMBEDDER, input=text, encoding_format="hex"), "encoding_format")

# Azure's client puts the model into the path, and the key into a header of its own.
azure = openai.AzureOpenAI(azure_endpoint=SERVER["keyed"], api_key="right", api_version="2024-10-21", max_retries=0)
right("Azure", [item.embedding for item in azure.embeddings.create(model=EMBEDDER, input=TEXTS).data], url)
deployed = openai.AzureOpenAI(azure_endpoint=SERVER["keyed"], api_key="right", api_version="2024-10-21", max_retries=0,
                              azure_deployment=EMBEDDER)
right("Azure's deployment", [item.embedding for item in deployed.embeddings.create(model="any", input=TEXTS).data], url)
refused("Azure, wrong key", openai.AuthenticationError,
        lambda: azure.with_options(api_key="wrong").embeddings.create(model=EMBEDDER, input=text))

keyed = openai.OpenAI(base_url=f"{SERVER['keyed']}/v1", api_key="right", max_retries=0, timeout=60)
same("with the key", keyed.embeddings.create(model=EMBEDDER, input=text).data[0].embedding, vectors(url, text)[0])
stranger = keyed.with_options(api_key="wrong")
refused("wrong key", openai.AuthenticationError, lambda: stranger.embeddings.create(model=EMBEDDER, input=text))

# A server whose queue is full as soon as anything waits in it: of clients that ask without end, one is told to wait.
busy = openai.OpenAI(base_url=f"{SERVER['busy']}/v1", api_key="none", max_retries=0, timeout=60)
refusals, deadline = [], time.monotonic() + 60


def ask_until_one_is_refused(_):
    while not refusals and time.monotonic() < deadline:
        try:
            busy.embeddings.create(model=EMBEDDER, input=TEXTS * 30)
        except openai.RateLimitError as e:
            refusals.append(e)


with ThreadPoolExecutor(8) as pool:
    list(pool.map(ask_until_one_is_refused, range(8)))
assert refusals, "the queue never was full"
assert int(refusals[0].response.headers["retry-after"]) >= 1, refusals[0].response.headers
print("full queue:", refusals[0])
