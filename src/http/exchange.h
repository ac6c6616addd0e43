/* exchange.h - one request and its answer, apart from any network: a connection, the shell and a batch
 * all fill the same request and take the same reply. Everything lives in the exchange's arena. */

#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "model/call.h"

enum method { METHOD_GET, METHOD_POST, METHOD_PATCH, METHOD_PUT, METHOD_DELETE, METHOD_OPTIONS, METHOD_OTHER };

enum header {
    H_AUTHORIZATION,
    H_COOKIE,
    H_CSRF,
    H_IF_MATCH,
    H_IF_NONE_MATCH,
    H_IDEMPOTENCY_KEY,
    H_LAST_EVENT_ID,
    H_HOST,
    H_ORIGIN,
    H_ACCEPT,
    H_ACCEPT_ENCODING,
    H_ACCEPT_LANGUAGE,
    H_CONTENT_TYPE,
    H_USER_AGENT,
    H_FORWARDED_FOR,
    H_FORWARDED_PROTO,
    H_RANGE,
    H_SHELL,
    HEADERS
};

enum { SEGMENTS = 8, PARAMS = 24, REPLY_HEADERS = 6, REQUEST_ID = 17 };

struct param {
    struct str name, value;
    bool used;
};

struct request {
    enum method method;
    bool head;
    struct str target;  /* as it was sent: path and query */
    struct str path;
    struct str segments[SEGMENTS]; /* of the path, decoded */
    int nsegments;
    struct param params[PARAMS];
    int nparams;
    struct str headers[HEADERS];
    struct str body;
    int spool;             /* a large upload, in a file without a name; -1 for none: then it is in body */
    int64_t spooled;       /* bytes of it */
    struct str spool_hash; /* once it is stored */
    struct str address; /* of the client, proxies looked through */
    bool secure;        /* over TLS, here or at the proxy */
    bool loopback;      /* from this machine */
    bool shell;         /* a shell command of this machine's administrator */
};

struct reply_header {
    const char *name;
    struct str value;
};

struct exchange;

/* An answer that is made while it is sent. fill adds some bytes to out; true when there is more, and
 * what it adds nothing to waits for stream_ready() to be called. */
struct body_stream {
    /* From a thread that may block. ERR_* ends the answer where it stands. */
    enum err_code (*fill)(struct exchange *x, struct buf *out, bool *more);
    void *state;
};

struct reply {
    int status; /* 0: not yet */
    const char *type;
    struct str body;
    struct str etag;  /* without quotes */
    bool cacheable;   /* may be kept if it is asked about each time */
    bool page;        /* a document: the browser's rules come with it */
    bool event_stream;
    struct reply_header headers[REPLY_HEADERS];
    int nheaders;
    struct body_stream *stream;
};

struct api;
struct route;

struct exchange {
    struct api *api;
    struct arena *mem;
    struct request req;
    struct reply reply;
    const struct route *route;
    struct call call;
    struct arena_mark fresh; /* before the call's first try */
    char id[REQUEST_ID];     /* for logs and answers */

    /* from the path */
    struct str entity, name; /* plural, and the action or other last word */
    int64_t record;

    json_t *input; /* the body, read */
    bool input_read;
    struct str session; /* the cookie's secret */
    struct str csrf;    /* of the session, once it is known */
    int64_t budget;     /* microseconds of a statement, 0 for no limit */
    int64_t started;    /* monotonic */
    bool local;         /* run where it is called, to the end */
    bool heavy;
    int operation;      /* of a batch, from 1; 0 outside one */
    void *prepared;     /* what route->prepare or route->find made */
    uint64_t spent[2];  /* hashes of whom an intake has counted already: its call may run again */
    size_t nspent;

    /* set by whoever carries the exchange: about to leave this thread; the reply is ready */
    void (*leave)(struct exchange *x);
    void (*finish)(struct exchange *x);
    void *carrier;
    struct exchange *next; /* in the pool's queue */
};

/* ---- the request (request.c) ---- */
enum method method_of(const char *verb);
const char *method_name(enum method m);
const char *header_name(enum header h);
/* Takes target apart. ERR_INVALID on a bad escape, U+0000, broken UTF-8 or too many pieces. */
MUST_CHECK enum err_code request_parse(struct exchange *x, struct err *e);
/* "a=1&b=x%20y": the query of an address, or a form, decoded into at most `most` rows. */
MUST_CHECK enum err_code form_parse(
    struct arena *mem, struct str text, struct param *out, int most, int *n, struct err *e);
/* A query parameter; empty when it was not given. */
struct str param(struct exchange *x, const char *name);
bool param_given(struct exchange *x, const char *name);
MUST_CHECK enum err_code param_int(struct call *c, struct exchange *x, const char *name,
    int64_t least, int64_t most, int64_t def, int64_t *out);
MUST_CHECK enum err_code param_flag(
    struct call *c, struct exchange *x, const char *name, bool *out);
/* Members of the body; the empty str, 0, false when absent. Others than those named are refused by
 * input_only(c, x, "a,b,c"). */
struct str input_text(const struct exchange *x, const char *name);
MUST_CHECK enum err_code input_only(struct call *c, const json_t *object, const char *names);
/* The version that If-Match asks for, 0 for any. */
MUST_CHECK enum err_code if_match(struct call *c, struct exchange *x, int64_t *version);
struct str cookie_value(struct str cookies, const char *name);
/* Whether Accept-Encoding names the coding ("gzip", "br") and does not refuse it. */
bool accepts_coding(const struct exchange *x, const char *coding);

/* ---- the reply (reply.c) ---- */
void reply_header(struct exchange *x, const char *name, struct str value);
/* Forgets what a try has put there. */
void reply_reset(struct exchange *x);
/* A long JSON answer as gzip, where the client takes that. What is secret must not stand in a long answer beside what a
 * stranger chose: its length would tell of it. Tokens and the CSRF secret are told in short ones. */
void reply_shorten(struct exchange *x);
/* An answer without a call behind it. */
void reply_text(struct exchange *x, int status, const char *type, struct str body);
/* application/problem+json from x->call.err and x->call.errors. */
void reply_problem(struct exchange *x);
/* The same of an error that is not the call's. code NULL: err_name(). */
void reply_error(struct exchange *x, int status, const char *code, const char *fmt, ...)
    PRINTF(4, 5);
/* The "version" of the JSON object that begins at from in the answer so far: its ETag. */
struct str body_version(struct call *c, size_t from);

#endif
