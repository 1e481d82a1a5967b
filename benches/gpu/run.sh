#!/usr/bin/env bash
# infa on a machine with one NVIDIA GPU and without a network, in about ten minutes.
#
#   benches/gpu/run.sh prepare [SM]   where there is a network: makes target/gpu/bring, about 50 MB (SM 90: H200; 89: L4)
#   benches/gpu/run.sh first          on the GPU machine: unpacks, shows whether CUDA works, makes models (90 s)
#   benches/gpu/run.sh second         fidelity, batch sizes, attention, short texts, memory, other engines (8 min)
#
# Bring the repository with target/gpu/bring. The GPU machine needs a driver of 580 or newer, python3 with numpy, and the
# CUDA 13 libraries, which torch's wheels bring; for other engines torch 2.10 or newer and sentence-transformers.
# Results lie in OUT [target/gpu/out]: a file a step, and steps.txt. DEVICE=cpu PYTHON=… rehearses on a CPU with a tiny
# model. INFA names another binary; WHEEL a wheel that is here already; SKIP='step step' leaves steps out.
set -uo pipefail
SELF=$(realpath "$0")
cd "$(dirname "$SELF")/../.."

HERE=benches/gpu
WORK=$PWD/target/gpu
BRING=$WORK/bring
RUN=$WORK/run
OUT=${OUT:-$WORK/out}
PYTHON=${PYTHON:-python3}
DEVICE=${DEVICE:-cuda}
VERSION=1.31.1
INFA=${INFA:-$RUN/infa}
CAPI=onnxruntime/capi

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

# step NAME SECONDS COMMAND…: runs a step with a limit, keeps its output, and goes on if it fails.
step() {
    local name=$1 limit=$2 rc=0 begun=$SECONDS
    shift 2
    case " ${SKIP:-} " in *" $name "*) return 0 ;; esac
    echo "== $name"
    timeout "$limit" "$@" >"$OUT/$name.txt" 2>&1 || rc=$?
    tail -n 25 "$OUT/$name.txt"
    echo "$name: status $rc, $((SECONDS - begun)) s" | tee -a "$OUT/steps.txt"
}

prepare() {
    local sm=${1:-90} wheel=${WHEEL:-} tokenizer
    command -v zstd xz >/dev/null || fail "needs zstd and xz"
    mkdir -p "$BRING" "$WORK/wheel"
    if [ -z "$wheel" ]; then
        "$PYTHON" -m pip download --no-deps --only-binary :all: --python-version 3.12 --platform manylinux_2_28_x86_64 \
            -d "$WORK/wheel" "onnxruntime-gpu==$VERSION" || fail "the wheel cannot be downloaded"
        wheel=$(echo "$WORK"/wheel/onnxruntime_gpu-$VERSION-*.whl)
    fi
    "$PYTHON" -m zipfile -e "$wheel" "$WORK/wheel" || fail "the wheel cannot be unpacked"
    "$PYTHON" $HERE/strip_fatbin.py "$WORK/wheel/$CAPI/libonnxruntime_providers_cuda.so" \
        "$WORK/libonnxruntime_providers_cuda.so" "$sm" || fail "the provider cannot be made smaller"
    cp "$WORK/wheel/$CAPI/libonnxruntime.so.$VERSION" "$WORK/wheel/$CAPI/libonnxruntime_providers_shared.so" "$WORK/"
    if [ -z "${INFA_BINARY:-}" ]; then
        cargo build --release --locked || fail "infa cannot be built"
        INFA_BINARY=target/release/infa
    fi
    cp "$INFA_BINARY" "$WORK/infa"
    strip "$WORK/infa"
    # The default model's tokenizer: infa fetches the model if it is not cached.
    "$WORK/infa" -q embed --device cpu --text a >"$WORK/vector.jsonl" || fail "the default model cannot be loaded"
    tokenizer=${TOKENIZER:-$(find "${XDG_CACHE_HOME:-$HOME/.cache}" -path '*all-MiniLM-L6-v2*' -name tokenizer.json | head -n 1)}
    [ -f "$tokenizer" ] || fail "no tokenizer.json: name the file of a BERT with TOKENIZER"
    mkdir -p "$BRING/tokenizer"
    cp "$tokenizer" "$(dirname "$tokenizer")/tokenizer_config.json" "$BRING/tokenizer/"
    for file in libonnxruntime_providers_cuda.so "libonnxruntime.so.$VERSION" infa; do
        xz -9 -T2 -c "$WORK/$file" >"$BRING/$file.xz" &
    done
    wait
    cp "$WORK/libonnxruntime_providers_shared.so" "$BRING/"
    du -shc "$BRING"/*
}

first() {
    mkdir -p "$RUN" "$OUT"
    [ -d "$BRING" ] || fail "no $BRING: run prepare where there is a network"
    for file in "$BRING"/*.xz; do
        xz -dc "$file" >"$RUN/$(basename "${file%.xz}")" &
    done
    wait
    cp "$BRING/libonnxruntime_providers_shared.so" "$RUN/"
    chmod +x "$RUN/infa"
    "$PYTHON" $HERE/models.py --tokenizer "$BRING/tokenizer" --out "$RUN/models" $(models) >"$OUT/models.txt" 2>&1 &
    step machine 20 sh -c 'nvidia-smi; ldconfig -p | grep -E "libcuda|libcublas|libcudart|libnvinfer"; nproc; free -g'
    step doctor 60 "$INFA" "${FLAGS[@]}" doctor
    step hello 60 "$INFA" "${FLAGS[@]}" -v embed --device "$DEVICE" -m tests/fixtures/architectures/nomic-v1.5 --text hello
    "$PYTHON" $HERE/texts.py "$RUN"
    wait
    cat "$OUT/models.txt"
}

models() {
    if [ "$DEVICE" = cpu ]; then echo tiny; else echo bge-large bge-base minilm; fi
}

# embed NAME MODEL TEXTS FLAGS…: a row of infa; its summary has the tokens a second from the first text to the last row.
embed() {
    local name=$1 model=$2 texts=$3
    shift 3
    step "$name" 90 "$INFA" "${FLAGS[@]}" -v embed --device "$DEVICE" -m "$RUN/models/$model" --format npy -o "$RUN/out.npy" "$@" \
        "$RUN/$texts"
}

memory() {
    local model=$1 log=$OUT/memory.csv sampler
    nvidia-smi --query-gpu=timestamp,memory.used --format=csv,noheader,nounits -lms 200 >"$log" 2>/dev/null &
    sampler=$!
    # 20,000 texts of mixed lengths in small batches: thousands of shapes.
    "$INFA" "${FLAGS[@]}" -v embed --device "$DEVICE" -m "$RUN/models/$model" --batch-tokens 1024 --format npy -o "$RUN/out.npy" \
        "$RUN/mixed.txt"
    kill "$sampler" 2>/dev/null
    echo "MiB of the GPU, at the first tenth, at the end, at most:"
    awk -F, '{n[NR] = $2 + 0; if (n[NR] > most) most = n[NR]} END {print n[int(NR / 10) + 1], n[NR - 1], most}' "$log"
}

second() {
    [ -x "$INFA" ] || fail "no $INFA: run first before"
    local large=bge-large base=bge-base small=minilm tokens
    mkdir -p "$OUT"
    if [ "$DEVICE" = cpu ]; then
        large=tiny base=tiny small=tiny
        for file in payload short mixed; do head -n 40 "$RUN/$file.txt" >"$RUN/few" && mv "$RUN/few" "$RUN/$file.txt"; done
    fi
    embed "large-default" $large payload.txt
    step tei-large 90 "$PYTHON" $HERE/rivals.py tei --device "$DEVICE" "${TORCH[@]}" --model "$RUN/models/$large" --texts "$RUN/payload.txt"
    step product 60 "$PYTHON" $HERE/rivals.py product --device "$DEVICE" "${TORCH[@]}"
    embed "short-base" $base short.txt
    step tei-short 60 "$PYTHON" $HERE/rivals.py tei --device "$DEVICE" "${TORCH[@]}" --model "$RUN/models/$base" --texts "$RUN/short.txt"
    step fidelity 120 "$PYTHON" $HERE/fidelity.py --infa "$INFA" --device "$DEVICE" --dtypes "$DTYPES" --out "$OUT/fidelity.json" \
        -- "${FLAGS[@]}"
    for tokens in 2048 4096 16384 32768 65536; do
        embed "large-$tokens" $large payload.txt --batch-tokens $tokens
    done
    embed "short-small" $small short.txt
    embed "large-float32" $large payload.txt --dtype float32
    step memory 60 "$SELF" memory $large
    step sentence-transformers 90 "$PYTHON" $HERE/rivals.py sentence-transformers --device "$DEVICE" "${TORCH[@]}" \
        --model "$RUN/models/$large" --texts "$RUN/payload.txt"
    # Which kernels attention takes.
    ORT_ENABLE_ATTENTION_KERNEL_DEBUG_INFO=1 embed "kernels" $small short.txt
    step tei-compiled 120 "$PYTHON" $HERE/rivals.py tei --device "$DEVICE" "${TORCH[@]}" --compile --model "$RUN/models/$large" \
        --texts "$RUN/payload.txt"
    grep -h '^Embedded' "$OUT"/*.txt /dev/null | sort -u
    cat "$OUT/steps.txt"
}

FLAGS=() TORCH=() DTYPES=float16,float32,bfloat16
if [ "$DEVICE" = cpu ]; then
    TORCH=(--dtype float32 --rounds 2) DTYPES=float32
else
    FLAGS=(--offline --ort-library "$RUN/libonnxruntime.so.$VERSION")
fi
case ${1:-} in
prepare | first) "$@" ;;
second) second ;;
memory) memory "$2" ;;
*) fail "give prepare, first or second (see the top of this file)" ;;
esac
