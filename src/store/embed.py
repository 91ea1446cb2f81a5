"""Writes the migrations named on the command line as a C table.

usage: embed.py OUT.c schema/0001_*.sql ...
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
if versions != list(range(1, len(files) + 1)):
    sys.exit("migrations are not numbered 1, 2, 3 …: %s" % versions)
with open(out, "w", encoding="utf-8") as f:
    f.write('#include "migrate.h"\n\n')
    f.write("const char *const tg_migrations[] = {\n")
    for name in files:
        with open(name, encoding="utf-8") as sql:
            f.write(literal(sql.read()) + ",\n")
    f.write("};\n\nconst int tg_migration_count = %d;\n" % len(files))
