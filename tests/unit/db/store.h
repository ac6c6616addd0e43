/* store.h - a database for a test: SQLite in a temporary folder, or a schema of its own on the
 * PostgreSQL that KITH_TEST_PG names. */

#ifndef UNIT_DB_STORE_H
#define UNIT_DB_STORE_H

#include "../check.h"
#include "db/db.h"

struct store {
    struct db_config cfg;
    char folder[64], path[96], schema[64];
    struct conn *db; /* a write connection, prepared */
    struct arena *mem;
    struct err e;
};

/* cmocka set-up and tear-down for each test; the backend is store_backend. */
int store_open(void **state);
int store_close(void **state);
extern enum db_backend store_backend; /* set by main between the two rounds */

struct conn *store_connect(struct store *s, enum conn_mode mode);
void store_script(struct store *s, const char *text);
int64_t store_int(struct store *s, struct conn *c, const char *text);

int test_conn(void);
int test_functions(void);
int test_schema(void);
int test_writer(void);    /* SQLite only */
int test_powerloss(void); /* SQLite only */

#endif
