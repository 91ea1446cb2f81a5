"""Writes api/openapi.yaml as JSON in a C string, for the daemon to serve.

usage: embed.py OUT.c openapi.yaml
"""
import json
import sys

import yaml

WIDTH = 72

out, source = sys.argv[1:]
with open(source, encoding="utf-8") as f:
    document = yaml.safe_load(f)
text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
with open(out, "w", encoding="ascii") as f:
    f.write('#include "openapi.h"\n\nconst char tg_openapi_json[] =\n')
    for at in range(0, len(text), WIDTH):
        piece = text[at:at + WIDTH].replace("\\", "\\\\").replace('"', '\\"')
        # Two question marks would begin what older compilers replace.
        f.write('    "%s"\n' % piece.replace("?", "\\?"))
    f.write("    ;\n")
