"""Looks for sums that leave their registers in the inner loops of the operators' products.

    cargo bench --bench kernels --no-run
    python3 benches/check_spills.py target/release/deps/kernels-HASH

A loop counts as one of products if it has at least six instructions that multiply and add. One with a vector on the stack
runs at half the speed and is an error, as is a binary without such loops: status 1. Needs objdump.
"""

import collections
import re
import subprocess
import sys

# Instructions of x86-64 that multiply and add.
PRODUCTS = {"vpdpbusd", "vpmaddwd", "vdpbf16ps", "vfmadd231ps"}
MIN_PRODUCTS = 6
LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")


def instructions(path):
    """Address, name and operands of every instruction, a list a function."""
    command = ["objdump", "-d", "--no-show-raw-insn", path]
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


def innermost_loops(function):
    """Slices of a function from the target of a backward jump to the jump, without another such jump inside."""
    places = {address: place for place, (address, _, _) in enumerate(function)}
    last = 0
    for place, (address, name, operands) in enumerate(function):
        target = re.match(r"([0-9a-f]+)", operands)
        if not name.startswith("j") or not target or int(target[1], 16) > address:
            continue
        first = places.get(int(target[1], 16))
        if first is not None and first >= last:
            yield function[first : place + 1]
        last = place + 1


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    loops, spills = collections.Counter(), []
    for function in instructions(sys.argv[1]):
        for loop in innermost_loops(function):
            products = [(name, operands) for _, name, operands in loop if name in PRODUCTS]
            if len(products) < MIN_PRODUCTS:
                continue
            name, operands = collections.Counter(products).most_common(1)[0][0]
            loops[f"{name} {'zmm' if 'zmm' in operands else 'ymm' if 'ymm' in operands else 'xmm'}"] += 1
            on_stack = [i for i in loop if "(%rsp" in i[2] and re.search(r"%[xyz]mm", i[2])]
            if on_stack:
                spills.append((loop[0][0], name, len(products), on_stack))
    for kind, count in sorted(loops.items()):
        print(f"{count:4} loops of {kind}")
    for address, name, products, on_stack in spills:
        print(f"loop at {address:x}: {products} products by {name}, {len(on_stack)} vectors on the stack, as", *on_stack[0][1:])
    if spills or not loops:
        sys.exit(f"{len(spills)} loops keep vectors on the stack" if spills else "there are no loops of products")


main()
