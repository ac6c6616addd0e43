"""Every sentence that the server can say, found in the source: the formats of the functions that take one (those
declared with PRINTF and those named below), and what is put into a `why`.

A sentence with ERR_INTERNAL goes to the log alone, and what src/main says goes to a terminal: both stay English."""

import re

# functions that hand a sentence on as it is: which of their arguments it is
PLAIN = {"part_bad": 3, "refuse_text": 1}
# formats of these are no sentences of the server
OTHERS = {"log_event", "buf_fmt", "arena_fmt", "snprintf", "printf", "fprintf", "cmd_fail", "log_library"}
WORDS = {"PRId64": "ld", "PRIu64": "lu", "PRIx64": "lx", "PRIi64": "li"}
LITERAL = re.compile(r'"((?:\\.|[^"\\])*)"|\b(PRI[a-z]64)\b')
ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'", "?": "?"}


def without_comments(text):
    def blank(m):
        return m.group(0) if m.group(0)[0] in "\"'" else re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)


def arguments(text, at):
    """The arguments of the call whose opening bracket stands at `at`, and where it ends."""
    depth, start, found, i = 0, at + 1, [], at
    while i < len(text):
        c = text[i]
        if c in "\"'":
            i = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'').match(text, i).end()
            continue
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                return found + [text[start:i].strip()], i
        elif c == "," and depth == 1:
            found.append(text[start:i].strip())
            start = i + 1
        i += 1
    return found, i


def unescaped(text):
    out = re.sub(r"\\x([0-9A-Fa-f]{2})", lambda m: chr(int(m.group(1), 16)), text)
    out = re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group(1)), out)
    return out.encode("latin-1").decode() if "\\x" in text else out


def sentences(argument):
    """The texts of an argument: literals that stand beside each other are one, others are choices."""
    found, parts, end = [], [], 0
    for m in LITERAL.finditer(argument):
        if parts and argument[end:m.start()].strip():
            found.append("".join(parts))
            parts = []
        parts.append(WORDS[m.group(2)] if m.group(2) else unescaped(m.group(1)))
        end = m.end()
    return found + ["".join(parts)] if parts else found


def speaks(text):
    """More than a conversion or a code word: a person reads it."""
    return bool(re.search(r"[A-Za-z]{2}", re.sub(r"%[-+ #0-9.*]*[a-z]*?[diouxXeEfgGsc]", "", text)))


def format_functions(root):
    found = dict(PLAIN)
    for path in sorted((root / "src").rglob("*.[ch]")):
        text = without_comments(path.read_text())
        for m in re.finditer(r"\b(\w+)\s*\(([^;{}()]*(?:\([^()]*\)[^;{}()]*)*)\)\s*PRINTF\((\d+)", text):
            found[m.group(1)] = int(m.group(3)) - 1
        for m in re.finditer(r"PRINTF\((\d+),[^)]*\)\s+[\w *]*?\b(\w+)\s*\(", text):
            found[m.group(2)] = int(m.group(1)) - 1
    return {name: n for name, n in found.items() if name not in OTHERS}


def said(root):
    """(path, line, sentence) of all of them."""
    functions = format_functions(root)
    call = re.compile(r"\b(" + "|".join(sorted(functions)) + r")\s*\(")
    for path in sorted((root / "src").rglob("*.c")):
        if path.relative_to(root / "src").parts[0] in ("main", "helper", "db"):
            continue
        text = without_comments(path.read_text())
        for m in call.finditer(text):
            given, end = arguments(text, m.end() - 1)
            n = functions[m.group(1)]
            hidden = "ERR_INTERNAL" in text[m.start():end] and path.name != "reply.c"
            if hidden or len(given) <= n or not LITERAL.search(given[n]):
                continue
            line = text.count("\n", 0, m.start()) + 1
            # "%s" and a choice of texts: those are looked up too
            shown = given[n:] if given[n] == '"%s"' else given[n:n + 1]
            for argument in shown:
                for one in sentences(argument):
                    if speaks(one):
                        yield path, line, one
        for m in re.finditer(r'\bwhy = ((?:"(?:\\.|[^"\\])*"|[^;"])*);', text):
            for one in sentences(m.group(1)):
                if speaks(one):
                    yield path, text.count("\n", 0, m.start()) + 1, one
