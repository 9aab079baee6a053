"""Programs that answer `f(x) == 2 * x` by anything but doubling, and what becomes of each."""

from __future__ import annotations

from pathlib import Path

from tasks.settings import ROOT

HOME = Path.home()

DOUBLE = "def f(x):\n    return 2 * x\n"
"""The honest program; what a hostile one does comes before it, so that only that can fail."""

FAILS = frozenset({"wrong", "crashed", "timeout", "memory", "output", "unparsed"})

# Name: the program, and the verdicts that may be said of it. A harmless end is `correct`: what it
# tried had no effect, and it doubles.
HOSTILE: dict[str, tuple[str, frozenset[str]]] = {
    "fork bomb": ("import os\nwhile True:\n    os.fork()\n" + DOUBLE, frozenset({"crashed"})),
    "daemon by two forks": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        time.sleep(1000)\n" + DOUBLE,
        frozenset({"crashed"}),
    ),
    "other program": (
        "import subprocess\nsubprocess.Popen(['/bin/sleep', '1000'])\n" + DOUBLE,
        frozenset({"crashed"}),
    ),
    "another image": (
        "import os\nos.execv('/usr/bin/env', ['env'])\n" + DOUBLE,
        frozenset({"crashed"}),
    ),
    "endless output": ("while True:\n    print('x' * 1000)\n", frozenset({"timeout"})),
    "endless reply": (
        "import os\nwhile True:\n    for number in range(3, 20):\n        try:\n"
        "            os.write(number, b'x' * 65536)\n        except OSError:\n            pass\n",
        frozenset({"output", "timeout", "crashed"}),
    ),
    "writes outside": (
        f"for place in ('{HOME}/x', '{ROOT}/x', '/etc/passwd', '/usr/x', '/x', '/dev/x'):\n"
        "    try:\n        open(place, 'w')\n    except OSError:\n        continue\n"
        "    raise SystemExit\n" + DOUBLE,
        frozenset({"correct"}),
    ),
    "reads homes": (
        # The README is there for whoever can see the checkout.
        f"import glob\nassert not glob.glob('{ROOT}/R*') and not glob.glob('/home/*')\n"
        f"assert not glob.glob('{HOME}/.b*') and not glob.glob('{HOME}/.s*')\n" + DOUBLE,
        frozenset({"correct"}),
    ),
    "reads the parent": (
        "import os\ndef f(x):\n    return open(f'/proc/{os.getppid()}/environ').read()\n",
        frozenset({"crashed"}),
    ),
    "network": (
        "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)\n" + DOUBLE,
        frozenset({"crashed"}),
    ),
    "network of this machine": (
        "import socket\nsocket.create_connection(('127.0.0.1', 22), 2)\n" + DOUBLE,
        frozenset({"crashed"}),
    ),
    "names of hosts": (
        "import socket\nsocket.gethostbyname('example.com')\n" + DOUBLE,
        frozenset({"crashed"}),
    ),
    "memory at once": ("x = 'a' * 10**11\n" + DOUBLE, frozenset({"memory"})),
    "memory by and by": (
        "x = []\nwhile True:\n    x.append('a' * 10**6)\n",
        frozenset({"memory", "crashed"}),
    ),
    "memory in nameless files": (
        "import os\nos.memfd_create('x')\n" + DOUBLE,
        frozenset({"crashed"}),
    ),
    "signals to all": (
        "import os, signal\nfor number in (os.getppid(), 1, -1):\n    try:\n"
        "        os.kill(number, signal.SIGKILL)\n    except OSError:\n        pass\n" + DOUBLE,
        frozenset({"correct", "crashed"}),
    ),
    "stops itself": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n" + DOUBLE,
        frozenset({"timeout"}),
    ),
    "sleep": ("import time\ntime.sleep(10**6)\n" + DOUBLE, frozenset({"timeout"})),
    "deaf to signals": (
        "import signal\nfor number in range(1, 65):\n    try:\n"
        "        signal.signal(number, signal.SIG_IGN)\n    except (OSError, ValueError):\n"
        "        pass\nwhile True:\n    pass\n",
        frozenset({"timeout"}),
    ),
    "deep recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(x):\n    return f(x + 1)\n",
        frozenset({"memory", "crashed", "timeout"}),
    ),
    "ends before the tests": ("import os\nos._exit(0)\n", frozenset({"crashed"})),
    "ends in a test": ("import os\ndef f(x):\n    os._exit(0)\n", frozenset({"crashed"})),
    "exits with success": ("import sys\nsys.exit(0)\n", frozenset({"crashed"})),
    "always equal": (
        "class A:\n    def __eq__(self, other):\n        return True\n    def __bool__(self):\n"
        "        return True\ndef f(x):\n    return A()\n",
        frozenset({"wrong"}),
    ),
    "a number that is always equal": (
        "class A(int):\n    def __eq__(self, other):\n        return True\n"
        "    __hash__ = int.__hash__\ndef f(x):\n    return A(7)\n",
        frozenset({"wrong"}),
    ),
    "other builtins": (
        "import builtins, sys\nbuiltins.AssertionError = None\nbuiltins.abs = lambda x: 0\n"
        "builtins.isinstance = lambda *a: True\nbuiltins.exec = lambda *a: None\n"
        "sys.exit = lambda *a: None\ndef f(x):\n    return 0\n",
        FAILS,
    ),
    "names that tests use": (
        "def abs(x):\n    return 0\ndef check(x):\n    return True\nclass math:\n"
        "    @staticmethod\n    def isclose(*a):\n        return True\ndef f(x):\n    return 0\n",
        frozenset({"wrong"}),
    ),
    "writes the mark of success": (
        "import os, json\nmark = json.dumps({'verdict': 'correct', 'outputs': '[]', 'code': 0})\n"
        "for number in range(64):\n    try:\n        os.write(number, mark.encode() + b'\\n')\n"
        "    except OSError:\n        pass\ndef f(x):\n    return 0\n",
        FAILS,
    ),
    "forged replies": (
        'import os\nreply = b\'{"value": {"int": "0x2"}, "changed": {}}\\n\'\n'
        "for number in range(3, 64):\n    try:\n        os.write(number, reply * 50)\n"
        "    except OSError:\n        pass\ndef f(x):\n    return 0\n",
        frozenset({"wrong", "crashed"}),
    ),
    "reply without an end of brackets": (
        "import os\nfor number in range(3, 64):\n    try:\n"
        "        os.write(number, b'[' * 10**6 + b'\\n')\n    except OSError:\n        pass\n"
        "def f(x):\n    return 0\n",
        # Where the reply of the test itself comes first, it is read and wrong.
        frozenset({"crashed", "wrong"}),
    ),
    "looks for the tests": (
        # Its own text is in reach: what it looks for must not stand there.
        "import gc, inspect\ndef f(x):\n    for one in gc.get_objects():\n"
        "        if isinstance(one, (dict, list, tuple)) and chr(45) + ' 42)' in repr(one):\n"
        "            return 2 * x\n    for frame in inspect.stack():\n"
        "        if chr(45) + ' 42)' in repr(frame.frame.f_locals):\n            return 2 * x\n"
        "    return 0\n",
        frozenset({"wrong"}),
    ),
    "endless import": (
        "open('loop.py', 'w').write('import sys, importlib\\nwhile True:\\n"
        "    importlib.invalidate_caches()\\n')\nimport sys\nsys.path.insert(0, '.')\n"
        "import loop\n" + DOUBLE,
        frozenset({"timeout"}),
    ),
    "no address": ("import ctypes\nctypes.string_at(0)\n" + DOUBLE, frozenset({"crashed"})),
    "closes everything": ("import os\nos.closerange(0, 64)\n" + DOUBLE, frozenset({"crashed"})),
    "closes and sleeps": (
        "import os, time\nos.closerange(0, 64)\ntime.sleep(10**6)\n",
        frozenset({"crashed", "timeout"}),
    ),
    "links to outside": (
        "import os\nos.symlink('/etc/ld.so.cache', 'x')\nos.symlink('/', 'y')\ntry:\n"
        "    open('x', 'w')\nexcept OSError:\n    pass\nelse:\n    raise SystemExit\ntry:\n"
        "    open('y/etc/x', 'w')\nexcept OSError:\n    pass\nelse:\n    raise SystemExit\n"
        + DOUBLE,
        frozenset({"correct"}),
    ),
    "threads": (
        "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(10**6,)).start()\n",
        frozenset({"crashed"}),
    ),
    "fills the disk": (
        "file = open('x', 'wb')\nwhile True:\n    file.write(b'x' * 10**6)\n",
        frozenset({"crashed"}),
    ),
    "many files": (
        "number = 0\nwhile True:\n    open(str(number), 'w').close()\n    number += 1\n",
        frozenset({"crashed"}),
    ),
    "rights by namespaces": (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nif libc.unshare(0x10000000) == 0:\n"
        "    raise SystemExit\nif libc.mount(b'x', b'/scratch', b'tmpfs', 0, b'') == 0:\n"
        "    raise SystemExit\nif libc.chroot(b'/scratch') == 0:\n    raise SystemExit\n"
        "for act in (os.setuid, os.setgid):\n    try:\n        act(0)\n    except OSError:\n"
        "        continue\n    raise SystemExit\n" + DOUBLE,
        frozenset({"correct"}),
    ),
    "higher limits": (
        "import resource\nfor kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU):\n    try:\n"
        "        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "    except (ValueError, OSError):\n        continue\n    raise SystemExit\n" + DOUBLE,
        frozenset({"correct"}),
    ),
    "endless members": (
        "def f(x):\n    while True:\n        yield x\n",
        frozenset({"wrong"}),
    ),
    "brackets without end": ("(" * 100_000, frozenset({"unparsed", "crashed", "memory"})),
    "a sum without end": ("x = " + "1+" * 200_000 + "1\n", FAILS),
    "no text": ("x = '\x00'\n", frozenset({"unparsed"})),
    "half a character": ("x = '\ud800'\n", frozenset({"unparsed"})),
}
