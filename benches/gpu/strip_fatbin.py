#!/usr/bin/env python3
"""Make a copy of ONNX Runtime's CUDA provider that compresses well, for a machine with one kind of GPU.

    python strip_fatbin.py libonnxruntime_providers_cuda.so OUT.so SM[,SM...]

SM is the GPU's capability without the dot (90 for an H200, 89 for an L4). The machine code of other chips, and of
kernels that no encoder runs, is overwritten with zeros in place; every address stays. Needs the program zstd.
"""

import re
import struct
import subprocess
import sys

# Words in the names of kernels that infa's graphs do not use.
UNUSED = [b"moe", b"Moe", b"MoE", b"fpA_intB", b"fp4", b"paged", b"xqa", b"BeamSearch", b"SparseAttention",
          b"heterogenous"]
MAGIC = 0xBA55ED50


def section(data, wanted):
    """Offset and size of an ELF section."""
    table, = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, table + at * size) for at in range(count)]
    start = headers[names][4]
    for header in headers:
        name = start + header[0]
        if data[name:data.index(b"\0", name)] == wanted:
            return header[4], header[5]
    sys.exit(f"there is no section {wanted.decode()}: not a library with CUDA code")


def is_unused(code):
    """True if the kernels of a compressed entry are of those in `UNUSED`."""
    plain = subprocess.run(["zstd", "-dcq"], input=code, capture_output=True).stdout
    names = b" ".join(list(set(re.findall(rb"_Z[A-Za-z0-9_]{8,}", plain)))[:60])
    return any(word in names for word in UNUSED)


def main():
    source, target, chips = sys.argv[1], sys.argv[2], {int(sm) for sm in sys.argv[3].split(",")}
    with open(source, "rb") as file:
        data = bytearray(file.read())
    offset, size = section(data, b".nv_fatbin")
    at, end, zeroed, kept = offset, offset + size, 0, 0
    while at < end:
        if struct.unpack_from("<I", data, at)[0] != MAGIC:
            at += 8
            continue
        _, header, length = struct.unpack_from("<HHQ", data, at + 4)
        entry, last = at + header, at + header + length
        while entry < last:
            _, _, own, length = struct.unpack_from("<HHIQ", data, entry)
            compressed, = struct.unpack_from("<I", data, entry + 16)
            chip, = struct.unpack_from("<I", data, entry + 28)
            code = bytes(data[entry + own:entry + own + (compressed or length)])
            if chip not in chips or is_unused(code):
                data[entry + own:entry + own + length] = bytes(length)
                zeroed += length
            else:
                kept += length
            entry += own + length
        at = last
    if not kept:
        sys.exit(f"there is no code for {sys.argv[3]}")
    with open(target, "wb") as file:
        file.write(data)
    print(f"{zeroed / 1e6:.0f} MB of code zeroed, {kept / 1e6:.0f} MB kept")


if __name__ == "__main__":
    main()
