"""`InferenceClient` of `huggingface_hub`, which speaks with TEI: one model a server, addressed by a route's URL."""

from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from reference import CASES, CLASSIFIED, LABELS, SERVER, TEXTS, post, refused, right, same

embedder, classifier = SERVER["embedder"], SERVER["classifier"]
client = InferenceClient(base_url=f"{embedder}/embed", token="none", timeout=60)
features = client.feature_extraction
sentence, over = CASES["sentence"], CASES["over"]

short = [CASES[name] for name in ("sentence", "cyrillic", "cjk", "empty")]
same("feature_extraction", features([case["text"] for case in short]), [case["embedding"] for case in short], 1e-5)
same("one text", features(sentence["text"]), [sentence["embedding"]], 1e-5)
same("normalize=False", features(sentence["text"], normalize=False), [sentence["raw"]["mean"]], 2e-5)
same("prompt_name", features(sentence["text"], prompt_name="query"), [sentence["query"]["embedding"]], 1e-5)
same("dimensions", features(sentence["text"], dimensions=16), [sentence["dim16"]], 1e-5)
right("truncate", features(TEXTS, truncate=True), embedder)
left = features(over["text"], truncate=True, truncation_direction="left")
same("truncation_direction", left, [over["left"]["embedding"]], 1e-5)
refused("a prompt that is not there", HfHubHTTPError, lambda: features("text", prompt_name="nobody"), "nobody")

sentences = [CASES[name]["text"] for name in ("paraphrase_a", "paraphrase_b", "cyrillic")]
similar = client.sentence_similarity(sentence["text"], sentences, model=f"{embedder}/similarity")
others = [CASES[name]["embedding"] for name in ("paraphrase_a", "paraphrase_b", "cyrillic")]
cosine = [sum(a * b for a, b in zip(sentence["embedding"], other)) for other in others]
same("sentence_similarity", similar, cosine, 1e-5)

for case in CLASSIFIED:
    # The reply to one text is one list, of which the package gives the first element.
    best = client.text_classification(case["text"], model=f"{classifier}/predict")
    top = max(range(len(LABELS)), key=lambda label: case["scores"][label])
    assert best.label == LABELS[top], (case["name"], best)
    same(f"text_classification of {case['name']}", [best.score], [case["scores"][top]], 1e-4)
batch = post(f"{classifier}/predict", {"inputs": [[case["text"]] for case in CLASSIFIED]})
for case, found in zip(CLASSIFIED, batch, strict=True):
    scores = {item["label"]: item["score"] for item in found}
    same(f"{case['name']} in a batch", [scores[label] for label in LABELS], case["scores"], 1e-4)
