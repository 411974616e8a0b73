"""Runs a program at a terminal of its own: what it writes there goes to stdout, what comes from stdin is typed.

usage: terminal.py PROGRAM [ARGUMENT...]      exit status: that of the program
"""
import os, pty, select, sys, termios

pid, terminal = pty.fork()
if pid == 0:
    # What is typed is shown by the program or not at all: that it echoes nothing is what is tested, not how fast it says so.
    attributes = termios.tcgetattr(0)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, attributes)
    os.execvp(sys.argv[1], sys.argv[1:])

sources = [terminal, 0]
while terminal in sources:
    for source in select.select(sources, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:  # the program has closed its side
            data = b""
        if not data:
            sources.remove(source)
        elif source == terminal:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            os.write(terminal, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
