"""Reads files of `infa embed` with the libraries of docs/use-vectors.md: `files_reader.py INFA MODEL`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import faiss
import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

INFA, MODEL = sys.argv[1:]
FOLDER = Path(tempfile.mkdtemp())
TEXTS = [{"id": f"t{i}", "title": f"title {i}", "year": 1990 + i, "text": f"text number {i}"} for i in range(7)]
BAD = {"id": "bad", "title": "no text", "year": 1}


def embed(*arguments, status=0, stdin=None):
    done = subprocess.run([INFA, "embed", "-m", MODEL, *map(str, arguments)], capture_output=True, input=stdin)
    assert done.returncode == status, (done.returncode, done.stderr.decode())
    return done.stdout


def at(name):
    return FOLDER / name


def expected():
    corpus = at("corpus.jsonl")
    corpus.write_text("".join(json.dumps(text) + "\n" for text in TEXTS))
    rows = [json.loads(line) for line in embed(corpus).splitlines()]
    return corpus, np.array([row["embedding"] for row in rows], np.float32)


CORPUS, VECTORS = expected()
DIMENSIONS = VECTORS.shape[1]


def numpy():
    for name in ("vectors.npy", "vectors.npz", "vectors.f32"):
        embed("-o", at(name), CORPUS)
    assert (np.load(at("vectors.npy")) == VECTORS).all()
    archive = np.load(at("vectors.npz"))
    assert (archive["vectors"] == VECTORS).all() and archive["ids"].tolist() == [text["id"] for text in TEXTS]
    assert (np.fromfile(at("vectors.f32"), np.float32).reshape(-1, DIMENSIONS) == VECTORS).all()


def quantize(vectors, dtype, ranges):
    """As sentence_transformers.util.quantize_embeddings."""
    steps = (ranges[1] - ranges[0]) / 255
    return {
        "float16": lambda: vectors.astype(np.float16),
        "uint8": lambda: ((vectors - ranges[0]) / steps).astype(np.uint8),
        "int8": lambda: ((vectors - ranges[0]) / steps - 128).astype(np.int8),
        "ubinary": lambda: np.packbits(vectors > 0).reshape(len(vectors), -1),
        "binary": lambda: (np.packbits(vectors > 0).reshape(len(vectors), -1) - 128).astype(np.int8),
    }[dtype]()


def dtypes():
    unit = np.stack([np.full(DIMENSIONS, -1, np.float32), np.full(DIMENSIONS, 1, np.float32)])
    own = np.stack([VECTORS.min(axis=0), VECTORS.max(axis=0)])
    np.save(at("ranges.npy"), own)
    for dtype in ("float16", "uint8", "int8", "ubinary", "binary"):
        for ranges in (unit, own) if dtype in ("int8", "uint8") else (unit,):
            flags = ["--embedding-dtype", dtype, *(["--ranges", at("ranges.npy")] if ranges is own else [])]
            wanted = quantize(VECTORS, dtype, ranges)
            embed(*flags, "-o", at("small.npy"), CORPUS)
            found = np.load(at("small.npy"))
            assert found.dtype == wanted.dtype and (found == wanted).all(), (dtype, found, wanted)
            embed(*flags, "-o", at("small.parquet"), CORPUS)
            lists = pq.read_table(at("small.parquet"))["embedding"].to_pylist()
            assert (np.array(lists, wanted.dtype) == wanted).all(), dtype
            if dtype != "float16":
                rows = [json.loads(line) for line in embed(*flags, CORPUS).splitlines()]
                assert [row["embedding"] for row in rows] == wanted.tolist(), dtype
    index = faiss.IndexBinaryFlat(DIMENSIONS)
    index.add(quantize(VECTORS, "ubinary", unit))
    embed("--embedding-dtype", "ubinary", "-o", at("bits.npy"), CORPUS)
    distances, _ = index.search(np.load(at("bits.npy")), 1)
    assert (distances == 0).all()


def tables():
    with_error = at("with_error.jsonl")
    with_error.write_text(CORPUS.read_text() + json.dumps(BAD) + "\n")
    embed("--keep", "title,year", "-o", at("vectors.parquet"), with_error, status=1)
    stream = embed("--keep", "title,year", "--format", "arrow", with_error, status=1)
    for table in (pq.read_table(at("vectors.parquet")), pa.ipc.open_stream(stream).read_all()):
        names = ["index", "id", "title", "year", "tokens", "truncated", "error", "embedding"]
        assert table.column_names == names, table.column_names
        assert table.schema.field("embedding").type.list_size == DIMENSIONS
        assert table["id"].to_pylist() == [text["id"] for text in [*TEXTS, BAD]]
        assert table["title"].to_pylist() == [text["title"] for text in [*TEXTS, BAD]]
        assert table["embedding"].to_pylist()[-1] is None and "text" in table["error"].to_pylist()[-1]
        good = table.slice(0, len(TEXTS))
        matrix = good["embedding"].combine_chunks().flatten().to_numpy().reshape(len(TEXTS), -1)
        assert (matrix == VECTORS).all()
    query = VECTORS[3].tolist()
    found = duckdb.execute(
        f"SELECT id, title, array_cosine_similarity(embedding::FLOAT[{DIMENSIONS}], ?::FLOAT[{DIMENSIONS}]) AS score "
        f"FROM '{at('vectors.parquet')}' WHERE error IS NULL ORDER BY score DESC LIMIT 2",
        [query],
    ).fetchall()
    assert found[0][:2] == ("t3", "title 3") and abs(found[0][2] - 1) < 1e-5, found


def round_trip():
    """Tables of pyarrow in, with strings of every layout and typed columns."""
    words = [text["text"] for text in TEXTS]
    for layout in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        texts = pa.array(words).dictionary_encode().cast(layout) if pa.types.is_dictionary(layout) else pa.array(words, layout)
        times = pa.array([1_700_000_000_000_000 + i for i in range(len(words))], pa.timestamp("us", tz="UTC"))
        years = pa.array([text["year"] for text in TEXTS], pa.int16())
        table = pa.table({"key": list(range(len(words))), "body": texts, "year": years, "time": times})
        if layout != pa.string_view():
            pq.write_table(table, at("in.parquet"))
            duckdb.execute(f"COPY (FROM '{at('in.parquet')}') TO '{at('duck.parquet')}' (FORMAT parquet)")
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
        flags = ["--field", "body", "--id-field", "key", "--keep", "year,time", "--format", "arrow"]
        for stdin, files in ((sink.getvalue().to_pybytes(), []), (None, [at("in.parquet")]), (None, [at("duck.parquet")])):
            found = pa.ipc.open_stream(embed(*flags, *files, stdin=stdin)).read_all()
            assert found["id"].to_pylist() == [str(i) for i in range(len(words))]
            assert found.schema.field("year").type == pa.int16() and found["year"].to_pylist() == years.to_pylist()
            assert found["time"].cast(pa.int64()).to_pylist() == times.cast(pa.int64()).to_pylist()
            matrix = found["embedding"].combine_chunks().flatten().to_numpy().reshape(len(words), -1)
            assert np.allclose(matrix, VECTORS, atol=1e-6), layout
    table = pa.table({"text": [1, 2]})
    pq.write_table(table, at("wrong.parquet"))
    embed(at("wrong.parquet"), status=2)


def databases():
    import sqlite3

    import lancedb
    import sqlite_vec
    from qdrant_client import QdrantClient, models

    embed("--keep", "title", "-o", at("vectors.parquet"), CORPUS)
    query, rows = VECTORS[3], pq.read_table(at("vectors.parquet"))
    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(np.load(at("vectors.npy")))
    assert index.search(VECTORS, 1)[1][:, 0].tolist() == list(range(len(TEXTS)))
    database = sqlite3.connect(":memory:")
    if hasattr(database, "enable_load_extension"):
        database.enable_load_extension(True)
        sqlite_vec.load(database)
        database.execute(f"CREATE VIRTUAL TABLE texts USING vec0(embedding float[{DIMENSIONS}])")
        database.executemany("INSERT INTO texts(rowid, embedding) VALUES (?, ?)", enumerate(np.load(at("vectors.npy"))))
        found = database.execute(
            "SELECT rowid, distance FROM texts WHERE embedding MATCH ? ORDER BY distance LIMIT 2", (query,)
        ).fetchall()
        assert found[0][0] == 3, found
    table = lancedb.connect(at("lance")).create_table("texts", rows)
    assert table.search(query).limit(1).to_list()[0]["title"] == "title 3"
    client = QdrantClient(":memory:")
    client.create_collection("texts", models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE))
    points = (
        models.PointStruct(id=row["index"], vector=row["embedding"], payload={"title": row["title"]})
        for row in rows.to_pylist()
    )
    client.upload_points("texts", points)
    assert client.query_points("texts", query=query.tolist(), limit=1).points[0].payload["title"] == "title 3"


for part in (numpy, dtypes, tables, round_trip, databases):
    part()
    print(part.__name__, "well")
