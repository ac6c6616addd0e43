/* smtp_floor.c - what a mail server takes over so many connections when nothing else is done: the same bytes, one mail
 * after the other, no database.
 *   smtp_floor PORT CONNECTIONS MAILS BYTES      prints mails a second */

#include "domain/message/smtp.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long accepted, ended;

static void done(void *owner, const struct smtp_item *item, const struct smtp_result *r)
{
    (void)owner, (void)item;
    ended++;
    accepted += r->outcome == SMTP_ACCEPTED;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fprintf(stderr, "usage: smtp_floor PORT CONNECTIONS MAILS BYTES\n");
        return 2;
    }
    struct smtp_server server = { .host = "127.0.0.1", .port = atoi(argv[1]), .connections = atoi(argv[2]), .hello = "floor",
        .security = SMTP_PLAIN, .patience = SECONDS(30) };
    long mails = atol(argv[3]), sent = 0;
    size_t bytes = (size_t)atol(argv[4]);
    struct arena *mem = arena_create(0);
    char *data = arena_alloc(mem, bytes + 80);
    struct smtp *s;
    struct err e;

    memset(data, 'x', bytes);
    for (size_t i = 70; i + 2 < bytes; i += 72) {
        memcpy(data + i, "\r\n", 2);
    }
    memcpy(data + bytes, "\r\n", 2);
    if (smtp_open(mem, &server, done, NULL, &s, &e) != OK) {
        (void)fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    int64_t begun = time_monotonic();
    while (ended < mails) {
        while (sent < mails && smtp_room(s) > 0) {
            struct smtp_item item = { .from = "floor@shop.example", .to = "reader@mail.example", .data = { data, bytes + 2 } };
            smtp_send(s, &item);
            sent++;
        }
        smtp_turn(s, 100000, -1);
    }
    double seconds = (double)(time_monotonic() - begun) / 1e6;
    printf("%.0f\n", (double)accepted / seconds);
    arena_destroy(mem);
    return accepted == mails ? 0 : 1;
}
