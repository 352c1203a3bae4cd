#!/usr/bin/env python3
"""How long from a key to its frame: runs a program in a pty, presses keys, and times each until the frame that follows is whole.

  keys.py READY FIRST GROUPS PAUSE_MS -- PROGRAM ARGUMENT...

READY is waited for on the terminal first, then FIRST is pressed, which nobody times.  GROUPS are "NAME COUNT KEY...", parted by "|": the keys
(escapes as in Python) are pressed in turn, again and again, COUNT in all.  A frame is whole at the end of a synchronized update (CSI ? 2026 l).
Frames that come by themselves between keys are read away before each key.
Prints one line of JSON: for each group and for all together, milliseconds p50, p99 and max, bytes a frame, and keys that no frame followed
within 5 seconds.  The program is ended by SIGTERM at last."""

import fcntl, json, os, pty, select, signal, struct, sys, termios, time

END = b"\x1b[?2026l"
ready, first, groups, pause = sys.argv[1:5]
program = sys.argv[sys.argv.index("--") + 1:]
keys_of = lambda text: text.encode().decode("unicode_escape").split(" ")
groups = [keys_of(group) for group in groups.split("|")]

pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", TZ="UTC")
    os.execvp(program[0], program)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))


def read(seconds):
    """What comes within a time, or b""."""
    if not select.select([terminal], [], [], seconds)[0]:
        return b""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        sys.exit("the program ended")


def wait_for(text, seconds=60):
    seen, end = b"", time.monotonic() + seconds
    while text.encode() not in seen:
        if time.monotonic() > end:
            sys.exit("never on the screen: %r\n%r" % (text, seen[-3000:]))
        seen = seen[-100_000:] + read(0.1)


wait_for(ready)
for key in keys_of(first) if first else []:
    os.write(terminal, key.encode())
    read(0.5)
# What they open may come in several frames, where the machine is busy.
calm = time.monotonic() + 5
while time.monotonic() < calm and read(0.5):
    pass
pressed, between = {}, 0
for name, count, *keys in groups:
    for n in range(int(count)):
        end = time.monotonic() + float(pause) / 1000
        while (left := end - time.monotonic()) > 0:
            between += END in read(left)
        began = time.monotonic()
        os.write(terminal, keys[n % len(keys)].encode())
        frame = b""
        while END not in frame and time.monotonic() < began + 5:
            frame += read(0.5)
        took = (time.monotonic() - began) * 1000 if END in frame else None
        pressed.setdefault(name, []).append((took, len(frame)))
os.kill(pid, signal.SIGTERM)
end = time.monotonic() + 10
while time.monotonic() < end and os.waitpid(pid, os.WNOHANG)[0] == 0:
    if select.select([terminal], [], [], 0.05)[0]:
        try:
            os.read(terminal, 1 << 16)
        except OSError:
            pass


def told(keys):
    took = sorted(ms for ms, _ in keys if ms is not None)
    at = lambda part: round(took[min(len(took) - 1, int(len(took) * part))], 2) if took else None
    return {"keys": len(took), "lost": len(keys) - len(took), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1),
            "bytes_p50": sorted(size for _, size in keys)[len(keys) // 2]}


answer = {name: told(keys) for name, keys in pressed.items()}
answer["all"] = told([key for keys in pressed.values() for key in keys])
answer["frames_between"] = between
print(json.dumps(answer))
