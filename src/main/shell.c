/* shell.c - one request, over the local socket or in this process. */

#include "main/shell.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"
#include "http/api.h"
#include "main/installation.h"
#include "main/local.h"
#include "model/job.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shell {
    struct cmd *cmd;
    struct installation inst;
    struct api api;
    const char *socket; /* of the running server, NULL in this process */
    bool followed;    /* something was written that consumers follow */
    uint64_t at_first; /* jobs that had been ordered before */
};

/* A server that holds the lock may not listen yet. */
static int open_remote(struct shell *s, const char *dir)
{
    s->socket = arena_fmt(s->cmd->mem, "%s/kith.sock", dir).p;
    for (int tries = 0; tries < 50; tries++) {
        int fd = local_connect(s->socket);
        if (fd >= 0) {
            close(fd);
            return EXIT_DONE;
        }
        usleep(100000);
    }
    return cmd_fail(s->cmd, "another process holds %s, and does not answer", dir);
}

static void wake(void *arg, uint64_t touched, bool here)
{
    struct shell *s = arg;

    (void)here;
    s->followed = s->followed || touched;
}

int shell_open(struct cmd *cmd, struct shell **out)
{
    struct shell *s = ARENA_NEW(cmd->mem, struct shell);
    const char *dir = cmd_option(cmd, "data");
    struct err e = { 0 };

    s->cmd = cmd;
    *out = s;
    enum err_code code = installation_open(cmd->mem, dir, &s->inst, &e);
    if (code == ERR_BUSY) {
        return open_remote(s, dir);
    }
    if (code == OK) {
        code = installation_open_org(&s->inst, &e);
    }
    if (code != OK) {
        folder_unlock(s->inst.lock);
        return cmd_fail(cmd, "%s", e.msg);
    }
    s->api.org = s->inst.org;
    s->inst.org->wake = wake;
    s->inst.org->wake_arg = s;
    s->at_first = s->inst.org->jobs_queued;
    return EXIT_DONE;
}

void shell_close(struct shell *s)
{
    struct err e = { 0 };

    if (!s || s->socket || !s->inst.org) {
        return;
    }
    /* a command that leaves nothing to do, a back-up or a token, does not take on what waits from before */
    bool left = s->followed || s->inst.org->jobs_queued != s->at_first;
    if (left && workers_drain(s->inst.org, &e) != OK) {
        (void)cmd_fail(s->cmd, "some work is left for the server: %s", e.msg);
    }
    installation_close(&s->inst);
}

struct org *shell_org(struct shell *s)
{
    return s->socket ? NULL : s->inst.org;
}

/* ---- requests ---- */

static void run_here(struct shell *s, const struct local_request *r, struct answer *out)
{
    struct arena *mem = arena_create(0);
    struct exchange *x = api_exchange(&s->api, mem, r->method, r->target, r->body);

    if (r->file) {
        (void)fseeko(r->file, 0, SEEK_END);
        x->req.spool = fileno(r->file);
        x->req.spooled = (int64_t)ftello(r->file);
    }
    (void)api_start(x);
    out->status = x->reply.status;
    out->body = arena_str(s->cmd->mem, x->reply.body);
    arena_destroy(mem);
}

static int ask(struct shell *s, const struct local_request *r, struct answer *out)
{
    struct local_answer a = { .mem = s->cmd->mem };
    struct err e = { 0 };

    *out = (struct answer) { 0 };
    if (!s->socket) {
        run_here(s, r, out);
        return EXIT_DONE;
    }
    if (local_ask(s->socket, r, &a, &e) != OK) {
        return cmd_fail(s->cmd, "%s", e.msg);
    }
    out->status = a.status;
    out->body = a.body;
    return EXIT_DONE;
}

int shell_try(struct shell *s, const char *method, struct str target, struct str body,
    struct answer *out)
{
    return ask(s, &(struct local_request) { .method = method, .target = target, .body = body }, out);
}

static int told(struct shell *s, int code, const struct answer *a)
{
    return code != EXIT_DONE || (a->status >= 200 && a->status < 300) ? code : shell_problem(s, a);
}

int shell_request(struct shell *s, const char *method, struct str target, struct str body,
    struct answer *out)
{
    return told(s, shell_try(s, method, target, body, out), out);
}

int shell_upload(struct shell *s, struct str target, FILE *file, struct answer *out)
{
    struct local_request r = { .method = "POST", .target = target, .body = STR(""), .file = file };

    return told(s, ask(s, &r, out), out);
}

static bool is_one_of(struct str state, const char *const *busy)
{
    while (*busy && !str_is(state, *busy)) {
        busy++;
    }
    return *busy != NULL;
}

int shell_await(struct shell *s, struct str target, const char *const *busy,
    void (*heard)(const json_t *), struct answer *out)
{
    struct err e = { 0 };

    for (;;) {
        struct arena_mark mark = arena_mark(s->cmd->mem);
        if (!s->socket && workers_drain(s->inst.org, &e) != OK) {
            return cmd_fail(s->cmd, "%s", e.msg);
        }
        int code = shell_request(s, "GET", target, STR(""), out);
        const json_t *tree = code == EXIT_DONE ? answer_json(s, out) : NULL;
        if (code != EXIT_DONE || !is_one_of(json_str(json_object_get(tree, "state")), busy)) {
            return code;
        }
        if (heard) {
            heard(tree);
        }
        arena_rewind(s->cmd->mem, mark);
        usleep(50000);
    }
}
/* ---- streams ---- */

static int stream_here(struct shell *s, struct str target, FILE *out)
{
    struct arena *mem = arena_create(0), *page = arena_create(0);
    struct exchange *x;
    struct answer a;
    int code = EXIT_DONE;

    x = api_exchange(&s->api, mem, "GET", target, STR(""));
    (void)api_start(x);
    a = (struct answer) { x->reply.status, x->reply.body };
    bool more = x->reply.stream != NULL;
    if (a.status != 200) {
        code = shell_problem(s, &a);
    } else if (a.body.n) {
        (void)fwrite(a.body.p, 1, a.body.n, out);
    }
    while (code == EXIT_DONE && more) {
        struct buf piece;
        arena_reset(page);
        buf_init(&piece, page, BODY_MAX);
        if (x->reply.stream->fill(x, &piece, &more) != OK || piece.failed) {
            code = cmd_fail(s->cmd, "the answer broke off");
        }
        (void)fwrite(piece.p, 1, piece.n, out);
    }
    arena_destroy(page);
    arena_destroy(mem);
    return code;
}

int shell_stream(struct shell *s, struct str target, FILE *out)
{
    int code = EXIT_DONE;

    if (!s->socket) {
        code = stream_here(s, target, out);
    } else {
        struct local_answer a = { .mem = s->cmd->mem, .out = out };
        struct err e = { 0 };
        struct local_request r = { .method = "GET", .target = target, .body = STR("") };
        if (local_ask(s->socket, &r, &a, &e) != OK) {
            return cmd_fail(s->cmd, "%s", e.msg);
        }
        if (a.status != 200) {
            code = shell_problem(s, &(struct answer) { a.status, a.body });
        }
    }
    if (fflush(out) != 0 || ferror(out)) {
        return cmd_fail(s->cmd, "cannot write the output");
    }
    return code;
}

/* ---- answers ---- */

json_t *answer_json(struct shell *s, const struct answer *a)
{
    struct err e = { 0 };
    json_t *tree = NULL;

    return json_read(s->cmd->mem, a->body, &tree, &e) == OK ? tree : NULL;
}

int shell_problem(struct shell *s, const struct answer *a)
{
    json_t *tree = answer_json(s, a), *one;
    const char *detail = json_string_value(json_object_get(tree, "detail"));
    const json_t *errors = json_object_get(tree, "errors");
    size_t i;

    if (s->cmd->json) {
        fprintf(stderr, "%.*s\n", STR_ARG(a->body));
        return EXIT_FAILED;
    }
    if (json_array_size(errors) == 0) {
        return cmd_fail(s->cmd, "%s", detail ? detail : "no understandable answer came");
    }
    json_array_foreach((json_t *)(uintptr_t)errors, i, one)
    {
        const char *field = json_string_value(json_object_get(one, "field"));
        const char *message = json_string_value(json_object_get(one, "message"));
        (void)cmd_fail(s->cmd, "%s%s%s", field ? field : "", field && *field ? ": " : "",
            message ? message : "");
    }
    return EXIT_FAILED;
}

struct str url_escape(struct arena *mem, struct str s)
{
    struct buf out;

    buf_init(&out, mem, s.n * 3 + 1);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        bool plain = (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
            || ch == '-' || ch == '_' || ch == '.' || ch == '~';
        if (plain) {
            buf_byte(&out, (char)ch);
        } else {
            buf_fmt(&out, "%%%02X", ch);
        }
    }
    return buf_str(&out);
}

struct str json_compact(struct arena *mem, json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT);
    struct str s = arena_str(mem, str_of(text));

    free(text); /* jansson's own */
    json_decref(tree);
    return s;
}

bool shell_print_json(const struct cmd *cmd, const struct answer *a)
{
    if (cmd->json) {
        printf("%.*s\n", STR_ARG(a->body));
    }
    return cmd->json;
}
