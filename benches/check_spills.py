"""Looks for sums that leave their registers in the inner loops of the operators' products.

    cargo bench --bench kernels --no-run
    python3 benches/check_spills.py target/release/deps/kernels-HASH

A loop counts as one of products if it has at least six instructions that multiply and add, twenty on AArch64. One with a
vector on the stack runs at half the speed and is an error, as is a binary without such loops: status 1. Loops with
vpmaddubsw are counted alone: AVX2's have more operands than there are registers, and 90% of the speed all the same. Needs
objdump, for a binary of another processor that of its cross tools.
"""

import collections
import dataclasses
import re
import shutil
import struct
import subprocess
import sys

LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")


@dataclasses.dataclass
class Processor:
    # The number in the header of an ELF file.
    machine: int
    objdump: str
    # Instructions that multiply and add, with their operands.
    products: str
    min_products: int
    # Jumps that may go back.
    jump: str
    vector: str
    stack: str


PROCESSORS = [
    Processor(62, "x86_64-linux-gnu-objdump", r"(vpdpbusd|vpmaddwd|vdpbf16ps|vfmadd231ps) ", 6, r"j", r"%[xyz]mm", r"\(%rsp"),
    # By elements of a register: polynomials have fmla, too, and the scalar set has some in shorter loops.
    Processor(183, "aarch64-linux-gnu-objdump", r"(sdot|smmla|sadalp) |fmla .*\.s\[", 20, r"(b|b\..*|cbn?z|tbn?z)$", r"\b[qv]\d+\b", r"\[(sp|x29)\b"),
]


def processor(path):
    with open(path, "rb") as file:
        header = file.read(20)
    machine = struct.unpack_from("<H", header, 18)[0] if header[:4] == b"\x7fELF" else None
    for known in PROCESSORS:
        if known.machine == machine:
            return known
    sys.exit(f"{path} is no ELF file of x86-64 or AArch64")


def instructions(objdump, path):
    """Address, name and operands of every instruction, a list a function."""
    command = [shutil.which(objdump) or "objdump", "-d", "--no-show-raw-insn", path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    function = []
    for line in process.stdout:
        found = LINE.match(line)
        if found:
            function.append((int(found[1], 16), found[2], found[3]))
        elif function:
            yield function
            function = []
    yield function
    if process.wait():
        sys.exit(f"objdump cannot read {path}")


def innermost_loops(function, jump):
    """Slices of a function from the target of a backward jump to the jump, without another such jump inside."""
    places = {address: place for place, (address, _, _) in enumerate(function)}
    last = 0
    for place, (address, name, operands) in enumerate(function):
        # The last operand; its name and a comment may follow.
        target = re.search(r"(?:^|,\s*)([0-9a-f]+)(?: <|$)", operands)
        if not re.match(jump, name) or not target or int(target[1], 16) > address:
            continue
        first = places.get(int(target[1], 16))
        if first is not None and first >= last:
            yield function[first : place + 1]
        last = place + 1


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    known = processor(sys.argv[1])
    loops, spills = collections.Counter(), []
    for function in instructions(known.objdump, sys.argv[1]):
        for loop in innermost_loops(function, known.jump):
            products = [(name, operands) for _, name, operands in loop if re.match(known.products, f"{name} {operands}")]
            if len(products) < known.min_products:
                continue
            name, operands = collections.Counter(products).most_common(1)[0][0]
            width = re.search(r"[xyz]mm", operands)
            first = "vpmaddubsw, " if any(name == "vpmaddubsw" for _, name, _ in loop) else ""
            loops[first + (f"{name} {width[0]}" if width else name)] += 1
            if any(name == "vpmaddubsw" for _, name, _ in loop):
                continue
            on_stack = [i for i in loop if re.search(known.stack, i[2]) and re.search(known.vector, i[2])]
            if on_stack:
                spills.append((loop[0][0], name, len(products), on_stack))
    for kind, count in sorted(loops.items()):
        print(f"{count:4} loops of {kind}")
    for address, name, products, on_stack in spills:
        print(f"loop at {address:x}: {products} products by {name}, {len(on_stack)} vectors on the stack, as", *on_stack[0][1:])
    if spills or not loops:
        sys.exit(f"{len(spills)} loops keep vectors on the stack" if spills else "there are no loops of products")


main()
