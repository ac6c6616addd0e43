/* retention.h - what is thrown away when its time is over: records in the bin, old history. */

#ifndef MODEL_RETENTION_H
#define MODEL_RETENTION_H

#include "base/err.h"

struct job_work;

/* The kind "retention", daily: purges what is in the bin for longer than the setting "bin.days", and history older
 * than "history.days" (0: kept for ever). A record that others need stays. */
enum err_code retention_work(struct job_work *w);

#endif
