/* stream.h - the change stream: connections that wait for something to happen, none of which holds a
 * thread. One thread looks at the feed for all of them when it is woken. */

#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "http/api.h"

enum { STREAMS_MAX = 1000 };

struct streams;

/* One listener, in the memory of whoever carries it. */
struct listener {
    struct listener *next, *before;
    struct exchange *x;
    bool waiting; /* everything made so far is sent, and the connection sleeps */
    bool listed;
    bool fresh; /* has not been looked at since it fell asleep */
    int64_t said; /* when something was last sent */
    /* The next bytes are in *out (of its own arena), or with end the stream is over. */
    void (*ready)(struct listener *l);
    struct arena *mem;
    struct buf out;
    bool end;
};

struct streams *streams_create(struct arena *mem, struct api *api);
void streams_destroy(struct streams *s); /* after streams_close; NULL is allowed */
/* From any thread: something was committed. */
void streams_wake(struct streams *s);
/* False when there are too many. */
bool streams_add(struct streams *s, struct listener *l);
/* Everything is sent: l sleeps from here on, and ready() wakes it. */
void streams_wait(struct streams *s, struct listener *l);
void streams_remove(struct streams *s, struct listener *l);
/* Ends all of them: each gets ready() with end. */
void streams_close(struct streams *s);
int streams_count(struct streams *s);

#endif
