/* harness.c - forks, kills, cuts the power, counts. */

#include "harness.h"

#include "base/time.h"
#include "db/writer.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS_MAX = 16, SHOWN = 5, LONGEST = 60, WARM_MS = 5, SPAN_MS = 150, PROOF_POINTS = 20 };

enum mode { MODE_KILL, MODE_POWER, MODES };

static const char *const mode_names[] = { "kill", "power" };

struct options {
    int points;
    uint64_t seed;
    const char *workload;
    int mode; /* MODES: each */
    bool sync_off, no_recovery;
};

/* The child's. */
static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;
static bool dark;
static int shown;

void give_up(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    _exit(3);
}

void finding(struct stage *s, const char *fmt, ...)
{
    va_list args;

    if (s->findings++ < SHOWN) {
        va_start(args, fmt);
        printf("    ");
        vprintf(fmt, args);
        putchar('\n');
        va_end(args);
    }
}

void client_report(struct client *c, const struct report *r)
{
    struct report out = *r;

    out.client = c->number;
    pthread_mutex_lock(&telling);
    bool heard = !dark;
    if (heard && write(c->stage->pipe, &out, sizeof out) != sizeof out) {
        _exit(4);
    }
    pthread_mutex_unlock(&telling);
    while (!heard) {
        pause(); /* else it might make a call of which nobody was told */
    }
}

void client_trouble(struct client *c, const char *fmt, ...)
{
    va_list args;

    pthread_mutex_lock(&telling);
    bool loud = !dark && shown++ < SHOWN;
    if (loud) {
        va_start(args, fmt);
        printf("    client %d: ", c->number);
        vprintf(fmt, args);
        putchar('\n');
        fflush(stdout);
        va_end(args);
    }
    pthread_mutex_unlock(&telling);
    client_report(c, &(struct report) { .what = REPORT_TROUBLE });
}

struct fate *fates_of(struct stage *s, size_t *n)
{
    size_t room = 64;

    while (room < s->nreports * 2) {
        room *= 2;
    }
    struct fate *fates = ARENA_ARRAY(s->mem, struct fate, room);
    for (size_t i = 0; i < s->nreports; i++) {
        const struct report *r = &s->reports[i];
        size_t at = (size_t)r->key * 0x9e3779b97f4a7c15u >> 20 & (room - 1);
        while (fates[at].used && fates[at].key != r->key) {
            at = (at + 1) & (room - 1);
        }
        struct fate *f = &fates[at];
        f->used = true;
        f->key = r->key;
        f->trying = r->what == REPORT_TRY;
        if (r->what == REPORT_TRY) {
            f->next = r->b;
        } else if (r->what == REPORT_DONE) {
            f->value = r->b;
            f->id = r->a;
        }
    }
    *n = room;
    return fates;
}

bool fate_allows(const struct fate *f, int64_t value)
{
    return value == f->value || (f->trying && value == f->next);
}

static void pause_ms(int64_t ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&t, NULL);
}

/* ---- the child ---- */

struct hand {
    struct client client;
    const struct workload *w;
    pthread_t thread;
};

static void *work(void *arg)
{
    struct hand *h = arg;

    for (;;) {
        h->w->call(&h->client);
        h->client.calls++;
    }
    return NULL;
}

static _Noreturn void child(
    const struct workload *w, struct stage *s, enum mode mode, int64_t after_ms)
{
    static struct hand hands[CLIENTS_MAX];
    struct report ready = { .what = REPORT_READY };

    w->open(s);
    if (write(s->pipe, &ready, sizeof ready) != sizeof ready) {
        _exit(4);
    }
    for (int i = 0; i < w->clients; i++) {
        struct hand *h = &hands[i];
        *h = (struct hand) { .w = w, .client = { .stage = s, .number = i,
                                         .r = { s->seed * 1000003 + (uint64_t)i } } };
        if (pthread_create(&h->thread, NULL, work, h) != 0) {
            give_up("no thread");
        }
    }
    if (mode == MODE_KILL) {
        pause_ms(LONGEST * 1000);
        _exit(5);
    }
    pause_ms(after_ms);
    /* an answer that comes of the loss is not heard by anybody */
    pthread_mutex_lock(&telling);
    dark = true;
    pthread_mutex_unlock(&telling);
    db_power_loss(s->seed);
    _exit(0);
}

/* ---- the parent ---- */

static void keep(struct stage *s, const struct report *r)
{
    if (s->nreports == s->room) {
        s->room = s->room ? s->room * 2 : 4096;
        s->reports = realloc(s->reports, s->room * sizeof *s->reports);
        if (!s->reports) {
            give_up("out of memory");
        }
    }
    s->reports[s->nreports++] = *r;
}

/* Reads what the child tells until it is gone; kills it at its moment. */
static void listen_to(struct stage *s, int fd, pid_t pid, enum mode mode, int64_t after_ms)
{
    int64_t deadline = time_monotonic() + SECONDS(LONGEST);
    bool killed = false;
    struct report got[64];
    size_t have = 0;

    for (;;) {
        int64_t left = (deadline - time_monotonic()) / 1000;
        if (left <= 0 && !killed) {
            kill(pid, SIGKILL);
            killed = true;
        }
        struct pollfd p = { fd, POLLIN, 0 };
        if (poll(&p, 1, left > 0 ? (int)left : 1000) <= 0) {
            continue;
        }
        ssize_t n = read(fd, (char *)got + have, sizeof got - have);
        if (n <= 0) {
            break;
        }
        have += (size_t)n;
        for (size_t i = 0; i < have / sizeof *got; i++) {
            if (got[i].what == REPORT_READY && mode == MODE_KILL) {
                deadline = time_monotonic() + after_ms * 1000;
            }
            if (got[i].what == REPORT_TROUBLE) {
                s->findings++;
            } else if (got[i].what != REPORT_READY) {
                keep(s, &got[i]);
            }
        }
        memmove(got, (char *)got + have / sizeof *got * sizeof *got, have % sizeof *got);
        have %= sizeof *got;
    }
}

static void run_child(const struct workload *w, struct stage *s, enum mode mode, bool no_recovery)
{
    struct rng r = { s->seed };
    int64_t after_ms = WARM_MS + (int64_t)rng_below(&r, SPAN_MS);
    int ends[2], status;

    if (pipe(ends) != 0) {
        give_up("no pipe");
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        give_up("no process");
    }
    if (pid == 0) {
        close(ends[0]);
        s->pipe = ends[1];
        s->vfs = mode == MODE_POWER ? db_powerloss_vfs() : NULL;
        writer_without_recovery(no_recovery);
        child(w, s, mode, after_ms);
    }
    close(ends[1]);
    listen_to(s, ends[0], pid, mode, after_ms);
    close(ends[0]);
    waitpid(pid, &status, 0);
    bool as_wanted = mode == MODE_KILL ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                                       : WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!as_wanted) {
        finding(s, "the child ended by itself, status %x", (unsigned)status);
    }
}

static int forget(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void begin(const struct workload *w, struct stage *s)
{
    const char *tmp = getenv("TMPDIR");

    *s = (struct stage) { 0 };
    snprintf(s->dir, sizeof s->dir, "%s/kith-crash-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(s->dir)) {
        give_up("no folder in %s", tmp ? tmp : "/tmp");
    }
    snprintf(s->path, sizeof s->path, "%s/crash.db", s->dir);
    w->prepare(s);
}

static void end(const struct workload *w, struct stage *s)
{
    if (!*s->dir) {
        return;
    }
    if (w->clear) {
        w->clear(s);
    }
    if (getenv("KITH_KEEP")) {
        printf("    kept in %s\n", s->dir);
    } else {
        nftw(s->dir, forget, 8, FTW_DEPTH | FTW_PHYS);
    }
    free(s->reports);
    *s = (struct stage) { 0 };
}

struct sums {
    int points, failures;
    long long acknowledged, refused;
};

static void one_point(const struct workload *w, struct stage *s, const struct options *o,
    enum mode mode, uint64_t seed, struct sums *sums)
{
    s->seed = seed;
    s->sync_off = o->sync_off;
    s->nreports = 0;
    s->findings = 0;
    s->mem = arena_create(0);
    run_child(w, s, mode, o->no_recovery);
    w->check(s);
    arena_destroy(s->mem);
    for (size_t i = 0; i < s->nreports; i++) {
        sums->acknowledged += s->reports[i].what == REPORT_DONE;
        sums->refused += s->reports[i].what == REPORT_REFUSED;
    }
    sums->points++;
    s->point++;
    if (s->findings) {
        sums->failures++;
        printf("  %s, %s, seed %llu: %d findings\n", w->name, mode_names[mode],
            (unsigned long long)seed, s->findings);
    }
}

/* Points of one workload; stops at the first failure when only that is asked. */
static struct sums run_points(
    const struct workload *w, const struct options *o, enum mode mode, int points, bool until_failure)
{
    struct stage s = { 0 };
    struct sums sums = { 0 };
    int share = w->points > 1 ? w->points : 1;
    int64_t from = time_monotonic();

    for (int i = 0; i < points && !(until_failure && sums.failures); i++) {
        if (!*s.dir || s.point >= share || s.findings) {
            end(w, &s);
            begin(w, &s);
        }
        one_point(w, &s, o, mode, o->seed + (uint64_t)i, &sums);
    }
    end(w, &s);
    printf("%s, %s%s%s: %d points, %d failures, %lld acknowledged, %lld refused, %.1f s\n", w->name,
        mode_names[mode], o->sync_off ? ", synchronous off" : "",
        o->no_recovery ? ", no recovery" : "", sums.points, sums.failures, sums.acknowledged,
        sums.refused, (double)(time_monotonic() - from) / 1e6);
    fflush(stdout);
    return sums;
}

static bool wanted(const struct workload *w, const struct options *o, enum mode mode)
{
    return (!o->workload || strcmp(o->workload, w->name) == 0)
        && (o->mode == MODES || o->mode == (int)mode) && (mode == MODE_KILL || w->power)
        && (!o->sync_off || mode == MODE_POWER) && (!o->no_recovery || w->proves_recovery);
}

/* Shares the points of each mode out among the workloads. */
static struct sums run_table(const struct workload *table, const struct options *o)
{
    struct sums all = { 0 };

    for (int mode = 0; mode < MODES; mode++) {
        int left = 0;
        for (const struct workload *w = table; w->name; w++) {
            left += wanted(w, o, (enum mode)mode);
        }
        int points = o->points;
        for (const struct workload *w = table; w->name; w++) {
            if (!wanted(w, o, (enum mode)mode)) {
                continue;
            }
            int mine = points / left--;
            points -= mine;
            struct sums s = run_points(w, o, (enum mode)mode, mine, false);
            all.points += s.points;
            all.failures += s.failures;
        }
    }
    return all;
}

/* Whether each workload that must notice does: a harness that cannot fail proves nothing. */
static struct sums run_proofs(const struct workload *table, const struct options *o)
{
    struct sums all = { 0 };

    for (const struct workload *w = table; w->name; w++) {
        for (int proof = 0; proof < 2; proof++) {
            bool sync = proof == 0;
            struct options one = { .seed = o->seed, .sync_off = sync, .no_recovery = !sync };
            if (!(sync ? w->proves_sync : w->proves_recovery)) {
                continue;
            }
            printf("must fail:\n");
            struct sums s
                = run_points(w, &one, sync ? MODE_POWER : MODE_KILL, PROOF_POINTS, true);
            all.points += s.points;
            if (!s.failures) {
                printf("  it did not: the harness has seen nothing\n");
                all.failures++;
            }
        }
    }
    return all;
}

static const char *next_word(int argc, char **argv, int *i)
{
    if (*i + 1 >= argc) {
        give_up("%s wants a value", argv[*i]);
    }
    return argv[++*i];
}

static void read_options(int argc, char **argv, struct options *o)
{
    int64_t n;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--synchronous-off") == 0) {
            o->sync_off = true;
        } else if (strcmp(argv[i], "--no-recovery") == 0) {
            o->no_recovery = true;
        } else if (strcmp(argv[i], "--workload") == 0) {
            o->workload = next_word(argc, argv, &i);
        } else if (strcmp(argv[i], "--mode") == 0) {
            o->mode = strcmp(next_word(argc, argv, &i), "power") == 0 ? MODE_POWER : MODE_KILL;
        } else if (strcmp(argv[i], "--points") == 0
            && str_to_int(str_of(next_word(argc, argv, &i)), &n)) {
            o->points = (int)n;
        } else if (strcmp(argv[i], "--seed") == 0
            && str_to_int(str_of(next_word(argc, argv, &i)), &n)) {
            o->seed = (uint64_t)n;
        } else {
            give_up("what is %s? --points N --seed S --workload NAME --mode kill|power "
                    "--synchronous-off --no-recovery",
                argv[i]);
        }
    }
}

int crash_main(int argc, char **argv, const struct workload *table)
{
    struct options o = { .points = 50, .mode = MODES };

    rand_bytes(&o.seed, 4); /* a new one each time, printed */
    read_options(argc, argv, &o);
    printf("seed %llu\n", (unsigned long long)o.seed);
    struct sums all = run_table(table, &o);
    if (!o.sync_off && !o.no_recovery && !o.workload && o.mode == MODES) {
        struct sums proofs = run_proofs(table, &o);
        all.points += proofs.points;
        all.failures += proofs.failures;
    }
    if (!all.points) {
        printf("no workload fits\n");
        all.failures++;
    }
    printf("%d points, %d failures\n", all.points, all.failures);
    return all.failures ? 1 : 0;
}
