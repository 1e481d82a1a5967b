#!/usr/bin/env python3
"""Compare the results of a GPU with those of the CPU, for every fixture model.

    python fidelity.py --infa FILE [--fixtures tests/fixtures/architectures] [--device cuda] [--dtypes float16,float32]
                       [--jobs 8] [--out FILE] [--only NAME,NAME] [-- ARGUMENTS OF INFA]

The CPU's results are those that the tests compare with the reference implementations. For each model and each of its
outputs (vectors, sparse, a vector a token, scores, labels) the same texts go through infa on the CPU in float32 and on the
device. Prints the smallest cosine and the largest difference; exits with 1 if a cosine is below 0.9999 (bfloat16:
0.995), if float32 differs by more than 1e-4 of the largest number, or if a run fails.
"""

import argparse
import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LEAST = {"float32": 0.9999, "float16": 0.9999, "bfloat16": 0.995}
# What a fixture holds: the command that computes it.
OUTPUTS = {
    "cases": ["embed", "--format", "jsonl"],
    "sparse": ["embed", "--output-type", "sparse"],
    "multi": ["embed", "--output-type", "colbert"],
    "classify": ["classify"],
    "pairs": ["rerank"],
}


def runs(fixture):
    """The commands of a fixture, each with its input."""
    expected = json.loads((fixture / "expected.json").read_text())
    for output, command in OUTPUTS.items():
        cases = expected.get(output) or []
        if output == "pairs":
            by_query = {}
            for case in cases:
                if "query" in case and "document" in case:
                    by_query.setdefault(case["query"], []).append(case["document"])
            query = max(by_query, key=lambda query: len(by_query[query]), default=None)
            if query is not None:
                lines = [{"text": document} for document in by_query[query]]
                yield output, [*command, "--query", query, "--input-format", "jsonl"], lines
            continue
        # A model without special tokens has no vector for an empty text.
        lines = [{"text": case["text"]} for case in cases if case.get("text")]
        if lines:
            yield output, [*command, "--input-format", "jsonl"], lines


def numbers(row):
    """The numbers of a row of output, by their place in it."""
    if "indices" in row:
        return dict(zip(row["indices"], row["values"]))
    if "embedding" in row or "embeddings" in row:
        flat = row.get("embedding") or [x for vector in row["embeddings"] for x in vector]
        return dict(enumerate(flat))
    if "labels" in row:
        return {entry["label"]: entry["score"] for entry in row["labels"]}
    return {key: value for key, value in row.items() if isinstance(value, float)}


def compute(args, fixture, command, lines, device, dtype):
    infa = [args.infa, *command, "-q", "-m", str(fixture), "--device", device, "--dtype", dtype]
    if command[0] == "rerank":
        infa += ["--format", "jsonl"]
    extra = args.extra if device != "cpu" else []
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([*infa, *extra, "-"], input=text, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(" / ".join(reason[:3]))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    rows.sort(key=lambda row: row.get("index", 0))
    return [numbers(row) for row in rows]


def compare(reference, found):
    """Smallest cosine, and largest difference as a share of the largest number."""
    if len(reference) != len(found):
        raise RuntimeError(f"{len(found)} rows instead of {len(reference)}")
    if all(len(row) == 1 for row in reference):
        # A score a row: they are compared together.
        reference, found = ([dict(enumerate(x for row in rows for x in row.values()))] for rows in (reference, found))
    cosine, difference, largest = 1.0, 0.0, 0.0
    for ours, theirs in zip(found, reference):
        keys = ours.keys() | theirs.keys()
        pairs = [(ours.get(key, 0.0), theirs.get(key, 0.0)) for key in keys]
        if not pairs:
            continue
        difference = max(difference, max(abs(a - b) for a, b in pairs))
        largest = max(largest, max(abs(b) for _, b in pairs))
        lengths = math.sqrt(sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs))
        if len(pairs) > 1 and lengths > 0:
            cosine = min(cosine, sum(a * b for a, b in pairs) / lengths)
    return cosine, difference / (largest or 1.0)


def check(args, fixture, output, command, lines):
    rows = []
    try:
        reference = compute(args, fixture, command, lines, "cpu", "float32")
    except (RuntimeError, subprocess.TimeoutExpired, ValueError) as error:
        print(f"{fixture.name:28} {output:9} skipped, as the CPU refuses it: {error}")
        return []
    for dtype in args.dtypes.split(","):
        row = {"model": fixture.name, "output": output, "dtype": dtype}
        try:
            found = compute(args, fixture, command, lines, args.device, dtype)
            row["cosine"], row["difference"] = compare(reference, found)
            tolerance = 1e-4 if dtype == "float32" else math.inf
            row["ok"] = row["cosine"] >= LEAST[dtype] and row["difference"] <= tolerance
        except (RuntimeError, subprocess.TimeoutExpired, ValueError) as error:
            row["error"] = str(error)
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--infa", required=True)
    parser.add_argument("--fixtures", type=Path, default=Path("tests/fixtures/architectures"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtypes", default="float16,float32")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path)
    parser.add_argument("extra", nargs="*", help="after --: arguments of infa on the device")
    args = parser.parse_args()
    only = set(filter(None, args.only.split(",")))
    fixtures = sorted(path.parent for path in args.fixtures.glob("*/expected.json"))
    jobs = [(fixture, *run) for fixture in fixtures if not only or fixture.name in only for run in runs(fixture)]
    with ThreadPoolExecutor(args.jobs) as pool:
        rows = [row for rows in pool.map(lambda job: check(args, *job), jobs) for row in rows]
    for row in rows:
        result = row.get("error") or f"{row['cosine']:.7f}  {row['difference']:.1e}{'' if row['ok'] else '  BAD'}"
        print(f"{row['model']:28} {row['output']:9} {row['dtype']:9} {result}")
    bad = sum(not row.get("ok") for row in rows)
    print(f"{len(rows)} comparisons, {bad} bad")
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1))
    sys.exit(bad > 0 or not rows)


if __name__ == "__main__":
    main()
