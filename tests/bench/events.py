"""Behaviour: how many events a second are taken, what one costs on disk, how soon a segment follows."""

import json
import sqlite3
import statistics
import time
import urllib.parse
import urllib.request

from beside import Beside, quiet

SEGMENTS, WAITED, LOAD = 200, 100, 2000


def name_people(data):
    """Before the server starts: people get the ids by which a shop knows them."""
    with sqlite3.connect(data / "orgs/main/kith.db") as db:
        db.execute("UPDATE contacts SET external_id = 'p' || id")


def size(data):
    """Bytes of the tables of events, with all their indexes."""
    db = sqlite3.connect(f"file:{data}/orgs/main/kith.db?mode=ro", uri=True)
    tables = "'events', 'event_days', 'event_messages'"
    events = db.execute("SELECT count(*) FROM events").fetchone()[0]
    try:
        bytes = db.execute("SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name IN"
                           f" ({tables}) UNION SELECT name FROM sqlite_master WHERE name IN ({tables}))").fetchone()[0]
    except sqlite3.OperationalError:
        bytes = None
    db.close()
    return events, bytes


class Sender:
    def __init__(self, bench):
        self.bench = bench
        self.source = bench.api("/event_sources", "POST", {"name": "Bench", "kind": "server"})

    def send(self, name, body):
        request = urllib.request.Request(f"{self.bench.base}/v1/{name}", method="POST",
                                         data=json.dumps({"writeKey": self.source["key"], **body}).encode())
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def script(self, items):
        """Page views of people by chance, each with an id of its own, as a site's server sends them."""
        file = self.bench.work / f"events{items}.lua"
        file.write_text(f"""
local n, threads = 0, 0
setup = function(thread) thread:set('t', threads) threads = threads + 1 end
init = function() math.randomseed({int(time.time())} + t) end
local function item()
  n = n + 1
  return string.format('{{"type":"track","event":"page_view","userId":"p%d","messageId":"%d-{time.time():.0f}-{items}-%d",'
    .. '"properties":{{"url":"/products/%d","title":"Product %d","price":%d.5}}}}', math.random(1, {self.bench.a.people}), t, n,
    math.random(1, 500), math.random(1, 500), math.random(1, 90))
end
request = function()
  local body
  if {items} == 1 then
    body = '{{"writeKey":"{self.source["key"]}",' .. string.sub(item(), 2)
    return wrk.format('POST', '/v1/track', {{['Content-Type']='application/json'}}, body)
  end
  local list = {{}}
  for i = 1, {items} do list[i] = item() end
  body = '{{"writeKey":"{self.source["key"]}","batch":[' .. table.concat(list, ',') .. ']}}'
  return wrk.format('POST', '/v1/batch', {{['Content-Type']='application/json'}}, body)
end
""")
        return file


def segments(bench, event):
    """Live ones that look at an event, each another number of days."""
    made = [bench.api("/segments", "POST", {"name": f"{event} {i} {time.time():.0f}", "where": f"did('{event}', {i + 1}d) >= 1"})["id"]
            for i in range(SEGMENTS)]
    start = time.monotonic()
    while any(bench.api(f"/segments/{i}")["state"] != "live" for i in (made[0], made[-1])):
        time.sleep(1)
    return made, time.monotonic() - start


def delay(bench, sender, segment, event, past):
    """From the answer to an event until the person is seen in the segment, in milliseconds; past: people who were taken before."""
    code = bench.api(f"/segments/{segment}")["code"]
    took = []
    for i in range(WAITED):
        id = bench.a.people - past - i
        sender.send("track", {"userId": f"p{id}", "event": event})
        start = time.monotonic()
        path = "/contacts?fields=id&where=" + urllib.parse.quote(f"id = {id} and in_segment('{code}')")
        while not bench.api(path)["items"]:
            time.sleep(0.003)
            if time.monotonic() - start > 20:
                break
        took.append((time.monotonic() - start) * 1000)
    took.sort()
    return took


class Load(Beside):
    """LOAD events a second of people by chance, in batches of 100."""

    def __init__(self, bench, sender):
        super().__init__()
        self.bench, self.sender = bench, sender

    def run(self):
        start, n = time.monotonic(), 0
        while not self.over.is_set():
            wait = start + n / LOAD - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self.sender.send("batch", {"batch": [{"type": "track", "event": "page_view", "userId": f"p{1 + (n + i) * 7919 % self.bench.a.people}",
                                                  "properties": {"url": f"/products/{i}"}} for i in range(100)]})
            n += 100
        self.rate = n / (time.monotonic() - start)


def judged(bench, sender, cpu, event, other):
    """What a person costs who is judged against all segments: the CPU of events that they look at, less that of others.
    The first time he enters them all, the second nothing is other than before."""
    spent = []
    for name in (other, event, event):
        before = quiet(cpu)
        for at in range(0, 2000, 100):
            sender.send("batch", {"batch": [{"type": "track", "event": name, "userId": f"p{1 + at + i}"} for i in range(100)]})
        spent.append(quiet(cpu) - before)
    return [(s - spent[0]) / 2000 * 1000 for s in spent[1:]]


def tell(took):
    return f"p50 {statistics.median(took):.0f} ms, p95 {took[int(len(took) * .95)]:.0f} ms"


def measure(bench, measure_wrk, memory, cpu):
    sender = Sender(bench)
    for items, connections, goal in ((100, 16, 20000), (1, 64, 5000)):
        runs = [measure_wrk(bench.ours, bench.base, bench.a.seconds, connections, sender.script(items))
                for _ in range(bench.a.rounds)]
        middle = sorted(runs, key=lambda r: r["rate"])[len(runs) // 2]
        print(f"events by {items}: {middle['rate'] * items:.0f}/s (goal {goal}), p50 {middle['latency']['50']:.1f} ms, p99 "
              f"{middle['latency']['99']:.1f} ms, {middle['cpu'] / items:.1f} us CPU an event"
              + (f", {middle['bad']} FAILED" if middle["bad"] else ""), flush=True)
    time.sleep(2)
    events, bytes = size(bench.data)
    if bytes:
        print(f"events on disk: {bytes / events:.0f} bytes each with counts and message ids, of {events} (goal 120)", flush=True)
    made, spent = segments(bench, "bench_event")
    print(f"{SEGMENTS} segments of events built over {bench.a.people} people in {spent:.0f} s", flush=True)
    print(f"event to membership, {SEGMENTS} live segments: {tell(delay(bench, sender, made[0], 'bench_event', 0))}", flush=True)
    both = [bench.api("/segments", "POST", {"name": f"Views {time.time():.0f}", "where": "did('page_view', 1d) >= 1000"})["id"]]
    with Load(bench, sender) as load:
        time.sleep(2)
        took = delay(bench, sender, made[0], "bench_event", WAITED)
    print(f"the same beside {load.rate:.0f} events a second: {tell(took)} (goal 250)", flush=True)
    enters, again = judged(bench, sender, cpu, "bench_event", "other_event")
    print(f"one person judged against {SEGMENTS} segments: {again:.2f} ms CPU (goal 1), {enters:.2f} when he enters them all", flush=True)
    print(f"memory after it: {memory():.0f} MB anonymous (goal 150)", flush=True)
    bench.api("/segments/bulk", "POST", {"ids": made + both, "do": "delete"})
