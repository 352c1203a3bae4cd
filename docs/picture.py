#!/usr/bin/env python3
"""Makes the pictures of the README from the real program: runs `casemail demo` in tmux, presses keys, draws what stands there as SVG.

    docs/picture.py target/release/casemail docs/screen.svg [--size 120x34] [--wait TEXT] [KEYS ...]

KEYS are tmux key names (Enter, Down, j); a key of the form `/TEXT/` waits until TEXT stands on the screen. Python's standard
library and tmux are all it needs; it ends only the tmux server that it started.
"""
import argparse
import html
import os
import re
import subprocess
import sys
import tempfile
import time
import unicodedata

BASIC = ["#1c1f26", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4"]
BRIGHT = ["#5c6370", "#ff7a85", "#b5e890", "#ffd68a", "#7cc4ff", "#dd8fff", "#6fd3de", "#ffffff"]
FOREGROUND, BACKGROUND = "#c8ccd4", "#16181d"
CELL_WIDTH, CELL_HEIGHT, FONT_SIZE = 8.4, 18, 14


def indexed(n):
    if n < 8:
        return BASIC[n]
    if n < 16:
        return BRIGHT[n - 8]
    if n < 232:
        n -= 16
        level = lambda v: 0 if v == 0 else 55 + 40 * v
        return "#%02x%02x%02x" % (level(n // 36), level(n // 6 % 6), level(n % 6))
    grey = 8 + 10 * (n - 232)
    return "#%02x%02x%02x" % (grey, grey, grey)


class Pen:
    def __init__(self):
        self.reset()

    def reset(self):
        self.fg = self.bg = None
        self.bold = self.dim = self.italic = self.underline = self.reverse = False

    def apply(self, codes):
        codes = [int(c or 0) for c in codes.split(";")] if codes else [0]
        while codes:
            c = codes.pop(0)
            if c == 0:
                self.reset()
            elif c == 1:
                self.bold = True
            elif c == 2:
                self.dim = True
            elif c == 3:
                self.italic = True
            elif c == 4:
                self.underline = True
            elif c == 7:
                self.reverse = True
            elif c == 22:
                self.bold = self.dim = False
            elif c == 23:
                self.italic = False
            elif c == 24:
                self.underline = False
            elif c == 27:
                self.reverse = False
            elif 30 <= c <= 37:
                self.fg = BASIC[c - 30]
            elif 90 <= c <= 97:
                self.fg = BRIGHT[c - 90]
            elif 40 <= c <= 47:
                self.bg = BASIC[c - 40]
            elif 100 <= c <= 107:
                self.bg = BRIGHT[c - 100]
            elif c == 39:
                self.fg = None
            elif c == 49:
                self.bg = None
            elif c in (38, 48) and codes:
                if codes[0] == 5:
                    colour, codes = indexed(codes[1]), codes[2:]
                else:
                    colour, codes = "#%02x%02x%02x" % tuple(codes[1:4]), codes[4:]
                if c == 38:
                    self.fg = colour
                else:
                    self.bg = colour

    def style(self):
        fg, bg = self.fg or FOREGROUND, self.bg or BACKGROUND
        if self.reverse:
            fg, bg = bg, fg
        return fg, bg, self.bold, self.dim, self.italic, self.underline


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def svg(screen, columns, rows):
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="%d">'
           % (columns * CELL_WIDTH + 16, rows * CELL_HEIGHT + 16, FONT_SIZE),
           '<rect width="100%%" height="100%%" rx="6" fill="%s"/>' % BACKGROUND]
    pen = Pen()
    for y, line in enumerate(screen.split("\n")[:rows]):
        x = 0
        for codes, text in re.findall(r"(?:\x1b\[([0-9;]*)m)|([^\x1b]+)", line):
            if not text:
                pen.apply(codes)
                continue
            fg, bg, bold, dim, italic, underline = pen.style()
            cells = width(text)
            left, top = 8 + x * CELL_WIDTH, 8 + y * CELL_HEIGHT
            if bg != BACKGROUND:
                out.append('<rect x="%g" y="%g" width="%g" height="%d" fill="%s"/>' % (left, top, cells * CELL_WIDTH, CELL_HEIGHT, bg))
            if text.strip():
                out.append('<text x="%g" y="%g" textLength="%g" lengthAdjust="spacingAndGlyphs" xml:space="preserve" fill="%s"%s%s%s%s>%s</text>' % (
                    left, top + 13, cells * CELL_WIDTH, fg, ' font-weight="bold"' if bold else "", ' opacity="0.65"' if dim else "",
                    ' font-style="italic"' if italic else "", ' text-decoration="underline"' if underline else "", html.escape(text)))
            x += cells
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("picture")
    parser.add_argument("--size", default="120x34")
    parser.add_argument("--wait", default="FERRET", help="text that stands on the first screen")
    parser.add_argument("--args", default="demo")
    parser.add_argument("keys", nargs="*")
    options = parser.parse_intermixed_args()
    columns, rows = (int(n) for n in options.size.split("x"))
    with tempfile.TemporaryDirectory() as scratch:
        tmux = ["tmux", "-f", "/dev/null", "-S", os.path.join(scratch, "socket")]
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}

        def capture(*flags):
            return subprocess.run(tmux + ["capture-pane", "-p", *flags], check=True, capture_output=True, text=True, env=environment).stdout

        def wait(text):
            deadline = time.monotonic() + 60
            while text not in capture():
                if time.monotonic() > deadline:
                    sys.exit("%r never stood on the screen:\n%s" % (text, capture()))
                time.sleep(0.05)

        command = [os.path.abspath(options.program), *options.args.split()]
        subprocess.run(tmux + ["new-session", "-d", "-x", str(columns), "-y", str(rows), *command], check=True, env=environment)
        try:
            subprocess.run(tmux + ["set", "-g", "status", "off"], check=True, env=environment)
            wait(options.wait)
            for key in options.keys:
                if len(key) > 2 and key.startswith("/") and key.endswith("/"):
                    wait(key[1:-1])
                else:
                    subprocess.run(tmux + ["send-keys", key], check=True, env=environment)
                    time.sleep(0.3)
            with open(options.picture, "w", encoding="utf-8") as picture:
                picture.write(svg(capture("-e"), columns, rows))
        finally:
            subprocess.run(tmux + ["kill-server"], env=environment)


if __name__ == "__main__":
    main()
