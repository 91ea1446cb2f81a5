"""Writes the migrations named on the command line as a C table.

usage: embed.py OUT.c schema/0001_*.sql ...

A number that no file has is a step that does nothing: numbers are given out
before the files are written.  What is released has no such gaps, because a
store that has passed one never comes back to it.
"""
import os
import sys


def literal(text):
    lines = []
    for line in text.splitlines():
        line = line.replace("\\", "\\\\").replace('"', '\\"')
        lines.append('    "%s\\n"' % line)
    return "\n".join(lines)


out, files = sys.argv[1], sys.argv[2:]
versions = [int(os.path.basename(name)[:4]) for name in files]
if versions != sorted(set(versions)) or versions[0] != 1:
    sys.exit("migrations are not numbered 1, 2, 3 …: %s" % versions)
with open(out, "w", encoding="utf-8") as f:
    f.write('#include "migrate.h"\n\n')
    f.write("const char *const tg_migrations[] = {\n")
    for number in range(1, versions[-1] + 1):
        text = ""
        if number in versions:
            with open(files[versions.index(number)], encoding="utf-8") as sql:
                text = sql.read()
        f.write((literal(text) or '    ""') + ",\n")
    f.write("};\n\nconst int tg_migration_count = %d;\n" % versions[-1])
