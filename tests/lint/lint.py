"""The rules of the house: floors, banned functions, sizes, SQL where it belongs.

Prints each finding as path:line: what, and ends with "N findings"."""

import pathlib
import json
import functools
import re
import sys

import texts

root = pathlib.Path(__file__).resolve().parents[2]
floors = ["base", "db", "model", "domain", "http", "main"]
# a program of its own: it stands on base/ alone
beside = {"helper": ["base", "helper"]}
banned = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|alloca)\s*\(")
allocates = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free)\s*\(")
included = re.compile(r'#include "([a-z]+)/')
words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
findings = []


@functools.cache
def bare_tables(folder):
    """Tables without rights, history and undo, which a module declares for itself: who is in a segment."""
    text = "".join(p.read_text() for p in folder.glob("*.c"))
    return set(re.findall(r'\.plural = "(\w+)"[^;]*ENTITY_TABLE', text))


def finding(path, line, what):
    findings.append(f"{path.relative_to(root)}:{line}: {what}")


def may_allocate(path):
    """base/, db/'s backends, and the places that hold something beyond a call, each with its reason."""
    parts = path.relative_to(root / "src").parts
    return parts[0] in ("base", "db") or path.name in {
        "access_compile.c",  # the cache of compiled rights outlives calls
        "auth.c",  # the cache of sessions outlives calls
    }


def check_function_sizes(path, lines):
    start = None
    for n, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = n
        elif line.startswith("}") and start:
            if n - start > 100:
                finding(path, start, f"a function of {n - start} lines (at most 100)")
            start = None


for path in sorted((root / "src").rglob("*.[ch]")):
    floor = path.relative_to(root / "src").parts[0]
    lines = path.read_text().split("\n")
    if len(lines) > 1000:
        finding(path, len(lines), "a file of more than 1,000 lines")
    check_function_sizes(path, lines)
    if not lines[0].startswith("/*"):
        finding(path, 1, "a file opens by saying what it is for")
    for n, line in enumerate(lines, 1):
        code = re.sub(r'"(\\.|[^"\\])*"', '""', line.split("//")[0])
        if re.match(r"\s*(/?\*)", line):
            code = ""
        for other in included.findall(line):
            if floor in beside:
                if other in floors + list(beside) and other not in beside[floor]:
                    finding(path, n, f"{floor}/ includes {other}/, and may use {beside[floor]} only")
            elif other in beside or (other in floors and floors.index(other) > floors.index(floor)):
                finding(path, n, f"{floor}/ includes {other}/, which is above it")
        if banned.search(code):
            finding(path, n, f"banned function: {banned.search(code).group(1)}")
        if allocates.search(code) and not may_allocate(path) and "jansson's own" not in line:
            finding(path, n, "memory comes from an arena here")
        if words.search(line):
            finding(path, n, "unfinished word")
        written = floor == "domain" and re.search(r'SQL2?\("\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\\?"?(\w+)', line)
        if written and written.group(1) not in bare_tables(path.parent):
            finding(path, n, "a domain writes through the record engine only, but for bare tables of its own")
        if len(line) > 140:
            finding(path, n, f"a line of {len(line)} columns")
    if floor not in ("main",) and path.suffix == ".c":
        for n, line in enumerate(lines, 1):
            if "_Atomic" not in line and re.match(r"^static (?!const|inline|_Thread_local|__thread|enum err_code|void|bool|int |struct \w+ \*?\w+\(|size_t|int64_t)\w[\w \*]* \w+(\[\w*\])?( =|;)", line) and "const" not in line:
                if "guarded" not in " ".join(lines[max(0, n - 3):n + 1]).lower():
                    finding(path, n, "a writable global")

# catalogues: a text has the conversions of the English one
conversion = re.compile(r"%%|%[-+ #0-9.*]*[a-z]*?[diouxXeEfgGsc]")
def once(path):
    """Texts that stand in a catalogue under the same key twice: the later one would show in both places."""
    def pairs(all):
        seen = set()
        for key, _ in all:
            if key in seen:
                finding(path, 0, f"\"{key}\" stands here twice")
            seen.add(key)
        return dict(all)
    json.loads(path.read_text(), object_pairs_hook=pairs)


for path in sorted([*(root / "locale").glob("*.json"), *(root / "web/src/locale").glob("*.json")]):
    once(path)

for path in sorted((root / "locale").glob("*.json")):
    for english, text in json.loads(path.read_text()).items():
        if conversion.findall(english) != conversion.findall(text):
            finding(path, 1, f"other conversions than in \"{english}\"")

# and every sentence of the server is there
spoken = list(texts.said(root))
for path in sorted((root / "locale").glob("*.json")):
    known = json.loads(path.read_text())
    for where, line, sentence in spoken:
        if sentence not in known:
            finding(where, line, f"{path.name} has no \"{sentence}\"")

print("\n".join(findings))
print(f"{len(findings)} findings")
sys.exit(1 if findings else 0)
