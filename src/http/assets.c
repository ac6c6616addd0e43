/* assets.c - serves the files of the web application, and its page under every other address.
 *
 * A file that is not there is 404 and never the page: an old tab would take it for a script. The page
 * carries a fresh nonce for its styles each time, so it is never kept. */

#include "http/assets.h"

#include "base/rand.h"
#include "http/api.h"
#include "model/auth.h"

#include <stdio.h>
#include <string.h>

static const char marker[] = "__CSP_NONCE__";
enum { DEVELOPMENT_FILE_MAX = 32 << 20 };

static const struct asset *find(struct str path)
{
    for (size_t i = 0; i < nassets; i++) {
        if (str_is(path, assets[i].path)) {
            return &assets[i];
        }
    }
    return NULL;
}

static struct str bytes_of(struct asset_bytes b)
{
    return (struct str) { (const char *)b.from, b.from ? (size_t)(b.to - b.from) : 0 };
}

static void reply_file(struct exchange *x, const struct asset *a)
{
    struct str given = x->req.headers[H_IF_NONE_MATCH];

    reply_text(x, 200, a->mime, bytes_of(a->raw));
    x->reply.etag = str_of(a->etag);
    x->reply.cacheable = true;
    if (a->brotli.from && accepts_coding(x, "br")) {
        x->reply.body = bytes_of(a->brotli);
        reply_header(x, "Content-Encoding", STR("br"));
    } else if (a->gzip.from && accepts_coding(x, "gzip")) {
        x->reply.body = bytes_of(a->gzip);
        reply_header(x, "Content-Encoding", STR("gzip"));
    }
    reply_header(x, "Vary", STR("Accept-Encoding"));
    if (a->immutable) {
        reply_header(x, "Cache-Control", STR("public, max-age=31536000, immutable"));
    } else if (strncmp(a->mime, "image/", 6) == 0) { /* browsers ask for the icon anew on each page */
        reply_header(x, "Cache-Control", STR("public, max-age=3600"));
    }
    if (given.n && str_find(given, x->reply.etag) >= 0) {
        x->reply.status = 304;
        x->reply.body = STR("");
    }
}

/* The page with this answer's nonce in the place of the marker. */
static void reply_page(struct exchange *x, struct str page)
{
    struct str nonce = secret_text(x->mem, 16);
    struct buf out;
    ptrdiff_t at;

    buf_init(&out, x->mem, page.n + 1024);
    while ((at = str_find(page, str_of(marker))) >= 0) {
        buf_add(&out, str_sub(page, 0, (size_t)at));
        buf_add(&out, nonce);
        page = str_sub(page, (size_t)at + sizeof marker - 1, page.n);
    }
    buf_add(&out, page);
    reply_text(x, 200, "text/html; charset=utf-8", buf_str(&out));
    x->reply.page = true;
    reply_header(x, "Content-Security-Policy",
        arena_fmt(x->mem,
            "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%.*s';"
            " img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self';"
            " manifest-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
            " frame-ancestors 'none'",
            STR_ARG(nonce)));
}

static const char *mime_of(struct str path)
{
    static const char *const kinds[][2] = { { ".html", "text/html; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" }, { ".mjs", "text/javascript; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" }, { ".svg", "image/svg+xml" }, { ".png", "image/png" },
        { ".woff2", "font/woff2" }, { ".wasm", "application/wasm" },
        { ".json", "application/json" }, { ".webmanifest", "application/manifest+json" },
        { ".ico", "image/x-icon" } };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (str_ends(path, str_of(kinds[i][0]))) {
            return kinds[i][1];
        }
    }
    return "application/octet-stream";
}

/* --web-root: the file as it is now, for whoever works on the application. */
static bool read_file(struct exchange *x, struct str path, struct str *out)
{
    const char *root = x->api->org->cfg->web_root;
    size_t n = 0;

    if (str_find(path, STR("..")) >= 0) {
        return false;
    }
    FILE *f = fopen(arena_fmt(x->mem, "%s%.*s", root, STR_ARG(path)).p, "rb");
    if (!f) {
        return false;
    }
    char *bytes = NULL;
    if (fseek(f, 0, SEEK_END) == 0 && ftell(f) >= 0 && ftell(f) < DEVELOPMENT_FILE_MAX) {
        n = (size_t)ftell(f);
        rewind(f);
        bytes = arena_alloc(x->mem, n + 1);
        n = fread(bytes, 1, n, f);
    }
    (void)fclose(f);
    *out = (struct str) { bytes, n };
    return bytes != NULL && n > 0;
}

static bool reply_from_folder(struct exchange *x, struct str path)
{
    struct str bytes;

    if (!read_file(x, path, &bytes)) {
        return false;
    }
    if (str_is(path, "/index.html")) {
        reply_page(x, bytes);
    } else {
        reply_text(x, 200, mime_of(path), bytes);
    }
    return true;
}

bool assets_have_application(struct exchange *x)
{
    const char *root = x->api->org->cfg->web_root;
    const struct asset *page = find(STR("/index.html"));
    struct str text = page ? bytes_of(page->raw) : STR("");

    if (root && root[0] && !read_file(x, STR("/index.html"), &text)) {
        return false;
    }
    return str_find(text, STR("id=\"root\"")) >= 0;
}

static bool wants_page(const struct exchange *x)
{
    struct str path = x->req.path;

    return !str_starts(path, STR("/assets/")) && !str_starts(path, STR("/api/"))
        && (str_is(path, "/") || str_find(x->req.headers[H_ACCEPT], STR("text/html")) >= 0);
}

void assets_reply(struct exchange *x)
{
    const char *root = x->api->org->cfg->web_root;
    bool development = root && root[0];

    if (x->req.method != METHOD_GET) {
        reply_error(x, 405, "method_not_allowed", "this address takes GET");
        reply_header(x, "Allow", STR("GET"));
        return;
    }
    if (development) {
        if (reply_from_folder(x, x->req.path)
            || (wants_page(x) && reply_from_folder(x, STR("/index.html")))) {
            return;
        }
    } else {
        const struct asset *a = find(x->req.path), *page = find(STR("/index.html"));
        if (a && a != page) {
            reply_file(x, a);
            return;
        }
        if (page && (a || wants_page(x))) {
            reply_page(x, bytes_of(page->raw));
            return;
        }
    }
    reply_error(x, 404, "not_found", "there is nothing at this address");
}
