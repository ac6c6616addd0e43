"""Benchmarks against the floor: the same question to both, in turns, on the same machine.

The ratio is the floor's CPU per request over Kith's (larger is better), the median of the rounds. Prints
goals and fails on nothing."""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import events
import purchases
from beside import Beside, quiet

root = pathlib.Path(__file__).resolve().parents[2]
kith = root / "build" / "kith"
tick = os.sysconf("SC_CLK_TCK")
CITIES = ["Berlin", "Hamburg", "London", "Paris", "Vienna", "Rome", "Madrid", "Warsaw", "Tokyo", "Mumbai", "Curitiba", "Ankara",
          "Osaka", "Lyon", "Leeds", "Chennai"] # that the browser filters by
FIELDS = "id,first_name,last_name,email,phone,city,company,created_at"


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--people", type=int, default=100000)
    p.add_argument("--seconds", type=int, default=10)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--only", default="start,memory,get,list,few,search,create,import,enrich,fields,send,purchases,events,web")
    p.add_argument("--floor", default=os.environ.get("FLOOR", str(root.parent / "shared/tools/floors/floor.c")))
    p.add_argument("--lived", type=int, help="so many are of the demo, with all that they did; the others come by import, which is quicker")
    p.add_argument("--keep", help="a folder for the data, made when it is not there and kept")
    return p.parse_args()


def run(*command, **more):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, **more).stdout


def cpu_of(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / tick


def anonymous(pid):
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Server:
    def __init__(self, command, url):
        self.started = time.monotonic()
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        while True:
            try:
                urllib.request.urlopen(url, timeout=1).read()
                break
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"{command[0]} ended with {self.process.returncode}")
                time.sleep(0.002)
        self.first_answer = time.monotonic() - self.started
        self.pid = self.process.pid

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def wrk(url, seconds, connections, script=None, token=None, threads=2):
    command = ["wrk", "-t", min(threads, connections), "-c", connections, "-d", f"{seconds}s", "--latency"]
    if script:
        command += ["-s", script]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    out = run(*command, url)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    total = int(re.search(r"(\d+) requests in", out).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    latency = {}
    for name in ("50", "99"):
        m = re.search(rf"{name}%\s+([\d.]+)(us|ms|s)", out)
        latency[name] = float(m.group(1)) * {"us": 0.001, "ms": 1, "s": 1000}[m.group(2)]
    return {"rate": rate, "total": total, "bad": int(bad.group(1)) if bad else 0, "latency": latency}


def measure(server, *args, **more):
    before = cpu_of(server.pid)
    result = wrk(*args, **more)
    result["cpu"] = (cpu_of(server.pid) - before) / max(result["total"], 1) * 1e6
    return result


def show(name, ours, floor, goal):
    ratio = statistics.median(f["cpu"] / o["cpu"] for o, f in zip(ours, floor)) if floor else None
    middle = sorted(ours, key=lambda r: r["cpu"])[len(ours) // 2]
    text = (f"{name}: {middle['rate']:.0f}/s, p50 {middle['latency']['50']:.2f} ms, "
            f"p99 {middle['latency']['99']:.2f} ms, {middle['cpu']:.0f} us CPU")
    if middle["bad"]:
        text += f", {middle['bad']} FAILED"
    if floor:
        under = sorted(floor, key=lambda r: r["cpu"])[len(floor) // 2]
        text += (f"; floor {under['rate']:.0f}/s, {under['cpu']:.0f} us; ratio {ratio:.2f} (goal {goal})")
    print(text, flush=True)


class Waits(Beside):
    """Asks again and again, and notes how long each answer took."""

    def __init__(self, ask):
        super().__init__()
        self.ask, self.took = ask, []

    def run(self):
        while not self.over.wait(0.2):
            start = time.monotonic()
            self.ask()
            self.took.append((time.monotonic() - start) * 1000)

    def __str__(self):
        if not self.took:
            return "none"
        took = sorted(self.took)
        return f"p50 {took[len(took) // 2]:.0f} ms, p99 {took[int(len(took) * 0.99)]:.0f} ms, most {took[-1]:.0f} ms of {len(took)}"


class Bench:
    def __init__(self, args):
        self.a = args
        self.work = pathlib.Path(args.keep or tempfile.mkdtemp(prefix="kith-bench-"))
        self.work.mkdir(parents=True, exist_ok=True)
        self.data = self.work / "data"
        self.floor_db = self.work / "floor.db"
        self.floor = self.work / "floor"

    def prepare(self):
        a = self.a
        if pathlib.Path(a.floor).exists():
            run("cc", "-O2", "-o", self.floor, a.floor, "-lmicrohttpd", "-lsqlite3", "-lpthread")
            if not self.floor_db.exists():
                run(self.floor, "fill", self.floor_db, a.people)
        else:
            print(f"no floor: {a.floor} is not there; rates only")
            self.floor = None
        if not (self.data / "kith.conf").exists():
            password = self.work / "password"
            password.write_text("bench-password-1\n")
            self.data.mkdir(exist_ok=True)
            run(kith, "init", "--data", self.data, "--admin", "bench@kith.example", "--password-file", password)
            start = time.monotonic()
            lived = min(a.people, a.lived or a.people)
            run(kith, "demo", "--data", self.data, "--people", lived, "--seed", "1", "--until", "2026-01-01")
            if lived < a.people:
                run(kith, "import", "contacts", self.import_file(a.people - lived), "--data", self.data)
            spent = time.monotonic() - start
            print(f"{lived} people of the demo, {a.people - lived} imported, in {spent:.1f} s", flush=True)
        self.token = run(kith, "token", "create", "--data", self.data, "--user", "bench@kith.example",
                         "--name", f"bench {time.time()}").strip().split("\n")[-1]
        if {"events", "purchases"} & set(a.only.split(",")):
            events.name_people(self.data)

    def events(self):
        events.measure(self, measure, lambda: anonymous(self.ours.pid), lambda: cpu_of(self.ours.pid))

    def purchases(self):
        purchases.measure(self, run, kith)

    def serve(self):
        self.port = 18080
        self.base = f"http://127.0.0.1:{self.port}"
        self.ours = Server([kith, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"],
                           self.base + "/healthz")
        if self.floor:
            self.under = Server([self.floor, "serve", self.floor_db, "18081"], "http://127.0.0.1:18081/hello")
        time.sleep(1.5)

    def api(self, path, method="GET", body=None, token=None):
        request = urllib.request.Request(self.base + "/api/v1" + path, method=method,
                                         data=json.dumps(body).encode() if body is not None else None,
                                         headers={"Authorization": f"Bearer {token or self.token}",
                                                  "Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def ids_script(self, name, path, most):
        file = self.work / f"{name}.lua"
        file.write_text("local n = 0\n"
                        f"local most = {most}\n"
                        "math.randomseed(42)\n"
                        "request = function()\n"
                        f"  return wrk.format('GET', string.format('{path}', math.random(1, most)))\n"
                        "end\n")
        return file

    def pairs(self, name, goal, ours, floor, connections=8):
        mine, theirs = [], []
        for _ in range(self.a.rounds):
            if self.floor:
                theirs.append(measure(self.under, "http://127.0.0.1:18081" + floor.get("path", "/"),
                                      self.a.seconds, connections, floor.get("script")))
            mine.append(measure(self.ours, self.base + ours.get("path", "/"), self.a.seconds, connections,
                                ours.get("script"), ours.get("token", self.token)))
        show(name, mine, theirs, goal)

    def only_ours(self, name, ours, connections=8):
        rounds = [measure(self.ours, self.base + ours.get("path", "/"), self.a.seconds, connections,
                          ours.get("script"), ours.get("token", self.token)) for _ in range(self.a.rounds)]
        show(name, rounds, None, None)

    def get(self):
        floor = {"script": self.ids_script("floor_get", "/get?id=%d", self.a.people)}
        self.pairs("get one, the floor's columns", 0.7,
                   {"script": self.ids_script("get", "/api/v1/contacts/%d?fields=" + FIELDS, self.a.people)}, floor)
        self.only_ours("get one, whole record", {"script": self.ids_script("full", "/api/v1/contacts/%d", self.a.people)})
        self.only_ours("get one, one connection",
                       {"script": self.ids_script("get", "/api/v1/contacts/%d?fields=" + FIELDS, self.a.people)}, 1)

    list_path = ("/api/v1/contacts?where=city%20%3D%20'Berlin'&sort=last_name,first_name&limit=50&fields=" + FIELDS)

    def list(self):
        self.pairs("list of 50, filtered and sorted, administrator", 0.6, {"path": self.list_path},
                   {"path": "/list?city=Berlin"})

    def few(self):
        """A user who sees 20 records of all."""
        name = f"few{time.time():.0f}"
        role = self.api("/roles", "POST", {"name": name})["id"]
        self.api("/grants", "POST", {"role": role, "entity": "*", "read": "own", "create": "own", "update": "own"})
        user = self.api("/users", "POST", {"name": name, "email": f"{name}@kith.example", "roles": [role]})["id"]
        some = self.api("/contacts?fields=id&limit=20&where=city%20%3D%20'Berlin'")["items"]
        for item in some:
            self.api(f"/contacts/{item['id']}", "PATCH", {"owner": user})
        self.ours.stop()
        token = run(kith, "token", "create", "--data", self.data, "--user", f"{name}@kith.example",
                    "--name", name).strip().split("\n")[-1]
        self.ours = Server([kith, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"],
                           self.base + "/healthz")
        seen = len(self.api("/contacts?fields=id&limit=100", token=token)["items"])
        self.pairs(f"the same list for a user who sees {seen}", 0.6, {"path": self.list_path, "token": token},
                   {"path": "/list?city=Berlin"})
        self.only_ours("his newest 50", {"path": "/api/v1/contacts?sort=-created_at&fields=" + FIELDS, "token": token})

    def search(self):
        for label, text in (("common, \"ann\"", "ann"), ("rare, \"wkn\"", "wkn"), ("two words", "anna%20berlin")):
            self.only_ours(f"search {label}", {"path": f"/api/v1/search?q={text}&limit=20"})

    def create(self):
        file = self.work / "create.lua"
        file.write_text(
            "local id, threads = 0, 0\n"
            "setup = function(thread) thread:set('t', threads) threads = threads + 1 end\n"
            # each round and thread brings other people: who comes twice is a duplicate, and costs what one costs
            "init = function() stamp = os.time() math.randomseed(stamp * 64 + t) end\n"
            "local function name()\n"
            "  local s = ''\n"
            "  for i = 1, 7 do s = s .. string.char(math.random(97, 122)) end\n"
            "  return s\n"
            "end\n"
            "request = function()\n"
            "  id = id + 1\n"
            "  local body = string.format('{\"first_name\":\"Ana\",\"last_name\":\"%s\",\"emails\":"
            "[{\"address\":\"n%d.%d.%d@mail.example\"}],\"phones\":[{\"number\":\"+4930%08d\"}],"
            "\"addresses\":[{\"city\":\"Berlin\",\"country\":\"DE\"}]}', name(), stamp, t, id, math.random(0, 99999999))\n"
            "  return wrk.format('POST', '/api/v1/contacts', {['Content-Type']='application/json',"
            f"['Authorization']='Bearer {self.token}'}}, body)\n"
            "end\n")
        mine, ratios = [], []
        for i in range(self.a.rounds):
            rate = None
            if self.floor:
                scratch = self.work / f"insert{i}.db"
                out = run(self.floor, "insert", scratch, self.a.seconds, 8)
                rate = float(re.search(r"insert (\d+)/s", out).group(1))
                for old in self.work.glob(f"insert{i}.db*"):
                    old.unlink()
            mine.append(measure(self.ours, self.base + "/api/v1/contacts", self.a.seconds, 8, file))
            if rate:
                ratios.append(mine[-1]["rate"] / rate)
        show("create, durable, with duplicate check", mine, None, None)
        if ratios:
            print(f"  rate to `floor insert ... 8`: {statistics.median(ratios):.2f} (goal 0.35)")

    # names of syllables: as many different ones as real lists have, and no digits, which say nothing to the search for duplicates
    syllables = [a + b for a in ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "br", "kr") for b in ("a", "e", "i", "o", "u", "ei", "an", "er", "il")]

    def a_name(self, i, parts):
        out = ""
        for _ in range(parts):
            i, at = divmod(i, len(self.syllables))
            out += self.syllables[at]
        return out.capitalize()

    people_csv = "First name,Last name,Email,Mobile,City,Country,Birthday\n"

    def import_file(self, n):
        file = self.work / "people.csv"
        with open(file, "w") as out:
            out.write(self.people_csv)
            for i in range(n):
                first, last = self.a_name(i * 7907 % 977, 2), self.a_name(i * 104729 % 50021, 3)
                city = CITIES[i % 211] if i % 211 < len(CITIES) else f"City{i % 211}"
                out.write(f"{first},{last},person{i}@import.example,+49170{i:07d},{city},DE,"
                          f"19{50 + i % 50}-0{1 + i % 9}-1{i % 9}\n")
        return file

    def plain_import(self, folder, file, n):
        """sqlite3's own import into one table with the contact's columns and indexes: rows per second."""
        bare = self.work / "bare.db"
        bare.unlink(missing_ok=True)
        with sqlite3.connect(next((folder / "orgs").glob("*/kith.db"))) as db:
            made = [r[0] for r in db.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'contacts' AND sql IS NOT NULL")]
            columns = [r[1] for r in db.execute("PRAGMA table_info(contacts)")]
        take = ["first_name", "last_name", "email", "phone", "city", "country", "birthday"]
        if not all(c in columns for c in take):
            raise SystemExit("the contact has other columns now")
        script = ("PRAGMA journal_mode = WAL;\nPRAGMA synchronous = FULL;\n" + re.sub(r"(?<! IS) NOT NULL", "", ";\n".join(made).replace(" STRICT", ""))
                  + ";\nCREATE TABLE raw (" + ", ".join(take) + ");\n.mode csv\n"
                  + f".import --skip 1 {file} raw\nINSERT INTO contacts (" + ", ".join(take) + ") SELECT " + ", ".join(take) + " FROM raw;\n")
        start = time.monotonic()
        subprocess.run(["sqlite3", str(bare)], input=script, text=True, check=True, capture_output=True)
        spent = time.monotonic() - start
        bare.unlink()
        return n / spent

    def imports(self):
        """People into an empty server, e-mails looked up as keys, beside sqlite3's own import."""
        n = self.a.people
        folder = self.work / "import"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        password = self.work / "password"
        password.write_text("bench-password-1\n")
        run(kith, "init", "--data", folder, "--admin", "bench@kith.example", "--password-file", password)
        token = run(kith, "token", "create", "--data", folder, "--user", "bench@kith.example", "--name", "b").strip().split("\n")[-1]
        with open(folder / "kith.conf", "a") as conf:
            conf.write("\nupload_max = 1024M\nbackup_hours = 0\n")
        file = self.import_file(n)
        plain = self.plain_import(folder, file, n)
        base = "http://127.0.0.1:18083"
        server = Server([kith, "serve", "--data", folder, "--listen", "127.0.0.1:18083"], base + "/healthz")
        most = 0

        def ask(path, method="GET", body=None, raw=None):
            request = urllib.request.Request(base + path, method=method,
                                             data=raw if raw is not None else json.dumps(body).encode() if body is not None else None,
                                             headers={"Authorization": f"Bearer {token}",
                                                      "Content-Type": "text/csv" if raw is not None else "application/json"})
            with urllib.request.urlopen(request) as answer:
                return answer.read().decode()

        def until(ready):
            nonlocal most
            while not (found := ready()):
                most = max(most, anonymous(server.pid))
                time.sleep(0.2)
            return found

        def state_past(id, busy):
            record = json.loads(ask(f"/api/v1/imports/{id}"))
            return record["state"] != busy and record

        def has_read(consumer):
            text = ask("/metrics")
            newest = int(re.search(r"^kith_feed_newest (\d+)", text, re.M).group(1))
            found = re.search(rf"^{consumer} (\d+)", text, re.M)
            return found and int(found.group(1)) >= newest

        def sweep():
            jobs = [j for j in json.loads(ask("/api/v1/jobs"))["items"] if j["kind"] == "match_sweep"]
            return next((j for j in jobs if j["state"] in ("done", "failed") and j.get("result")), None)

        try:
            up = json.loads(ask("/api/v1/files?name=people.csv", "POST", raw=file.read_bytes()))
            start = time.monotonic()
            made = json.loads(ask("/api/v1/imports", "POST", {"entity": "contacts", "file": up["id"], "options": {"keys": ["email"]}}))
            until(lambda: state_past(made["id"], "reading"))
            read = time.monotonic()
            ask(f"/api/v1/imports/{made['id']}/start", "POST", {})
            with Waits(lambda: ask("/api/v1/notes", "POST", {"body": "during the import"})) as waits:
                done = until(lambda: state_past(made["id"], "running"))
            end = time.monotonic()
            until(lambda: has_read('kith_feed_consumer{name="search"}'))
            found = time.monotonic()
            until(lambda: has_read("kith_feed_slowest_consumer"))
            caught = time.monotonic()
            during, most = most, 0
            swept = until(sweep)
            compared = time.monotonic()
        finally:
            server.stop()
        if done["created"] != n:
            raise SystemExit(f"the import made {done['created']} people of {n}")
        ours = n / (end - read)
        print(f"import of {n} people, e-mails as keys: {ours:.0f} rows/s (goal 25000; {read - start:.1f} s reading before, {end - read:.1f} s running), "
              f"searchable {found - end:.1f} s later (goal 60), all consumers {caught - end:.1f} s; {during:.0f} MB anonymous (goal 200); "
              f"sqlite3 .import {plain:.0f} rows/s; ratio {ours / plain:.2f} (goal 0.3)")
        print(f"another's write during the import: {waits}")
        print(f"sweep for duplicates over {n}: {swept['result'].get('seconds')} s at work, {compared - caught:.1f} s until it was done, "
              f"{most:.0f} MB anonymous; {swept['result']}", flush=True)

    def fields(self):
        """A list of 50 with 20 users' fields on the object, and with 500, all filled in every row."""
        times = {}
        have = {f["name"] for f in self.api("/fields?limit=200&where=entity%20%3D%20'contact'")["items"]}
        kinds = ["text", "integer", "decimal", "yes_no", "date", "instant", "duration", "percent", "money", "long_text"]
        for want in (20, 500):
            for i in range(want):
                name = f"x_bench{i:03d}"
                if name not in have and i >= len([h for h in have if h.startswith("x_bench")]):
                    self.api("/fields", "POST", {"entity": "contact", "name": name, "label": name, "kind": kinds[i % len(kinds)]})
                    have.add(name)
            self.ours.stop()
            with sqlite3.connect(next((self.data / "orgs").glob("*/kith.db"))) as db:
                for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'contacts\\_x%' ESCAPE '\\'").fetchall():
                    cells = [(r[1], r[2]) for r in db.execute(f'PRAGMA table_info("{table}")') if re.match(r"f\d+", r[1])]
                    sets = ", ".join(f'"{c}" = ' + ("1" if t == "INTEGER" else "1.5" if t == "REAL" else "'EUR'" if c.endswith("currency") else "'filled'")
                                     for c, t in cells)
                    if sets:
                        db.execute(f'UPDATE "{table}" SET {sets}')
            self.ours = Server([kith, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"], self.base + "/healthz")
            shown = FIELDS + "," + ",".join(f"x_bench{i:03d}" for i in range(10))
            path = self.list_path.rsplit("&fields=", 1)[0] + "&fields=" + shown
            wrk(self.base + path, self.a.seconds, 8, token=self.token) # an index may be made for what is asked for often
            quiet(lambda: cpu_of(self.ours.pid))
            times[want] = statistics.median(measure(self.ours, self.base + path, self.a.seconds, 8, None, token=self.token)["cpu"]
                                            for _ in range(self.a.rounds))
        print(f"list of 50 with 10 users' fields shown: {times[20]:.0f} us CPU where 20 are defined, {times[500]:.0f} us where 500 are; "
              f"ratio {times[500] / times[20]:.2f} (goal 1.3)", flush=True)

    def enrich(self):
        """40,000 postcodes with three columns attached to all people: the time until each is matched, and a filter by a column."""
        zones = 40000
        if not self.api("/objects?where=name%20%3D%20'x_zone'")["items"]:
            self.api("/objects", "POST", {"name": "x_zone", "plural": "x_zones", "title_field": "x_postcode"})
            for name, kind in (("x_postcode", "text"), ("x_country", "text"), ("x_income", "integer"), ("x_households", "integer"), ("x_rural", "yes_no")):
                self.api("/fields", "POST", {"entity": "x_zone", "name": name, "kind": kind, "index": name == "x_income"})
            table = self.work / "zones.csv"
            table.write_text("x_postcode,x_country,x_income,x_households,x_rural\n"
                             + "".join(f"{10000 + z},DE,{15000 + z * 7919 % 90000},{z % 9000},{'yes' if z % 3 else 'no'}\n" for z in range(zones)))
            start = time.monotonic()
            run(kith, "import", "x_zones", table, "--data", self.data)
            print(f"enrich: {zones} rows of facts imported in {time.monotonic() - start:.1f} s", flush=True)
        # the sample's people live in a few towns: give each one of the postcodes, and leave every tenth without
        self.ours.stop()
        with sqlite3.connect(next((self.data / "orgs").glob("*/kith.db"))) as db:
            db.execute("UPDATE contacts SET country = 'DE', postcode = CASE WHEN id % 10 THEN CAST(10000 + id * 7919 % ? AS TEXT) ELSE '00000' END", (zones,))
        self.ours = Server([kith, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"], self.base + "/healthz")
        state = lambda: next((s for s in self.api("/enrich/state", "POST", {})["items"] if s["name"] == "x_zone"), None)
        if state():
            self.api("/enrich/detach", "POST", {"entity": "contact", "name": "x_zone"})
        start, cpu = time.monotonic(), cpu_of(self.ours.pid)
        self.api("/enrich/attach", "POST", {"entity": "contact", "facts": "x_zone",
                 "on": [{"field": "postcode", "key": "x_postcode"}, {"field": "country", "key": "x_country"}]})
        known = time.monotonic() - start
        while (now := state())["at_work"]:
            time.sleep(0.1)
        print(f"enrich: {zones} postcodes joined to {now['records']} people in {time.monotonic() - start:.1f} s, {now['matched']} matched (goal 30 s for 1,000,000); "
              f"the field was made in {known:.1f} s of it; {cpu_of(self.ours.pid) - cpu:.1f} s CPU", flush=True)
        start, cpu = time.monotonic(), cpu_of(self.ours.pid)
        self.api("/enrich/refresh", "POST", {"entity": "contact", "name": "x_zone"})
        while state()["at_work"]:
            time.sleep(0.1)
        print(f"enrich: a pass that finds nothing to change takes {time.monotonic() - start:.1f} s, {cpu_of(self.ours.pid) - cpu:.1f} s CPU", flush=True)
        for where in ("x_zone.x_income > 40000", "x_zone.x_income > 104000", "x_zone.x_rural = false and x_zone.x_households < 100"):
            question = urllib.parse.urlencode({"where": where, "fields": FIELDS, "limit": 50})
            spans = []
            for _ in range(5):
                start = time.monotonic()
                n = len(self.api("/contacts?" + question)["items"])
                spans.append((time.monotonic() - start) * 1000)
            count = time.monotonic()
            found = self.api("/contacts/aggregate?" + urllib.parse.urlencode({"where": where, "measure": "count()"}))["rows"][0]["count()"]
            print(f"enrich: {where}: first {n} in {statistics.median(spans):.0f} ms, all {found} counted in {(time.monotonic() - count) * 1000:.0f} ms", flush=True)

    def send(self):
        """A campaign into smtp-sink, beside a bare loop of as many bytes over as many connections."""
        sink = shutil.which("smtp-sink", path=os.environ["PATH"] + ":/usr/sbin")
        if not sink:
            print("send: not measured, smtp-sink (Postfix) is missing")
            return
        loop, port, connections = self.work / "smtp_floor", 18025, 10
        base = [root / "src/base" / (n + ".c") for n in ("arena", "buf", "err", "str", "time", "utf8")]
        run("cc", "-O2", "-D_GNU_SOURCE", "-std=gnu17", f"-I{root / 'src'}", root / "tests/bench/smtp_floor.c",
            root / "src/domain/message/smtp.c", root / "src/domain/message/smtp_connect.c", *base, "-o", loop, "-lgnutls", "-lsodium", "-lutf8proc", "-lpthread")
        other = subprocess.Popen([sink, "-u", "nobody", "-c", f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            purpose = self.api("/consent_purposes?where=code%20%3D%20'service'")["items"][0]["id"]
            server = self.api("/mail_servers", "POST", {"name": "Sink", "host": "127.0.0.1", "port": port, "security": "none", "connections": connections})["id"]
            sender = self.api("/mail_senders", "POST", {"name": "Bench", "address": "bench@shop.example", "server": server})["id"]
            words = " ".join(f"word{i}" for i in range(300))
            text = self.api("/mail_templates", "POST", {"name": "Bench", "subject": "For {{ contact.first_name }}", "html":
                            "<p>Dear {{ contact.first_name }}</p><p>" + words + "</p><a href=\"https://shop.example/a\">a</a> <a href=\"{{ links.preferences }}\">choose</a>"})["id"]
            size = self.api(f"/mail_templates/{text}/preview", "POST", {})["bytes"]
            bare, ours, mails = [], [], 0
            for i in range(self.a.rounds):
                bare.append(float(run(loop, port, connections, 20000, size)))
                part = min(20000, self.a.people // self.a.rounds)
                where = f"id > {i * part} and id <= {(i + 1) * part} and email is not empty"
                made = self.api("/campaigns", "POST", {"name": f"Bench {i}", "purpose": purpose, "sender": sender, "template": text, "where": where})["id"]
                before, begun = quiet(lambda: cpu_of(self.ours.pid)), time.monotonic()
                self.api(f"/campaigns/{made}/start", "POST", {})
                while True:
                    time.sleep(0.25)
                    counts = self.api(f"/campaigns/{made}/results", "POST", {})["messages"]
                    if counts["sent"] and not counts["planned"] and not counts["in_flight"]:
                        break
                mails += counts["sent"]
                ours.append((counts["sent"] / (time.monotonic() - begun), (cpu_of(self.ours.pid) - before) / counts["sent"]))
            rate, cpu = statistics.median(o[0] for o in ours), statistics.median(o[1] for o in ours)
            print(f"send to smtp-sink over {connections} connections, mails of {size} bytes, {mails} in all: {rate:.0f}/s from the start of planning, "
                  f"{cpu * 1e6:.0f} us CPU a mail; bare loop {statistics.median(bare):.0f}/s; ratio {rate / statistics.median(bare):.2f} (goal 0.5)", flush=True)
        finally:
            other.terminate()

    def web(self):
        """In Chromium: the first row on a slow phone, and from a click to painted data on the desk."""
        tools = root / "web/.tools/node_modules/.bin/node"
        node = str(tools) if tools.exists() else shutil.which("node")
        if not shutil.which("chromium") or not node or not (root / "web/node_modules/playwright-core").exists():
            print("web: not measured, Chromium or playwright-core is missing")
            return
        answer = subprocess.run([node, root / "tests/bench/web.mjs", self.base, "bench@kith.example", "bench-password-1",
                                 str(max(5, self.a.rounds * 2))], capture_output=True, text=True)
        if answer.returncode:
            print("web: " + answer.stderr[-800:])
            return
        got = json.loads(answer.stdout.strip().split("\n")[-1])
        phone = got["phone"]
        print(f"web, slow phone, nothing kept: first row {phone['p50']} ms, slowest {phone['most']} ms of {phone['n']} (goal 1900)")
        words = {"open": "list opens", "filter": "filter", "scroll": "scroll by 30 rows", "end": "jump to the end", "record": "record opens"}
        for key, what in words.items():
            r = got[key]
            print(f"web, {self.a.people} people, {what}: p50 {r['p50']} ms, p95 {r['p95']} ms of {r['n']} (goal 150)")
        print(f"web: at most {got['nodes']} nodes (goal 1500)", flush=True)

    def memory(self):
        print(f"memory idle: {anonymous(self.ours.pid):.1f} MB anonymous (goal 25)")
        wrk(self.base + self.list_path, 3, 64, None, self.token)
        script = self.ids_script("full", "/api/v1/contacts/%d", self.a.people)
        wrk(self.base, 3, 64, script, self.token)
        print(f"memory after many requests on 64 connections: {anonymous(self.ours.pid):.1f} MB anonymous (goal 64)")

    def start(self):
        spans = []
        for _ in range(5):
            server = Server([kith, "serve", "--data", self.data, "--listen", "127.0.0.1:18082"],
                            "http://127.0.0.1:18082/healthz")
            spans.append(server.first_answer * 1000)
            server.stop()
        print(f"start to first answer: {statistics.median(spans):.0f} ms (goal 50)")

    def all(self):
        only = self.a.only.split(",")
        if only == ["import"]: # has a folder of its own, and nothing else runs beside it
            self.imports()
            return self.a.keep or shutil.rmtree(self.work)
        self.prepare()
        if "start" in only:
            self.start()
        self.serve()
        try:
            for name in ("memory", "web", "get", "list", "few", "search", "create", "enrich", "fields", "send", "purchases", "events"):
                if name in only:
                    quiet(lambda: cpu_of(self.ours.pid)) # new data are looked through by themselves: not what is measured
                    getattr(self, name)()
            if "import" in only:
                self.imports()
        finally:
            self.ours.stop()
            if self.floor:
                self.under.stop()
            if not self.a.keep:
                shutil.rmtree(self.work)


Bench(arguments()).all()
