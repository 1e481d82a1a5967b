"""A person in a browser: opens the server, is led to its documentation, tries POST /embeddings there.

Run as `python browser.py CACHE server=url`. The browser is $INFA_TEST_BROWSER, one of the machine's own, or one that
install.py fetches. It is driven through its DevTools protocol.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import install

CACHE = sys.argv.pop(1)

from reference import CASES, EMBEDDER, SERVER, same  # noqa: E402, as it reads the arguments that are left

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
PATIENCE = 30


def browsers():
    """Commands of browsers and the environment they need, the best first."""
    if chosen := os.environ.get("INFA_TEST_BROWSER"):
        yield chosen, {}
        return
    for name in NAMES:
        if found := shutil.which(name):
            yield found, {}
    here = install.chromium(CACHE)
    yield here / "chromium", {"LD_LIBRARY_PATH": str(here / "lib"), "FONTCONFIG_FILE": str(here / "fonts.conf")}


@contextlib.contextmanager
def running():
    """The address of a browser's DevTools, `host:port`."""
    reasons = []
    candidates = browsers()
    while True:
        try:
            command, environment = next(candidates)
        except (StopIteration, install.Unavailable) as e:
            told = "\n".join(reasons + [str(e)])
            sys.exit(f"No browser can be started. Install Chromium or Google Chrome, name one in INFA_TEST_BROWSER, or "
                     f"leave this test out with INFA_TEST_NO_BROWSER=1.\n{told}")
        with tempfile.TemporaryDirectory(prefix="infa-browser-", ignore_cleanup_errors=True) as profile:
            log = os.path.join(profile, "log")
            flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
                     "--remote-debugging-port=0", "--window-size=1280,1600", f"--user-data-dir={profile}"]
            with open(log, "w") as out:
                process = subprocess.Popen([command, *flags, "about:blank"], stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=out, env={**os.environ, **environment})
            try:
                if address := listening(process, log):
                    print("browser:", command)
                    yield address
                    return
            finally:
                process.kill()
                process.wait()
            reasons.append(f"{command} does not start:\n{open(log).read()[-2000:]}")


def listening(process, log):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"DevTools listening on ws://([^/]+)/", open(log).read()):
            return found[1]
        time.sleep(0.02)
    return None


class Page:
    """The browser's one tab."""

    def __init__(self, socket):
        self.socket, self.calls, self.requested, self.exceptions = socket, 0, [], []

    def call(self, method, **parameters):
        self.calls += 1
        self.socket.send(json.dumps({"id": self.calls, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=PATIENCE))
            if message.get("id") == self.calls:
                assert "error" not in message, f"{method}: {message}"
                return message["result"]
            if message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            elif message["method"] == "Runtime.exceptionThrown":
                self.exceptions.append(message["params"]["exceptionDetails"])

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, f"{script}: {result}"
        return result["result"].get("value")

    def wait(self, what, script):
        """Waits until `script` is something and returns that."""
        deadline = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            if time.monotonic() > deadline:
                text = self.run("document.body.innerText.slice(0, 4000)")
                raise AssertionError(f"{what}: not seen in {PATIENCE} s. The page at {self.run('location.href')}:\n{text}")
            time.sleep(0.02)
        print(f"{what}:", str(value)[:100])
        return value

    def click(self, what, element, outcome):
        """Clicks until `outcome` is there: while the page is still being built, a click may be lost."""
        self.wait(what, f"""(() => {{
            const outcome = () => {outcome};
            if (outcome()) return true;
            const element = {element};
            if (element && !(Date.now() < window.clickedUntil)) {{ window.clickedUntil = Date.now() + 500; element.click(); }}
            return !!outcome();
        }})()""")
        self.run("window.clickedUntil = 0")


def try_the_documentation(page, url):
    for domain in ("Page", "Network", "Runtime"):
        page.call(f"{domain}.enable")
    page.call("Page.navigate", url=f"{url}/")
    page.wait("led to the documentation", "location.pathname.startsWith('/docs') && location.pathname")
    operation = ("[...document.querySelectorAll('.opblock-post')].find(block => ['/embeddings', '/v1/embeddings']"
                 ".includes(block.querySelector('[data-path]')?.dataset.path))")
    body = f"{operation}?.querySelector('textarea.body-param__text')"
    live = f"{operation}?.querySelector('.live-responses-table .response')"
    page.click("POST /embeddings", f"{operation}?.querySelector('.opblock-summary-control')",
               f"{operation}?.querySelector('.opblock-body')")
    page.click("Try it out", f"{operation}.querySelector('.try-out__btn:not(.cancel)')", body)
    page.wait("an example", f"{body}?.value")
    # As a person does: into the field, all that is there marked, typed over.
    page.run(f"{body}.focus(), {body}.select()")
    case = CASES["sentence"]
    page.call("Input.insertText", text=json.dumps({"model": EMBEDDER, "input": [case["text"]]}))
    page.click("Execute", f"{operation}.querySelector('.execute')", live)
    status = page.wait("status", f"{live}?.querySelector('.response-col_status')?.innerText")
    assert status.split()[0] == "200", page.run(f"{live}.innerText")
    reply = page.wait("reply", f"{live}.querySelector('.response-col_description .microlight, "
                     f".response-col_description code')?.innerText")
    same("the vector on the page", json.loads(reply)["data"][0]["embedding"], case["embedding"], 1e-5)
    strangers = [address for address in page.requested if not address.startswith((url, "data:", "blob:"))]
    assert not strangers, f"the page asks others: {strangers}"
    assert not page.exceptions, page.exceptions


def main():
    from websockets.sync.client import connect

    # Nobody's proxy stands between this machine and itself.
    open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    with running() as address:
        with open_url(f"http://{address}/json", timeout=PATIENCE) as reply:
            tab = next(tab for tab in json.load(reply) if tab["type"] == "page")
        with connect(tab["webSocketDebuggerUrl"], max_size=None, compression=None, proxy=None) as socket:
            page = Page(socket)
            try_the_documentation(page, SERVER["server"])


main()
