/* undo_steps.h - what undoing at once and undoing by a job share. */

#ifndef MODEL_UNDO_STEPS_H
#define MODEL_UNDO_STEPS_H

#include "model/change.h"

struct undo_step { /* a row of the feed */
    int64_t seq, entity, record, history;
    char kind;
    bool merged; /* of a merge, which moves also what others own */
};

/* The steps of a change set before a sequence number (0: from its end), newest first, at most `most`. */
MUST_CHECK enum err_code undo_steps(struct call *c, int64_t set, int64_t before, size_t most,
    struct undo_step **out, size_t *n);
/* Takes one back, or says what is in its way. */
MUST_CHECK enum err_code undo_step(struct call *c, const struct undo_step *s, int64_t set);
/* May the caller, and can it still be? *undo_of: what the set itself has undone, or 0. */
MUST_CHECK enum err_code undo_may(struct call *c, int64_t set, int64_t *undo_of);
/* The set is undone by the call's change set. */
MUST_CHECK enum err_code undo_done(struct call *c, int64_t set, int64_t undo_of);

#endif
