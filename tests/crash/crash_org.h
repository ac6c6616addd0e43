/* crash_org.h - what the workloads on a whole organisation share: it is made, opened in the child and removed. */

#ifndef TESTS_CRASH_CRASH_ORG_H
#define TESTS_CRASH_CRASH_ORG_H

#include "domain.h"
#include "harness.h"

/* The organisation of this point, with the real modules; ends the program when it does not open. */
struct org *crash_org(struct stage *s);
/* One call of the system user, in an arena of its own; *e is filled on failure. */
enum err_code crash_call(struct org *o, bool write, call_fn *fn, void *arg, struct err *e);

/* For struct workload. prepare makes it empty; open leaves it in s->world. */
void crash_org_prepare(struct stage *s);
void crash_org_open(struct stage *s);
void crash_org_clear(struct stage *s);

#endif
