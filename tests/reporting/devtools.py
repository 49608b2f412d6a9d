"""Chromium without a screen, spoken to over a pipe in the DevTools protocol: nothing but the standard library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
"""The program, or None where there is none."""
WAIT = 60.0
"""Seconds until an answer is overdue."""


class Browser:
    """One page of one browser with a profile of its own; what it asks the network for and logs is kept."""

    def __init__(self, width=1024, height=800, dark=False):
        self._profile = tempfile.mkdtemp(prefix="browser-")
        self._read, theirs_out = os.pipe()
        theirs_in, self._write = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]
        self._process = subprocess.Popen(
            [CHROMIUM, *self._switches()],
            pass_fds=(3, 4),  # where Chromium reads commands and writes answers
            preexec_fn=lambda: (os.dup2(ends[0], 3), os.dup2(ends[1], 4)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (theirs_in, theirs_out, *ends):
            os.close(end)
        self._buffer, self._number, self._session = b"", 0, None
        self.requests, self.errors, self._loaded = [], [], set()
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.setLifecycleEventsEnabled", enabled=True)
        self.resize(width, height)
        self.theme(dark)

    def _switches(self):
        wanted = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        return [*wanted, "--remote-debugging-pipe", f"--user-data-dir={self._profile}", "about:blank"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self._profile, ignore_errors=True)

    def send(self, method, **values):
        """One command and its answer; events that come in between are kept."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": values, **session}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _next(self, wait=WAIT):
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], wait)[0]:
                raise TimeoutError("Chromium says nothing")
            got = os.read(self._read, 1 << 20)
            if not got:
                raise ConnectionError("Chromium has gone")
            self._buffer += got
        line, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(line)
        self._keep(message)
        return message

    def _keep(self, message):
        name, values = message.get("method"), message.get("params", {})
        if name == "Page.lifecycleEvent" and values["name"] == "load":
            self._loaded.add(values["loaderId"])
        elif name == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif name == "Runtime.exceptionThrown":
            self.errors.append(values["exceptionDetails"].get("exception", {}).get("description", "error"))
        elif name == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.errors.append(values["entry"]["text"])

    def resize(self, width, height):
        """The screen in CSS pixels; below 500 it is a phone's."""
        phone = width < 500
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def theme(self, dark):
        """What the system says that its user likes."""
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def open(self, path):
        """Open a file, wait until it has loaded, and return the seconds that this took."""
        self.requests, self.errors, self._loaded = [], [], set()
        begun = time.monotonic()
        page = self.send("Page.navigate", url=Path(path).resolve().as_uri())["loaderId"]
        while page not in self._loaded:
            self._next()
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        return time.monotonic() - begun

    def run(self, script):
        """The value of a script in the page, of a promise its result."""
        found = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", "the script failed"))
        return found["result"].get("value")

    def press(self, key, text=""):
        """One key down and up."""
        for kind in ("keyDown", "keyUp"):
            codes = {"Tab": 9, "Enter": 13, " ": 32, "Escape": 27}
            down = {"text": text} if text and kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes.get(key, 0), **down)

    def picture(self, path, whole=True):
        """A PNG of the page, the whole of it or what the screen shows."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole))
        Path(path).write_bytes(base64.b64decode(found["data"]))

    def _clip(self, whole):
        if not whole:
            return {}
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16000), "scale": 1}}

    def paper(self, path):
        """The page as it is printed, as a PDF."""
        Path(path).write_bytes(base64.b64decode(self.send("Page.printToPDF", printBackground=True)["data"]))
