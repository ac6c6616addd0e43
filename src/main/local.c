/* local.c - a small HTTP/1.1 client: one request a connection, lengths or chunks. */

#include "main/local.h"

#include "base/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEAD_MAX = 64 << 10, READ = 64 << 10 };
static const size_t body_most = (size_t)1 << 30;

struct wire {
    int fd;
    char bytes[READ];
    size_t at, n;
};

int local_connect(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof to.sun_path || fd < 0) {
        return -1;
    }
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static enum err_code send_all(int fd, struct str s, struct err *e)
{
    while (s.n) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n <= 0) {
            return err_set(e, ERR_BUSY, NULL, "the server went away: %s", strerror(errno));
        }
        s = str_sub(s, (size_t)n, s.n);
    }
    return OK;
}

static bool more(struct wire *w)
{
    ssize_t n;

    do {
        n = read(w->fd, w->bytes, sizeof w->bytes);
    } while (n < 0 && errno == EINTR);
    w->at = 0;
    w->n = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static enum err_code broken(struct err *e)
{
    return err_set(e, ERR_BUSY, NULL, "the server's answer broke off");
}

/* One line without its end. */
static enum err_code read_line(struct wire *w, struct buf *line, struct err *e)
{
    buf_clear(line);
    for (;;) {
        if (w->at == w->n && !more(w)) {
            return broken(e);
        }
        char c = w->bytes[w->at++];
        if (c == '\n') {
            return buf_status(line, e);
        }
        if (c != '\r') {
            buf_byte(line, c);
        }
    }
}

static enum err_code read_bytes(struct wire *w, size_t n, struct buf *body, FILE *out, struct err *e)
{
    while (n) {
        if (w->at == w->n && !more(w)) {
            return broken(e);
        }
        size_t piece = w->n - w->at < n ? w->n - w->at : n;
        if (out) {
            (void)fwrite(w->bytes + w->at, 1, piece, out);
        } else {
            buf_add(body, (struct str) { w->bytes + w->at, piece });
        }
        w->at += piece;
        n -= piece;
    }
    return OK;
}

static enum err_code read_chunks(
    struct wire *w, struct buf *line, struct buf *body, FILE *out, struct err *e)
{
    for (;;) {
        TRY(read_line(w, line, e));
        buf_byte(line, '\0');
        size_t n = (size_t)strtoull(line->p, NULL, 16);
        TRY(read_bytes(w, n, body, out, e));
        TRY(read_line(w, line, e));
        if (!n) {
            return OK;
        }
    }
}

static enum err_code read_answer(struct wire *w, struct local_answer *a, struct err *e)
{
    struct buf line, body;
    bool chunked = false;
    int64_t length = 0, status = 0;

    buf_init(&line, a->mem, HEAD_MAX);
    buf_init(&body, a->mem, body_most);
    TRY(read_line(w, &line, e));
    if (line.n < 12 || !str_to_int(str_sub(buf_str(&line), 9, 3), &status)) {
        return broken(e);
    }
    a->status = (int)status;
    for (;;) {
        TRY(read_line(w, &line, e));
        struct str value = buf_str(&line), name;
        if (!value.n) {
            break;
        }
        (void)str_split(&value, ':', &name);
        if (str_eq_nocase(name, STR("Content-Length"))) {
            (void)str_to_int(str_trim(value), &length);
        } else if (str_eq_nocase(name, STR("Transfer-Encoding"))) {
            chunked = str_eq_nocase(str_trim(value), STR("chunked"));
        }
    }
    FILE *out = a->status == 200 ? a->out : NULL;
    TRY(chunked ? read_chunks(w, &line, &body, out, e)
                : read_bytes(w, (size_t)length, &body, out, e));
    a->body = buf_str(&body);
    return buf_status(&body, e);
}

static enum err_code send_file(int fd, FILE *file, int64_t n, struct err *e)
{
    char bytes[READ];

    rewind(file);
    while (n > 0) {
        size_t got = fread(bytes, 1, n < READ ? (size_t)n : READ, file);
        if (!got) {
            return err_set(e, ERR_INVALID, NULL, "the file became shorter while it was read");
        }
        TRY(send_all(fd, (struct str) { bytes, got }, e));
        n -= (int64_t)got;
    }
    return OK;
}

static enum err_code send_request(
    int fd, struct arena *mem, const struct local_request *r, struct err *e)
{
    struct stat st = { 0 };

    if (r->file && fstat(fileno(r->file), &st) != 0) {
        return err_set(e, ERR_INVALID, NULL, "the file cannot be read: %s", strerror(errno));
    }
    int64_t n = r->file ? (int64_t)st.st_size : (int64_t)r->body.n;
    struct str head = arena_fmt(mem,
        "%s %.*s HTTP/1.1\r\nHost: localhost\r\nX-Kith-Shell: 1\r\nConnection: close\r\n"
        "Content-Type: %s\r\nContent-Length: %" PRId64 "\r\n\r\n",
        r->method, STR_ARG(r->target), r->file ? "application/octet-stream" : "application/json", n);
    TRY(send_all(fd, head, e));
    return r->file ? send_file(fd, r->file, n, e) : send_all(fd, r->body, e);
}

enum err_code local_ask(
    const char *path, const struct local_request *r, struct local_answer *a, struct err *e)
{
    struct wire *w = ARENA_NEW(a->mem, struct wire);
    struct err unheard = { 0 };

    w->fd = local_connect(path);
    if (w->fd < 0) {
        return err_set(e, ERR_BUSY, NULL, "no server answers at %s", path);
    }
    enum err_code sent = send_request(w->fd, a->mem, r, e);
    /* who stops listening has mostly said why */
    enum err_code code = read_answer(w, a, sent == OK ? e : &unheard);
    close(w->fd);
    return sent != OK && code != OK ? sent : code;
}
