"""Runs a command and prints its seconds and its peak memory in MiB: timed.py COMMAND ARGUMENT…

What the command says goes to stderr; its exit code is this one's.
"""
import os
import sys
import time

started = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(pid, 0)
print(f"{time.monotonic() - started:.3f} {usage.ru_maxrss / 1024:.1f}")
sys.exit(os.waitstatus_to_exitcode(status) and 1)
