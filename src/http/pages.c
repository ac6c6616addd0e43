/* pages.c - answers that are longer than a call: each page is a read of its own, with the rights of the moment. */

#include "http/api.h"

struct pages {
    struct body_stream stream;
    page_fn *next;
    void *state;
};

struct turn {
    struct exchange *x;
    const struct pages *p;
    struct buf *out;
    bool *more;
};

static enum err_code turn(struct call *c, void *arg)
{
    struct turn *t = arg;

    TRY(api_authenticate(c, t->x));
    return t->p->next(c, t->p->state, t->out, t->more);
}

static enum err_code fill(struct exchange *x, struct buf *out, bool *more)
{
    struct turn t = { x, x->reply.stream->state, out, more };
    struct call *c = ARENA_NEW(out->mem, struct call); /* the arena gives its model back */

    call_init(c, x->api->org, out->mem, x->call.who, VIA_API);
    c->request = x->id;
    return call_read(c, turn, &t);
}

void answer_in_pages(struct exchange *x, page_fn *next, void *state, bool more)
{
    struct pages *p = ARENA_NEW(x->mem, struct pages);

    *p = (struct pages) { { fill, p }, next, state };
    x->reply.stream = more ? &p->stream : NULL;
}
