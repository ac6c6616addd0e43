"""Runs every test program and suite once per database and counts what passed.

  tests/run.py [--times] [--only WORD]     only the steps whose name holds the word, on both databases

Each step is a command; its output is kept in build-test/logs. Skips are counted in the last line,
"N passed, N failed, N skipped"; a part that could not be run at all is said."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

root = pathlib.Path(__file__).resolve().parents[1]
build = root / "build-test"
logs = build / "logs"
passed = failed = skipped = 0
# freed memory is kept from use for 16 MB of it and not for 256: touching ever new pages took a third of the time
os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=16")
times = []


def busy():
    """Seconds of all processors that were worked in since the machine began."""
    try:
        user, nice, system, _, _, irq, soft = map(int, open("/proc/stat").readline().split()[1:8])
        return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0


only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""


def say(text):
    print(text, flush=True)


def run(name, command, env=None, timeout=900):
    """Runs one step; returns its output and status."""
    logs.mkdir(parents=True, exist_ok=True)
    path = logs / (re.sub(r"\W+", "-", name) + ".txt")
    start = time.time()
    with open(path, "w") as out:
        # with all that it starts in a group of its own, so that the end of it is the end of all
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=root, start_new_session=True,
                                   env={**os.environ, **(env or {})})
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            out.write(f"\ntimed out after {timeout} s\n")
            status = 124
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass # nothing is left of it
            process.wait()
    times.append((time.time() - start, name))
    return path.read_text(errors="replace"), status


def wanted(name):
    return only in name


def failures(output):
    """What the output says of each test that failed; its end where that is not to be found."""
    lines, kept = output.split("\n"), []
    for i, line in enumerate(lines):
        if re.match(r"not ok |\[  FAILED  \]|ERROR: |==\d+==ERROR", line):
            kept += lines[max(0, i - 3):i + 25] + ["..."]
    return kept[:400] or lines[-60:]


def count(name, output, status, ok, bad, skip=0):
    global passed, failed, skipped
    passed += ok
    skipped += skip
    if status != 0 and bad == 0:
        bad = 1
    failed += bad
    say(f"{'ok  ' if not bad else 'FAIL'} {name}: {ok} passed, {bad} failed" + (f", {skip} skipped" if skip else ""))
    if bad:
        say("\n".join("     " + line for line in failures(output)))


def tests_of(output, status):
    """What a cmocka program says of its tests."""
    return (len(re.findall(r"^\[       OK \]", output, re.M)), len(re.findall(r"^\[  FAILED  \] \w+$", output, re.M)) // 2,
            len(re.findall(r"^\[  SKIPPED \] \w+$", output, re.M)) // 2)


def whole(_, status):
    """A program is one test: it ends well or it does not."""
    return (int(status == 0), int(status != 0))


def side_by_side(judge, steps, timeout=900):
    """Steps of (name, command, env), two at a time: each keeps one of two cores busy."""
    steps = [step for step in steps if wanted(step[0])]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ended = pool.map(lambda step: run(*step, timeout), steps)
        for (name, _, _), (output, status) in zip(steps, ended):
            count(name, output, status, *judge(output, status))


# files whose last test would be waited for alone: they begin first
LONG = ["segments_follow", "sending", "febrl", "retail", "real", "server", "campaigns", "imports", "languages", "tasks", "campaign", "list"]
# what two servers are measured by the clock in: beside two others it comes out wrong
CLOCKED = ["segments_follow", "sending", "messages"]
POINTS = "50" # at which a crash program is killed, and as often the power is cut; script/soak goes through many more


def node(name, files, env, at_once, most=600):
    """Each file in a process of its own, at_once of them side by side; one that takes longer than `most` seconds is ended."""
    if not wanted(name):
        return
    word = lambda f: f.name.split(".")[0]
    files = sorted(files, key=lambda f: LONG.index(word(f)) if word(f) in LONG else len(LONG))
    free, places = at_once, threading.Condition()

    def one(f):
        nonlocal free
        needs = 2 if word(f) in CLOCKED and "KITH_TEST_PG" in env else 1
        with places:
            places.wait_for(lambda: free >= needs)
            free -= needs
        try:
            return run(f"{name} {word(f)}", ["node", "--test", str(f)], env, most)
        finally:
            with places:
                free += needs
                places.notify_all()

    start, worked = time.time(), busy()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        ended = list(pool.map(one, files))
    took = time.time() - start
    times.append((took, f"{name}, {(busy() - worked) / took / (os.cpu_count() or 1):.0%} of the processors"))
    output = "\n".join(text for text, _ in ended)
    number = lambda word: sum(map(int, re.findall(rf"^(?:#|ℹ) {word} (\d+)", output, re.M)))
    silent = [word(f) for f, (text, status) in zip(files, ended) if status and not re.search(r"^not ok ", text, re.M)]
    if silent: # no test of it says why
        output += "".join(f"\nnot ok {f} ended badly, see its log" for f in silent)
    count(name, output, any(status for _, status in ended), number("pass"), number("fail") + len(silent), number("skipped"))


def compile_all():
    output, status = run("bootstrap", ["script/bootstrap", "--test"])
    if status:
        say(output)
        sys.exit("cannot install what the tests need")
    output, status = run("web", ["script/build-web"])
    say(output.strip()) if output.strip() else None
    if status:
        say("0 passed, 1 failed")
        sys.exit(1)
    has_web, marker = (root / "web/dist/index.html").exists(), build / "with-web"
    if (build / "build.ninja").exists() and has_web and not marker.exists():
        # whether there is a web application to compile in is decided when the build is configured
        output, status = run("reconfigure", ["meson", "setup", str(build), "--reconfigure"])
    if not (build / "build.ninja").exists():
        output, status = run("configure", ["meson", "setup", str(build), "-Dtesting=true", "-Dtests=true",
                                           "-Db_sanitize=address,undefined", "-Dwerror=true",
                                           # as quick to run as -O2 -g, and compiled in half the time
                                           "-Doptimization=1", "-Dc_args=-g1"])
    if status == 0:
        output, status = run("compile", ["ninja", "-C", str(build)], timeout=1800)
    if has_web and status == 0:
        marker.touch()
    if status:
        say(output[-6000:])
        say("0 passed, 1 failed")
        sys.exit(1)


def with_postgres(work):
    folder = tempfile.mkdtemp(prefix="kith-pg-")
    os.rmdir(folder)
    output = subprocess.run(["script/postgres-test", "start", folder, "55471", "unsafe"], cwd=root,
                            capture_output=True, text=True)
    url = output.stdout.strip().split("\n")[-1]
    if output.returncode or not url.startswith("postgresql://"):
        say("FAIL postgresql did not start: " + output.stderr[-500:])
        global failed
        failed += 1
        return
    try:
        work({"KITH_TEST_PG": url})
    finally:
        subprocess.run(["script/postgres-test", "stop", folder], cwd=root, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def programs(pattern):
    return sorted(p for p in (build / "tests").glob(pattern) if p.is_file() and os.access(p, os.X_OK))


@contextlib.contextmanager
def templates(env, label):
    """Installations that the tests of this database copy, where they would each make their own."""
    if not any(wanted(f"{word} ({label})") for word in ("api", "e2e")):
        yield env
        return
    with tempfile.TemporaryDirectory(prefix="kith-templates-") as folder:
        env = {**env, "KITH": str(build / "kith")}
        output, status = run(f"templates ({label})", ["node", "tests/template.mjs", folder], env)
        if status:
            count(f"templates ({label})", output, status, 0, 1)
        yield {**env, "KITH_TEST_TEMPLATES": folder}


def both(env, label):
    slow = ["unit_expr", "domain_torture"]
    of_both = sorted(programs("unit_db") + programs("unit_expr") + programs("domain_*"), key=lambda p: p.name not in slow)
    side_by_side(tests_of, [(f"{p.name} ({label})", [str(p)], env) for p in of_both])
    files = sorted((root / "tests" / "api").glob("**/*.test.mjs"))
    if files:
        # a server waits for timers and its disk more than it works: two files leave a part of two cores idle
        node(f"api ({label})", files, env, 3)


def end_to_end(env, label, only=None):
    """The web application in Chromium. On PostgreSQL the core of it: what differs is below the API."""
    files = [f for f in sorted((root / "tests" / "e2e").glob("*.test.mjs")) if not only or f.name.split(".")[0] in only]
    if any(map(shutil.which, ["chromium-headless-shell", "chromium"])) and (root / "web" / "dist" / "index.html").exists():
        # the node that built the application: Debian's own is too old for playwright
        tools = root / "web" / ".tools" / "node_modules" / ".bin"
        node(f"e2e ({label})", files, {**env, "PATH": f"{tools}:{os.environ['PATH']}"}, 2 if "KITH_TEST_PG" in env else 3)
    else:
        say(f"e2e ({label}) not run: chromium or web/dist is missing (script/build-web makes it)")


def on_postgres(env):
    with templates(env, "postgresql") as with_templates:
        both(with_templates, "postgresql")
        end_to_end(with_templates, "postgresql", ["objects", "smoke"])
    side_by_side(whole, [(f"{p.name} (postgresql)", [str(p), "--points", POINTS], env)
                         for p in programs("crash_records") + programs("crash_events")])


def main():
    start = time.time()
    compile_all()
    say(f"compiled in {time.time() - start:.0f} s")
    side_by_side(whole, [("lint", ["python3", "tests/lint/lint.py"], {})])
    alone = [p for word in ["address", "base", "phone", "standard"] for p in programs("unit_" + word)]
    side_by_side(tests_of, [(p.name, [str(p)], {}) for p in alone])
    os.environ.pop("KITH_TEST_PG", None)
    with templates({}, "sqlite") as env:
        both(env, "sqlite")
        end_to_end(env, "sqlite")
    with_postgres(on_postgres)
    corpora = [(p, sorted(map(str, (root / "tests" / "fuzz" / "corpus" / p.name[5:]).glob("*")))) for p in programs("fuzz_*")]
    side_by_side(whole, [(f"{p.name} corpus of {len(files)}", [str(p), *files], {}) for p, files in corpora if files])
    side_by_side(whole, [(p.name, [str(p), "--points", POINTS], {}) for p in programs("crash_*")])
    if "--times" in sys.argv:
        for seconds, name in sorted(times, reverse=True)[:20]:
            say(f"{seconds:7.1f} s  {name}")
    say(f"all in {time.time() - start:.0f} s")
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


main()
